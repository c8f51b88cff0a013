//! Maps errors of the PostgreSQL library to failures that name their cause.

use std::path::PathBuf;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::wire::Refusal;
use crate::attempt::Context;
use crate::language::io_error::reason;
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::server_limits::LOCK_TIMEOUT_LEAD;
use crate::probe::socket::Endpoint;
use crate::probe::tls::io_failure;
use crate::secret::{Message, message};

/// Returns why the login failed.
pub(super) fn login(error: &Error, endpoint: &Endpoint, context: &Context) -> Failure {
    if let Some(refusal) = error.as_db_error() {
        return refused(refusal, endpoint);
    }
    let phase = context.timeline.phase();
    if error.is_closed() {
        return broken(&std::io::ErrorKind::UnexpectedEof.into(), endpoint, phase);
    }
    let source = std::error::Error::source(error);
    match source.and_then(|source| source.downcast_ref::<std::io::Error>()) {
        Some(io) if phase == Phase::Tls => {
            let doing = message!("the TLS handshake with {}", endpoint);
            io_failure(doing, io, context.timeline.certificate().as_ref())
        }
        Some(io) => broken(io, endpoint, phase),
        None => {
            let doing = message!("logging in at {}", endpoint);
            let cause = source.map_or_else(|| error.to_string(), ToString::to_string);
            let failure = Failure::fault(Fault::Auth, doing, message!("{}", cause));
            if cause.contains("password") {
                failure.with_hint(message!(
                    "put a password into the URL: postgres://user:{{db_password}}@host/database"
                ))
            } else if cause.contains("channel binding") {
                failure.with_hint(message!(
                    "`channel_binding=require` needs TLS, and a password that is stored as SCRAM"
                ))
            } else {
                failure.with_hint(message!("look at the server's log"))
            }
        }
    }
}

/// Returns the failure of a login that the server refused.
fn refused(refusal: &DbError, endpoint: &Endpoint) -> Failure {
    let doing = message!("logging in at {}", endpoint);
    let code = refusal.code();
    let cause = told_by_server(refusal.message(), code.code(), refusal.detail(), refusal.hint());
    let (fault, hint) = if *code == SqlState::INVALID_PASSWORD {
        (Fault::Auth, "check user and password")
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        (
            Fault::Auth,
            "check the user, its client certificate if it needs one, and the server's pg_hba.conf: it may want TLS, another method or another address",
        )
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        (Fault::Sql, "check the database's name in the URL, or create it")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        (Fault::Auth, "the server has no connection left: look at `pg_stat_activity`, or at the pooler")
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        (Fault::Connect, "the server is starting up or shutting down: `poll` waits for it")
    } else {
        (Fault::Auth, "look at the server's log")
    };
    Failure::fault(fault, doing, cause).with_hint(Message::new().words(hint))
}

/// Returns why no host of the URL is available.
pub(super) fn none_reachable(mut failures: Vec<Failure>) -> Failure {
    let doing = message!("connecting to PostgreSQL");
    if failures.len() <= 1 {
        let nowhere = || Failure::fault(Fault::Template, doing, message!("there is no host in the URL"));
        return failures.pop().unwrap_or_else(nowhere);
    }
    let mut causes = Message::new().words(format!("none of the {} hosts can be had: ", failures.len()));
    let mut advice = None;
    for (index, failure) in failures.into_iter().enumerate() {
        if let Failure::Fault { doing, cause, hint, .. } = failure {
            let separator = if index == 0 { "" } else { "; " };
            causes = causes.words(separator).then(doing).words(": ").then(cause);
            advice = advice.or(hint);
        }
    }
    let failure = Failure::fault(Fault::Connect, doing, causes);
    match advice {
        Some(advice) => failure.with_hint(advice),
        None => failure,
    }
}

/// Adds what could not be used to a refused login: a missing client certificate, or a password file that others may
/// read.
pub(super) fn without_identity(
    failure: Failure,
    missing: Option<&PathBuf>,
    exposed: Option<&PathBuf>,
) -> Failure {
    let Failure::Fault { fault: Fault::Auth, doing, mut cause, hint, place } = failure else {
        return failure;
    };
    if let Some(path) = missing {
        cause = cause
            .words("; the client certificate `")
            .data(path.display().to_string())
            .words("` of the URL is not there");
    }
    if let Some(path) = exposed {
        cause = cause
            .words("; the password file `")
            .data(path.display().to_string())
            .words("` is not read, because others may read it: chmod 0600");
    }
    Failure::Fault { fault: Fault::Auth, doing, cause, hint, place }
}

