//! Maps errors of the SQLite library to failures that name their cause.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::language::io_error;
use crate::outcome::{Failure, Fault};
use crate::probe::rows::TOO_LARGE;
use crate::secret::{Message, message};

/// Whether another process holds the lock.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether a constraint is violated. A refusal by a hook has its own code.
pub(super) fn is_violation(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
        && code != Some(rusqlite::ffi::SQLITE_CONSTRAINT_COMMITHOOK)
}

/// Returns the failure of an empty file.
pub(super) fn empty(path: &Path) -> Failure {
    let doing = message!("opening `{}`", path.display());
    Failure::fault(Fault::Connect, doing, message!("the file is empty"))
        .with_hint(message!("check that the migrations have run: a database has a header"))
}

/// Returns the failure of a statement that is not allowed.
pub(super) fn refused(cause: &'static str, hint: &'static str) -> Failure {
    Failure::fault(Fault::Sql, message!("running the query"), Message::new().words(cause))
        .with_hint(Message::new().words(hint))
}

/// Returns the failure of a row that exceeds the size limit.
pub(super) fn too_large() -> Failure {
    let cause = message!("the row is larger than 1 MiB");
    Failure::fault(Fault::Sql, message!("running the query"), cause)
        .with_hint(Message::new().words(TOO_LARGE))
}

/// Returns the failure of a file whose last writer was stopped mid-transaction. The next process that opens it for
/// writing rolls that back.
fn hot_journal(path: &Path) -> Failure {
    let doing = message!("opening `{}`", path.display());
    let cause = message!(
        "a transaction was left unfinished: `{}` must be rolled back first, and a check does not write",
        format!("{}-journal", path.display())
    );
    Failure::fault(Fault::Connect, doing, cause).with_hint(message!(
        "start the application, or open the file with `sqlite3 FILE .tables`: either rolls it back"
    ))
}

/// Returns why an SQLite operation failed.
pub(super) fn of(error: &rusqlite::Error, path: &Path) -> Failure {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    if extended == Some(rusqlite::ffi::SQLITE_READONLY_ROLLBACK) {
        return hot_journal(path);
    }
    let code = error.sqlite_error_code();
    if code == Some(ErrorCode::TooBig) {
        return too_large();
    }
    if code == Some(ErrorCode::CannotOpen) && io_error::is_out_of_descriptors() {
        let doing = message!("opening `{}`", path.display());
        return Failure::shortage(doing, io_error::TOO_MANY_FILES);
    }
    let (fault, hint) = match code {
        Some(ErrorCode::NotADatabase) => {
            (Fault::Connect, Some("the file is there, and is no SQLite database"))
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            (Fault::Connect, Some("check that this user may read the file and its folder"))
        }
        Some(ErrorCode::ReadOnly) => (
            Fault::Sql,
            Some("a check reads; `writes = true` allows a statement that writes, and rolls it back"),
        ),
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            (Fault::Sql, Some("a check works on the database of its URL; it cannot open another file"))
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Fault::Sql, Some("another process holds the lock"))
        }
        _ => (Fault::Sql, None),
    };
    let doing = match fault {
        Fault::Connect => message!("opening `{}`", path.display()),
        _ => message!("running the query"),
    };
    let cause = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let failure = Failure::fault(fault, doing, message!("{}", cause));
    match hint {
        Some(hint) => failure.with_hint(Message::new().words(hint)),
        None => failure,
    }
}
