//! Limits of smoke's own, beside the budgets that a suite gives.

use std::time::Duration;

/// How long a server is given to take a cancel request. Its own statement time-out ends the query as well.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// The same once the suite's budget has ended: the process is to exit, and the server's own time-out does the rest.
pub const LAST_CLOSE_TIMEOUT: Duration = Duration::from_millis(30);

/// How long after a failure it may take until a process that died of the same is known to be dead.
pub const CRASH_WINDOW: Duration = Duration::from_millis(50);

/// How long after budget and grace a task that does not end is waited for: it holds a thread and cannot be cut.
pub const ABORT_GRACE: Duration = Duration::from_millis(50);

/// How long after a failed check what a booted process says of it is waited for.
pub const LATE_OUTPUT: Duration = Duration::from_millis(50);
