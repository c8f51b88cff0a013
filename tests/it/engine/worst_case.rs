//! The longest possible run, as `smoke plan` prints it, compared with runs in virtual time.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use smoke::plan::{Bound, WorstCase};

use crate::support::script::{Script, Spec, SuiteSpec, passing, plan, run, specs, suite};

fn worst_case(spec: &SuiteSpec) -> WorstCase {
    let plan = plan(spec, &Arc::default());
    WorstCase::of(&plan, &plan.order())
}

fn took(spec: &SuiteSpec) -> Duration {
    run(spec).1.took
}

/// Suites whose checks all pass within their budgets and wait only for each other and for a concurrency slot.
fn crowded() -> impl Strategy<Value = SuiteSpec> {
    let check = (1..100_u64, prop::collection::vec(1..12_usize, 0..3), prop::bool::weighted(0.1), 0..5_u64);
    let check = check.prop_map(|(budget, needs, gate, off)| Spec {
        takes: (budget - 1).saturating_sub(off),
        budget,
        needs,
        gate,
        ..passing(0)
    });
    (prop::collection::vec(check, 1..40), 1..6_usize)
        .prop_map(|(checks, concurrency)| SuiteSpec { concurrency, ..suite(checks) })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_run_exceeds_the_bound(spec in specs()) {
        let (worst, took) = (worst_case(&spec), took(&spec));
        prop_assert!(took <= worst.longest(), "took {took:?}, {worst:?}");
    }

    #[test]
    fn no_run_exceeds_the_bound_with_limited_concurrency(spec in crowded()) {
        let (worst, took) = (worst_case(&spec), took(&spec));
        prop_assert!(took <= worst.longest(), "took {took:?}, {worst:?}");
        // The bound is not vacuous: it is at most the work of all checks, one after the other.
        let work: Duration = worst.checks.iter().flatten().sum();
        prop_assert!(worst.longest() <= work + Duration::from_millis(1));
    }
}

/// A check that takes all but a millisecond of its budget.
fn slow(budget: u64) -> Spec {
    Spec { takes: budget - 1, budget, ..passing(0) }
}

fn slow_after(budget: u64, needs: &[usize]) -> Spec {
    Spec { needs: needs.to_vec(), ..slow(budget) }
}

#[test]
fn for_simple_graphs_the_bound_is_exact() {
    let shapes = [
        ("one check", 16, vec![slow(5_000)]),
        ("a chain", 1, vec![slow(5_000), slow_after(3_000, &[1]), slow_after(2_000, &[1])]),
        ("one place", 1, vec![slow(5_000), slow(3_000), slow(2_000), slow(1_000)]),
        ("all side by side", 16, (0..16).map(|_| slow(5_000)).collect()),
        ("one too many", 16, (0..17).map(|_| slow(5_000)).collect()),
        ("two rounds", 16, (0..32).map(|_| slow(5_000)).collect()),
        ("four rounds", 4, (0..13).map(|_| slow(1_000)).collect()),
        (
            "a gate and what it holds back",
            8,
            std::iter::once(Spec { gate: true, ..slow(9_000) }).chain((0..8).map(|_| slow(5_000))).collect(),
        ),
        ("layers", 4, (0..4).map(|_| slow(2_000)).chain((0..8).map(|_| slow_after(3_000, &[4]))).collect()),
        ("cleanup", 2, vec![Spec { cleanup: 2_000, ..slow(4_000) }, slow(1_000)]),
        ("no more cleanup than the grace", 2, vec![Spec { cleanup: 60_000, ..slow(4_000) }]),
    ];
    for (shape, concurrency, checks) in shapes {
        let spec = SuiteSpec { concurrency, ..suite(checks) };
        let (worst, took) = (worst_case(&spec), took(&spec));
        assert_eq!(worst.bound(), Bound::Checks, "{shape}");
        let slack = worst.longest().checked_sub(took);
        assert!(slack.is_some_and(|slack| slack < Duration::from_millis(10)), "{shape}: {took:?}, {worst:?}");
    }
}

#[test]
fn the_bound_is_capped_by_budget_and_grace() {
    let hung = Spec { script: Script::Hang, budget: 50_000, cleanup: 60_000, ..passing(0) };
    let spec = SuiteSpec { budget: 20_000, ..suite(vec![hung]) };
    let (worst, took) = (worst_case(&spec), took(&spec));
    assert_eq!(worst.bound(), Bound::Suite);
    assert_eq!(took.as_secs(), 23);
    assert!(
        worst.longest() >= took && worst.longest().checked_sub(took).unwrap() < Duration::from_millis(100),
        "{worst:?}"
    );
}

#[test]
fn stopping_boots_stays_within_the_bound() {
    let boot = Spec { gate: true, stays: Some(2_000), ..slow(1_000) };
    let spec = suite(vec![boot, slow(3_000)]);
    let (worst, took) = (worst_case(&spec), took(&spec));
    assert_eq!(took.as_millis(), 999 + 2_999 + 2_000);
    // A real process may need to be killed, too.
    assert!(
        worst.longest() >= took && worst.longest().checked_sub(took).unwrap() < Duration::from_secs(2),
        "{worst:?}"
    );
}

#[test]
fn a_check_that_cannot_run_takes_no_time() {
    let skipped = Spec { skip: true, ..slow(30_000) };
    let spec = suite(vec![skipped, slow_after(20_000, &[1]), slow(1_000)]);
    assert_eq!(worst_case(&spec).longest(), Duration::from_secs(1));
    assert_eq!(worst_case(&spec).critical_path, [(2, Duration::from_secs(1))]);
}

/// R. L. Graham, "Bounds on Multiprocessing Timing Anomalies" (1969): if each task takes a second less, the whole takes
/// longer. So the slowest checks do not make the slowest run.
#[test]
fn quicker_checks_that_schedule_worse_stay_within_the_bound() {
    let times = [3, 2, 2, 2, 4, 4, 4, 4, 9];
    let tasks = |less: u64| -> SuiteSpec {
        let needs = |task: usize| match task {
            4..=7 => vec![task - 3],
            8 => vec![8],
            _ => Vec::new(),
        };
        let check = |(task, time): (usize, &u64)| Spec {
            // The first task ends just after the fourth.
            takes: (time - less) * 1_000 + u64::from(task == 0),
            budget: time * 1_000 + 2,
            needs: needs(task),
            ..passing(0)
        };
        SuiteSpec { concurrency: 3, ..suite(times.iter().enumerate().map(check).collect()) }
    };
    assert_eq!(took(&tasks(0)).as_secs(), 12);
    assert_eq!(took(&tasks(1)).as_secs(), 13);
    let said = worst_case(&tasks(0)).longest();
    assert!(said >= Duration::from_secs(13) && said < Duration::from_secs(20), "{said:?}");
}
