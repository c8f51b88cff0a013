//! Suites that are too large or take too long.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::language::diagnostic::Diagnostic;
use crate::language::raw::RawDocument;
use crate::language::source::Place;
use crate::outcome::Span;
use crate::plan::{Plan, WorstCase};
use crate::suite::Suite;

/// A smoke suite answers within minutes. If it takes longer, people stop watching and run it less often.
const LONGEST: Duration = Duration::from_mins(5);

/// Roughly the number of checks that one person can keep in mind, so that each failure means something.
const MOST_CHECKS: usize = 50;

/// A suite budget that exceeds what its checks can take by this much never cuts anything.
const ROOM: Duration = Duration::from_mins(1);

/// The warning about one `budget` key, in all environments to which it applies.
struct SuiteBudget {
    place: Place,
    budget: Duration,
    longest: Duration,
    by_checks: Duration,
    environment: Option<String>,
}

/// Returns where a file sets the suite's budget, and for which environment.
pub(super) fn budgets(written: &RawDocument<'_>) -> Vec<(Option<String>, Place)> {
    let mut found = Vec::new();
    written.each(|entry| match entry.path {
        ["suite", "budget"] => found.push((None, entry.place)),
        ["env", name, "suite", "budget"] => found.push((Some((*name).to_owned()), entry.place)),
        _ => {}
    });
    found
}

pub(super) fn warnings(
    suite: &Suite,
    plans: &[Plan],
    places: &BTreeMap<Option<String>, Place>,
) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut budgets: Vec<SuiteBudget> = Vec::new();
    let mut most_checks = 0;
    for plan in plans {
        most_checks = most_checks.max(plan.checks.len());
        let environment = &plan.environment;
        let Some(place) = places.get(environment).or_else(|| places.get(&None)).copied() else { continue };
        let worst = WorstCase::of(plan, &plan.order());
        match budgets.iter_mut().find(|budget| budget.place == place) {
            Some(known) if known.by_checks >= worst.by_checks() => {}
            Some(known) => {
                (known.longest, known.by_checks) = (worst.longest(), worst.by_checks());
                known.environment.clone_from(environment);
            }
            None => budgets.push(SuiteBudget {
                place,
                budget: plan.budget,
                longest: worst.longest(),
                by_checks: worst.by_checks(),
                environment: environment.clone(),
            }),
        }
    }
    found.extend(budgets.iter().filter_map(SuiteBudget::warning));
    if most_checks > MOST_CHECKS {
        let place = suite.checks[MOST_CHECKS.min(suite.checks.len() - 1)].keys.name.place;
        let message =
            format!("the suite has {most_checks} checks; a smoke suite has no more than {MOST_CHECKS}");
        let hint = "keep those that decide whether to go on, and move the others into a suite of their own";
        found.push(Diagnostic::new(place, message).label("this one is over").hint(hint));
    }
    found
}

impl SuiteBudget {
    fn warning(&self) -> Option<Diagnostic> {
        let (budget, by_checks) = (self.budget, self.by_checks);
        if self.longest > LONGEST {
            let longest = Span(whole_seconds(self.longest));
            let environment =
                self.environment.as_ref().map(|name| format!(" with `--env {name}`")).unwrap_or_default();
            let message =
                format!("a run can take {longest}{environment}; a smoke suite answers within five minutes");
            let hint = "`smoke plan` shows where the time goes: move slow checks into a suite of their own, \
                        or lower the budgets";
            return Some(Diagnostic::new(self.place, message).hint(hint));
        }
        let never_counts = budget > by_checks.saturating_mul(2) && budget > by_checks.saturating_add(ROOM);
        never_counts.then(|| {
            let message = format!(
                "the suite's budget of {} never applies: its checks can take {} at most",
                Span(budget),
                Span(whole_seconds(by_checks))
            );
            Diagnostic::new(self.place, message)
                .hint("lower it to what you are willing to wait; `smoke plan` shows the longest run")
        })
    }
}

/// Rounds up, because fractions do not help the reader.
fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs() + u64::from(duration.subsec_nanos() > 0))
}
