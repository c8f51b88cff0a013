//! The longest that a run can take, from budgets, needs and places.
//!
//! A check holds its place for its budget, retries and polls included, and for what follows its last attempt. It
//! starts as soon as what it needs has passed and a place is free. To play the run through with every check as slow
//! as it may be would not do: a check that is quicker can let others start in an order that takes longer (R. L. Graham,
//! "Bounds on Multiprocessing Timing Anomalies", 1969). But this holds for every run. Go back from the check that ends
//! last to the one that it waited for, and so on: at each moment either a check of this chain runs, or the next one
//! waits for a place, and then every place is held by checks that are neither before nor after it. So a run takes
//! as long as its chain and a share of the others' time, and no chain makes that longer than what is computed here.

use std::time::Duration;

use super::order::Bits;
use super::{Order, Plan, PlannedCheck};
use crate::attempt::timeouts::{ABORT_GRACE, CLOSE_TIMEOUT, CRASH_WINDOW};
use crate::language::variables::Variables;
use crate::process::{KILL_TIMEOUT, OUTPUT_DRAIN_TIMEOUT};

/// The longest that a run can take.
#[derive(Debug)]
pub struct WorstCase {
    /// How long each check can hold its place, in the plan's order; `None` for one that cannot run.
    pub checks: Vec<Option<Duration>>,
    /// The chain of needs that takes longest, from its first check to its last, and how long each takes.
    pub critical_path: Vec<(usize, Duration)>,
    /// How long that takes, if no check waits for a concurrency slot.
    pub critical: Duration,
    /// How much longer it takes because there are only so many places.
    pub waiting: Duration,
    /// How long it takes then to stop what was booted.
    pub stopping: Duration,
    /// What ends any run: the suite's budget, its grace, and what it takes smoke to see to it.
    pub limit: Duration,
}

/// What a run's longest time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The checks' own budgets.
    Checks,
    /// The suite's budget and grace.
    Suite,
}

impl WorstCase {
    /// The longest that a run of `plan` can take, beside the few milliseconds of smoke's own.
    pub fn of(plan: &Plan, order: &Order) -> WorstCase {
        let mut can_run = vec![false; plan.checks.len()];
        for check in order.sorted() {
            let planned = &plan.checks[check];
            can_run[check] = planned.skip.is_none() && planned.needs.iter().all(|need| can_run[*need]);
        }
        let times = Times::of(plan, &can_run);
        let stays: Vec<Duration> = plan
            .checks
            .iter()
            .zip(&can_run)
            .filter(|(_, can_run)| **can_run)
            .filter_map(|(check, _)| check.check.afterwards(&check.scope(&plan.scope)).stop)
            .collect();
        let residents = u32::try_from(stays.len()).unwrap_or(u32::MAX);
        let slack = match residents {
            0 => Duration::ZERO,
            // Each one that has died is listened to, and the kernel needs a moment for the others.
            _ => CRASH_WINDOW + OUTPUT_DRAIN_TIMEOUT.saturating_mul(residents) + KILL_TIMEOUT,
        };
        let stopping = stays.iter().map(|stop| (*stop).min(plan.grace)).max().unwrap_or_default() + slack;

        let (critical_path, critical) = longest_chain(plan, order, &times);
        let waiting = match with_places(plan, order, &times, &can_run) {
            Some(longest) => longest.saturating_sub(critical),
            None => Duration::ZERO,
        };
        let limit = plan.budget.saturating_add(plan.grace).saturating_add(ABORT_GRACE).saturating_add(slack);
        let checks =
            times.failed.iter().zip(can_run).map(|(time, can_run)| can_run.then_some(*time)).collect();
        WorstCase { checks, critical_path, critical, waiting, stopping, limit }
    }

    /// The longest by the checks' own budgets.
    pub fn by_checks(&self) -> Duration {
        self.critical.saturating_add(self.waiting).saturating_add(self.stopping)
    }

    /// No run is longer.
    pub fn longest(&self) -> Duration {
        self.by_checks().min(self.limit)
    }

    /// What says so.
    pub fn bound(&self) -> Bound {
        if self.by_checks() <= self.limit { Bound::Checks } else { Bound::Suite }
    }
}

/// How long each check can hold its place, nothing for one that cannot run.
struct Times {
    /// Where it passes, so that others can follow it.
    passed: Vec<Duration>,
    /// Where it fails: a query that was cut is ended on its server, and what a boot started is stopped.
    failed: Vec<Duration>,
}

