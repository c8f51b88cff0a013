//! The output for people: a line per check as it ends, the details of failures below it, and the root cause at the end.

mod details;

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use indicatif::ProgressBar;

use self::details::{Details, INDENT, failed_cleanup, found_on_the_way, indented, notes, promises};
use super::Reporter;
use super::attempts::{self, FailedAttempt};
use super::progress::progress_bar;
use super::standing::{and_remarks, baseline_line, labels_line, remarks};
use super::style::{Style, clock};
use super::summary::{Counts, NOTHING_REACHED, causes, has_failed, meaning, nothing_was_reached};
use super::wrap::wrapped;
use crate::event::{CancelReason, CheckReport, Event, RunInfo, RunReport, Status, StepReport};
use crate::exit::Exit;
use crate::language::printable::printable;
use crate::language::severity::Severity;
use crate::outcome::{Direction, Outcome, SkipReason, Span, Trace};

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Only failures and the summary.
    Quiet,
    Normal,
}

/// Prints to standard error, or to any other `out`.
pub struct Console<W> {
    out: W,
    style: Style,
    verbosity: Verbosity,
    bar: Option<ProgressBar>,
    in_flight: Vec<usize>,
    width: fn() -> Option<usize>,
}

impl<W: Write> Console<W> {
    pub fn new(out: W, style: Style, verbosity: Verbosity, progress: bool) -> Console<W> {
        let bar = progress.then(progress_bar);
        Console { out, style, verbosity, bar, in_flight: Vec::new(), width: || None }
    }

    /// Wraps long lines at the current width.
    #[must_use]
    pub fn wrapping_at(self, width: fn() -> Option<usize>) -> Console<W> {
        Console { width, ..self }
    }

