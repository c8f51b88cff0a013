//! Which of several servers is wanted: `target_session_attrs`.

use futures_util::{TryFutureExt as _, TryStreamExt as _};
use tokio_postgres::SimpleQueryMessage;

use super::config::invalid;
use super::connect::{Link, beside};
use super::fault;
use crate::attempt::Context;
use crate::outcome::{Failure, Fault};
use crate::secret::Message;

/// `target_session_attrs`.
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
                let cause = Message::new().words("`target_session_attrs` is `").data(text).words("`");
                return Err(invalid(cause)
                    .with_hint(Message::new().words(
                        "it is one of any, read-write, read-only, primary, standby, prefer-standby",
                    )));
            }
        })
    }

    /// What is asked for each time the hosts are gone through.
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

    /// What to ask the server, and the answer that is wanted.
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

/// Is this the kind of server that is wanted?
pub(super) async fn suits(wanted: TargetServer, mut link: Link, context: &Context) -> Result<Link, Failure> {
    let Some((question, answer)) = wanted.question() else { return Ok(link) };
    let Link { connection, io } = &mut link;
    let asking = async {
        let answers = connection.client.simple_query_raw(question).await?;
        let is_it = async |message| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some(answer),
            _ => false,
        };
        answers.try_any(is_it).await
    };
    let suits = beside(io, asking.map_err(|error| fault::sql(&error, None, context))).await?;
    if suits {
        return Ok(link);
    }
    let doing = Message::new().words("connecting to ").data(link.connection.endpoint.to_string());
    link.say_good_bye().await;
    let cause = Message::new().words("the server is not of the kind that `target_session_attrs` asks for");
    Err(Failure::fault(Fault::Connect, doing, cause).with_hint(
        Message::new().words("look at which of the servers is the primary, and name it in the URL"),
    ))
}
