//! A check beside the run before the deploy, in words: known or new, a dependency, slower.

use crate::event::{Before, CheckReport, RunInfo, Standing};
use crate::outcome::{Excuse, Outcome, Span};

/// What there is to say, each as a remark of its own; nothing of a check that is as it was.
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

/// The same as the end of a line: `; known: …`, or nothing.
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

/// `known` or `new`, as machines read it.
pub(super) fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Known => "known",
        Standing::New => "new",
    }
}

/// `known` or `dependency`, as machines read it.
pub(super) fn excuse_word(excuse: Excuse) -> &'static str {
    match excuse {
        Excuse::Known => "known",
        Excuse::Dependency => "dependency",
    }
}

/// `baseline: before.json, of the run at 2026-11-29T08:00:00Z (exit code 1)`, if there is one.
pub(super) fn baseline_line(run: &RunInfo) -> Option<String> {
    let baseline = run.baseline.as_ref()?;
    let (file, started, code) = (&baseline.file, &baseline.started, baseline.exit_code);
    Some(format!("baseline: {file}, of the run at {started} (exit code {code})"))
}

/// `labels: sha=abc123, team=shop`, if there are any.
pub(super) fn labels_line(run: &RunInfo) -> Option<String> {
    let labels: Vec<String> = run.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (!labels.is_empty()).then(|| format!("labels: {}", labels.join(", ")))
}