/// Returns the failure of a connection that broke before the login was complete.
pub(super) fn broken(io: &std::io::Error, endpoint: &Endpoint, phase: Phase) -> Failure {
    let doing = match phase {
        Phase::Tls => message!("asking {} for TLS", endpoint),
        _ => message!("logging in at {}", endpoint),
    };
    let cause = match io.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => {
            "the connection was closed".to_owned()
        }
        _ => reason(io),
    };
    Failure::fault(Fault::Protocol, doing, message!("{}", cause))
        .with_hint(message!("check that this port is PostgreSQL's, and look at the server's log"))
}

/// Returns the failure of a URL that requires TLS on a server without it.
pub(super) fn no_tls(endpoint: &Endpoint) -> Failure {
    let doing = message!("asking {} for TLS", endpoint);
    Failure::fault(Fault::Tls, doing, message!("the server does not offer TLS"))
        .with_hint(message!("switch `ssl` on at the server, or use `sslmode=disable` where that is safe"))
}

/// Returns the failure of a login after which the library no longer had the stream.
pub(super) fn login_lost(endpoint: &Endpoint) -> Failure {
    let doing = message!("logging in at {}", endpoint);
    Failure::fault(Fault::Internal, doing, message!("the connection was lost"))
}

/// Returns the failure of a broken conversation: the connection ended, or the server sent something invalid.
pub(super) fn conversation(io: &std::io::Error) -> Failure {
    let cause = match io.kind() {
        std::io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        _ => reason(io),
    };
    Failure::fault(Fault::Protocol, message!("running the query"), message!("{}", cause))
        .with_hint(message!("look at the server's log"))
}

/// Returns why a statement failed.
pub(super) fn sql(told: &Refusal, statement: Option<&str>, context: &Context) -> Failure {
    let doing = message!("running the query");
    let is = |state: &SqlState| told.code == state.code();
    // Earlier than this, it was the query's own `nowait` or `lock_timeout`.
    if is(&SqlState::LOCK_NOT_AVAILABLE) && context.deadline.remaining() <= LOCK_TIMEOUT_LEAD {
        context.timeline.enter(Phase::Lock);
        return Failure::timed_out(context.deadline.cut(), Phase::Lock);
    }
    if is(&SqlState::QUERY_CANCELED) && context.deadline.has_passed() {
        return Failure::timed_out(context.deadline.cut(), Phase::Query);
    }
    let mut cause = told_by_server(&told.message, &told.code, told.detail.as_deref(), told.hint.as_deref());
    if let (Some(statement), Some(position)) = (statement, told.position) {
        let at = position.saturating_sub(1);
        let near: String = statement.chars().skip(at).take(30).collect();
        if !near.is_empty() {
            cause = cause.words(", at `").data(near).words("`");
        }
    }
    let hint = if is(&SqlState::READ_ONLY_SQL_TRANSACTION) {
        Some("a check reads; `writes = true` allows a statement that writes, and rolls it back")
    } else if is(&SqlState::INSUFFICIENT_PRIVILEGE) {
        Some("grant the user what the query needs, or ask another table")
    } else if is(&SqlState::UNDEFINED_TABLE) {
        Some("check the schema (`search_path`), and that the migrations have run")
    } else if is(&SqlState::INDETERMINATE_DATATYPE) || is(&SqlState::AMBIGUOUS_FUNCTION) {
        Some("say what type the variable has here, for instance `{{name}}::text`")
    } else if is(&SqlState::SYNTAX_ERROR) && told.message.contains("multiple commands") {
        Some("a query is one statement: split it over several checks")
    } else if is(&SqlState::QUERY_CANCELED) && told.message.contains("statement timeout") {
        Some("that was a `statement_timeout` of the role, the database or the URL's `options`")
    } else if is(&SqlState::LOCK_NOT_AVAILABLE) && told.message.contains("lock timeout") {
        Some("that was a `lock_timeout` of the role, the database or the URL's `options`")
    } else {
        None
    };
    let failure = Failure::fault(Fault::Sql, doing, cause);
    match hint {
        Some(hint) => failure.with_hint(Message::new().words(hint)),
        None => failure,
    }
}

fn told_by_server(message: &str, code: &str, detail: Option<&str>, hint: Option<&str>) -> Message {
    let mut text = message!("{}", message);
    // Any server may respond here. A valid code consists of five letters and digits.
    if code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        text = text.words(" (SQLSTATE ").data(code).words(")");
    }
    [detail, hint].into_iter().flatten().fold(text, |text, more| text.words("; ").data(more))
}
