//! What a check may come to. A red check is data, not an error of smoke.
//!
//! Every planned check ends in exactly one [`Outcome`]. Reporters `match` on it without a wildcard, so a new
//! outcome cannot fall out of a report.

use std::fmt;
use std::time::Duration;

use crate::deadline::{Cut, Scope};
use crate::secret::{Message, Redact, Redacted};

/// What a planned check came to.
#[derive(Debug, Clone)]
pub enum Outcome {
    Passed,
    /// A critical check failed or errored: the run is red.
    Failed(Redacted<Failure>),
    /// A `severity = "warn"` check failed or errored: reported, and the run goes on.
    Warned(Redacted<Failure>),
    /// The suite's budget ended while it ran: nobody knows.
    Undecided(Redacted<Failure>),
    Skipped(SkipReason),
}

/// Why a check did not come to a verdict of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// `skip = "…"` in the suite.
    Asked(String),
    /// A check it needs did not pass; `root` is where the chain of failed needs begins.
    Need { need: String, root: String, why: NeedFailed },
    /// Another check failed first.
    FailFast { failed: String, started: Started },
    /// The suite's budget ended before it could start.
    Budget(Duration),
    /// SIGINT or SIGTERM.
    Signal { signal: Signal, started: Started },
}

/// What became of the check at the root of a chain of needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeedFailed {
    DidNotPass,
    /// `skip = "…"` in the suite.
    WasSkipped,
}

/// Had a check that was cancelled begun?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    No,
    InFlight,
}

/// The signals that end a run early, with their reports written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Interrupt,
    Terminate,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
        })
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SkipReason::Asked(reason) => f.write_str(reason),
            SkipReason::Need { need, root, why } => {
                let became = match why {
                    NeedFailed::DidNotPass => "did not pass",
                    NeedFailed::WasSkipped => "is skipped",
                };
                match need == root {
                    true => write!(f, "needs `{need}`, which {became}"),
                    false => write!(f, "needs `{need}`, which was skipped because `{root}` {became}"),
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

/// Why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It answered, and not as expected.
    Mismatch { mismatches: Vec<Mismatch>, answer: Option<Message> },
    /// A budget ended. `phase` is what was under way, `last` what the attempt before came to.
    TimedOut { cut: Cut, phase: Phase, detail: Option<Message>, last: Option<Box<Failure>> },
    /// smoke could not find out.
    Fault { fault: Fault, doing: Message, cause: Message, hint: Option<Message> },
    /// A booted process ended.
    Exited { how: Message, log: Option<Message> },
    /// A step of a journey did not pass.
    Step { step: String, number: usize, source: Box<Failure> },
}

/// One expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What was looked at, such as `status` or `json $.version`.
    pub what: Message,
    pub expected: Message,
    pub actual: Message,
}

/// What kind of thing kept smoke from finding out. Its name is the `type` of the JUnit `<error>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Dns,
    Connect,
    Proxy,
    Tls,
    Auth,
    Sql,
    Protocol,
    /// A program or file on this machine.
    Local,
    /// A value that cannot go where the suite puts it.
    Template,
    /// A defect of smoke.
    Internal,
}

impl Fault {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fault::Dns => "dns",
            Fault::Connect => "connect",
            Fault::Proxy => "proxy",
            Fault::Tls => "tls",
            Fault::Auth => "auth",
            Fault::Sql => "sql",
            Fault::Protocol => "protocol",
            Fault::Local => "local",
            Fault::Template => "template",
            Fault::Internal => "internal",
        }
    }
}

/// What an attempt is doing: the parts its time is reported in, and what a cut names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing is on the wire yet.
    Prepare,
    Dns,
    Connect,
    Tls,
    FirstByte,
    Body,
    Authenticate,
    Query,
    Lock,
    Ready,
    /// Between two attempts of a `retry` or `poll`.
    Wait,
}

