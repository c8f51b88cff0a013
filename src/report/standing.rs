//! Remarks that compare a check with the run before the deploy: known or new, a dependency, slower.

use crate::event::{Before, CheckReport, RunInfo, Standing};
use crate::outcome::{Excuse, Outcome, Span};

/// Returns the remarks on a check; there are none if nothing changed.
pub(super) fn remarks(check: &CheckReport, run: &RunInfo) -> Vec<String> {
    let info = &run.checks[check.check];
    let mut remarks: Vec<String> =
        run.standing(check).map(|standing| in_words(standing, check, run)).into_iter().collect();
    match &check.outcome {
        Outcome::Failed(_) | Outcome::Warned(_) if info.dependency => {
            remarks.push("dependency: a deploy does not change it".to_owned());
        }
        Outcome::Skipped(_) => remarks.extend(run.excuse(check).map(|excuse| match excuse {
            Excuse::Known => "known: what it needs was red before the deploy, too".to_owned(),
            Excuse::Dependency => "dependency: a deploy does not change what it needs".to_owned(),
        })),
        Outcome::Passed | Outcome::Failed(_) | Outcome::Warned(_) | Outcome::Undecided(_) => {}
    }
    remarks.extend(
        run.slower_than(check).map(|before| {
            format!("slower: {} now, {} before the deploy", Span(check.trail.took), Span(before))
        }),
    );
    remarks
}

/// Returns the remarks as the end of a line: `; known: …`, or nothing.
pub(super) fn and_remarks(check: &CheckReport, run: &RunInfo) -> String {
    remarks(check, run).into_iter().flat_map(|remark| ["; ".to_owned(), remark]).collect()
}

fn in_words(standing: Standing, check: &CheckReport, run: &RunInfo) -> String {
    let info = &run.checks[check.check];
    match (standing, info.before) {
        (Standing::Known, _) if info.gate => {
            "known: it was red before the deploy, too, but a gate is never excused".to_owned()
        }
        (Standing::Known, _) => "known: it was red before the deploy, too".to_owned(),
        (Standing::New, Some(Before::Passed(_))) => "new: it passed before the deploy".to_owned(),
        (Standing::New, Some(Before::Unknown | Before::Red) | None) => {
            "new: the baseline has no result of it".to_owned()
        }
    }
}

/// Returns `known` or `new`, for machine-readable output.
pub(super) fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Known => "known",
        Standing::New => "new",
    }
}

/// Returns `known` or `dependency`, for machine-readable output.
pub(super) fn excuse_word(excuse: Excuse) -> &'static str {
    match excuse {
        Excuse::Known => "known",
        Excuse::Dependency => "dependency",
    }
}

/// Returns `baseline: before.json, of the run at 2026-11-29T08:00:00Z (exit code 1)`, if there is a baseline.
pub(super) fn baseline_line(run: &RunInfo) -> Option<String> {
    let baseline = run.baseline.as_ref()?;
    let (file, started, code) = (&baseline.file, &baseline.started, baseline.exit_code);
    Some(format!("baseline: {file}, of the run at {started} (exit code {code})"))
}

/// Returns `labels: sha=abc123, team=shop`, if there are labels.
pub(super) fn labels_line(run: &RunInfo) -> Option<String> {
    let labels: Vec<String> = run.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (!labels.is_empty()).then(|| format!("labels: {}", labels.join(", ")))
}
