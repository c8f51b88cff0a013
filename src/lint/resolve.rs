//! Entries of `resolve` that match nothing, so the intended server is not the one that is tested.

use std::collections::BTreeMap;

use crate::check::request::{Applies, OverrideUse};
use crate::language::diagnostic::Diagnostic;
use crate::plan::Plan;

/// Warns of each entry that applies to nothing in any environment.
pub(super) fn warnings(plans: &[Plan]) -> Vec<Diagnostic> {
    let checks = plans.iter().flat_map(|plan| plan.checks.iter().map(move |check| (plan, check)));
    let uses = checks.flat_map(|(plan, check)| check.check.override_uses(&check.scope(&plan.scope)));
    let mut entries: BTreeMap<(usize, usize), Vec<OverrideUse>> = BTreeMap::new();
    for entry in uses {
        entries.entry((entry.place.file, entry.place.start)).or_default().push(entry);
    }
    entries.values().filter_map(|uses| unused(uses)).collect()
}

fn unused(uses: &[OverrideUse]) -> Option<Diagnostic> {
    let asked = |entry: &OverrideUse| match &entry.applies {
        Applies::No(asked) => Some(asked.to_string()),
        Applies::Yes | Applies::Unknown => None,
    };
    let mut asked: Vec<String> = uses.iter().map(asked).collect::<Option<_>>()?;
    asked.sort();
    asked.dedup();
    let entry = uses.first()?;
    let message = format!("nothing that is asked is at `{}`, so this resolves nothing", entry.from);
    Some(Diagnostic::new(entry.place, message).hint(match asked.as_slice() {
        [asked] => format!("what is asked is at `{asked}`"),
        _ => "the host and the port must be those of a `url`".to_owned(),
    }))
}
