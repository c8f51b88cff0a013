//! `--events`: one JSON object per line, written as it happens.

use serde::Serialize;

use super::file::{Destination, Lines, ReportError};
use super::record::{
    BaselineRecord, CancelRecord, CauseRecord, CheckRecord, CountsRecord, ExitRecord, FailedAttemptsRecord,
    Labels, Milliseconds, MistakeRecord, ResultRecord, SCHEMA_VERSION, Site, StepNameRecord, StepRecord,
};
use super::summary::nothing_was_reached;
use super::{Rejection, Reporter};
use crate::event::{Event, RunInfo};
use crate::exit::Exit;
use crate::language::printable::printable_in_json;
use crate::outcome::Direction;

/// Writes each event as it happens.
pub struct Events {
    to: Destination,
    lines: Option<Lines>,
    /// The first write error. Nothing is written after it.
    broken: Option<ReportError>,
}

impl Events {
    pub fn new(to: Destination) -> Events {
        Events { to, lines: None, broken: None }
    }

    fn write(&mut self, what: What<'_>) {
        let line = Line { time: format!("{:.3}", jiff::Timestamp::now()), what };
        // Serializing to memory fails only for non-string map keys, which do not occur.
        let text = printable_in_json(&serde_json::to_string(&line).unwrap_or_default());
        debug_assert!(!text.is_empty());
        if let Some(lines) = &mut self.lines
            && let Err(error) = lines.write(&text)
        {
            self.lines = None;
            self.broken = Some(error);
        }
    }
}

/// A line of the stream.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// The time of the event, as RFC 3339.
    time: String,
    #[serde(flatten)]
    what: What<'a>,
}

/// An event. `event` is its name in kebab case, and `check` is the name of the check.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum What<'a> {
    /// The first line.
    RunStarted {
        schema_version: u32,
        smoke_version: &'static str,
        suite: &'a str,
        environment: Option<&'a str>,
        labels: Labels<'a>,
        baseline: Option<BaselineRecord<'a>>,
        budget_ms: Milliseconds,
        /// Every selected check, in the suite's order.
        checks: Vec<CheckRecord<'a>>,
    },
    CheckStarted {
        check: &'a str,
    },
    /// An attempt at a step or at the whole check failed, and another one follows.
    AttemptFailed {
        check: &'a str,
        step: Option<StepNameRecord<'a>>,
        attempt: u32,
        failure: FailedAttemptsRecord<'a>,
    },
    StepFinished {
        check: &'a str,
        step: Box<StepRecord<'a>>,
    },
    /// A request or a response, with `--trace`.
    Traced {
        check: &'a str,
        /// `sent` or `received`.
        direction: &'static str,
        text: String,
    },
    /// A booted process is ready and keeps running. Its check finishes with the run.
    CheckReady {
        check: &'a str,
        duration_ms: Milliseconds,
    },
    /// Once for each check of `run-started`. `result` is the check as in `--json`.
    CheckFinished {
        check: &'a str,
        result: Box<ResultRecord<'a>>,
    },
    RunCancelled {
        cancelled: CancelRecord<'a>,
    },
    /// The last line.
    RunFinished {
        duration_ms: Milliseconds,
        exit: ExitRecord,
        counts: CountsRecord,
        cancelled: Option<CancelRecord<'a>>,
        nothing_reached: bool,
        root_causes: Vec<CauseRecord<'a>>,
    },
    /// The only line if the suite is invalid.
    RunRejected {
        schema_version: u32,
        smoke_version: &'static str,
        environment: Option<&'a str>,
        labels: Labels<'a>,
        exit: ExitRecord,
        mistakes: Vec<MistakeRecord>,
    },
}

impl Reporter for Events {
    fn begin(&mut self) -> Result<(), ReportError> {
        self.lines = Some(self.to.lines()?);
        Ok(())
    }

    fn on_event(&mut self, event: &Event, run: &RunInfo) {
        let name = |check: usize| &*run.checks[check].name;
        let what = match event {
            Event::RunStarted => What::RunStarted {
                schema_version: SCHEMA_VERSION,
                smoke_version: env!("CARGO_PKG_VERSION"),
                suite: &run.suite,
                environment: run.environment.as_deref(),
                labels: Labels(&run.labels),
                baseline: BaselineRecord::of(run),
                budget_ms: Milliseconds(run.budget),
                checks: run.checks.iter().map(CheckRecord::from).collect(),
            },
            Event::CheckStarted { check } => What::CheckStarted { check: name(*check) },
            Event::AttemptFailed { check, step, attempt, failed } => What::AttemptFailed {
                check: name(*check),
                step: step.as_ref().map(StepNameRecord::from),
                attempt: *attempt,
                failure: FailedAttemptsRecord::of(failed, Site { run, check: *check, step: step.as_ref() }),
            },
            Event::StepFinished { check, report } => {
                let site = Site { run, check: *check, step: None };
                What::StepFinished { check: name(*check), step: Box::new(StepRecord::of(report, site)) }
            }
            Event::Traced { check, trace } => What::Traced {
                check: name(*check),
                direction: match trace.direction {
                    Direction::Sent => "sent",
                    Direction::Received => "received",
                },
                text: trace.text.to_string(),
            },
            Event::CheckReady { check, took } => {
                What::CheckReady { check: name(*check), duration_ms: Milliseconds(*took) }
            }
            Event::CheckFinished(report) => What::CheckFinished {
                check: name(report.check),
                result: Box::new(ResultRecord::of(report, run)),
            },
            Event::RunCancelled(reason) => What::RunCancelled { cancelled: reason.into() },
            Event::RunFinished(report) => What::RunFinished {
                duration_ms: Milliseconds(report.took),
                exit: report.exit.into(),
                counts: CountsRecord::of(report, run),
                cancelled: report.cancelled.as_ref().map(CancelRecord::from),
                nothing_reached: nothing_was_reached(report),
                root_causes: CauseRecord::all(run, report),
            },
        };
        self.write(what);
    }

    fn on_rejection(&mut self, rejection: &Rejection<'_>) {
        match self.to.lines() {
            Ok(lines) => self.lines = Some(lines),
            Err(error) => self.broken = Some(error),
        }
        self.write(What::RunRejected {
            schema_version: SCHEMA_VERSION,
            smoke_version: env!("CARGO_PKG_VERSION"),
            environment: rejection.environment,
            labels: Labels(rejection.labels),
            exit: Exit::BadSuite.into(),
            mistakes: MistakeRecord::all(rejection),
        });
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        self.lines = None;
        self.broken.take().map_or(Ok(()), Err)
    }
}
