//! What the attempts of a `poll` saw.

use serde::Serialize;

use super::time::Milliseconds;
use crate::event::PollTrail;
use crate::language::repeat::Hold;

/// What the attempts of a `poll` saw.
#[derive(Debug, Serialize)]
pub(super) struct PollRecord {
    /// How many passes in a row it takes.
    hold: u32,
    /// How long they take from the first to the last, where `hold` is a duration.
    hold_ms: Option<Milliseconds>,
    /// The most passes in a row that there were, or the longest where `hold` is a duration.
    longest_row: u32,
    longest_row_ms: Milliseconds,
    /// How often it passed after it had passed and failed.
    flaps: u32,
    /// What the attempts got that did not pass, the most frequent first.
    seen: Vec<SeenRecord>,
    /// How many attempts got something else than the first 20 different answers.
    other_attempts: u32,
}

/// What some of the attempts got.
#[derive(Debug, Serialize)]
struct SeenRecord {
    /// Such as `got "1.0.0"`.
    what: String,
    attempts: u32,
}

impl PollRecord {
    pub fn of(poll: &PollTrail) -> PollRecord {
        let seen = poll.seen.iter();
        PollRecord {
            hold: poll.hold.fewest().get(),
            hold_ms: match poll.hold {
                Hold::Passes(_) => None,
                Hold::For(duration) => Some(Milliseconds(duration)),
            },
            longest_row: poll.longest.passes,
            longest_row_ms: Milliseconds(poll.longest.took),
            flaps: poll.flaps,
            seen: seen
                .map(|seen| SeenRecord { what: seen.what.to_string(), attempts: seen.attempts })
                .collect(),
            other_attempts: poll.others,
        }
    }
}
