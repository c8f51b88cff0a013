//! How often something is attempted: `retry` and `poll`.

use std::num::NonZeroU32;
use std::time::Duration;

use super::read::{FromTable, Table};
use super::table::Rule;

/// `retry = { attempts = 3, delay = "500ms" }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    pub attempts: NonZeroU32,
    pub delay: Duration,
}

impl FromTable for Retry {
    const DEFINITION: &'static str = "retry";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let attempts = table.required("attempts", ("total number of attempts", "attempts = 3"));
        let delay = table.optional_or(
            "delay",
            ("pause between two attempts", r#"delay = "2s""#),
            Duration::from_millis(500),
        );
        Some(Retry { attempts: attempts?, delay })
    }
}

/// `poll = { every = "1s", hold = 3 }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    pub every: Duration,
    pub hold: NonZeroU32,
}

impl FromTable for Poll {
    const DEFINITION: &'static str = "poll";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let every = table.optional_or(
            "every",
            ("pause between two attempts", r#"every = "200ms""#),
            Duration::from_secs(1),
        );
        let hold =
            table.optional_or("hold", ("how many times in a row it must pass", "hold = 3"), NonZeroU32::MIN);
        Some(Poll { every, hold })
    }
}

/// How often something is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    Once,
    /// Until it passes, at most so often.
    Retry(Retry),
    /// Until it passes so often in a row, or the budget ends.
    Poll(Poll),
}

impl Repeat {
    /// Reads `retry` and `poll`.
    pub fn from_table(table: &mut Table<'_, '_, '_>, default: Option<Retry>) -> Option<Repeat> {
        let retry: Option<Retry> = table.optional("retry", ("try again after a failure, within the budget; passing after a failed attempt is reported as flaky", "retry = { attempts = 3 }"));
        let poll: Option<Poll> = table.optional(
            "poll",
            (
                "repeat until it passes `hold` times in a row or the budget ends; not together with `retry`",
                "poll = { hold = 3 }",
            ),
        );
        table.obeys(Rule::AtMostOne(&["retry", "poll"]));
        match (retry, poll) {
            (Some(_), Some(_)) => {
                table.reject("retry", "`poll` already repeats: give `retry` or `poll`, not both")
            }
            (None, Some(poll)) => Some(Repeat::Poll(poll)),
            (retry, None) => Some(match retry.or(default) {
                Some(retry) if retry.attempts.get() > 1 => Repeat::Retry(retry),
                Some(_) | None => Repeat::Once,
            }),
        }
    }
}
