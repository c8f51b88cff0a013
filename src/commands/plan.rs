//! `smoke plan`: prints what would run, in which order, and the longest it can take.

use std::time::Duration;

use serde_json::{Value, json};

use super::SCHEMA_VERSION;
use super::memory::{keep_memory, leave};
use super::prepare::{choices, colored, find_suite, note_unmatched, reject, say};
use crate::cli::PlanArgs;
use crate::exit::Exit;
use crate::language::diagnostic::SuiteError;
use crate::language::printable::printable;
use crate::language::repeat::Repeat;
use crate::language::severity::Severity;
use crate::lint::covered;
use crate::outcome::Span;
use crate::plan::{self, Bound, Choices, Order, Plan, WorstCase};
use crate::report::{Color, Destination};
use crate::suite::load;

/// Prints the plan.
///
/// # Errors
/// Fails if it cannot be written.
pub fn plan(args: PlanArgs) -> anyhow::Result<Exit> {
    keep_memory();
    let choices = Choices { read_only: args.read_only, ..choices(args.choices, Some(&args.limits)) };
    let names: Vec<String> = choices.variables.iter().map(|(name, _)| name.clone()).collect();
    let suite = match load(&find_suite(args.suite), &names) {
        Ok(suite) => suite,
        Err(error) => return Ok(reject(&covered(&error), colored(Color::Auto))),
    };
    let plan = match plan::preview(&suite, &choices) {
        Ok(plan) => plan,
        Err(mistakes) => {
            return Ok(reject(&covered(&SuiteError::new(suite.sources, mistakes)), colored(Color::Auto)));
        }
    };
    note_unmatched(&suite, &choices);
    let outlook = Outlook::of(&plan);
    Destination::Stdout.write(&if args.json { outlook.json() } else { outlook.text() })?;
    let exit = if plan.checks.is_empty() {
        say("no check was selected\n");
        Exit::NothingSelected
    } else {
        Exit::Passed
    };
    leave((suite, plan));
    Ok(exit)
}

/// A plan with its derived order and worst case.
struct Outlook<'p> {
    plan: &'p Plan,
    order: Order,
    rounds: Vec<usize>,
    worst: WorstCase,
}