    /// Prints whole lines, above the progress bar if there is one.
    fn print(&mut self, text: &str) {
        let text = match (self.width)() {
            Some(width) => Cow::Owned(wrapped(text, width)),
            None => Cow::Borrowed(text),
        };
        let out = &mut self.out;
        // A reader that has gone away (`| head`) is not a reason to end the run.
        let mut write = || drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn update_bar(&self, run: &RunInfo) {
        let Some(bar) = &self.bar else { return };
        let names: Vec<&str> = self.in_flight.iter().map(|check| &*run.checks[*check].name).collect();
        bar.set_message(printable(&names.join(", ")));
    }

    /// Formats the line of a check: a coloured word, its time, and a note.
    fn check_line(
        &self,
        run: &RunInfo,
        check: usize,
        word: &str,
        took: Option<Duration>,
        note: &str,
    ) -> String {
        let info = &run.checks[check];
        let time = took.map(|took| Span(took).to_string()).unwrap_or_default();
        let mut line = format!("{word} {time:>7}  {:<8}  {}", info.kind, printable(&info.name));
        if let Some(remark) = info.remark {
            line.push_str(&format!("  {}", self.style.warning(format!("({remark})"))));
        }
        if !note.is_empty() {
            line.push_str(&format!("  {}", self.style.quiet(note)));
        }
        line.push('\n');
        line
    }

    /// Formats the line of a check that has ended.
    fn status_line(&self, run: &RunInfo, report: &CheckReport, note: &str) -> String {
        let status = report.status();
        let word = self.style.status(status, format!("{:>5}", status.word()));
        let took = (status != Status::Skipped).then_some(report.trail.took);
        self.check_line(run, report.check, &word, took, note)
    }

    fn finished(&mut self, report: &CheckReport, run: &RunInfo) {
        self.in_flight.retain(|check| *check != report.check);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        // Updated before the line is printed, because printing redraws the bar.
        self.update_bar(run);
        let normal = self.verbosity == Verbosity::Normal;
        let text = match &report.outcome {
            // Its line was printed when it was ready.
            Outcome::Passed if report.was_ready => String::new(),
            Outcome::Passed => self.passed(report, run),
            Outcome::Failed(failure) | Outcome::Undecided(failure) => {
                let shown = run.location_of(report.check, None, failure).to_string();
                let line = self.status_line(run, report, &(shown.clone() + &and_remarks(report, run)));
                line + &Details { style: self.style, run, shown }.text(report, failure)
            }
            Outcome::Warned(failure) => {
                let shown = run.location_of(report.check, None, failure).to_string();
                let remarks = and_remarks(report, run);
                let note = format!("{shown}; warning only, does not fail the run{remarks}");
                let line = self.status_line(run, report, &note);
                line + &Details { style: self.style, run, shown }.text(report, failure)
            }
            Outcome::Skipped(reason) if normal => {
                let note = match reason {
                    SkipReason::Asked(reason) => format!("skipped: {}", printable(reason)),
                    SkipReason::ReadOnly(_)
                    | SkipReason::Need { .. }
                    | SkipReason::FailFast { .. }
                    | SkipReason::Budget(_)
                    | SkipReason::Signal { .. } => printable(&reason.to_string()),
                };
                self.status_line(run, report, &(note + &and_remarks(report, run)))
            }
            Outcome::Skipped(_) => String::new(),
        };
        let is_shown = normal || !report.status().has_passed();
        let found = if is_shown { found_on_the_way(report, self.style) } else { String::new() };
        let promises = if is_shown { promises(report, self.style) } else { String::new() };
        let notes = if is_shown { notes(report, self.style) } else { String::new() };
        let text = text + &found + &promises + &notes + &failed_cleanup(report, run);
        self.print(&text);
    }

    /// Formats a passed check. Noteworthy ones are shown even in quiet mode.
    fn passed(&self, report: &CheckReport, run: &RunInfo) -> String {
        let slower = remarks(report, run).join("; ");
        let and_slower = and_remarks(report, run);
        match report.status() {
            Status::Flaky => {
                let mut text =
                    self.status_line(run, report, &printable(&(attempts::passed_at(report) + &and_slower)));
                for FailedAttempt { which, failure, .. } in attempts::of_flaky(report).iter().take(3) {
                    text.push_str(&indented(&printable(&format!("{which}: {failure}"))));
                }
                text
            }
            Status::Flapped => {
                self.status_line(run, report, &printable(&(attempts::flaps(report) + &and_slower)))
            }
            Status::Slow => {
                let note =
                    format!("passed with little left of its budget of {}{and_slower}", Span(report.budget));
                self.status_line(run, report, &note)
            }
            Status::Passed
            | Status::Warned
            | Status::Failed
            | Status::Errored
            | Status::Undecided
            | Status::Skipped => match self.verbosity {
                Verbosity::Quiet if slower.is_empty() => String::new(),
                Verbosity::Normal | Verbosity::Quiet => self.status_line(run, report, &slower),
            },
        }
    }

    fn summary(&self, report: &RunReport, run: &RunInfo) -> String {
        let style = self.style;
        let headline = format!(
            "{}: {} in {}",
            printable(&run.suite),
            Counts::of(report, run).describe(),
            Span(report.took)
        );
        let ended =
            run.started.saturating_add(jiff::SignedDuration::try_from(report.took).unwrap_or_default());
        let headline = format!("{headline}, at {}", clock(ended.unwrap_or(run.started)));
        let word = match report.exit {
            Exit::Passed => style.good("PASSED"),
            Exit::CannotWork if !has_failed(report) => style.warning("NO VERDICT"),
            Exit::Failed | Exit::GateClosed | Exit::CannotWork => style.bad("FAILED"),
            Exit::NotThisDeploy => style.warning("HOLD"),
            Exit::OutOfBudget => style.warning("NO VERDICT"),
            Exit::NothingSelected | Exit::BadSuite => style.warning("NOTHING RAN"),
            Exit::Interrupted | Exit::Terminated => style.warning("INTERRUPTED"),
        };
        let mut text = format!("\n{word} {headline}\n");
        if nothing_was_reached(report) {
            text.push_str(&format!("  {}\n", style.strong(NOTHING_REACHED)));
        }
        if let Some(CancelReason::Budget(budget)) = &report.cancelled {
            text.push_str(&format!("  the suite's budget of {} ended first\n", Span(*budget)));
        }
        for (index, cause) in causes(run, report).iter().enumerate() {
            let info = &run.checks[cause.check.check];
            let label = if index == 0 { style.strong("root cause:") } else { "also:".to_owned() };
            let what = printable(&one_line(&cause.message()));
            let (name, location) = (printable(&info.name), cause.location(run));
            text.push_str(&format!("  {label} `{name}` ({location}): {what}\n"));
            for remark in remarks(cause.check, run) {
                text.push_str(&format!("    {remark}\n"));
            }
            if !cause.skipped.is_empty() {
                let names: Vec<String> =
                    cause.skipped.iter().take(5).map(|name| format!("`{}`", printable(name))).collect();
                let more = if cause.skipped.len() > names.len() { ", …" } else { "" };
                text.push_str(&format!(
                    "    because of it {}: {}{more}\n",
                    cause.consequence(),
                    names.join(", ")
                ));
            }
        }
        text.push_str(&background(run, report));
        for line in baseline_line(run).into_iter().chain(labels_line(run)) {
            text.push_str(&format!("  {}\n", printable(&line)));
        }
        if report.exit != Exit::Passed {
            text.push_str(&format!("  exit code {}: {}\n", report.exit.code(), meaning(report)));
        }
        text
    }
}

/// Describes the state of the booted processes, if it matters for reproducing a failure: either they keep running, or
/// the command of a failure has nothing to connect to any more.
fn background(run: &RunInfo, report: &RunReport) -> String {
    let name = |check: &CheckReport| printable(&run.checks[check.check].name);
    let is_asked = |check: &CheckReport| {
        matches!(check.outcome, Outcome::Failed(_) | Outcome::Undecided(_))
            && !check.was_ready
            && check.trail.reproduce.is_some()
            && run.checks[check.check].kind != "boot"
    };
    let someone_is_asked = report.checks.iter().any(|check| is_asked(check));
    let booted = report.checks.iter().filter(|check| check.was_ready);
    booted
        .filter_map(|check| match &check.trail.left_running {
            Some(how) => Some(format!("  `{}` {}\n", name(check), printable(&how.to_string()))),
            None if someone_is_asked && report.exit != Exit::Passed => Some(format!(
                "  `{}` has been stopped; to reproduce a failure by hand, run again with --keep-running\n",
                name(check)
            )),
            None => None,
        })
        .collect()
}

/// Returns the first line, with an ellipsis if there are more.
fn one_line(text: &str) -> String {
    match text.split_once('\n') {
        Some((first, _)) => format!("{} …", first.trim_end_matches(':')),
        None => text.to_owned(),
    }
}

impl<W: Write> Reporter for Console<W> {
    fn on_event(&mut self, event: &Event, run: &RunInfo) {
        match event {
            Event::RunStarted => {
                if self.verbosity == Verbosity::Normal {
                    let environment =
                        run.environment.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
                    let count = run.checks.len();
                    let checks = if count == 1 { "check" } else { "checks" };
                    let head = format!(
                        "{}{environment}: {count} {checks}, budget {}, at {}\n",
                        run.suite,
                        Span(run.budget),
                        clock(run.started)
                    );
                    self.print(&printable(&head));
                }
                if let Some(bar) = &self.bar {
                    bar.set_length(u64::try_from(run.checks.len()).unwrap_or(u64::MAX));
                    bar.enable_steady_tick(Duration::from_millis(100));
                }
            }
            Event::CheckStarted { check } => {
                self.in_flight.push(*check);
                self.update_bar(run);
            }
            Event::CheckReady { check, took } => {
                self.in_flight.retain(|other| other != check);
                if self.verbosity == Verbosity::Normal {
                    let line = self.check_line(run, *check, &self.style.good("READY"), Some(*took), "");
                    self.print(&line);
                }
                self.update_bar(run);
            }
            Event::CheckFinished(report) => self.finished(report, run),
            Event::AttemptFailed { .. } => {}
            Event::Traced { check, trace } => self.traced(*check, trace, run),
            Event::StepFinished { check, report } => self.step_finished(*check, report, run),
            Event::RunCancelled(reason) => {
                if let CancelReason::Signal(signal) = reason {
                    self.print(&format!("{signal}: cleaning up and writing the reports\n"));
                }
            }
            Event::RunFinished(report) => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                let summary = self.summary(report, run);
                self.print(&summary);
            }
        }
    }
}

impl<W: Write> Console<W> {
    /// Prints wire traffic, each line with its direction. The name of the check comes first, because checks run
    /// concurrently.
    fn traced(&mut self, check: usize, trace: &Trace, run: &RunInfo) {
        let sign = match trace.direction {
            Direction::Sent => '>',
            Direction::Received => '<',
        };
        let mut text = format!(
            "TRACE {:>7}  {:<8}  {}\n",
            "",
            run.checks[check].kind,
            printable(&run.checks[check].name)
        );
        for line in printable(&trace.text.to_string()).lines() {
            text.push_str(format!("{INDENT}{sign} {line}").trim_end());
            text.push('\n');
        }
        let painted = self.style.quiet(text.trim_end());
        self.print(&format!("{painted}\n"));
    }

    /// Shows the progress of a journey in the bar.
    fn step_finished(&self, check: usize, step: &StepReport, run: &RunInfo) {
        if let Some(bar) = &self.bar {
            let info = &run.checks[check];
            let critical = if info.severity == Severity::Warn { " (warn)" } else { "" };
            bar.set_message(printable(&format!("{}{critical}: {}", info.name, step.step.name)));
        }
    }
}
