//! How long a database server may work on a statement by itself, derived from the time that is left.

use std::time::Duration;

/// How long after the budget the server ends a statement itself: late enough that a cut is reported as such, early
/// enough that nothing keeps running.
const SERVER_TIMEOUT_SLACK: Duration = Duration::from_millis(100);

/// The same for a statement that the server is meant to end: just long enough that its response arrives after the
/// deadline.
const ROUNDING: Duration = Duration::from_millis(2);

/// How long before the end of the budget a lock request is abandoned, so that the lock can be named: a fifth of the
/// remaining time, but at most this long. The server's response must still arrive, even from a busy machine.
pub const LOCK_TIMEOUT_LEAD: Duration = Duration::from_millis(250);

/// The side that ends a statement that takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutBy {
    /// The client, with a request to end the query. The server, if no client is left.
    Client,
    /// The server. The session stays usable.
    Server,
}

/// The limits of the next statement on the server.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    pub statement: Duration,
    /// The longest wait for a lock.
    pub lock: Duration,
}

impl ServerLimits {
    /// Returns the limits of a statement that has `left`.
    pub fn of(left: Duration, cut_by: CutBy) -> ServerLimits {
        let slack = match cut_by {
            CutBy::Client => SERVER_TIMEOUT_SLACK,
            CutBy::Server => ROUNDING,
        };
        let lead = LOCK_TIMEOUT_LEAD.min(left / 5);
        ServerLimits { statement: left + slack, lock: left.saturating_sub(lead) }
    }
}
