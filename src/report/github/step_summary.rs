//! The step summary in GitHub's Markdown: the root cause, how to reproduce it, and every check, failures first.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::event::{CheckReport, RunInfo, RunReport, Status};
use crate::exit::Exit;
use crate::language::printable::printable;
use crate::outcome::{Failure, Outcome, Span};
use crate::report::standing::{baseline_line, labels_line, remarks};
use crate::report::summary::{Counts, NOTHING_REACHED, causes, has_failed, meaning, nothing_was_reached};
use crate::report::{Rejection, attempts};

/// GitHub rejects larger step summaries and then shows nothing of them.
const LIMIT: u64 = 1024 * 1024;

/// The share of the limit that one run may use, even with thousands of checks. Other commands may write to the same
/// file.
const SHARE: usize = 512 * 1024;

/// The most characters of one text.
const TEXT: usize = 400;

/// The most causes that are shown with their commands.
const CAUSES: usize = 20;

/// Longer commands appear only in the job's log, because half a command is useless.
const COMMAND: usize = 4096;

pub(super) fn of_run(report: &RunReport, run: &RunInfo) -> String {
    let word = match report.exit {
        Exit::Passed => "PASSED",
        Exit::CannotWork if !has_failed(report) => "NO VERDICT",
        Exit::Failed | Exit::GateClosed | Exit::CannotWork => "FAILED",
        Exit::NotThisDeploy => "HOLD",
        Exit::OutOfBudget => "NO VERDICT",
        Exit::NothingSelected | Exit::BadSuite => "NOTHING RAN",
        Exit::Interrupted | Exit::Terminated => "INTERRUPTED",
    };
    let environment = run.environment.as_ref().map(|name| format!(" ({})", plain(name))).unwrap_or_default();
    let mut text = format!(
        "### {word} {}{environment}: {} in {}\n\n",
        plain(&run.suite),
        Counts::of(report, run).describe(),
        Span(report.took)
    );
    if report.exit != Exit::Passed {
        text.push_str(&format!("Exit code {}: {}.\n\n", report.exit.code(), plain(meaning(report))));
    }
    for line in baseline_line(run).into_iter().chain(labels_line(run)) {
        text.push_str(&format!("{}\n\n", plain(&line)));
    }
    if nothing_was_reached(report) {
        text.push_str(&format!("**{}**\n\n", plain(NOTHING_REACHED)));
    }
    for (index, cause) in causes(run, report).iter().take(CAUSES).enumerate() {
        let info = &run.checks[cause.check.check];
        let label = if index == 0 { "Root cause" } else { "Also" };
        text.push_str(&format!(
            "**{label}:** {} ({}): {}\n\n",
            code(&info.name),
            plain(&cause.location(run).to_string()),
            plain(&cause.message())
        ));
        for remark in remarks(cause.check, run) {
            text.push_str(&format!("{}\n\n", plain(&remark)));
        }
        if !cause.skipped.is_empty() {
            let names: Vec<String> = cause.skipped.iter().take(5).map(|name| code(name)).collect();
            let more = if cause.skipped.len() > names.len() { ", …" } else { "" };
            text.push_str(&format!("Because of it {}: {}{more}\n\n", cause.consequence(), names.join(", ")));
        }
        let command = cause.check.trail.reproduce.as_ref().map(|command| command.to_string());
        text.extend(command.filter(|command| command.len() <= COMMAND).map(|command| block(&command)));
    }
    let mut rows: Vec<Row> = report.checks.iter().map(|check| row(check, run)).collect();
    rows.sort_by_key(|row| row.rank);
    let (passed, others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.rank == PASSED);
    if !others.is_empty() {
        table(&mut text, &others);
    }
    if !passed.is_empty() {
        text.push_str(&format!("<details><summary>{} passed</summary>\n\n", passed.len()));
        table(&mut text, &passed);
        text.push_str("</details>\n\n");
    }
    text
}

