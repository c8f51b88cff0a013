//! GitHub Actions: an annotation for each check that did not pass, and a summary of the step.
//!
//! Source: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>, and the runner's parser:
//! `ActionCommand.cs` and `ActionCommandManager.cs` of `actions/runner`.

mod step_summary;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::file::ReportError;
use super::standing::{and_remarks, remarks};
use super::summary::causes;
use super::{Rejection, Reporter, attempts, write_to_people};
use crate::event::{Event, RunInfo, RunReport};
use crate::language::printable::printable;
use crate::language::source::Location;
use crate::outcome::Outcome;

/// Writes to standard error. The runner reads both streams, and standard output may carry a report.
pub struct Github<W> {
    out: W,
    /// The root of the repository, which paths in annotations are relative to.
    workspace: Option<PathBuf>,
    /// The file for the step summary.
    summary_file: Option<PathBuf>,
    /// The unguessable token that re-enables commands. They are disabled while checks run, because the runner accepts
    /// them from any line, and some lines show server responses.
    token: String,
    are_commands_off: bool,
    annotations: String,
    summary: String,
}

impl<W: Write> Github<W> {
    pub fn new(out: W) -> Github<W> {
        let folder = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        Github {
            out,
            workspace: folder("GITHUB_WORKSPACE"),
            summary_file: folder("GITHUB_STEP_SUMMARY"),
            token: uuid::Uuid::new_v4().simple().to_string(),
            are_commands_off: false,
            annotations: String::new(),
            summary: String::new(),
        }
    }

    fn annotate(&mut self, level: Level, location: Option<&Location>, title: &str, message: &str) {
        let level = match level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        let place = location.map(|location| {
            let file = in_repository(&location.path, self.workspace.as_deref());
            format!("file={},line={},", property(&file), location.line)
        });
        let place = place.unwrap_or_default();
        self.annotations.push_str(&format!(
            "::{level} {place}title={}::{}\n",
            property(title),
            data(message)
        ));
    }

    /// Annotates the root cause first, because GitHub shows only the first ten annotations of a kind.
    fn annotate_checks(&mut self, report: &RunReport, run: &RunInfo) {
        let causes = causes(run, report);
        let first = causes.iter().map(|cause| cause.check.check);
        let rest =
            (0..report.checks.len()).filter(|check| causes.iter().all(|cause| cause.check.check != *check));
        for check in first.chain(rest) {
            let (name, report) = (&run.checks[check].name, &report.checks[check]);
            let location = |failure| run.location_of(check, None, failure);
            match &report.outcome {
                Outcome::Failed(failure) | Outcome::Undecided(failure) => {
                    let reproduce = report.trail.reproduce.as_ref();
                    let reproduce = reproduce.map(|command| format!("\nreproduce: {}", **command));
                    let beside = and_remarks(report, run);
                    let message = format!("{}{beside}{}", **failure, reproduce.unwrap_or_default());
                    let level = if run.excuse(report).is_some() { Level::Warning } else { Level::Error };
                    self.annotate(level, Some(&location(failure)), name, &message);
                }
                Outcome::Warned(failure) => {
                    self.annotate(
                        Level::Warning,
                        Some(&location(failure)),
                        name,
                        &format!("{}{}", **failure, and_remarks(report, run)),
                    );
                }
                Outcome::Passed if report.has_flapped() => {
                    let info = &run.checks[check];
                    let location = info.target.map(|place| run.sources.location(place));
                    let message = attempts::flaps(report);
                    let location = location.as_ref().unwrap_or(&info.location);
                    self.annotate(Level::Warning, Some(location), name, &message);
                }
                Outcome::Passed => {
                    if let Some(first) = attempts::of_flaky(report).first().filter(|_| report.is_flaky()) {
                        let message =
                            format!("flaky: {}, after: {}", attempts::passed_at(report), first.failure);
                        let location = run.location_of(check, first.step, first.failure);
                        self.annotate(Level::Warning, Some(&location), name, &message);
                    }
                    let slower = remarks(report, run).join("; ");
                    if !slower.is_empty() {
                        self.annotate(Level::Warning, Some(&run.checks[check].location), name, &slower);
                    }
                }
                Outcome::Skipped(_) => {}
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Level {
    Error,
    Warning,
}

impl<W: Write> Reporter for Github<W> {
    fn on_event(&mut self, event: &Event, run: &RunInfo) {
        match event {
            Event::RunStarted => {
                self.are_commands_off = true;
                write_to_people(&mut self.out, &format!("::stop-commands::{}\n", self.token));
            }
            Event::RunFinished(report) => {
                self.annotate_checks(report, run);
                self.summary = step_summary::of_run(report, run);
            }
            Event::CheckStarted { .. }
            | Event::AttemptFailed { .. }
            | Event::StepFinished { .. }
            | Event::Traced { .. }
            | Event::CheckReady { .. }
            | Event::CheckFinished(_)
            | Event::RunCancelled(_) => {}
        }
    }

    fn on_rejection(&mut self, rejection: &Rejection<'_>) {
        for (location, diagnostic) in rejection.error.located() {
            let hint = diagnostic.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            let message = rejection.redactor.clean(&format!("{}{hint}", diagnostic.message));
            self.annotate(Level::Error, location.as_ref(), "the suite is wrong", &message);
        }
        self.summary = step_summary::of_rejection(rejection);
    }

    /// Writing an automatic summary never fails the run.
    fn finish(&mut self) -> Result<(), ReportError> {
        if std::mem::take(&mut self.are_commands_off) {
            write_to_people(&mut self.out, &format!("::{}::\n", self.token));
        }
        write_to_people(&mut self.out, &std::mem::take(&mut self.annotations));
        if let Some(file) = &self.summary_file
            && let Err(error) = step_summary::append(file, &std::mem::take(&mut self.summary))
        {
            let reason = crate::language::io_error::reason(&error);
            let text =
                format!("warning: cannot write the step's summary to `{}`: {reason}\n", file.display());
            write_to_people(&mut self.out, &text);
        }
        Ok(())
    }
}

/// Returns the path relative to the root of the repository, or unchanged if it is outside.
fn in_repository(path: &Path, workspace: Option<&Path>) -> String {
    let inside = workspace.and_then(|workspace| {
        let (path, workspace) = (path.canonicalize().ok()?, workspace.canonicalize().ok()?);
        Some(path.strip_prefix(workspace).ok()?.to_owned())
    });
    inside.as_deref().unwrap_or(path).display().to_string()
}

/// Escapes the text after the second `::`.
fn data(text: &str) -> String {
    printable(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a `name=value` property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
