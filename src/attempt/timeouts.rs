//! Time limits that smoke sets itself, in addition to the suite's budgets.

use std::time::Duration;

/// How long a server may take to accept a cancel request. Its own statement timeout ends the query as well.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The same limit once the suite's budget has ended: the process must exit, and the server's own timeout does the rest.
pub const LAST_CLOSE_TIMEOUT: Duration = Duration::from_millis(30);

/// How long after a failure the death of a process with the same cause may take to be noticed.
pub const CRASH_WINDOW: Duration = Duration::from_millis(50);

/// How long to wait, after budget and grace, for a task that does not end because it blocks its thread and cannot be
/// cut.
pub const ABORT_GRACE: Duration = Duration::from_millis(50);

/// How long after a failed check to wait for output of booted processes about it.
pub const LATE_OUTPUT: Duration = Duration::from_millis(50);