pub(super) fn of_rejection(rejection: &Rejection<'_>) -> String {
    let mut text =
        format!("### NOTHING RAN {}: {}\n\n", plain(rejection.file), plain(&rejection.error.summary()));
    for line in rejection.error.lines().take(CAUSES) {
        text.push_str(&format!("- {}\n", plain(&rejection.redactor.clean(&line))));
    }
    text.push('\n');
    text
}

/// Appends to what other commands of the step have written, if there is room.
pub(super) fn append(file: &Path, text: &str) -> std::io::Result<()> {
    let taken = std::fs::metadata(file).map_or(0, |found| found.len());
    let needed = u64::try_from(text.len()).unwrap_or(u64::MAX);
    if taken.saturating_add(needed) > LIMIT {
        return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge));
    }
    OpenOptions::new().create(true).append(true).open(file)?.write_all(text.as_bytes())
}

/// The rank of a check that there is nothing to say about.
const PASSED: u8 = 5;

/// One line of a table.
struct Row {
    /// The sort key, failures first.
    rank: u8,
    line: String,
}

fn row(check: &CheckReport, run: &RunInfo) -> Row {
    let (info, status) = (&run.checks[check.check], check.status());
    let rank = match status {
        Status::Failed | Status::Errored => 0,
        Status::Undecided => 1,
        Status::Warned => 2,
        Status::Flaky | Status::Flapped | Status::Slow => 3,
        Status::Skipped => 4,
        Status::Passed if run.slower_than(check).is_some() => 3,
        Status::Passed => PASSED,
    };
    let what = match &check.outcome {
        Outcome::Failed(failure) | Outcome::Undecided(failure) | Outcome::Warned(failure) => {
            in_words(failure)
        }
        Outcome::Passed if status == Status::Flaky => {
            let failed = attempts::of_flaky(check);
            let before = failed.first().map(|first| in_words(first.failure)).unwrap_or_default();
            format!("{}, after: {before}", plain(&attempts::passed_at(check)))
        }
        Outcome::Passed if status == Status::Flapped => plain(&attempts::flaps(check)),
        Outcome::Passed if status == Status::Slow => {
            format!("passed with little left of its budget of {}", Span(check.budget))
        }
        Outcome::Skipped(reason) => plain(&reason.to_string()),
        Outcome::Passed => String::new(),
    };
    let beside = remarks(check, run).into_iter().map(|remark| plain(&remark));
    let what: Vec<String> = Some(what).filter(|what| !what.is_empty()).into_iter().chain(beside).collect();
    let what = what.join("; ");
    let took = match &check.outcome {
        Outcome::Skipped(_) => String::new(),
        Outcome::Passed | Outcome::Failed(_) | Outcome::Warned(_) | Outcome::Undecided(_) => {
            Span(check.trail.took).to_string()
        }
    };
    let word = status.word();
    let line = format!("| {word} | {} | {} | {took} | {what} |\n", plain(&info.name), info.kind);
    Row { rank, line }
}

fn in_words(failure: &Failure) -> String {
    plain(&failure.to_string())
}

/// Adds as many rows as there is room for.
fn table(text: &mut String, rows: &[Row]) {
    text.push_str("| | check | kind | time | |\n|---|---|---|---|---|\n");
    let mut shown = 0;
    for row in rows {
        if text.len() + row.line.len() > SHARE {
            break;
        }
        text.push_str(&row.line);
        shown += 1;
    }
    text.push('\n');
    if shown < rows.len() {
        text.push_str(&format!("… and {} more\n\n", rows.len() - shown));
    }
}

/// Escapes text for Markdown, HTML and tables, on one line.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let text = printable(text);
    for c in text.chars().take(TEXT) {
        match c {
            '\n' => out.push(' '),
            c if c.is_ascii_punctuation() => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    if text.chars().nth(TEXT).is_some() {
        out.push('…');
    }
    out
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", plain(text))
}

/// Formats a command for copying. The fence is longer than any run of backticks in it.
fn block(command: &str) -> String {
    let command = printable(command);
    let longest = command.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}sh\n{command}\n{fence}\n\n")
}
