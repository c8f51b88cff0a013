//! Repeated attempts: `retry` and `poll`.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::read::{FromTable, FromToml, ParseContext, Table};
use super::schema::{Definitions, Schema};
use super::source::Place;
use super::table::{Rule, ToToml};

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
    pub hold: Hold,
}

/// How long a poll must keep passing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// This many times in a row.
    Passes(NonZeroU32),
    /// For this long, from the first to the last of at least [`Hold::FEWEST`] passes.
    For(Duration),
}

impl Default for Hold {
    fn default() -> Hold {
        Hold::Passes(NonZeroU32::MIN)
    }
}

impl Hold {
    /// The fewest passes for a duration or a number of replicas.
    pub const FEWEST: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);

    /// Returns the passes in a row after which a single failing replica of `replicas` is missed with a probability
    /// below one in a million, if each attempt reaches a random one.
    pub fn over(replicas: NonZeroU32) -> Hold {
        const MISSED: f64 = 1e-6;
        let others = 1.0 - 1.0 / f64::from(replicas.get());
        let (mut passes, mut missed) = (0, 1.0);
        while missed > MISSED {
            passes += 1;
            missed *= others;
        }
        Hold::Passes(NonZeroU32::new(passes).map_or(Hold::FEWEST, |passes| passes.max(Hold::FEWEST)))
    }

    /// Returns the fewest passes in a row that it requires.
    pub fn fewest(self) -> NonZeroU32 {
        match self {
            Hold::Passes(passes) => passes,
            Hold::For(_) => Hold::FEWEST,
        }
    }
}

impl FromToml for Hold {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => Duration::from_toml(value, parse).map(Hold::For),
            DeValue::Integer(_) => NonZeroU32::from_toml(value, parse).map(Hold::Passes),
            _ => parse.expected(value, "a number of passes or a duration such as \"10s\""),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        json!({ "anyOf": [NonZeroU32::schema(definitions), Duration::schema(definitions)] })
    }
}

impl ToToml for Hold {
    fn to_toml(&self) -> Value {
        match self {
            Hold::Passes(passes) => passes.to_toml(),
            Hold::For(duration) => duration.to_toml(),
        }
    }
}

/// The number of servers behind an address.
struct Replicas(NonZeroU32);

impl Replicas {
    /// More replicas would need more passes than anyone waits for.
    const MOST: u32 = 1000;
}

impl FromToml for Replicas {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let number = NonZeroU32::from_toml(value, parse)?;
        if number.get() <= Replicas::MOST {
            Some(Replicas(number))
        } else {
            parse.expected(value, &format!("a number of replicas from 1 to {}", Replicas::MOST))
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "integer", "minimum": 1, "maximum": Replicas::MOST })
    }
}

impl Poll {
    /// Returns the shortest time to pass, if every attempt passes immediately.
    pub fn shortest(&self) -> Duration {
        let pauses = self.hold.fewest().get() - 1;
        let by_passes = self.every.saturating_mul(pauses);
        match self.hold {
            Hold::Passes(_) => by_passes,
            Hold::For(duration) => by_passes.max(duration),
        }
    }
}

impl FromTable for Poll {
    const DEFINITION: &'static str = "poll";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let every = table.optional_or(
            "every",
            ("pause between two attempts", r#"every = "200ms""#),
            Duration::from_secs(1),
        );
        let hold = table.optional_or(
            "hold",
            (
                "how many times in a row it must pass, or for how long: a duration counts from the first to the last of at least 3 passes",
                r#"hold = "10s""#,
            ),
            Hold::default(),
        );
        let replicas: Option<Replicas> = table.optional(
            "replicas",
            (
                "number of servers behind a load balancer: it must pass so often in a row that one server which fails is missed less than once in a million; only for health checks, not together with `hold`",
                "replicas = 9",
            ),
        );
        table.at_most_one(
            &["hold", "replicas"],
            "`replicas` computes how often it must pass: give `hold` or `replicas`, not both",
        )?;
        let hold = match replicas {
            Some(Replicas(replicas)) => Hold::over(replicas),
            None if table.has("replicas") => return None,
            None => hold,
        };
        Some(Poll { every, hold })
    }
}

/// Which server may respond to the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// Each attempt uses a new connection, so any server behind a load balancer may respond.
    New,
    /// An attempt may reuse the previous connection and reach the same server.
    MayBeKept,
    /// Nothing: there is one attempt, and no default changes that.
    Once,
}

/// How often an operation is attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    Once,
    /// Until it passes, with a limit on attempts.
    Retry(Retry),
    /// Until the result holds, or the budget ends.
    Poll(Poll),
}

impl Repeat {
    /// Reads `retry` and `poll`.
    pub fn from_table(
        table: &mut Table<'_, '_, '_>,
        default: Option<Retry>,
        connections: Connections,
    ) -> Option<Repeat> {
        let retry: Option<Retry> = table.optional("retry", ("try again after a failure, within the budget; passing after a failed attempt is reported as flaky", "retry = { attempts = 3 }"));
        let poll: Option<Poll> = table.optional(
            "poll",
            (
                "repeat until it passes `hold` times in a row or the budget ends; not together with `retry`",
                "poll = { hold = 3 }",
            ),
        );
        table.obeys(Rule::AtMostOne(&["retry", "poll"]));
        if let (Connections::MayBeKept, Some(place)) = (connections, place_of_replicas(table)) {
            let mistake =
                Diagnostic::new(place, "`replicas` is for health checks, where each attempt connects anew");
            return table.parse.reject(
                mistake.hint("here an attempt may go to the server that answered the one before: use `hold`"),
            );
        }
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

fn place_of_replicas(table: &Table<'_, '_, '_>) -> Option<Place> {
    let DeValue::Table(poll) = table.keys.get("poll")?.get_ref() else { return None };
    let (key, _) = poll.get_key_value("replicas")?;
    Some(table.parse.place(key.span()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(replicas: u32) -> u32 {
        Hold::over(NonZeroU32::new(replicas).unwrap()).fewest().get()
    }

    #[test]
    fn replicas_are_held_so_often_that_one_is_missed_less_than_once_in_a_million() {
        assert_eq!([1, 2, 3, 9, 100].map(passes), [3, 20, 35, 118, 1375]);
        for replicas in [2, 3, 9, 100, Replicas::MOST] {
            let others = 1.0 - 1.0 / f64::from(replicas);
            let missed = |passes: u32| others.powf(f64::from(passes));
            let passes = passes(replicas);
            assert!(missed(passes) <= 1e-6 && missed(passes - 1) > 1e-6, "{replicas}: {passes}");
        }
    }

    #[test]
    fn the_shortest_time_is_that_of_the_pauses_or_of_the_hold() {
        let every = Duration::from_secs(1);
        let shortest = |hold| Poll { every, hold }.shortest();
        assert_eq!(shortest(Hold::default()), Duration::ZERO);
        assert_eq!(shortest(Hold::over(NonZeroU32::new(9).unwrap())), Duration::from_secs(117));
        assert_eq!(shortest(Hold::For(Duration::from_secs(10))), Duration::from_secs(10));
        assert_eq!(shortest(Hold::For(Duration::from_secs(1))), Duration::from_secs(2));
    }
}
