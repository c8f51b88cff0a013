//! Promises and their verdicts, as lines of text.

use std::collections::HashMap;

use crate::event::RunInfo;
use crate::outcome::{Promise, PromiseVerdict, Promises};

/// Returns a line for each object with its verdict, followed by the promises that did not pass, and a final summary of
/// what was checked and what was not.
pub(super) fn lines(promises: &Promises, run: &RunInfo) -> Vec<String> {
    let mut objects: Vec<(Option<String>, Vec<&Promise>)> = Vec::new();
    let mut known: HashMap<Option<String>, usize> = HashMap::new();
    for promise in &promises.list {
        let object = promise.object.as_ref().map(ToString::to_string);
        let at = *known.entry(object.clone()).or_insert_with(|| {
            objects.push((object, Vec::new()));
            objects.len() - 1
        });
        objects[at].1.push(promise);
    }
    let mut lines = Vec::new();
    for (object, of_it) in objects {
        let title = object.as_deref().unwrap_or("the contract");
        lines.push(format!("{title}: {} ({})", worst(&of_it).name(), counts(&of_it)));
        let told = of_it.iter().filter(|promise| promise.verdict != PromiseVerdict::Passed);
        lines.extend(told.map(|promise| line(promise, run)));
    }
    lines.push(promises.summary.to_string());
    lines
}

/// Returns the worst verdict: failed before errored before warned before passed.
fn worst(promises: &[&Promise]) -> PromiseVerdict {
    let order =
        [PromiseVerdict::Failed, PromiseVerdict::Errored, PromiseVerdict::Warned, PromiseVerdict::Passed];
    let has = |verdict: &PromiseVerdict| promises.iter().any(|promise| promise.verdict == *verdict);
    order.into_iter().find(has).unwrap_or(PromiseVerdict::NotChecked)
}

fn counts(promises: &[&Promise]) -> String {
    let all = [
        PromiseVerdict::Passed,
        PromiseVerdict::Failed,
        PromiseVerdict::Errored,
        PromiseVerdict::Warned,
        PromiseVerdict::NotChecked,
    ];
    let counted = all.into_iter().filter_map(|verdict| {
        let count = promises.iter().filter(|promise| promise.verdict == verdict).count();
        (count > 0).then(|| format!("{count} {}", verdict.name()))
    });
    counted.collect::<Vec<_>>().join(", ")
}

/// Formats a promise: `  total: type numeric: failed: … (orders.odcs.yaml:12)`.
fn line(promise: &Promise, run: &RunInfo) -> String {
    let column = promise.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
    let found = promise.found.as_ref().map(|found| format!(": {found}")).unwrap_or_default();
    let place = run.sources.location(promise.place);
    format!("  {column}{}: {}{found} ({place})", promise.promise, promise.verdict.name())
}
