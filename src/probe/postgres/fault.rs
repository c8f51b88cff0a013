//! From the library's errors to failures that name their cause.

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use super::connect::Endpoint;
use crate::check::Context;
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::dial::plain;
use crate::probe::tls::io_failure;
use crate::secret::Message;

/// Why the login failed.
pub(super) fn login(error: &Error, endpoint: &Endpoint, context: &Context) -> Failure {
    if let Some(refusal) = error.as_db_error() {
        return refused(refusal, endpoint);
    }
    let phase = context.timeline.phase();
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<std::io::Error>()) {
        Some(io) if phase == Phase::Tls => {
            let doing = Message::new().words("the TLS handshake with ").data(endpoint.to_string());
            io_failure(doing, io, context)
        }
        Some(io) => broken(io, endpoint, phase),
        None => {
            let doing = Message::new().words("logging in at ").data(endpoint.to_string());
            let cause = source.map_or_else(|| error.to_string(), ToString::to_string);
            let failure = Failure::fault(Fault::Auth, doing, Message::new().data(cause.clone()));
            match cause.contains("password") {
                true => failure.with_hint(
                    Message::new()
                        .words("put a password into the URL: postgres://user:{{db_password}}@host/database"),
                ),
                false => failure,
            }
        }
    }
}

/// The server said no.
fn refused(refusal: &DbError, endpoint: &Endpoint) -> Failure {
    let doing = Message::new().words("logging in at ").data(endpoint.to_string());
    let cause = told_by_server(refusal);
    let code = refusal.code();
    let (fault, hint) = if *code == SqlState::INVALID_PASSWORD {
        (Fault::Auth, "check user and password")
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        (
            Fault::Auth,
            "check the user, and the server's pg_hba.conf: it may want TLS, another method or another address",
        )
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        (Fault::Sql, "check the database's name in the URL, or create it")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        (Fault::Connect, "the server has no connection left: look at `pg_stat_activity`, or at the pooler")
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        (Fault::Connect, "the server is starting up or shutting down: `poll` waits for it")
    } else {
        (Fault::Auth, "look at the server's log")
    };
    Failure::fault(fault, doing, cause).with_hint(Message::new().words(hint))
}

/// The connection broke before the login was done.
pub(super) fn broken(io: &std::io::Error, endpoint: &Endpoint, phase: Phase) -> Failure {
    let doing = match phase {
        Phase::Tls => Message::new().words("asking ").data(endpoint.to_string()).words(" for TLS"),
        _ => Message::new().words("logging in at ").data(endpoint.to_string()),
    };
    let cause = match io.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => {
            "the connection was closed".to_owned()
        }
        _ => plain(io),
    };
    Failure::fault(Fault::Protocol, doing, Message::new().data(cause))
        .with_hint(Message::new().words("check that this port is PostgreSQL's, and look at the server's log"))
}

/// The server has no TLS and the URL wants it.
pub(super) fn no_tls(endpoint: &Endpoint) -> Failure {
    let doing = Message::new().words("asking ").data(endpoint.to_string()).words(" for TLS");
    Failure::fault(Fault::Tls, doing, Message::new().words("the server does not offer TLS")).with_hint(
        Message::new().words("switch `ssl` on at the server, or use `sslmode=disable` where that is safe"),
    )
}

/// Why a statement failed.
pub(super) fn sql(error: &Error, statement: Option<&str>, context: &Context) -> Failure {
    let doing = Message::new().words("running the query");
    let Some(told) = error.as_db_error() else {
        let source = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        let (fault, cause) = match error.is_closed() {
            true => (Fault::Protocol, "the connection was closed".to_owned()),
            false => (Fault::Sql, source),
        };
        return Failure::fault(fault, doing, Message::new().data(cause))
            .with_hint(Message::new().words("look at the server's log"));
    };
    let code = told.code();
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        context.timeline.enter(Phase::Lock);
        return Failure::timed_out(context.deadline.cut(), Phase::Lock);
    }
    if *code == SqlState::QUERY_CANCELED && context.deadline.has_passed() {
        return Failure::timed_out(context.deadline.cut(), Phase::Query);
    }
    let mut cause = told_by_server(told);
    if let (Some(statement), Some(ErrorPosition::Original(position))) = (statement, told.position()) {
        let at = usize::try_from(*position).unwrap_or(1).saturating_sub(1);
        let near: String = statement.chars().skip(at).take(30).collect();
        if !near.is_empty() {
            cause = cause.words(", at `").data(near).words("`");
        }
    }
    let hint = if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        Some("a check reads; `writes = true` allows a statement that writes, and rolls it back")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Some("grant the user what the query needs, or ask another table")
    } else if *code == SqlState::UNDEFINED_TABLE {
        Some("check the schema (`search_path`), and that the migrations have run")
    } else {
        None
    };
    let failure = Failure::fault(Fault::Sql, doing, cause);
    match hint {
        Some(hint) => failure.with_hint(Message::new().words(hint)),
        None => failure,
    }
}

fn told_by_server(told: &DbError) -> Message {
    let mut text = Message::new()
        .data(told.message())
        .words(" (SQLSTATE ")
        .words(told.code().code().to_owned())
        .words(")");
    if let Some(detail) = told.detail() {
        text = text.words("; ").data(detail);
    }
    if let Some(hint) = told.hint() {
        text = text.words("; ").data(hint);
    }
    text
}