impl Phase {
    /// Every phase, in the order in which they come.
    pub const ALL: [Phase; 11] = [
        Phase::Prepare,
        Phase::Dns,
        Phase::Connect,
        Phase::Tls,
        Phase::FirstByte,
        Phase::Body,
        Phase::Authenticate,
        Phase::Query,
        Phase::Lock,
        Phase::Ready,
        Phase::Wait,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Phase::Prepare => "prepare",
            Phase::Dns => "dns",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::FirstByte => "first byte",
            Phase::Body => "body",
            Phase::Authenticate => "authenticate",
            Phase::Query => "query",
            Phase::Lock => "lock",
            Phase::Ready => "ready",
            Phase::Wait => "wait",
        }
    }

    /// What was going on, as the end of `no answer within 2s (check budget), …`.
    #[must_use]
    pub fn doing(self) -> &'static str {
        match self {
            Phase::Prepare => "before anything was sent",
            Phase::Dns => "while looking up the name (dns)",
            Phase::Connect => "while connecting (connect)",
            Phase::Tls => "during the TLS handshake (tls)",
            Phase::FirstByte => "while waiting for the first byte of the answer (first byte)",
            Phase::Body => "while reading the body (body)",
            Phase::Authenticate => "while logging in (authenticate)",
            Phase::Query => "while the query ran (query)",
            Phase::Lock => "while the query waited for a lock (lock)",
            Phase::Ready => "while waiting for it to be ready (ready)",
            Phase::Wait => "while waiting for the next attempt (wait)",
        }
    }
}

/// The two ways to be red, as JUnit tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answered, and not as expected, or its own budget ended.
    Failed,
    /// smoke could not find out.
    Errored,
    /// The suite's budget ended first.
    Undecided,
}

impl Failure {
    /// A failure with one unmet expectation.
    #[must_use]
    pub fn mismatch(what: Message, expected: Message, actual: Message) -> Failure {
        Failure::Mismatch { mismatches: vec![Mismatch { what, expected, actual }], answer: None }
    }

    /// A failure to find out, without a hint.
    #[must_use]
    pub fn fault(fault: Fault, doing: Message, cause: Message) -> Failure {
        Failure::Fault { fault, doing, cause, hint: None }
    }

    /// The same with advice on what to do.
    #[must_use]
    pub fn with_hint(self, advice: Message) -> Failure {
        match self {
            Failure::Fault { fault, doing, cause, hint: None } => {
                Failure::Fault { fault, doing, cause, hint: Some(advice) }
            }
            other @ (Failure::Mismatch { .. }
            | Failure::TimedOut { .. }
            | Failure::Fault { .. }
            | Failure::Exited { .. }
            | Failure::Step { .. }) => other,
        }
    }

    /// A budget ended during `phase`.
    #[must_use]
    pub fn timed_out(cut: Cut, phase: Phase) -> Failure {
        Failure::TimedOut { cut, phase, detail: None, last: None }
    }

    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Failure::Mismatch { .. } | Failure::Exited { .. } => Verdict::Failed,
            Failure::TimedOut { cut, .. } => match cut.scope {
                Scope::Suite => Verdict::Undecided,
                Scope::Check | Scope::Step | Scope::Grace => Verdict::Failed,
            },
            Failure::Fault { .. } => Verdict::Errored,
            Failure::Step { source, .. } => source.verdict(),
        }
    }

    /// One word for what went wrong: the `type` in JUnit.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Failure::Mismatch { .. } => "mismatch",
            Failure::TimedOut { cut, .. } => match cut.scope {
                Scope::Suite => "budget",
                Scope::Check | Scope::Step | Scope::Grace => "timeout",
            },
            Failure::Fault { fault, .. } => fault.name(),
            Failure::Exited { .. } => "exit",
            Failure::Step { source, .. } => source.type_name(),
        }
    }
}

