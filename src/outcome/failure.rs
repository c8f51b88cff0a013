//! Failures: what was expected, what happened instead, and what to do.

use std::fmt;

use super::{Log, Phase, Span};
use crate::deadline::{BudgetScope, Cut};
use crate::language::source::Place;
use crate::secret::{Message, Redact, message};

/// Why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The response did not meet the expectations.
    Mismatch { mismatches: Vec<Mismatch>, answer: Option<Message> },
    /// A budget ended. `phase` is what was in progress, `last` the failure of the previous attempt, `log` the output of
    /// a booted process, and `place` where the suite states what was awaited.
    TimedOut {
        cut: Cut,
        phase: Phase,
        detail: Option<Message>,
        last: Option<Box<Failure>>,
        log: Option<Log>,
        place: Option<Place>,
    },
    /// smoke could not find out. `place` is where it is promised what it wanted to find out.
    Fault { fault: Fault, doing: Message, cause: Message, hint: Option<Message>, place: Option<Place> },
    /// A booted process ended; `log` is what it printed, where that is more than the line which `how` has.
    Exited { how: Message, log: Option<Log> },
    /// A plugin says of what it looked at that it is not well; `log` is what it printed, where that is more than one line.
    Plugin { level: PluginLevel, says: Message, log: Option<Log> },
    /// A step of a journey did not pass. `place` is where it says what it asks.
    Step { step: String, number: usize, place: Place, source: Box<Failure> },
}

/// What a monitoring plugin says by its exit code, where it is not 0. Source: Monitoring Plugins Development Guidelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginLevel {
    /// 1.
    Warning,
    /// 2.
    Critical,
    /// 3, and whatever is none of the convention.
    Unknown,
}

/// One expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The subject of the expectation, such as `status` or `json $.version`.
    pub what: Message,
    pub expected: Message,
    pub actual: Message,
    /// The key in the suite that states the expectation. Default expectations have none.
    pub place: Option<Place>,
}

/// What prevented smoke from determining the result. Its name is the `type` of the JUnit `<error>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Dns,
    Connect,
    Proxy,
    Tls,
    Auth,
    Sql,
    Protocol,
    /// What came cannot be compared.
    Measurement,
    /// A program or file on this machine.
    Local,
    /// A value that is invalid where the suite uses it.
    Template,
    /// A resource that smoke itself lacks: descriptors, threads, memory. It implies nothing about the application.
    Shortage,
    /// A bug in smoke.
    Internal,
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Fault::Dns => "dns",
            Fault::Connect => "connect",
            Fault::Proxy => "proxy",
            Fault::Tls => "tls",
            Fault::Auth => "auth",
            Fault::Sql => "sql",
            Fault::Protocol => "protocol",
            Fault::Measurement => "measurement",
            Fault::Local => "local",
            Fault::Template => "template",
            Fault::Shortage => "shortage",
            Fault::Internal => "internal",
        }
    }
}

/// The ways not to pass, as JUnit tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The response did not meet the expectations, or the check's own budget ended.
    Failed,
    /// Smoke could not determine the result.
    Errored,
    /// It answered that it is well enough: what needs it runs.
    Warned,
    /// The suite's budget ended first.
    Undecided,
}

impl Failure {
    /// Creates a failure with one unmet expectation.
    pub fn mismatch(what: Message, expected: Message, actual: Message) -> Failure {
        Failure::Mismatch { mismatches: vec![Mismatch { what, expected, actual, place: None }], answer: None }
    }

    /// Creates a fault without a hint.
    pub fn fault(fault: Fault, doing: Message, cause: Message) -> Failure {
        Failure::Fault { fault, doing, cause, hint: None, place: None }
    }

    /// Adds a hint to a fault.
    pub fn with_hint(self, advice: Message) -> Failure {
        match self {
            Failure::Fault { fault, doing, cause, hint: None, place } => {
                Failure::Fault { fault, doing, cause, hint: Some(advice), place }
            }
            other @ (Failure::Mismatch { .. }
            | Failure::TimedOut { .. }
            | Failure::Fault { .. }
            | Failure::Exited { .. }
            | Failure::Plugin { .. }
            | Failure::Step { .. }) => other,
        }
    }

