//! The resolved suite: environment chosen, defaults merged, selection applied, needs resolved.
//!
//! Planning sends nothing. It reads only the environment variables and files that define the suite's variables.

mod limit;
mod missing;
mod order;
mod selection;
mod worst;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use globset::GlobMatcher;

use self::limit::Limit;
use self::missing::{Missing, Values};
pub use self::order::Order;
use self::selection::select;
pub use self::selection::{selection, unmatched};
pub use self::worst::{Bound, WorstCase};
use crate::check::{Check, Kind};
use crate::event::{Baseline, CheckInfo};
use crate::language::diagnostic::Diagnostic;
use crate::language::repeat::Repeat;
use crate::language::severity::Severity;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variable, Variables, first_part, put_over, resolve};
use crate::outcome::{SkipReason, Span};
use crate::secret::Redactor;
use crate::suite::keys::{EnvironmentKeys, SuiteKeys};
use crate::suite::{Environment, Instance, Suite, SuiteCheck, graph, in_environment};

/// What the command line overrides in the suite.
#[derive(Debug, Default)]
pub struct Choices {
    pub environment: Option<String>,
    pub variables: Vec<(String, String)>,
    pub tags: Vec<String>,
    pub skip_tags: Vec<String>,
    pub only: Vec<GlobMatcher>,
    pub skip: Vec<GlobMatcher>,
    /// Only the checks with these names, and their needs.
    pub names: Option<BTreeSet<String>>,
    pub concurrency: Option<usize>,
    pub budget: Option<Duration>,
    pub keep_going: bool,
    /// Skips checks that change something.
    pub read_only: bool,
    /// The run before the deploy, or why it cannot be one's baseline.
    pub baseline: Option<Result<Arc<Baseline>, Diagnostic>>,
}

/// What runs, and how.
#[derive(Debug)]
pub struct Plan {
    pub suite: String,
    pub environment: Option<String>,
    pub budget: Duration,
    pub grace: Duration,
    pub concurrency: usize,
    pub fail_fast: bool,
    /// The variables with their values.
    pub scope: Variables,
    /// The run before the deploy.
    pub baseline: Option<Arc<Baseline>>,
    /// In the suite's order.
    pub checks: Vec<PlannedCheck>,
}

/// A selected check.
#[derive(Debug, Clone)]
pub struct PlannedCheck {
    pub info: CheckInfo,
    pub budget: Duration,
    pub repeat: Repeat,
    /// The checks that must pass first, including gates, as indexes into [`Plan::checks`].
    pub needs: Vec<usize>,
    /// The `needs` that the suite names. What they share overrides what a gate shares.
    pub named_needs: Vec<usize>,
    pub skip: Option<SkipReason>,
    /// The variables that `each` sets for it.
    pub instance: Instance,
    pub check: Arc<dyn Check>,
}

/// Creates the plan of `suite`.
///
/// # Errors
/// Returns the mistakes in the choices, or in the suite for this environment.
pub fn plan(suite: &Suite, choices: &Choices, redactor: &Arc<Redactor>) -> Result<Plan, Vec<Diagnostic>> {
    planned(suite, choices, redactor, Missing::IsAMistake)
}

/// Creates a plan that is only displayed, so variables that are defined outside the suite may be missing.
///
/// # Errors
/// Returns the mistakes in the choices, or in the suite for this environment.
pub fn preview(suite: &Suite, choices: &Choices) -> Result<Plan, Vec<Diagnostic>> {
    planned(suite, choices, &Arc::new(Redactor::new()), Missing::MayComeFromOutside)
}

