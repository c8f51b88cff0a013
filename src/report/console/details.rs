//! The details below the line of a check that did not pass.

use std::time::Duration;

use crate::event::{CheckReport, RunInfo, Trail};
use crate::language::printable::printable;
use crate::outcome::{Failure, Log, Mismatch, Outcome, Phase, Span};
use crate::report::style::Style;

/// The most lines and bytes of a booted process's output that are shown.
const LOG_LINES: usize = 20;
const LOG_BYTES: usize = 2_000;

/// The most lines of its output that are shown below another check's failure.
const SAID_LINES: usize = 12;

/// The indentation of details below a check's line.
pub(super) const INDENT: &str = "        ";

/// Formats the details of a failure.
pub(super) struct Details<'r> {
    pub style: Style,
    pub run: &'r RunInfo,
    /// The location that the line above already shows.
    pub shown: String,
}

impl Details<'_> {
    /// Formats what went wrong, where the time went, and what to do.
    pub fn text(&self, report: &CheckReport, failure: &Failure) -> String {
        let mut text = indented(&self.failure(failure));
        let cut = root(failure);
        let mut facts = Vec::new();
        let of_step = report.steps.iter().rev().find(|step| step.failure.is_some() && !step.is_cleanup);
        let Trail { phases, address, .. } = match of_step {
            Some(step) if report.trail.phases.is_empty() => &step.trail,
            Some(_) | None => &report.trail,
        };
        if report.trail.attempts > 1 {
            facts.push(format!("{} attempts", report.trail.attempts));
        }
        facts.extend(address.as_ref().map(|address| printable(&address.to_string())));
        facts.extend(times(phases));
        if !facts.is_empty() {
            text.push_str(&indented(&self.style.quiet(facts.join("; "))));
        }
        for said in &report.trail.said {
            let heading = format!("`{}` said meanwhile:", printable(&said.by));
            let shown = said.log.shortened(SAID_LINES, LOG_BYTES).to_string();
            text.push_str(&indented(&format!("{}\n{}", self.style.quiet(heading), printable(&shown))));
        }
        if let Failure::Fault { hint: Some(hint), .. } = cut {
            let hint = printable(&hint.to_string());
            text.push_str(&indented(&format!("{} {hint}", self.style.strong("hint:"))));
        }
        if let Some(command) = &report.trail.reproduce {
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
            Failure::TimedOut { cut, phase, detail, last, log, .. } => {
                let mut ended = cut.what_ended(*phase);
                if let Some(detail) = detail {
                    ended.push_str(&format!(": {}", printable(&detail.to_string())));
                }
                let last = last.as_ref().map(|last| self.failure(last));
                let text = match (last, phase) {
                    (None, _) => ended,
                    // The readiness result of a process that has not started yet is not the cause.
                    (Some(last), Phase::Ready) => format!("{ended}\n{last}"),
                    (Some(last), _) => format!("{last}\n{ended}"),
                };
                text + &self.log(log.as_ref())
            }
            Failure::Fault { doing, cause, .. } => printable(&format!("{doing}: {cause}")),
            Failure::Plugin { says: how, log, .. } | Failure::Exited { how, log } => {
                printable(&how.to_string()) + &self.log(log.as_ref())
            }
            Failure::Step { step, number, source, .. } => {
                format!("step {number} `{}`: {}", printable(step), self.failure(source))
            }
        }
    }

    /// Formats the beginning and the end of the output below a heading. The report files contain more of it.
    fn log(&self, log: Option<&Log>) -> String {
        let Some(log) = log else { return String::new() };
        let shown = log.shortened(LOG_LINES, LOG_BYTES).to_string();
        format!("\n{}\n{}", self.style.quiet("its output:"), printable(&shown))
    }

    /// Formats a mismatch, with its location if it differs from the one shown above.
    fn mismatch(&self, mismatch: &Mismatch) -> String {
        let Mismatch { what, expected, actual, place } = mismatch;
        let (what, expected, actual) =
            (printable(&what.to_string()), printable(&expected.to_string()), printable(&actual.to_string()));
        let text = format!("expected {what} {}, got {}", self.style.good(expected), self.style.bad(actual));
        let location = place.map(|place| self.run.sources.location(place).to_string());
        match location.filter(|location| *location != self.shown) {
            Some(location) => format!("{text}  {}", self.style.quiet(location)),
            None => text,
        }
    }
}

/// What was found on the way, whatever the verdict: the addresses that could not be asked from here, and warnings.
pub(super) fn found_on_the_way(report: &CheckReport, style: Style) -> String {
    let trails = [&report.trail].into_iter().chain(report.steps.iter().map(|step| &step.trail));
    let lines = trails.flat_map(|trail| {
        let unreachable = trail.unreachable.iter().map(|address| format!("not asked: {}", **address));
        let warnings = trail.warnings.iter().map(|warning| format!("warning: {}", **warning));
        unreachable.chain(warnings)
    });
    lines.map(|line| indented(&style.quiet(printable(&line)))).collect()
}

/// How many promises were checked, and which were not. Under a failure that is said with it.
pub(super) fn promises(report: &CheckReport, style: Style) -> String {
    match (&report.outcome, &report.trail.promises) {
        (Outcome::Passed, Some(promises)) => indented(&style.quiet(printable(&promises.summary.to_string()))),
        _ => String::new(),
    }
}

/// What everyone should know, whatever the verdict.
pub(super) fn notes(report: &CheckReport, style: Style) -> String {
    let lines = report.trail.notes.iter().map(|note| printable(&note.to_string()));
    lines.map(|line| indented(&style.quiet(line))).collect()
}

/// Lists failed cleanup steps. They do not affect the verdict, but leave something behind.
pub(super) fn failed_cleanup(report: &CheckReport, run: &RunInfo) -> String {
    let cleanup = report.steps.iter().filter(|step| step.is_cleanup);
    cleanup
        .filter_map(|step| Some((step, step.failure.as_ref()?)))
        .map(|(step, failure)| {
            let location = run.location_of(report.check, Some(&step.step), failure);
            indented(&format!(
                "cleanup step `{}` ({location}) failed: {}",
                printable(&step.step.name),
                printable(&failure.to_string())
            ))
        })
        .collect()
}

/// Returns the root cause below steps and attempts.
fn root(failure: &Failure) -> &Failure {
    match failure {
        Failure::Step { source, .. } => root(source),
        Failure::TimedOut { last: Some(last), .. } => root(last),
        Failure::TimedOut { last: None, .. }
        | Failure::Mismatch { .. }
        | Failure::Fault { .. }
        | Failure::Exited { .. }
        | Failure::Plugin { .. } => failure,
    }
}

/// Indents every line of `text`, and ends it with a line break.
pub(super) fn indented(text: &str) -> String {
    text.lines().flat_map(|line| [INDENT, line, "\n"]).collect()
}

/// Returns `dns 0.3ms, connect 0.1ms, first byte 30ms`, or `None` if nothing was sent.
fn times(phases: &[(Phase, Duration)]) -> Option<String> {
    let mut spent: Vec<&(Phase, Duration)> = phases
        .iter()
        .filter(|(phase, _)| !matches!(phase, Phase::Prepare | Phase::Ready | Phase::Wait | Phase::Hold))
        .collect();
    spent.sort_by_key(|(phase, _)| *phase);
    let shown: Vec<String> =
        spent.iter().map(|(phase, span)| format!("{} {}", phase.name(), Span(*span))).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}
