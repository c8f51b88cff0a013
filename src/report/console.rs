//! What people read: a line per check as it ends, what went wrong under it, and at the end the root cause.

use std::io::Write;
use std::time::Duration;

use indicatif::ProgressBar;

use super::Reporter;
use super::attempts::{self, FailedAttempt};
use super::progress::progress_bar;
use super::style::Style;
use super::summary::{Counts, causes, meaning};
use crate::event::{CancelReason, CheckReport, Event, RunInfo, RunReport, StepReport};
use crate::exit::Exit;
use crate::language::printable::printable;
use crate::language::severity::Severity;
use crate::outcome::{Direction, Failure, Log, Mismatch, Outcome, Phase, SkipReason, Span, Trace};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Only what went wrong, and the summary.
    Quiet,
    Normal,
}

/// Tells people, on standard error or wherever `out` goes.
pub struct Console<W> {
    out: W,
    style: Style,
    verbosity: Verbosity,
    bar: Option<ProgressBar>,
    in_flight: Vec<usize>,
}

/// How much of what a booted process printed is shown: lines, and bytes of them.
const LOG_LINES: usize = 20;
const LOG_BYTES: usize = 2_000;

/// How far what belongs to a check's line is moved in.
const INDENT: &str = "        ";

impl<W: Write> Console<W> {
    pub fn new(out: W, style: Style, verbosity: Verbosity, progress: bool) -> Console<W> {
        let bar = progress.then(progress_bar);
        Console { out, style, verbosity, bar, in_flight: Vec::new() }
    }

