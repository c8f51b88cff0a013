//! Conversion of errors to failures that name their cause.
//!
//! Source of the error numbers: <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
//! <https://mariadb.com/docs/server/reference/error-codes>.

use std::io::{Error, ErrorKind};
use std::path::Path;
use std::time::Duration;

use super::auth::{LoginError, is_public_key};
use super::packets::Refusal;
use super::url::invalid;
use crate::attempt::Context;
use crate::language::io_error::reason;
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::server_limits::LOCK_TIMEOUT_LEAD;
use crate::probe::socket::Endpoint;
use crate::secret::{Message, message};

pub(super) mod code {
    pub const CONNECTION_LIMIT: u16 = 1040;
    pub const DATABASE_DENIED: u16 = 1044;
    pub const ACCESS_DENIED: u16 = 1045;
    pub const NO_DATABASE: u16 = 1046;
    pub const UNKNOWN_DATABASE: u16 = 1049;
    pub const SHUTDOWN: u16 = 1053;
    pub const SYNTAX: u16 = 1064;
    pub const HOST_BLOCKED: u16 = 1129;
    pub const HOST_NOT_ALLOWED: u16 = 1130;
    pub const TABLE_DENIED: u16 = 1142;
    pub const COLUMN_DENIED: u16 = 1143;
    pub const NO_SUCH_TABLE: u16 = 1146;
    pub const UNKNOWN_VARIABLE: u16 = 1193;
    pub const USER_CONNECTION_LIMIT: u16 = 1203;
    pub const LOCK_WAIT_TIMEOUT: u16 = 1205;
    pub const USER_LIMIT: u16 = 1226;
    pub const PRIVILEGE_DENIED: u16 = 1227;
    pub const INTERRUPTED: u16 = 1317;
    pub const ROUTINE_DENIED: u16 = 1370;
    /// MariaDB's `max_statement_time`.
    pub const STATEMENT_TIMEOUT: u16 = 1969;
    pub const ACCESS_DENIED_NO_PASSWORD: u16 = 1698;
    pub const READ_ONLY_TRANSACTION: u16 = 1792;
    pub const MUST_CHANGE_PASSWORD: [u16; 2] = [1820, 1862];
    /// MySQL's `max_execution_time`.
    pub const EXECUTION_TIMEOUT: u16 = 3024;
    pub const ACCOUNT_LOCKED: [u16; 2] = [3118, 4151];
    pub const TLS_REQUIRED: u16 = 3159;
}

/// Returns the failure of a login.
pub(super) fn login(error: LoginError, endpoint: &Endpoint, is_secured: bool) -> Failure {
    match error {
        LoginError::Refused(refusal) if refusal.code == code::ACCESS_DENIED && !is_secured => {
            Failure::fault(Fault::Auth, logging_in(endpoint), told_by_server(&refusal)).with_hint(message!(
                "check user and password; a user that has to come over TLS needs `ssl-mode=required`"
            ))
        }
        LoginError::Refused(refusal) => refused(&refusal, endpoint),
        LoginError::Broken(io) => broken(&io, endpoint, Phase::Authenticate),
        LoginError::Unwilling(cause, hint) => {
            Failure::fault(Fault::Auth, logging_in(endpoint), message!("{}", cause))
                .with_hint(Message::new().words(hint))
        }
    }
}

fn logging_in(endpoint: &Endpoint) -> Message {
    message!("logging in at {}", endpoint)
}

/// Returns the failure of a login that the server refused.
pub(super) fn refused(refusal: &Refusal, endpoint: &Endpoint) -> Failure {
    let (fault, hint) = match refusal.code {
        code::ACCESS_DENIED | code::ACCESS_DENIED_NO_PASSWORD => (Fault::Auth, "check user and password"),
        code::DATABASE_DENIED => (Fault::Auth, "grant the user what the check needs in this database"),
        code::UNKNOWN_DATABASE => (Fault::Sql, "check the database's name in the URL, or create it"),
        code::CONNECTION_LIMIT | code::USER_CONNECTION_LIMIT | code::USER_LIMIT => (
            Fault::Auth,
            "there is no connection left: look at `show processlist`, or at the application's pool",
        ),
        code::HOST_NOT_ALLOWED => {
            (Fault::Auth, "no user of the server may come from this machine: look at the host of the user")
        }
        code::HOST_BLOCKED => {
            (Fault::Auth, "this machine failed to log in too often: `flush hosts` lets it in again")
        }
        code::SHUTDOWN => (Fault::Connect, "the server is starting up or shutting down: `poll` waits for it"),
        code::TLS_REQUIRED => {
            (Fault::Auth, "the server wants TLS: use `ssl-mode=required`, or better `verify-identity`")
        }
        number if code::MUST_CHANGE_PASSWORD.contains(&number) => {
            (Fault::Auth, "the password has expired: set a new one with `alter user`")
        }
        number if code::ACCOUNT_LOCKED.contains(&number) => {
            (Fault::Auth, "unlock the user with `alter user`")
        }
        _ => (Fault::Auth, "look at the server's log"),
    };
    Failure::fault(fault, logging_in(endpoint), told_by_server(refusal)).with_hint(Message::new().words(hint))
}

