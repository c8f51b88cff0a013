//! From the library's errors to failures that name their cause.

use std::path::Path;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::deadline::Deadline;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::Message;

/// A lock that is not had this long before the budget ends is given up, so that the lock can be named. The word of it
/// must still come, on a busy machine too.
pub(super) const LOCK_LEAD: Duration = Duration::from_millis(100);

/// Why SQLite did not do it.
pub(super) fn of(error: &rusqlite::Error, path: &Path, deadline: Deadline) -> Failure {
    let is_locked =
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked));
    match is_locked && deadline.remaining() <= LOCK_LEAD {
        true => Failure::timed_out(deadline.cut(), Phase::Lock),
        false => failure(error, path),
    }
}

/// A statement that is not run.
pub(super) fn refused(cause: &'static str, hint: &'static str) -> Failure {
    Failure::fault(Fault::Sql, Message::new().words("running the query"), Message::new().words(cause))
        .with_hint(Message::new().words(hint))
}

fn failure(error: &rusqlite::Error, path: &Path) -> Failure {
    let code = error.sqlite_error_code();
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
        Fault::Connect => Message::new().words("opening `").data(path.display().to_string()).words("`"),
        _ => Message::new().words("running the query"),
    };
    let cause = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let failure = Failure::fault(fault, doing, Message::new().data(cause));
    match hint {
        Some(hint) => failure.with_hint(Message::new().words(hint)),
        None => failure,
    }
}