    /// The same with the place that says what smoke wanted to find out.
    pub fn at(self, promised_at: Place) -> Failure {
        match self {
            Failure::Fault { fault, doing, cause, hint, .. } => {
                Failure::Fault { fault, doing, cause, hint, place: Some(promised_at) }
            }
            other @ (Failure::Mismatch { .. }
            | Failure::TimedOut { .. }
            | Failure::Exited { .. }
            | Failure::Plugin { .. }
            | Failure::Step { .. }) => other,
        }
    }

    /// Creates the failure of a budget that ended during `phase`.
    pub fn timed_out(cut: Cut, phase: Phase) -> Failure {
        Failure::TimedOut { cut, phase, detail: None, last: None, log: None, place: None }
    }

    /// Returns where the suite states the unmet expectation, or the step if there is none. `None` if only the check
    /// itself knows its request.
    pub fn place(&self) -> Option<Place> {
        match self {
            Failure::Mismatch { mismatches, .. } => mismatches.iter().find_map(|mismatch| mismatch.place),
            Failure::TimedOut { last, place, .. } => last.as_ref().and_then(|last| last.place()).or(*place),
            Failure::Fault { place, .. } => *place,
            Failure::Exited { .. } | Failure::Plugin { .. } => None,
            Failure::Step { place, source, .. } => source.place().or(Some(*place)),
        }
    }

    /// Returns every unmet expectation.
    pub fn mismatches(&self) -> &[Mismatch] {
        match self {
            Failure::Mismatch { mismatches, .. } => mismatches,
            Failure::TimedOut { last, .. } => last.as_ref().map_or(&[], |last| last.mismatches()),
            Failure::Fault { .. } | Failure::Exited { .. } | Failure::Plugin { .. } => &[],
            Failure::Step { source, .. } => source.mismatches(),
        }
    }

    /// Whether the failure is a bug in smoke.
    pub fn is_internal(&self) -> bool {
        match self {
            Failure::Fault { fault, .. } => *fault == Fault::Internal,
            Failure::Step { source, .. } => source.is_internal(),
            Failure::Mismatch { .. }
            | Failure::TimedOut { .. }
            | Failure::Exited { .. }
            | Failure::Plugin { .. } => false,
        }
    }

    /// Did it end before anything came back from the other side?
    pub fn came_before_a_byte(&self) -> bool {
        match self {
            Failure::Fault { fault, .. } => match fault {
                Fault::Dns | Fault::Connect | Fault::Proxy => true,
                Fault::Tls
                | Fault::Auth
                | Fault::Sql
                | Fault::Protocol
                | Fault::Measurement
                | Fault::Local
                | Fault::Template
                | Fault::Shortage
                | Fault::Internal => false,
            },
            Failure::TimedOut { phase: Phase::Dns | Phase::Connect, .. } => true,
            Failure::TimedOut { last, .. } => last.as_ref().is_some_and(|last| last.came_before_a_byte()),
            Failure::Step { source, .. } => source.came_before_a_byte(),
            Failure::Mismatch { .. } | Failure::Exited { .. } | Failure::Plugin { .. } => false,
        }
    }

    /// Whether smoke itself lacked a resource.
    pub fn is_shortage(&self) -> bool {
        match self {
            Failure::Fault { fault, .. } => *fault == Fault::Shortage,
            Failure::Step { source, .. } => source.is_shortage(),
            Failure::TimedOut { last, .. } => last.as_ref().is_some_and(|last| last.is_shortage()),
            Failure::Mismatch { .. } | Failure::Exited { .. } | Failure::Plugin { .. } => false,
        }
    }

    /// Creates the failure of an operation for which this machine lacks `what`.
    pub fn shortage(doing: Message, what: &'static str) -> Failure {
        let cause = Message::new().words(format!("smoke itself lacks something: {what}"));
        Failure::fault(Fault::Shortage, doing, cause).with_hint(message!(
            "raise the limit, or run fewer checks at once: `--jobs`; the app was not judged"
        ))
    }

    pub fn verdict(&self) -> Verdict {
        match self {
            Failure::Mismatch { .. } | Failure::Exited { .. } => Verdict::Failed,
            Failure::TimedOut { .. } if self.is_shortage() => Verdict::Undecided,
            Failure::TimedOut { cut, .. } => match cut.scope {
                BudgetScope::Suite => Verdict::Undecided,
                BudgetScope::Check | BudgetScope::Step | BudgetScope::Grace => Verdict::Failed,
            },
            Failure::Fault { fault: Fault::Shortage, .. } => Verdict::Undecided,
            Failure::Fault { .. } => Verdict::Errored,
            Failure::Plugin { level, .. } => match level {
                PluginLevel::Warning => Verdict::Warned,
                PluginLevel::Critical => Verdict::Failed,
                PluginLevel::Unknown => Verdict::Errored,
            },
            Failure::Step { source, .. } => source.verdict(),
        }
    }

