//! The checks that did not pass in the last run of a suite, stored for `--rerun-failed`.
//!
//! There is one small file per suite and environment, in the user's state directory and never next to the suite. It
//! contains the suite's path and names of checks, but nothing that a check sent or received.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::file::{Destination, Outlives, ReportError, replace};
use super::stream::Stream;
use super::{Reporter, write_to_people};
use crate::event::{CheckReport, Event, RunInfo};
use crate::outcome::{NeedFailed, Outcome, SkipReason};

/// The stored data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// The suite's absolute path.
    suite: PathBuf,
    environment: Option<String>,
    not_passed: BTreeSet<String>,
}

/// The last run of a suite in one environment.
#[derive(Debug)]
pub struct LastRun {
    /// `None` if there is no state directory.
    file: Option<PathBuf>,
    record: Record,
    was_found: bool,
    /// Is the record a new one, or from another day? Then there may be others that nobody will ask for any more.
    is_first_of_a_day: bool,
}

impl LastRun {
    /// Reads the record of the last run of the suite at `path`.
    pub fn of(path: &Path, environment: Option<&str>) -> LastRun {
        let suite =
            path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.into());
        let file = state_folder().map(|folder| folder.join("smoke").join(file_name(&suite, environment)));
        let blank =
            Record { suite, environment: environment.map(str::to_owned), not_passed: BTreeSet::new() };
        let found = file
            .as_ref()
            .and_then(|file| std::fs::read(file).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .filter(|found: &Record| {
                (&found.suite, &found.environment) == (&blank.suite, &blank.environment)
            });
        let was_found = found.is_some();
        let age =
            file.as_ref().and_then(|file| std::fs::metadata(file).ok()?.modified().ok()?.elapsed().ok());
        let is_first_of_a_day = age.is_none_or(|age| age > PRUNED_EVERY);
        LastRun { file, record: found.unwrap_or(blank), was_found, is_first_of_a_day }
    }

    /// Returns the checks that did not pass, or `None` if no run is known.
    pub fn not_passed(&self) -> Option<&BTreeSet<String>> {
        self.was_found.then_some(&self.record.not_passed)
    }

    /// Returns a reporter that stores the results of the next run. `suite` contains the names of all checks, selected
    /// or not.
    pub fn keeper(self, suite: BTreeSet<String>, trouble: Trouble) -> Keeper {
        Keeper { last: self, suite, trouble, is_over: false, error: None }
    }
}

/// Whether a storage failure is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Storing is automatic, and a read-only home directory should not cause a warning on every run.
    IsSilent,
    IsSaid,
}

/// Stores the checks that did not pass. Unselected checks keep their previous state.
pub struct Keeper {
    last: LastRun,
    suite: BTreeSet<String>,
    trouble: Trouble,
    is_over: bool,
    error: Option<ReportError>,
}

impl Reporter for Keeper {
    /// Removes the old record, so that a killed run counts as unknown instead of as the previous run.
    fn begin(&mut self) -> Result<(), ReportError> {
        if let Some(file) = &self.last.file
            && let Err(error) = std::fs::remove_file(file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            self.error = Some(ReportError::new(&Destination::File(file.clone()), &error));
        }
        Ok(())
    }

    fn on_event(&mut self, event: &Event, run: &RunInfo) {
        let Event::RunFinished(report) = event else { return };
        let names = &mut self.last.record.not_passed;
        names.retain(|name| self.suite.contains(name));
        for (info, report) in run.checks.iter().zip(&report.checks) {
            if is_to_be_run_again(report) {
                names.insert(info.name.to_string())
            } else {
                names.remove(&*info.name)
            };
        }
        self.is_over = true;
    }

    /// Never fails the run, because the verdict does not depend on it.
    fn finish(&mut self) -> Result<(), ReportError> {
        let written = match &self.last.file {
            Some(file) if self.is_over => {
                let written = write(file, &self.last.record);
                if let Some(folder) = file.parent().filter(|_| self.last.is_first_of_a_day) {
                    prune(folder);
                }
                written
            }
            Some(_) | None => Ok(()),
        };
        let nowhere = self
            .last
            .file
            .is_none()
            .then(|| "there is no state folder (`XDG_STATE_HOME`, `HOME`)".to_owned());
        let trouble = written.err().or(self.error.take()).map(|error| error.to_string()).or(nowhere);
        if let (Trouble::IsSaid, Some(trouble)) = (self.trouble, trouble) {
            let text =
                format!("warning: what did not pass cannot be saved for `--rerun-failed`: {trouble}\n");
            write_to_people(&mut Stream::Stderr, &text);
        }
        Ok(())
    }
}

/// Whether the check did not pass, unless the suite itself excludes it.
fn is_to_be_run_again(report: &CheckReport) -> bool {
    match &report.outcome {
        Outcome::Passed => false,
        Outcome::Failed(_) | Outcome::Warned(_) | Outcome::Undecided(_) => true,
        Outcome::Skipped(reason) => match reason {
            SkipReason::Asked(_)
            | SkipReason::ReadOnly(_)
            | SkipReason::Need { why: NeedFailed::WasSkipped, .. } => false,
            SkipReason::Need { why: NeedFailed::DidNotPass, .. }
            | SkipReason::FailFast { .. }
            | SkipReason::Budget(_)
            | SkipReason::Signal { .. } => true,
        },
    }
}

/// Writes the record atomically, but without waiting for the disk: after a power cut, everything runs again.
fn write(file: &Path, record: &Record) -> Result<(), ReportError> {
    // Serializing to memory fails only for non-string map keys, which do not occur.
    let text = serde_json::to_string(record).unwrap_or_default();
    let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = folder.and_then(|()| replace(file, &text, Outlives::Process));
    written.map_err(|error| ReportError::new(&Destination::File(file.to_owned()), &error))
}

/// How many records are kept, and for how long.
const MOST_RECORDS: usize = 100;
const LONGEST: Duration = Duration::from_hours(90 * 24);

/// To list a hundred files and to look at their age takes a good part of a short run's own time.
const PRUNED_EVERY: Duration = Duration::from_hours(24);

/// Takes away what nobody will ask for any more: CI has a new folder for every run.
fn prune(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| {
        let age = entry.metadata().ok()?.modified().ok()?.elapsed().unwrap_or_default();
        Some((age, entry.path()))
    });
    let mut files: Vec<(Duration, PathBuf)> = files.collect();
    files.sort();
    for (number, (age, file)) in files.iter().enumerate() {
        if number >= MOST_RECORDS || *age > LONGEST {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Returns the state directory. Source: <https://specifications.freedesktop.org/basedir-spec/latest/>, which ignores
/// relative paths.
fn state_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .or_else(|| folder("LOCALAPPDATA"))
}

/// Returns the name of the record. If two suites collide, they replace each other's record, which contains the suite's
/// path. Source: FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>. The standard library's hashes may change.
fn file_name(suite: &Path, environment: Option<&str>) -> String {
    let environment = environment.unwrap_or_default().as_bytes();
    let bytes = suite.as_os_str().as_encoded_bytes().iter().chain(&[0]).chain(environment);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}.json")
}