fn planned(
    suite: &Suite,
    choices: &Choices,
    redactor: &Arc<Redactor>,
    missing: Missing,
) -> Result<Plan, Vec<Diagnostic>> {
    let (environment, mut mistakes) = match environment(suite, choices) {
        Ok(environment) => (environment, Vec::new()),
        Err(mistakes) => (None, mistakes),
    };
    let missing = if mistakes.is_empty() { missing } else { Missing::IsFine };
    let given = variables(suite, environment, choices);
    let keys = keys_in(suite, choices);
    let zone = keys.timezone.clone().unwrap_or_default();
    let (mut resolved, unresolvable) = resolve(&given, &suite.dir, &zone, redactor);
    mistakes.extend(unresolvable);
    let rendered = suite.depends_on_environment.then(|| {
        let environment = match &choices.environment {
            Some(name) => Environment::Named(name),
            // Perhaps the suite is never run like this.
            None if missing == Missing::IsFine => Environment::Unknown,
            None => Environment::None,
        };
        let names: Vec<String> = choices.variables.iter().map(|(name, _)| name.clone()).collect();
        in_environment(suite, environment, &resolved.scope, &names)
    });
    let suite = match &rendered {
        Some(draft) => {
            mistakes.extend(draft.mistakes.iter().cloned());
            &draft.suite
        }
        None => suite,
    };
    // As the settings are in this environment.
    let keys = keys_in(suite, choices);
    if let Some(other) = keys.timezone.as_ref().filter(|other| **other != zone) {
        // It is a variable: days begin elsewhere than was known before that had its value.
        resolved = resolve(&given, &suite.dir, other, redactor).0;
    }
    let environment = choices.environment.as_deref().and_then(|name| suite.environments.get_key_value(name));
    let selected = select(suite, choices);
    mistakes.extend(unknown_variables(suite, choices));
    let mut values = Values::new(suite, choices.environment.as_deref(), &resolved, &selected, missing);
    mistakes.extend(values.missing_in_settings(&suite.setting_reads));
    let limit = Limit::of(&keys, environment, choices.budget);
    for check in selected.iter().map(|index| &suite.checks[*index]) {
        mistakes.extend(values.missing_in(check));
        mistakes.extend(check.check.mistakes(&check.scope(&resolved.scope)));
        let too_large = check.keys.budget.filter(|(own, _)| *own > limit.span);
        mistakes.extend(too_large.map(|(own, place)| limit.is_exceeded(own, place)));
        mistakes.extend(cannot_hold(check));
    }
    let name = keys.name.clone().unwrap_or_else(SuiteKeys::default_name);
    let baseline = baseline(&name, choices).unwrap_or_else(|mistake| {
        mistakes.push(mistake);
        None
    });
    if !mistakes.is_empty() {
        // A template may have put a secret into a setting.
        return Err(mistakes.into_iter().map(|mistake| mistake.redacted(redactor)).collect());
    }
    let mut checks = planned_checks(suite, &selected, choices, &resolved.scope);
    if let Some(baseline) = &baseline {
        for planned in &mut checks {
            planned.info.before = baseline.of(choices.environment.as_deref(), &planned.info.name);
        }
    }
    Ok(Plan {
        suite: name,
        environment: choices.environment.clone(),
        budget: choices.budget.or(keys.budget).unwrap_or(SuiteKeys::BUDGET),
        grace: keys.grace.unwrap_or(SuiteKeys::GRACE),
        concurrency: choices
            .concurrency
            .or(usize::try_from(keys.concurrency.unwrap_or(SuiteKeys::CONCURRENCY).get()).ok())
            .unwrap_or(usize::MAX),
        fail_fast: keys.fail_fast.unwrap_or(SuiteKeys::FAIL_FAST) && !choices.keep_going,
        checks,
        scope: resolved.scope,
        baseline,
    })
}

/// Returns the plans of the whole suite in each of its environments, starting with the unnamed one, for inspection
/// only.
///
/// # Errors
/// Returns the mistakes in any environment, as far as they can be known without running there.
pub fn everywhere(suite: &Suite, variables: &[(String, String)]) -> Result<Vec<Plan>, Vec<Diagnostic>> {
    let environments = std::iter::once(None).chain(suite.environments.keys().cloned().map(Some));
    let mut plans = Vec::new();
    let mut found: Vec<Diagnostic> = Vec::new();
    for environment in environments {
        let choices = Choices { environment, variables: variables.to_vec(), ..Choices::default() };
        // A suite with environments may never be run without one.
        let missing = if choices.environment.is_none() && !suite.environments.is_empty() {
            Missing::IsFine
        } else {
            Missing::MayComeFromOutside
        };
        match planned(suite, &choices, &Arc::new(Redactor::new()), missing) {
            Ok(plan) => plans.push(plan),
            Err(mut mistakes) => {
                mistakes.retain(|mistake| !found.contains(mistake));
                found.append(&mut mistakes);
            }
        }
    }
    if found.is_empty() { Ok(plans) } else { Err(found) }
}

/// Reports a poll that cannot pass, even if every attempt does.
fn cannot_hold(check: &SuiteCheck) -> Option<Diagnostic> {
    let Repeat::Poll(poll) = check.keys.repeat else { return None };
    let (shortest, budget) = (poll.shortest(), check.budget());
    (shortest >= budget).then(|| {
        let message = format!(
            "{} passes in a row, {} apart, take at least {}, and the check's budget is {}",
            poll.hold.fewest(),
            Span(poll.every),
            Span(shortest),
            Span(budget)
        );
        Diagnostic::new(check.keys.repeat_place, message).hint("raise `budget`, or lower `every`")
    })
}

/// The keys of `[suite]`, in the environment that was chosen.
fn keys_in(suite: &Suite, choices: &Choices) -> SuiteKeys {
    let environment = choices.environment.as_ref().and_then(|name| suite.environments.get(name));
    environment.map(|keys| keys.suite.clone()).unwrap_or_default().or(&suite.keys)
}

fn environment<'s>(
    suite: &'s Suite,
    choices: &Choices,
) -> Result<Option<&'s EnvironmentKeys>, Vec<Diagnostic>> {
    let Some(name) = &choices.environment else { return Ok(None) };
    suite.environments.get(name).map(Some).ok_or_else(|| {
        let known: Vec<&str> = suite.environments.keys().map(String::as_str).collect();
        let unknown = Diagnostic::new(None, format!("the suite has no environment `{name}` (`--env`)"));
        vec![if known.is_empty() {
            unknown.hint(format!("define one with `[env.{name}]`"))
        } else {
            unknown.hint(format!("its environments are {}", known.join(", ")))
        }]
    })
}