    /// Returns a short form, as used for one of many attempts: `got "1.0.0"`.
    pub fn in_short(&self) -> Message {
        match self {
            Failure::Mismatch { mismatches, .. } => mismatches
                .first()
                .map_or_else(Message::new, |first| message!("got ").then(first.actual.clone())),
            Failure::TimedOut { cut, phase, .. } => Message::new().words(cut.what_ended(*phase)),
            Failure::Fault { doing, cause, .. } => doing.clone().words(": ").then(cause.clone()),
            Failure::Exited { how, .. } => how.clone(),
            Failure::Plugin { says, .. } => says.clone(),
            Failure::Step { number, source, .. } => {
                Message::new().words(format!("step {number}: ")).then(source.in_short())
            }
        }
    }

    /// Returns the category of the failure, which is its `type` in JUnit.
    pub fn type_name(&self) -> &'static str {
        match self {
            Failure::Mismatch { .. } => "mismatch",
            Failure::TimedOut { cut, .. } => match cut.scope {
                BudgetScope::Suite => "budget",
                BudgetScope::Check | BudgetScope::Step | BudgetScope::Grace => "timeout",
            },
            Failure::Fault { fault, .. } => fault.name(),
            Failure::Exited { .. } => "exit",
            Failure::Plugin { .. } => "plugin",
            Failure::Step { source, .. } => source.type_name(),
        }
    }
}

impl Cut {
    /// Returns `no answer within 2s (step budget), while reading the body (body)`.
    pub fn what_ended(&self, phase: Phase) -> String {
        let nothing = match phase {
            Phase::Wait => "no pass",
            Phase::Hold => "did not hold",
            Phase::Judge => "no verdict",
            Phase::Ready => "not ready",
            Phase::Dns | Phase::Connect | Phase::Tls | Phase::Authenticate => "no connection",
            Phase::Body => "no end of the body",
            Phase::Run => "no exit",
            Phase::Prepare | Phase::FirstByte | Phase::Begin | Phase::Query | Phase::Lock => "no answer",
        };
        format!("{nothing} within {} ({} budget), {}", Span(self.budget), self.scope, phase.doing())
    }
}

/// Writes the failure on one line: what was expected, and what happened instead.
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
            // The readiness result of a process that has not started yet is not the cause.
            Failure::TimedOut { cut, phase: phase @ Phase::Ready, detail, last, .. } => {
                write!(f, "{}", cut.what_ended(*phase))?;
                if let Some(detail) = detail {
                    write!(f, ": {detail}")?;
                }
                match last {
                    Some(last) => write!(f, "; {last}"),
                    None => Ok(()),
                }
            }
            Failure::TimedOut { cut, phase, detail, last, .. } => {
                // The results of the attempts are the cause. The expired budget only ended them.
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
            Failure::Plugin { says, .. } => write!(f, "{says}"),
            Failure::Step { step, number, source, .. } => write!(f, "step {number} `{step}`: {source}"),
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
        let Mismatch { what, expected, actual, place } = self;
        Mismatch { what: clean(what), expected: clean(expected), actual: clean(actual), place }
    }
}

impl Redact for Failure {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        match self {
            Failure::Mismatch { mismatches, answer } => Failure::Mismatch {
                mismatches: mismatches.map_messages(clean),
                answer: answer.map_messages(clean),
            },
            Failure::TimedOut { cut, phase, detail, last, log, place } => Failure::TimedOut {
                cut,
                phase,
                place,
                detail: detail.map_messages(clean),
                last: last.map_messages(clean),
                log: log.map_messages(clean),
            },
            Failure::Fault { fault, doing, cause, hint, place } => Failure::Fault {
                fault,
                place,
                doing: clean(doing),
                cause: clean(cause),
                hint: hint.map_messages(clean),
            },
            Failure::Exited { how, log } => Failure::Exited { how: clean(how), log: log.map_messages(clean) },
            Failure::Plugin { level, says, log } => {
                Failure::Plugin { level, says: clean(says), log: log.map_messages(clean) }
            }
            Failure::Step { step, number, place, source } => {
                Failure::Step { step, number, place, source: source.map_messages(clean) }
            }
        }
    }
}
