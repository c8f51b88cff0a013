//! The longest duration of a run, derived from budgets, needs and concurrency slots.
//!
//! A check holds a slot for its budget, including retries and polls, and for the work after its last attempt. It starts
//! as soon as its needs have passed and a slot is free. Simulating the run with every check at its slowest would be
//! wrong: a check that finishes sooner can let others start in an order that takes longer (R. L. Graham, "Bounds on
//! Multiprocessing Timing Anomalies", 1969). But the following holds for every run. Go back from the check that ends
//! last to the check it waited for, and so on. At each moment either a check of this chain runs, or the next one waits
//! for a slot, and then every slot is held by checks that are neither before nor after it. So a run takes as long as
//! its chain plus a share of the others' time, and no chain makes that longer than the bound computed here.

use std::time::Duration;

use super::order::Bits;
use super::{Order, Plan, PlannedCheck};
use crate::attempt::timeouts::{ABORT_GRACE, CLOSE_TIMEOUT, CRASH_WINDOW};
use crate::language::variables::Variables;
use crate::process::{KILL_TIMEOUT, OUTPUT_DRAIN_TIMEOUT};

/// The longest duration of a run.
#[derive(Debug)]
pub struct WorstCase {
    /// How long each check can hold a slot, in the plan's order. `None` for a check that cannot run.
    pub checks: Vec<Option<Duration>>,
    /// The chain of needs that takes longest, from first check to last, with the time of each.
    pub critical_path: Vec<(usize, Duration)>,
    /// The duration of the critical path, if no check waits for a concurrency slot.
    pub critical: Duration,
    /// The additional time that checks wait for a slot.
    pub waiting: Duration,
    /// The additional time to stop booted processes.
    pub stopping: Duration,
    /// The limit for any run: the suite's budget, its grace, and smoke's overhead to enforce them.
    pub limit: Duration,
}

/// What bounds the duration of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The checks' own budgets.
    Checks,
    /// The suite's budget and grace.
    Suite,
}

impl WorstCase {
    /// Computes the worst case of `plan`, not counting a few milliseconds of smoke's own overhead.
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
            // Each exited process has its output drained, and killing the others takes the kernel a moment.
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

    /// Returns the bound from the checks' own budgets.
    pub fn by_checks(&self) -> Duration {
        self.critical.saturating_add(self.waiting).saturating_add(self.stopping)
    }

    /// Returns the overall bound.
    pub fn longest(&self) -> Duration {
        self.by_checks().min(self.limit)
    }

    /// Returns which of the bounds applies.
    pub fn bound(&self) -> Bound {
        if self.by_checks() <= self.limit { Bound::Checks } else { Bound::Suite }
    }
}

/// How long each check can hold a slot. Zero for a check that cannot run.
struct Times {
    /// The time if it passes, so that its dependents can start.
    passed: Vec<Duration>,
    /// The time if it fails: a cut query is cancelled on its server, and a booted process is stopped.
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

    /// Returns the times with those of `checks` replaced.
    fn with(&self, checks: &Bits, other: impl Fn(Duration) -> Duration) -> Times {
        let replaced = |times: &[Duration]| {
            let times = times.iter().enumerate();
            times.map(|(check, time)| if checks.contains(check) { other(*time) } else { *time }).collect()
        };
        Times { passed: replaced(&self.passed), failed: replaced(&self.failed) }
    }
}

/// Returns how long a check can hold a slot if it passes, and if it fails.
fn held(planned: &PlannedCheck, scope: &Variables, grace: Duration) -> (Duration, Duration) {
    let after = planned.check.afterwards(&planned.scope(scope));
    let passed = planned.budget.saturating_add(after.cleanup.min(grace));
    let farewell = if after.leaves { CLOSE_TIMEOUT.min(grace) } else { Duration::ZERO };
    let stop = after.stop.map_or(Duration::ZERO, |stop| stop.min(grace) + KILL_TIMEOUT);
    (passed, passed.saturating_add(farewell).saturating_add(stop))
}

/// Returns the chain of needs that takes longest, and its duration. All checks but the last have passed.
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

/// Returns the longest duration if checks wait for slots, or `None` if none can.
fn with_places(plan: &Plan, order: &Order, times: &Times, can_run: &[bool]) -> Option<Duration> {
    let places = plan.concurrency;
    if order.fits_in(places, can_run) {
        return None;
    }
    // A check waits only if the checks that may run beside it can hold every slot, and only for these.
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

    // While the chain waits, every slot is held, so the rivals' total time is divided among the slots. A rival that is
    // part of the chain does not wait for it, so its share is subtracted. Divisions round up.
    let divisor = u32::try_from(places).unwrap_or(u32::MAX);
    let a_nano = Duration::from_nanos(1);
    let without_share = times.with(&rivals, |time| time.saturating_sub(time / divisor) + a_nano);
    let shared = sum(&rival_times) / divisor + a_nano;
    let by_share = longest_chain(plan, order, &without_share).1.saturating_add(shared);

    // Also, one of the slots runs at most its part of the number of rivals, in the worst case the slowest ones.
    let one_is_in_the_chain = waiting.iter().all(|check| rivals.contains(*check));
    let number = (rivals.len() - usize::from(one_is_in_the_chain)) / places;
    rival_times.sort_unstable_by(|a, b| b.cmp(a));
    let by_number = longest_chain(plan, order, times).1.saturating_add(sum(&rival_times[..number]));
    Some(by_share.min(by_number))
}
