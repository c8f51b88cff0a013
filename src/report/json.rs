//! `--json`: the whole result as one document.

use serde::Serialize;

use super::file::{Destination, ReportError};
use super::record::{
    BaselineRecord, CancelRecord, CauseRecord, CountsRecord, ExitRecord, Labels, Milliseconds, MistakeRecord,
    ResultRecord, SCHEMA_VERSION,
};
use super::summary::nothing_was_reached;
use super::{Rejection, Reporter};
use crate::event::{Event, RunInfo};
use crate::exit::Exit;
use crate::language::printable::printable_in_json;

/// Writes the document at the end of the run.
pub struct Json {
    to: Destination,
    document: Option<String>,
}

impl Json {
    pub fn new(to: Destination) -> Json {
        Json { to, document: None }
    }
}

/// The document.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema_version: u32,
    smoke_version: &'static str,
    /// The suite's name, or `null` if the suite is invalid (exit code 2).
    suite: Option<&'a str>,
    environment: Option<&'a str>,
    labels: Labels<'a>,
    /// When the run began, as RFC 3339.
    started: String,
    /// Wall-clock time.
    duration_ms: Milliseconds,
    /// The suite's budget, or `null` if the suite is invalid.
    budget_ms: Option<Milliseconds>,
    exit: ExitRecord,
    counts: CountsRecord,
    /// The run before the deploy, with `--baseline`.
    baseline: Option<BaselineRecord<'a>>,
    /// No check that was tried got a byte back: nothing is known of what they ask.
    nothing_reached: bool,
    /// Why the run ended before all its checks had.
    cancelled: Option<CancelRecord<'a>>,
    /// Every check that failed by itself, the most important one first.
    root_causes: Vec<CauseRecord<'a>>,
    /// The mistakes in the suite (exit code 2). Nothing was sent in that case, and `checks` is empty.
    mistakes: Vec<MistakeRecord>,
    /// Every selected check exactly once, in the suite's order.
    checks: Vec<ResultRecord<'a>>,
}

impl Document<'_> {
    fn text(&self) -> String {
        // Serializing to memory fails only for non-string map keys, which do not occur.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        debug_assert!(!text.is_empty());
        printable_in_json(&text) + "\n"
    }
}

impl Reporter for Json {
    fn begin(&mut self) -> Result<(), ReportError> {
        self.to.clear()
    }

    fn on_event(&mut self, event: &Event, run: &RunInfo) {
        let Event::RunFinished(report) = event else { return };
        let document = Document {
            schema_version: SCHEMA_VERSION,
            smoke_version: env!("CARGO_PKG_VERSION"),
            suite: Some(&run.suite),
            environment: run.environment.as_deref(),
            labels: Labels(&run.labels),
            started: format!("{:.3}", run.started),
            duration_ms: Milliseconds(report.took),
            budget_ms: Some(Milliseconds(run.budget)),
            exit: report.exit.into(),
            counts: CountsRecord::of(report, run),
            baseline: BaselineRecord::of(run),
            nothing_reached: nothing_was_reached(report),
            cancelled: report.cancelled.as_ref().map(CancelRecord::from),
            root_causes: CauseRecord::all(run, report),
            mistakes: Vec::new(),
            checks: report.checks.iter().map(|check| ResultRecord::of(check, run)).collect(),
        };
        self.document = Some(document.text());
    }

    fn on_rejection(&mut self, rejection: &Rejection<'_>) {
        let document = Document {
            schema_version: SCHEMA_VERSION,
            smoke_version: env!("CARGO_PKG_VERSION"),
            suite: None,
            environment: rejection.environment,
            labels: Labels(rejection.labels),
            started: format!("{:.3}", jiff::Timestamp::now()),
            duration_ms: Milliseconds(std::time::Duration::ZERO),
            budget_ms: None,
            exit: Exit::BadSuite.into(),
            counts: CountsRecord::default(),
            baseline: None,
            nothing_reached: false,
            cancelled: None,
            root_causes: Vec::new(),
            mistakes: MistakeRecord::all(rejection),
            checks: Vec::new(),
        };
        self.document = Some(document.text());
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        match self.document.take() {
            Some(document) => self.to.write(&document),
            None => Ok(()),
        }
    }
}