impl Cut {
    /// `no answer within 2s (step budget), while reading the body (body)`.
    #[must_use]
    pub fn what_ended(&self, phase: Phase) -> String {
        let nothing = match phase {
            Phase::Wait => "no pass",
            Phase::Ready => "not ready",
            Phase::Dns | Phase::Connect | Phase::Tls | Phase::Authenticate => "no connection",
            Phase::Prepare | Phase::FirstByte | Phase::Body | Phase::Query | Phase::Lock => "no answer",
        };
        format!("{nothing} within {} ({} budget), {}", Span(self.budget), self.scope, phase.doing())
    }
}

/// The failure in one line: what was expected, and what came.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Mismatch { mismatches, .. } => {
                for (index, mismatch) in mismatches.iter().enumerate() {
                    if index > 0 {
                        f.write_str("; ")?;
                    }
                    write!(f, "{mismatch}")?;
                }
                Ok(())
            }
            Failure::TimedOut { cut, phase, detail, last } => {
                // What the attempts came to is the cause; that the time was up is how it was found.
                if let Some(last) = last {
                    write!(f, "{last}; ")?;
                }
                write!(f, "{}", cut.what_ended(*phase))?;
                if let Some(detail) = detail {
                    write!(f, ": {detail}")?;
                }
                Ok(())
            }
            Failure::Fault { doing, cause, .. } => write!(f, "{doing}: {cause}"),
            Failure::Exited { how, .. } => write!(f, "{how}"),
            Failure::Step { step, number, source } => write!(f, "step {number} `{step}`: {source}"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} {}, got {}", self.what, self.expected, self.actual)
    }
}

impl Redact for Mismatch {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        Mismatch { what: clean(self.what), expected: clean(self.expected), actual: clean(self.actual) }
    }
}

impl Redact for Failure {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        match self {
            Failure::Mismatch { mismatches, answer } => Failure::Mismatch {
                mismatches: mismatches.map_messages(clean),
                answer: answer.map_messages(clean),
            },
            Failure::TimedOut { cut, phase, detail, last } => Failure::TimedOut {
                cut,
                phase,
                detail: detail.map_messages(clean),
                last: last.map_messages(clean),
            },
            Failure::Fault { fault, doing, cause, hint } => Failure::Fault {
                fault,
                doing: clean(doing),
                cause: clean(cause),
                hint: hint.map_messages(clean),
            },
            Failure::Exited { how, log } => Failure::Exited { how: clean(how), log: log.map_messages(clean) },
            Failure::Step { step, number, source } => {
                Failure::Step { step, number, source: source.map_messages(clean) }
            }
        }
    }
}

/// A duration as people read it: `0.4ms`, `312ms`, `1.24s`, `2m 5s`.
#[derive(Debug, Clone, Copy)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0;
        let text = if span.is_zero() {
            "0ms".to_owned()
        } else if span < Duration::from_millis(10) {
            let tenths = span.as_micros().div_ceil(100);
            match tenths % 10 {
                0 => format!("{}ms", tenths / 10),
                rest => format!("{}.{rest}ms", tenths / 10),
            }
        } else if span < Duration::from_secs(1) {
            format!("{}ms", span.as_millis())
        } else if span < Duration::from_mins(1) {
            let text = format!("{:.2}", span.as_secs_f64());
            format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
        } else {
            let seconds = span.as_secs();
            let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
            let shown: Vec<String> =
                parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
            shown.join(" ")
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        let cases = [
            (0, "0ms"),
            (40, "0.1ms"),
            (3_100, "3.1ms"),
            (9_950, "10ms"),
            (312_400, "312ms"),
            (1_240_000, "1.24s"),
            (2_000_000, "2s"),
            (59_999_000, "60s"),
            (125_000_000, "2m 5s"),
            (3_600_000_000, "1h"),
        ];
        for (micros, shown) in cases {
            assert_eq!(Span(Duration::from_micros(micros)).to_string(), shown, "{micros} µs");
        }
    }
}