    /// Prints whole lines, above the progress bar if there is one.
    fn print(&mut self, text: &str) {
        let out = &mut self.out;
        // A reader that has gone away (`| head`) is no reason to end the run.
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

    fn check_line(&self, run: &RunInfo, check: usize, word: &str, took: Duration, note: &str) -> String {
        let info = &run.checks[check];
        let padded = format!("{word:>5}");
        let painted = match word {
            "PASS" | "READY" => self.style.good(padded),
            "FAIL" | "ERROR" => self.style.bad(padded),
            "WARN" | "FLAKY" | "SLOW" | "CUT" => self.style.warning(padded),
            _ => self.style.quiet(padded),
        };
        let time = if word == "SKIP" { String::new() } else { Span(took).to_string() };
        let mut line = format!("{painted} {time:>7}  {:<8}  {}", info.kind, printable(&info.name));
        if let Some(remark) = info.remark {
            line.push_str(&format!("  {}", self.style.warning(format!("({remark})"))));
        }
        if !note.is_empty() {
            line.push_str(&format!("  {}", self.style.quiet(note)));
        }
        line.push('\n');
        line
    }

    fn finished(&mut self, report: &CheckReport, run: &RunInfo) {
        self.in_flight.retain(|check| *check != report.check);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        // Before the line is printed, because the bar is drawn again around it.
        self.update_bar(run);
        let info = &run.checks[report.check];
        let normal = self.verbosity == Verbosity::Normal;
        let text = match &report.outcome {
            // Its line was written when it was ready.
            Outcome::Passed if report.was_ready => String::new(),
            Outcome::Passed if report.is_flaky() => {
                let note = printable(&attempts::passed_at(report));
                let mut text = self.check_line(run, report.check, "FLAKY", report.took, &note);
                for FailedAttempt { which, failure } in attempts::of_flaky(report).iter().take(3) {
                    text.push_str(&indented(&printable(&format!("{which}: {failure}"))));
                }
                text
            }
            Outcome::Passed if report.is_slow() => {
                let note = format!("passed with little left of its budget of {}", Span(report.budget));
                self.check_line(run, report.check, "SLOW", report.took, &note)
            }
            Outcome::Passed if normal => self.check_line(run, report.check, "PASS", report.took, ""),
            Outcome::Passed => String::new(),
            Outcome::Failed(failure) => {
                let word = match failure.verdict() {
                    crate::outcome::Verdict::Errored => "ERROR",
                    crate::outcome::Verdict::Failed | crate::outcome::Verdict::Undecided => "FAIL",
                };
                let line = self.check_line(run, report.check, word, report.took, &info.location.to_string());
                line + &self.details(report, failure)
            }
            Outcome::Warned(failure) => {
                let line = self.check_line(
                    run,
                    report.check,
                    "WARN",
                    report.took,
                    "only a warning: not red by itself",
                );
                line + &self.details(report, failure)
            }
            Outcome::Undecided(failure) => {
                let line = self.check_line(run, report.check, "CUT", report.took, &info.location.to_string());
                line + &self.details(report, failure)
            }
            Outcome::Skipped(reason) if normal => {
                let note = match reason {
                    SkipReason::Asked(reason) => format!("skipped: {}", printable(reason)),
                    SkipReason::Need { .. }
                    | SkipReason::FailFast { .. }
                    | SkipReason::Budget(_)
                    | SkipReason::Signal { .. } => printable(&reason.to_string()),
                };
                self.check_line(run, report.check, "SKIP", report.took, &note)
            }
            Outcome::Skipped(_) => String::new(),
        };
        let text = text + &failed_cleanup(report);
        self.print(&text);
    }

    /// What went wrong, where its time went, and what to do.
    fn details(&self, report: &CheckReport, failure: &Failure) -> String {
        let mut text = indented(&self.failure(failure));
        let cut = root(failure);
        let mut facts = Vec::new();
        let (phases, address) =
            match report.steps.iter().rev().find(|step| step.failure.is_some() && !step.is_cleanup) {
                Some(step) if report.phases.is_empty() => (&step.phases, &step.address),
                _ => (&report.phases, &report.address),
            };
        if report.attempts > 1 {
            facts.push(format!("{} attempts", report.attempts));
        }
        facts.extend(address.as_ref().map(|address| printable(&address.to_string())));
        facts.extend(times(phases));
        if !facts.is_empty() {
            text.push_str(&indented(&self.style.quiet(facts.join("; "))));
        }
        if let Failure::Fault { hint: Some(hint), .. } = cut {
            let hint = printable(&hint.to_string());
            text.push_str(&indented(&format!("{} {hint}", self.style.strong("hint:"))));
        }
        if let Some(command) = &report.reproduce {
            let command = printable(&command.to_string());
            text.push_str(&indented(&format!("{} {command}", self.style.strong("reproduce:"))));
        }
        text
    }

    fn failure(&self, failure: &Failure) -> String {
        match failure {
            Failure::Mismatch { mismatches, answer } => {
                let mut lines: Vec<String> =
                    mismatches.iter().map(|mismatch| self.mismatch(mismatch)).collect();
                lines.extend(answer.as_ref().map(|answer| self.style.quiet(printable(&answer.to_string()))));
                lines.join("\n")
            }
            Failure::TimedOut { cut, phase, detail, last, log } => {
                let mut text = String::new();
                if let Some(last) = last {
                    text.push_str(&format!("{}\n", self.failure(last)));
                }
                text.push_str(&cut.what_ended(*phase));
                if let Some(detail) = detail {
                    text.push_str(&format!(": {}", printable(&detail.to_string())));
                }
                text + &self.log(log.as_ref())
            }
            Failure::Fault { doing, cause, .. } => printable(&format!("{doing}: {cause}")),
            Failure::Exited { how, log } => printable(&how.to_string()) + &self.log(log.as_ref()),
            Failure::Step { step, number, source } => {
                format!("step {number} `{}`: {}", printable(step), self.failure(source))
            }
        }
    }

    /// The last lines of it, under a heading. The reports have more of them.
    fn log(&self, log: Option<&Log>) -> String {
        let Some(log) = log else { return String::new() };
        let shown = log.shortened(LOG_LINES, LOG_BYTES).to_string();
        format!("\n{}\n{}", self.style.quiet("its last output:"), printable(&shown))
    }

    fn mismatch(&self, mismatch: &Mismatch) -> String {
        let Mismatch { what, expected, actual } = mismatch;
        let (what, expected, actual) =
            (printable(&what.to_string()), printable(&expected.to_string()), printable(&actual.to_string()));
        format!("expected {what} {}, got {}", self.style.good(expected), self.style.bad(actual))
    }

    fn summary(&self, report: &RunReport, run: &RunInfo) -> String {
        let style = self.style;
        let headline =
            format!("{}: {} in {}", printable(&run.suite), Counts::of(report).describe(), Span(report.took));
        let word = match report.exit {
            Exit::Passed => style.good("PASSED"),
            Exit::Failed | Exit::GateClosed | Exit::CannotWork => style.bad("FAILED"),
            Exit::OutOfBudget => style.warning("NO VERDICT"),
            Exit::NothingSelected | Exit::BadSuite => style.warning("NOTHING RAN"),
            Exit::Interrupted | Exit::Terminated => style.warning("INTERRUPTED"),
        };
        let mut text = format!("\n{word} {headline}\n");
        if let Some(CancelReason::Budget(budget)) = &report.cancelled {
            text.push_str(&format!("  the suite's budget of {} ended first\n", Span(*budget)));
        }
        for (index, cause) in causes(run, report).iter().enumerate() {
            let info = &run.checks[cause.check.check];
            let label = if index == 0 { style.strong("root cause:") } else { "also:".to_owned() };
            let what = printable(&one_line(&cause.failure.to_string()));
            let name = printable(&info.name);
            text.push_str(&format!("  {label} `{name}` ({}): {what}\n", info.location));
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
        if report.exit != Exit::Passed {
            text.push_str(&format!("  exit code {}: {}\n", report.exit.code(), meaning(report)));
        }
        text
    }
}

/// What was not cleaned up. The verdict stands, and somebody has to know.
fn failed_cleanup(report: &CheckReport) -> String {
    let cleanup = report.steps.iter().filter(|step| step.is_cleanup);
    cleanup
        .filter_map(|step| Some((step, step.failure.as_ref()?)))
        .map(|(step, failure)| {
            indented(&format!(
                "cleanup step `{}` failed: {}",
                printable(&step.name),
                printable(&failure.to_string())
            ))
        })
        .collect()
}

/// The first cause under the steps and attempts.
fn root(failure: &Failure) -> &Failure {
    match failure {
        Failure::Step { source, .. } => root(source),
        Failure::TimedOut { last: Some(last), .. } => root(last),
        Failure::TimedOut { last: None, .. }
        | Failure::Mismatch { .. }
        | Failure::Fault { .. }
        | Failure::Exited { .. } => failure,
    }
}

/// Every line of `text` moved in, with a line break at its end.
fn indented(text: &str) -> String {
    text.lines().flat_map(|line| [INDENT, line, "\n"]).collect()
}

/// The first line, and a sign that there is more.
fn one_line(text: &str) -> String {
    match text.split_once('\n') {
        Some((first, _)) => format!("{} …", first.trim_end_matches(':')),
        None => text.to_owned(),
    }
}

/// `dns 0.3ms, connect 0.1ms, first byte 30ms`, or nothing if nothing was on the wire.
fn times(phases: &[(Phase, Duration)]) -> Option<String> {
    let mut spent: Vec<&(Phase, Duration)> = phases
        .iter()
        .filter(|(phase, _)| !matches!(phase, Phase::Prepare | Phase::Ready | Phase::Wait))
        .collect();
    spent.sort_by_key(|(phase, _)| *phase);
    let shown: Vec<String> =
        spent.iter().map(|(phase, span)| format!("{} {}", phase.name(), Span(*span))).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
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
                        "{}{environment}: {count} {checks}, budget {}\n",
                        run.suite,
                        Span(run.budget)
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
                    let line = self.check_line(run, *check, "READY", *took, "");
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
    /// What went over the wire, each line with the way it went: checks run at the same time, so their name is on top.
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

    /// The bar shows how far a journey is.
    fn step_finished(&self, check: usize, step: &StepReport, run: &RunInfo) {
        if let Some(bar) = &self.bar {
            let info = &run.checks[check];
            let critical = if info.severity == Severity::Warn { " (warn)" } else { "" };
            bar.set_message(printable(&format!("{}{critical}: {}", info.name, step.name)));
        }
    }
}