impl Times {
    fn of(plan: &Plan, can_run: &[bool]) -> Times {
        let mut times = Times { passed: Vec::new(), failed: Vec::new() };
        for (planned, can_run) in plan.checks.iter().zip(can_run) {
            let (passed, failed) = if *can_run {
                held(planned, &plan.scope, plan.grace)
            } else {
                (Duration::ZERO, Duration::ZERO)
            };
            times.passed.push(passed);
            times.failed.push(failed);
        }
        times
    }

    /// The same with another time for each of `checks`.
    fn with(&self, checks: &Bits, other: impl Fn(Duration) -> Duration) -> Times {
        let replaced = |times: &[Duration]| {
            let times = times.iter().enumerate();
            times.map(|(check, time)| if checks.contains(check) { other(*time) } else { *time }).collect()
        };
        Times { passed: replaced(&self.passed), failed: replaced(&self.failed) }
    }
}

/// How long a check can hold its place if it passes, and if it fails.
fn held(planned: &PlannedCheck, scope: &Variables, grace: Duration) -> (Duration, Duration) {
    let after = planned.check.afterwards(&planned.scope(scope));
    let passed = planned.budget.saturating_add(after.cleanup.min(grace));
    let farewell = if after.leaves { CLOSE_TIMEOUT.min(grace) } else { Duration::ZERO };
    let stop = after.stop.map_or(Duration::ZERO, |stop| stop.min(grace) + KILL_TIMEOUT);
    (passed, passed.saturating_add(farewell).saturating_add(stop))
}

/// The chain of needs that takes longest, and how long. All of it but the last check has passed.
fn longest_chain(plan: &Plan, order: &Order, times: &Times) -> (Vec<(usize, Duration)>, Duration) {
    let mut passed = vec![Duration::ZERO; plan.checks.len()];
    let mut ended = passed.clone();
    let mut slowest_need = vec![None; plan.checks.len()];
    for check in order.sorted() {
        let slowest = plan.checks[check].needs.iter().copied().max_by_key(|need| passed[*need]);
        let from = slowest.map_or(Duration::ZERO, |need| passed[need]);
        passed[check] = from.saturating_add(times.passed[check]);
        ended[check] = from.saturating_add(times.failed[check]);
        slowest_need[check] = slowest;
    }
    let Some(last) = (0..ended.len()).rev().max_by_key(|check| ended[*check]) else {
        return (Vec::new(), Duration::ZERO);
    };
    let chain = std::iter::successors(Some(last), |check| slowest_need[*check]);
    let takes = |check: usize| if check == last { times.failed[check] } else { times.passed[check] };
    let mut chain: Vec<(usize, Duration)> =
        chain.map(|check| (check, takes(check))).filter(|(_, takes)| !takes.is_zero()).collect();
    chain.reverse();
    (chain, ended[last])
}

/// The longest where checks wait for places, if any can.
fn with_places(plan: &Plan, order: &Order, times: &Times, can_run: &[bool]) -> Option<Duration> {
    let places = plan.concurrency;
    if order.fits_in(places, can_run) {
        return None;
    }
    // A check can wait only if so many others may run beside it that they hold every place, and only for these.
    let beside = order.beside(can_run);
    let waiting: Vec<usize> =
        (0..can_run.len()).filter(|check| can_run[*check] && beside[*check].len() >= places).collect();
    if waiting.is_empty() {
        return None;
    }
    let mut rivals = Bits::new(can_run.len());
    for check in &waiting {
        rivals.add_all(&beside[*check]);
    }
    let mut rival_times: Vec<Duration> = rivals.iter().map(|check| times.failed[check]).collect();
    let sum = |times: &[Duration]| times.iter().copied().fold(Duration::ZERO, Duration::saturating_add);

    // Every place is held while the chain waits, so all rivals' time is shared by the places; but a rival that is in
    // nothing waits for the chain itself, so it gives its share back. Divisions are rounded up.
    let divisor = u32::try_from(places).unwrap_or(u32::MAX);
    let a_nano = Duration::from_nanos(1);
    let without_share = times.with(&rivals, |time| time.saturating_sub(time / divisor) + a_nano);
    let shared = sum(&rival_times) / divisor + a_nano;
    let by_share = longest_chain(plan, order, &without_share).1.saturating_add(shared);

    // And one of the places holds no more rivals than its part of their number, at worst the slowest.
    let one_is_in_the_chain = waiting.iter().all(|check| rivals.contains(*check));
    let number = (rivals.len() - usize::from(one_is_in_the_chain)) / places;
    rival_times.sort_unstable_by(|a, b| b.cmp(a));
    let by_number = longest_chain(plan, order, times).1.saturating_add(sum(&rival_times[..number]));
    Some(by_share.min(by_number))
}
