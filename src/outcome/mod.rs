//! The possible results of a check. A failed check is data, not an error of smoke.
//!
//! Every planned check ends in exactly one [`Outcome`]. Reporters `match` on it without a wildcard, so no report can
//! miss a new outcome.

mod certificate;
mod error_line;
mod failure;
mod log;
mod phase;
mod promise;
mod span;
mod trace;

use std::fmt;
use std::time::Duration;

pub use self::certificate::Certificate;
pub use self::failure::{Failure, Fault, Mismatch, PluginLevel, Verdict};
pub use self::log::Log;
pub use self::phase::Phase;
pub use self::promise::{Promise, PromiseVerdict, Promises};
pub use self::span::Span;
pub use self::trace::{Direction, Trace};
use crate::secret::Redacted;

/// The result of a planned check.
#[derive(Debug, Clone)]
pub enum Outcome {
    Passed,
    /// A critical check failed or errored, so the run fails.
    Failed(Redacted<Failure>),
    /// A `severity = "warn"` check failed, errored, or was cut by the suite's budget, or a plugin warns: reported, and
    /// never red.
    Warned(Redacted<Failure>),
    /// The suite's budget ended while a critical check ran, so its result is unknown.
    Undecided(Redacted<Failure>),
    Skipped(SkipReason),
}

/// Why a check was not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// `skip = "…"` in the suite, with its reason.
    Asked(String),
    /// `--read-only`, with what the check would change: `sends POST`.
    ReadOnly(String),
    /// A check it needs did not pass; `root` is where the chain of failed needs begins, and `excuse` is that one's.
    Need { need: String, root: String, why: NeedFailed, excuse: Option<Excuse> },
    /// Another check failed first.
    FailFast { failed: String, started: Started },
    /// The suite's budget ended before the check could start.
    Budget(Duration),
    /// A signal such as SIGINT, SIGTERM or SIGHUP arrived.
    Signal { signal: Signal, started: Started },
}

/// What happened to the check at the root of a chain of needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeedFailed {
    DidNotPass,
    /// `skip = "…"` in the suite, or `--read-only`.
    WasSkipped,
}

/// Why a check that is red is not this deploy's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excuse {
    /// It was red before the deploy, too: the baseline says so.
    Known,
    /// `dependency = true`: it is about something that the deploy does not change.
    Dependency,
}

/// Had a check that was cancelled begun?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    No,
    InFlight,
}

/// The signals that end a run early, but with its reports written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
    /// The terminal has closed.
    Hangup,
    /// SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM or SIGXCPU, by name. Unhandled, it would end smoke without a report.
    Other(&'static str),
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
            Signal::Hangup => "SIGHUP",
            Signal::Other(name) => name,
        })
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SkipReason::Asked(reason) => f.write_str(reason),
            SkipReason::ReadOnly(change) => write!(f, "not run with `--read-only`: {change}"),
            SkipReason::Need { need, root, why, .. } => {
                let became = match why {
                    NeedFailed::DidNotPass => "did not pass",
                    NeedFailed::WasSkipped => "is skipped",
                };
                if need == root {
                    write!(f, "needs `{need}`, which {became}")
                } else {
                    write!(f, "needs `{need}`, which was skipped because `{root}` {became}")
                }
            }
            SkipReason::FailFast { failed, started: Started::InFlight } => {
                write!(f, "cut while it ran, because `{failed}` failed (fail-fast)")
            }
            SkipReason::FailFast { failed, started: Started::No } => {
                write!(f, "not started, because `{failed}` failed (fail-fast)")
            }
            SkipReason::Budget(budget) => {
                write!(f, "not started: the suite's budget of {} had ended", Span(*budget))
            }
            SkipReason::Signal { signal, started: Started::InFlight } => {
                write!(f, "cut while it ran, by {signal}")
            }
            SkipReason::Signal { signal, started: Started::No } => {
                write!(f, "not started: {signal} ended the run")
            }
        }
    }
}
