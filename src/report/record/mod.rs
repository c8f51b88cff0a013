//! Machine-readable records, which make up `--json` and `--events`.
//!
//! Keys are in snake case. Values that are smoke's own words are spelled as everywhere else (`fail-fast`, `SIGTERM`). A
//! key that ends in `_ms` is a number of milliseconds. Every key is always present: it is `null` if there is no value,
//! and a list may be empty. New keys may be added. Changing or removing one increments [`SCHEMA_VERSION`].

mod check;
mod failure;
mod poll;
mod promise;
mod time;

use serde::{Serialize, Serializer};

pub(super) use self::check::{CheckRecord, FailedAttemptsRecord, ResultRecord, StepRecord};
pub(super) use self::failure::{Site, StepNameRecord};
pub(super) use self::time::Milliseconds;
use super::Rejection;
use super::standing::excuse_word;
use super::summary::{Counts, causes};
use crate::event::{Baseline, CancelReason, RunInfo, RunReport};
use crate::exit::Exit;
use crate::language::source::Location;

/// The version of the format, in every document and in the first event.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The exit code.
#[derive(Debug, Serialize)]
pub(super) struct ExitRecord {
    /// The exit code as far as the checks determine it. A report that could not be written (6) is not included.
    code: u8,
    /// Its meaning, as in `--help`.
    meaning: &'static str,
}

impl From<Exit> for ExitRecord {
    fn from(exit: Exit) -> ExitRecord {
        ExitRecord { code: exit.code(), meaning: exit.meaning() }
    }
}

/// How many checks had which outcome; `checks` is the sum of all but `flaky`, `flapped`, `slow` and `slower`, which are
/// among the passed, and `known` and `dependencies`.
#[derive(Debug, Default, Serialize)]
pub(super) struct CountsRecord {
    checks: usize,
    passed: usize,
    flaky: usize,
    flapped: usize,
    slow: usize,
    failed: usize,
    errored: usize,
    undecided: usize,
    warned: usize,
    skipped: usize,
    /// Some of the failed and errored.
    known: usize,
    dependencies: usize,
    /// Some of the passed.
    slower: usize,
}

impl CountsRecord {
    pub fn of(report: &RunReport, run: &RunInfo) -> CountsRecord {
        let counts = Counts::of(report, run);
        let Counts { passed, flaky, flapped, slow, warned, failed, errored, undecided, .. } = counts;
        let Counts { skipped, known, dependencies, slower, .. } = counts;
        CountsRecord {
            checks: report.checks.len(),
            passed,
            flaky,
            flapped,
            slow,
            failed,
            errored,
            undecided,
            warned,
            skipped,
            known,
            dependencies,
            slower,
        }
    }
}

/// Labels by their names, in the order in which they were given.
#[derive(Debug)]
pub(super) struct Labels<'a>(pub &'a [(String, String)]);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The run before the deploy.
#[derive(Debug, Serialize)]
pub(super) struct BaselineRecord<'a> {
    file: &'a str,
    environment: Option<&'a str>,
    /// When it began, as RFC 3339.
    started: &'a str,
    exit_code: u8,
}

impl<'a> BaselineRecord<'a> {
    pub fn of(run: &'a RunInfo) -> Option<BaselineRecord<'a>> {
        let Baseline { file, environment, started, exit_code, .. } = run.baseline.as_deref()?;
        Some(BaselineRecord { file, environment: environment.as_deref(), started, exit_code: *exit_code })
    }
}

/// Why a run ended before all its checks had.
#[derive(Debug, Serialize)]
pub(super) struct CancelRecord<'a> {
    /// `fail-fast`, `budget` or `signal`.
    by: &'static str,
    /// The check that failed, for `fail-fast`.
    check: Option<&'a str>,
    /// The signal, such as `SIGINT`, `SIGTERM` or `SIGHUP`, for `signal`.
    signal: Option<String>,
}

impl<'a> From<&'a CancelReason> for CancelRecord<'a> {
    fn from(reason: &'a CancelReason) -> CancelRecord<'a> {
        match reason {
            CancelReason::FailFast { failed } => {
                CancelRecord { by: "fail-fast", check: Some(failed), signal: None }
            }
            CancelReason::Budget(_) => CancelRecord { by: "budget", check: None, signal: None },
            CancelReason::Signal(signal) => {
                CancelRecord { by: "signal", check: None, signal: Some(signal.to_string()) }
            }
        }
    }
}

/// A check that failed by itself, with the checks that were skipped because of it. The first one is the root cause.
#[derive(Debug, Serialize)]
pub(super) struct CauseRecord<'a> {
    check: &'a str,
    message: String,
    location: LocationRecord,
    /// Why it is not this deploy's doing: `known` or `dependency`.
    excuse: Option<&'static str>,
    skipped: Vec<&'a str>,
}

impl<'a> CauseRecord<'a> {
    pub fn all(run: &'a RunInfo, report: &'a RunReport) -> Vec<CauseRecord<'a>> {
        let causes = causes(run, report).into_iter();
        causes
            .map(|cause| CauseRecord {
                check: &run.checks[cause.check.check].name,
                message: cause.message(),
                location: (&cause.location(run)).into(),
                excuse: cause.excuse.map(excuse_word),
                skipped: cause.skipped,
            })
            .collect()
    }
}

/// A place in the suite. Lines and columns (in characters) count from 1.
#[derive(Debug, Serialize)]
pub(super) struct LocationRecord {
    file: String,
    line: usize,
    column: usize,
}

impl From<&Location> for LocationRecord {
    fn from(location: &Location) -> LocationRecord {
        let file = location.path.display().to_string();
        LocationRecord { file, line: location.line, column: location.column }
    }
}

/// A mistake in the suite (exit code 2).
#[derive(Debug, Serialize)]
pub(super) struct MistakeRecord {
    message: String,
    hint: Option<String>,
    location: Option<LocationRecord>,
}

impl MistakeRecord {
    pub fn all(rejection: &Rejection<'_>) -> Vec<MistakeRecord> {
        let clean = |text: &String| rejection.redactor.clean(text);
        rejection
            .error
            .located()
            .map(|(location, diagnostic)| MistakeRecord {
                message: clean(&diagnostic.message),
                hint: diagnostic.hint.as_ref().map(clean),
                location: location.as_ref().map(LocationRecord::from),
            })
            .collect()
    }
}