/// Merges variables by precedence: `--var`, `[env.NAME.vars]`, `[vars]`.
fn variables(
    suite: &Suite,
    environment: Option<&EnvironmentKeys>,
    choices: &Choices,
) -> BTreeMap<String, Variable> {
    let mut all = suite.variables.clone();
    put_over(&mut all, environment.map(|environment| environment.vars.clone()).unwrap_or_default());
    for (name, value) in &choices.variables {
        let given = Variable::from_command_line(value.clone());
        let given = match all.get(name) {
            Some(suites) => given.in_place_of(suites),
            None => given,
        };
        all.insert(name.clone(), given);
    }
    all
}

/// What was chosen to compare the suite of this name with.
fn baseline(suite: &str, choices: &Choices) -> Result<Option<Arc<Baseline>>, Diagnostic> {
    let Some(baseline) = choices.baseline.clone().transpose()? else { return Ok(None) };
    if baseline.suite == suite {
        return Ok(Some(baseline));
    }
    let message = format!(
        "the baseline `{}` is of the suite `{}`, and this one is `{suite}` (`--baseline`)",
        baseline.file, baseline.suite
    );
    Err(Diagnostic::new(None, message).hint("name a report that `smoke run --json` wrote of this suite"))
}

/// A `--var` that nothing reads is a slip: what was meant keeps its old value, and the run lies.
fn unknown_variables(suite: &Suite, choices: &Choices) -> Vec<Diagnostic> {
    if choices.variables.is_empty() {
        return Vec::new();
    }
    let mut known: Vec<String> = suite.variables.keys().cloned().collect();
    known.extend(suite.environments.values().flat_map(|environment| environment.vars.keys().cloned()));
    for check in &suite.checks {
        let mut uses = VariableUsage::default();
        check.check.uses(&mut uses);
        known.extend(uses.from_outside().iter().map(|(name, _)| first_part(name).to_owned()));
    }
    known.sort();
    known.dedup();
    let unread = choices.variables.iter().filter(|(name, _)| !known.contains(name));
    unread
        .map(|(name, _)| {
            let unknown = Diagnostic::new(None, format!("the suite has no variable `{name}` (`--var`)"));
            if known.is_empty() {
                unknown
            } else {
                unknown.hint(format!("its variables are {}", known.join(", ")))
            }
        })
        .collect()
}

/// Returns the index of each name.
fn positions<'s>(checks: impl Iterator<Item = &'s SuiteCheck>) -> HashMap<&'s str, usize> {
    checks.enumerate().map(|(index, check)| (check.name(), index)).collect()
}

fn planned_checks(
    suite: &Suite,
    selected: &[usize],
    choices: &Choices,
    scope: &Variables,
) -> Vec<PlannedCheck> {
    let checks: Vec<&SuiteCheck> = selected.iter().map(|index| &suite.checks[*index]).collect();
    // An unselected need (of another environment, or excluded) does not exist here.
    let (needs, named) = (graph::needs(&checks), graph::named_needs(&checks));
    let planned = checks.iter().zip(needs).zip(named);
    let skip = |check: &SuiteCheck| match (&check.keys.skip, choices.read_only) {
        (Some(reason), _) => Some(SkipReason::Asked(reason.clone())),
        (None, true) => check.check.changes().map(SkipReason::ReadOnly),
        (None, false) => None,
    };
    let planned = planned.map(|((check, needs), named_needs)| PlannedCheck {
        skip: skip(check),
        named_needs,
        ..planned_check(suite, check, needs, scope)
    });
    planned.collect()
}

fn planned_check(suite: &Suite, check: &SuiteCheck, needs: Vec<usize>, scope: &Variables) -> PlannedCheck {
    let kind: &Kind = check.kind;
    PlannedCheck {
        info: CheckInfo {
            name: check.name().into(),
            kind: kind.name,
            tags: check.keys.tags.clone(),
            location: suite.sources.location(check.place),
            target: check.check.target(),
            gate: check.is_gate(),
            severity: check.keys.severity,
            dependency: check.keys.dependency,
            before: None,
            remark: check.check.remark(&check.scope(scope)),
        },
        budget: check.budget(),
        repeat: check.keys.repeat,
        needs,
        named_needs: Vec::new(),
        skip: None,
        instance: check.instance.clone(),
        check: Arc::clone(&check.check),
    }
}

impl Plan {
    /// Returns the order of the checks.
    pub fn order(&self) -> Order {
        let needs: Vec<&[usize]> = self.checks.iter().map(|check| check.needs.as_slice()).collect();
        Order::new(&needs)
    }
}

impl PlannedCheck {
    /// Returns the variables in the scope of this check.
    pub fn scope(&self, plan: &Variables) -> Variables {
        plan.with(&self.instance)
    }

    /// Whether its failure fails the run.
    pub fn is_critical(&self) -> bool {
        self.info.severity == Severity::Critical
    }
}