impl Outlook<'_> {
    fn of(plan: &Plan) -> Outlook<'_> {
        let order = plan.order();
        let needs: Vec<&[usize]> = plan.checks.iter().map(|check| check.needs.as_slice()).collect();
        let (rounds, worst) = (order.rounds(&needs), WorstCase::of(plan, &order));
        Outlook { plan, order, rounds, worst }
    }

    /// Returns the checks in the order of their earliest possible start.
    fn in_order(&self) -> Vec<usize> {
        let mut checks: Vec<usize> = (0..self.plan.checks.len()).collect();
        checks.sort_by_key(|check| (self.worst.checks[*check].is_none(), self.rounds[*check]));
        checks
    }

    fn name(&self, check: usize) -> String {
        printable(&self.plan.checks[check].info.name)
    }

    fn text(&self) -> String {
        let count = self.plan.checks.len();
        let environment =
            self.plan.environment.as_ref().map(|name| format!(" ({})", printable(name))).unwrap_or_default();
        let mut text = format!(
            "{}{environment}: {count} {}, {} at once\n\n",
            printable(&self.plan.suite),
            if count == 1 { "check" } else { "checks" },
            self.plan.concurrency
        );
        for check in self.in_order() {
            text.push_str(&self.line(check));
        }
        if count > 0 {
            text.push('\n');
        }
        text.push_str(&self.summary());
        text
    }

    /// Renders a check: its round, its budget, and what it waits for.
    fn line(&self, check: usize) -> String {
        let planned = &self.plan.checks[check];
        let (round, budget) = match self.worst.checks[check] {
            Some(_) => ((self.rounds[check] + 1).to_string(), Span(planned.budget).to_string()),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let mut line = format!("{round:>4}  {budget:>7}  {:<8}  {}", planned.info.kind, self.name(check));
        if let Some(reason) = &planned.skip {
            line.push_str(&format!("  (skipped: {})", printable(&reason.to_string())));
        } else if !planned.needs.is_empty() {
            let nearest = self.order.nearest(&planned.needs);
            let names: Vec<String> = nearest.iter().map(|need| self.name(*need)).collect();
            line.push_str(&format!("  (after {})", names.join(", ")));
        }
        line.push('\n');
        line
    }

    fn summary(&self) -> String {
        let worst = &self.worst;
        let row = |label: &str, time: Duration, words: &str| {
            let line = format!("{label:<13}  {:>8}  {words}", at_most(time).to_string());
            line.trim_end().to_owned() + "\n"
        };
        let path: Vec<String> = worst
            .critical_path
            .iter()
            .map(|(check, takes)| format!("{} ({})", self.name(*check), at_most(*takes)))
            .collect();
        let mut text = row("critical path", worst.critical, &path.join(" → "));
        if !worst.waiting.is_zero() {
            let places = format!("at most, for one of {} concurrency slots", self.plan.concurrency);
            text.push_str(&row("waiting", worst.waiting, &places));
        }
        if !worst.stopping.is_zero() {
            text.push_str(&row("stopping", worst.stopping, "at most, to stop booted processes"));
        }
        let limits = format!(
            "the suite's budget of {} and its grace of {}",
            Span(self.plan.budget),
            Span(self.plan.grace)
        );
        let words = match worst.bound() {
            Bound::Checks => {
                format!("by the checks' budgets ({limits} end it after {})", at_most(worst.limit))
            }
            Bound::Suite => {
                format!("by {limits} (the checks' budgets allow {})", at_most(worst.by_checks()))
            }
        };
        text.push_str(&row("longest run", worst.longest(), &words));
        text
    }

    fn json(&self) -> String {
        let checks: Vec<Value> = self.in_order().into_iter().map(|check| self.record(check)).collect();
        let worst = &self.worst;
        let document = json!({
            "schema_version": SCHEMA_VERSION,
            "suite": self.plan.suite,
            "environment": self.plan.environment,
            "concurrency": self.plan.concurrency,
            "budget_ms": milliseconds(self.plan.budget),
            "grace_ms": milliseconds(self.plan.grace),
            "longest_ms": milliseconds(worst.longest()),
            "bound": match worst.bound() {
                Bound::Checks => "checks",
                Bound::Suite => "suite",
            },
            "by_checks_ms": milliseconds(worst.by_checks()),
            "by_suite_ms": milliseconds(worst.limit),
            "critical_path_ms": milliseconds(worst.critical),
            "waiting_ms": milliseconds(worst.waiting),
            "stopping_ms": milliseconds(worst.stopping),
            "critical_path": worst.critical_path.iter().map(|(check, takes)| json!({
                "name": *self.plan.checks[*check].info.name,
                "takes_ms": milliseconds(*takes),
            })).collect::<Vec<Value>>(),
            "checks": checks,
        });
        format!("{document:#}\n")
    }

    fn record(&self, check: usize) -> Value {
        let planned = &self.plan.checks[check];
        let names = |checks: &[usize]| -> Vec<Value> {
            checks.iter().map(|check| Value::from(&*self.plan.checks[*check].info.name)).collect()
        };
        let longest = self.worst.checks[check];
        json!({
            "name": *planned.info.name,
            "kind": planned.info.kind,
            "gate": planned.info.gate,
            "dependency": planned.info.dependency,
            "severity": match planned.info.severity {
                Severity::Critical => "critical",
                Severity::Warn => "warn",
            },
            "round": longest.map(|_| self.rounds[check] + 1),
            "budget_ms": milliseconds(planned.budget),
            "longest_ms": longest.map(milliseconds),
            "attempts": match planned.repeat {
                Repeat::Once => Some(1),
                Repeat::Retry(retry) => Some(retry.attempts.get()),
                Repeat::Poll(_) => None,
            },
            "needs": names(&planned.needs),
            "after": names(&self.order.nearest(&planned.needs)),
            "skip": planned.skip.as_ref().map(ToString::to_string),
        })
    }
}

/// Rounds a time up to its displayed precision, so that it remains an upper bound.
fn at_most(duration: Duration) -> Span {
    let step = if duration < Duration::from_mins(1) { 10_000_000 } else { 1_000_000_000 };
    let steps = u64::try_from(duration.as_nanos().div_ceil(step)).unwrap_or(u64::MAX);
    Span(Duration::from_nanos(steps.saturating_mul(u64::try_from(step).unwrap_or(u64::MAX))))
}

/// Rounds a duration up to milliseconds, so that it remains an upper bound.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