/// Returns the failure of a connection that broke before the login was complete.
pub(super) fn broken(io: &Error, endpoint: &Endpoint, phase: Phase) -> Failure {
    let doing = match phase {
        Phase::Tls => message!("asking {} for TLS", endpoint),
        _ => logging_in(endpoint),
    };
    Failure::fault(Fault::Protocol, doing, message!("{}", ended(io)))
        .with_hint(message!("check that this port is MySQL's, and look at the server's log"))
}

fn ended(io: &Error) -> String {
    match io.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            "the connection was closed".to_owned()
        }
        _ => reason(io),
    }
}

/// Returns the failure for a server that has no TLS although the URL requires it.
pub(super) fn no_tls(endpoint: &Endpoint) -> Failure {
    let doing = message!("asking {} for TLS", endpoint);
    Failure::fault(Fault::Tls, doing, message!("the server does not offer TLS"))
        .with_hint(message!("give the server a certificate, or use `ssl-mode=disabled` where that is safe"))
}

pub(super) fn too_old(version: &str, endpoint: &Endpoint) -> Failure {
    let cause = message!("the server is too old: it says that it is {}", version);
    Failure::fault(Fault::Protocol, logging_in(endpoint), cause)
        .with_hint(message!("MySQL 5.6 and MariaDB 10.0 are the oldest that can be asked"))
}

/// Reads the server's public key from a file of the user.
pub(super) fn public_key(path: &Path) -> Result<Vec<u8>, Failure> {
    let doing = || message!("reading `{}`", path.display());
    let key = std::fs::read(path)
        .map_err(|error| Failure::fault(Fault::Template, doing(), message!("{}", reason(&error))))?;
    if is_public_key(&key) {
        Ok(key)
    } else {
        Err(invalid(message!("`server-public-key-path` has no RSA public key as PEM in it"))
            .with_hint(message!("it is the file `public_key.pem` of the server's data")))
    }
}

/// Returns the failure of a conversation that broke off: the connection ended, or the server sent something unreadable.
pub(super) fn conversation(io: &Error) -> Failure {
    Failure::fault(Fault::Protocol, message!("running the query"), message!("{}", ended(io)))
        .with_hint(message!("look at the server's log"))
}

/// Returns the failure of a statement that smoke does not run.
pub(super) fn not_run(cause: Message, hint: &'static str) -> Failure {
    Failure::fault(Fault::Sql, message!("running the query"), cause).with_hint(Message::new().words(hint))
}

/// Returns the failure of a statement.
pub(super) fn sql(refusal: &Refusal, context: &Context) -> Failure {
    let doing = message!("running the query");
    // If it happened earlier, the limit was the session's own. Lock limits are in whole seconds only.
    if refusal.code == code::LOCK_WAIT_TIMEOUT
        && context.deadline.remaining() <= LOCK_TIMEOUT_LEAD + Duration::from_secs(1)
    {
        context.timeline.enter(Phase::Lock);
        return Failure::timed_out(context.deadline.cut(), Phase::Lock);
    }
    let is_ended =
        matches!(refusal.code, code::STATEMENT_TIMEOUT | code::EXECUTION_TIMEOUT | code::INTERRUPTED);
    if is_ended && context.deadline.has_passed() {
        return Failure::timed_out(context.deadline.cut(), Phase::Query);
    }
    let hint = match refusal.code {
        code::READ_ONLY_TRANSACTION => {
            Some("a check reads; `writes = true` allows a statement that writes, and rolls it back")
        }
        code::TABLE_DENIED
        | code::COLUMN_DENIED
        | code::PRIVILEGE_DENIED
        | code::ROUTINE_DENIED
        | code::DATABASE_DENIED => Some("grant the user what the query needs, or ask another table"),
        code::NO_SUCH_TABLE => Some("check the database in the URL, and that the migrations have run"),
        code::NO_DATABASE => Some("name the database in the URL, as `mysql://user@host/DATABASE`"),
        code::LOCK_WAIT_TIMEOUT => Some(
            "that was a lock time-out of the session: another one holds the lock, see `show processlist`",
        ),
        code::STATEMENT_TIMEOUT => Some("that was a `max_statement_time` of the user or the server"),
        code::EXECUTION_TIMEOUT => Some("that was a `max_execution_time` of the server or the query's own"),
        _ => None,
    };
    let failure = Failure::fault(Fault::Sql, doing, told_by_server(refusal));
    match hint {
        Some(hint) => failure.with_hint(Message::new().words(hint)),
        None => failure,
    }
}

fn told_by_server(refusal: &Refusal) -> Message {
    let text = message!("{}", refusal.message).words(format!(" (error {}", refusal.code));
    // The server is untrusted: a valid SQLSTATE has five letters and digits.
    let state = refusal.state.as_str();
    if state.len() == 5 && state.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        text.words(", SQLSTATE ").data(state).words(")")
    } else {
        text.words(")")
    }
}
