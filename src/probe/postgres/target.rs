//! The choice among several servers: `target_session_attrs`.

use super::config::invalid;
use super::connect::Connection;
use super::fault;
use crate::attempt::Context;
use crate::outcome::{Failure, Fault};
use crate::secret::message;

/// The parameter `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetServer {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

impl TargetServer {
    pub fn parse(text: &str) -> Result<TargetServer, Failure> {
        Ok(match text {
            "any" => TargetServer::Any,
            "read-write" => TargetServer::ReadWrite,
            "read-only" => TargetServer::ReadOnly,
            "primary" => TargetServer::Primary,
            "standby" => TargetServer::Standby,
            "prefer-standby" => TargetServer::PreferStandby,
            _ => {
                let cause = message!("`target_session_attrs` is `{}`", text);
                return Err(invalid(cause).with_hint(message!(
                    "it is one of any, read-write, read-only, primary, standby, prefer-standby"
                )));
            }
        })
    }

    /// Returns the requirement for each pass over the hosts.
    pub fn passes(self) -> &'static [TargetServer] {
        match self {
            TargetServer::Any => &[TargetServer::Any],
            TargetServer::ReadWrite => &[TargetServer::ReadWrite],
            TargetServer::ReadOnly => &[TargetServer::ReadOnly],
            TargetServer::Primary => &[TargetServer::Primary],
            TargetServer::Standby => &[TargetServer::Standby],
            TargetServer::PreferStandby => &[TargetServer::Standby, TargetServer::Any],
        }
    }

    /// Returns the query for the server, and the expected result.
    fn question(self) -> Option<(&'static str, &'static str)> {
        const READ_ONLY: &str = "show transaction_read_only";
        const STANDBY: &str = "select pg_catalog.pg_is_in_recovery()";
        match self {
            TargetServer::Any => None,
            TargetServer::ReadWrite => Some((READ_ONLY, "off")),
            TargetServer::ReadOnly => Some((READ_ONLY, "on")),
            TargetServer::Primary => Some((STANDBY, "f")),
            TargetServer::Standby | TargetServer::PreferStandby => Some((STANDBY, "t")),
        }
    }
}

/// Returns the connection if it is to the required kind of server.
pub(super) async fn suits(
    wanted: TargetServer,
    mut connection: Connection,
    context: &Context,
) -> Result<Connection, Failure> {
    let Some((question, answer)) = wanted.question() else { return Ok(connection) };
    let wire = &mut connection.wire;
    let mut suits = false;
    let broken = |error: std::io::Error| fault::conversation(&error);
    wire.ask_simply(question).map_err(broken)?;
    let said = wire
        .answer(|_, cells| suits = cells.first().is_some_and(|cell| cell.as_deref() == Some(answer)))
        .await
        .map_err(broken)?;
    if let Some(refusal) = said.refusal {
        return Err(fault::sql(&refusal, None, context));
    }
    if suits {
        return Ok(connection);
    }
    let doing = message!("connecting to {}", connection.endpoint);
    connection.say_good_bye().await;
    let cause = message!("the server is not of the kind that `target_session_attrs` asks for");
    Err(Failure::fault(Fault::Connect, doing, cause)
        .with_hint(message!("look at which of the servers is the primary, and name it in the URL")))
}
