use std::num::NonZeroU32;

use super::*;
use crate::attempt::cancellation::Cancellations;
use crate::attempt::{EventSink, RunContext, Tracing};
use crate::deadline::BudgetScope;
use crate::language::repeat::{Hold, Poll, Retry};
use crate::outcome::Verdict;
use crate::secret::message;

fn no(n: u32) -> Failure {
    Failure::mismatch(message!("it"), message!("x"), Message::new().words(n.to_string()))
}

struct Ended {
    result: Result<(), Failure>,
    attempts: u32,
    failed: u32,
    flaps: u32,
    took: Duration,
}

/// Runs one answer per attempt: `+` passes, `-` fails, and a digit fails with that value. The last answer repeats. Also
/// returns how many failed attempts were followed by another.
async fn run(how: Repeat, budget: Duration, answers: &str) -> Ended {
    let mut attempts = Attempts::new(how, Deadline::after(budget, BudgetScope::Check), None);
    let (mut failed, began) = (0, tokio::time::Instant::now());
    for (number, answer) in (1..).zip(answers.chars().chain(answers.chars().last().into_iter().cycle())) {
        let result = match answer {
            '+' => Ok(()),
            '-' => Err(no(number)),
            digit => Err(no(digit.to_digit(10).unwrap())),
        };
        match attempts.after(result).await {
            Next::Again(failure) => failed += u32::from(failure.is_some()),
            Next::Done(result) => {
                let flaps = attempts.trail(&Redactor::new()).poll.map_or(0, |poll| poll.flaps);
                let (attempts, took) = (attempts.count(), began.elapsed());
                return Ended { result, attempts, failed, flaps, took };
            }
        }
    }
    unreachable!("the answers go on for ever")
}

fn retry(attempts: u32) -> Repeat {
    Repeat::Retry(Retry { attempts: NonZeroU32::new(attempts).unwrap(), delay: Duration::from_millis(500) })
}

fn poll(hold: u32) -> Repeat {
    holding(Hold::Passes(NonZeroU32::new(hold).unwrap()))
}

fn holding(hold: Hold) -> Repeat {
    Repeat::Poll(Poll { every: Duration::from_secs(1), hold })
}

async fn failure(how: Repeat, budget: Duration, answers: &str) -> String {
    run(how, budget, answers).await.result.unwrap_err().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_retry_ends_with_the_first_pass_or_the_last_attempt() {
    let budget = Duration::from_secs(10);
    let flaky = run(retry(3), budget, "--+").await;
    assert!(flaky.result.is_ok());
    assert_eq!((flaky.attempts, flaky.failed), (3, 2));

    let red = run(retry(3), budget, "-").await;
    assert_eq!(red.result, Err(no(3)));
    assert_eq!(run(Repeat::Once, budget, "-").await.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_poll_must_hold_in_a_row() {
    let held = run(poll(3), Duration::from_mins(1), "++-+++").await;
    assert!(held.result.is_ok());
    assert_eq!(held.attempts, 6);
}

#[tokio::test(start_paused = true)]
async fn a_poll_ends_with_the_budget_and_says_what_came_last() {
    let ended = run(poll(1), Duration::from_millis(2_500), "-").await;
    let Err(failure) = ended.result else { panic!("it cannot pass") };
    assert_eq!(failure.verdict(), Verdict::Failed);
    assert_eq!(ended.attempts, 3);
    assert_eq!(
        failure.to_string(),
        "expected it x, got 3; no pass within 2.5s (check budget), while waiting for the next attempt (wait): \
         got 1 in 1 of 3 attempts, got 2 in 1, got 3 in 1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_poll_may_hold_for_a_time_with_three_passes_at_least() {
    let ten = Hold::For(Duration::from_secs(10));
    let held = run(holding(ten), Duration::from_mins(1), "-++-+").await;
    assert!(held.result.is_ok());
    // Four attempts a second apart, then passes from second 4 to second 14.
    assert_eq!((held.attempts, held.took), (15, Duration::from_secs(14)));

    let short = run(holding(Hold::For(Duration::from_millis(1))), Duration::from_mins(1), "+").await;
    assert_eq!((short.attempts, short.took), (3, Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_does_not_hold_says_what_its_attempts_saw() {
    let budget = Duration::from_millis(9_500);
    assert_eq!(
        failure(poll(4), budget, "1+++2+1++1").await,
        "expected it x, got 1; did not hold within 9.5s (check budget), while waiting for the next attempt (hold): \
         got 1 in 3 of 10 attempts, got 2 in 1; longest row 3 of 4; flapped twice"
    );
    // The last attempt passed, but the earlier failures are still the cause.
    assert_eq!(
        failure(poll(10), budget, "71+++++++").await,
        "expected it x, got 1; did not hold within 9.5s (check budget), while waiting for the next attempt (hold): \
         got 7 in 1 of 10 attempts, got 1 in 1; longest row 8 of 10"
    );
    assert_eq!(
        failure(holding(Hold::For(Duration::from_secs(20))), budget, "+").await,
        "did not hold within 9.5s (check budget), while waiting for the next attempt (hold): \
         longest row 9s of 20s"
    );
    assert_eq!(
        failure(poll(1), budget, "1234511").await,
        "expected it x, got 1; no pass within 9.5s (check budget), while waiting for the next attempt (wait): \
         got 1 in 6 of 10 attempts, got 2 in 1, got 3 in 1, something else in 2"
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_cut_says_what_those_before_it_saw() {
    let deadline = Deadline::after(Duration::from_millis(3_500), BudgetScope::Check);
    let mut attempts = Attempts::new(poll(5), deadline, None);
    for result in [Err(no(7)), Ok(()), Ok(())] {
        assert!(matches!(attempts.after(result).await, Next::Again(_)));
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    let cut = Failure::timed_out(deadline.cut(), Phase::Body);
    let Next::Done(Err(failure)) = attempts.after(Err(cut)).await else { panic!("its time is up") };
    assert_eq!(
        failure.to_string(),
        "expected it x, got 7; no end of the body within 3.5s (check budget), while reading the body (body): \
         got 7 in 1 of 4 attempts; longest row 2 of 5"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pass_after_a_pass_and_a_failure_is_a_flap() {
    let flaps = async |answers: &str| run(poll(3), Duration::from_mins(1), answers).await.flaps;
    assert_eq!(flaps("---+").await, 0);
    assert_eq!(flaps("+-+").await, 1);
    assert_eq!(flaps("-+--+-++-+").await, 3);
}

/// Fails after 200 ms.
struct Slow;

impl Attempt for Slow {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let _ = context.deadline.pause(Duration::from_millis(200)).await;
            if context.deadline.has_passed() { std::future::pending().await } else { Err(no(7)) }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_whose_time_ends_as_an_attempt_begins_says_what_those_before_it_saw() {
    let deadline = Deadline::after(Duration::from_millis(2_500), BudgetScope::Check);
    let run = RunContext::new(String::new(), std::path::PathBuf::new(), Arc::default(), Tracing::Off);
    let context = Context {
        run: Arc::new(run),
        check: "it".into(),
        deadline,
        timeline: Timeline::start(),
        cancellations: Cancellations::default(),
        events: EventSink::to_nobody(),
    };
    let failure = Attempts::new(poll(1), deadline, None).run(&mut Slow, &context).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "expected it x, got 7; no pass within 2.5s (check budget), while waiting for the next attempt (wait): \
         got 7 in 2 of 2 attempts"
    );
}
