//! Records of polls.

use serde::Serialize;

use super::time::Milliseconds;
use crate::event::PollTrail;
use crate::language::repeat::Hold;

/// What the attempts of a `poll` got.
#[derive(Debug, Serialize)]
pub(super) struct PollRecord {
    /// The required number of consecutive passes.
    hold: u32,
    /// The required time from the first to the last of them, if `hold` is a duration.
    hold_ms: Option<Milliseconds>,
    /// The most consecutive passes, or the longest run of them if `hold` is a duration.
    longest_row: u32,
    longest_row_ms: Milliseconds,
    /// How often it passed again after a pass and a failure.
    flaps: u32,
    /// What the failed attempts got, most frequent first.
    seen: Vec<SeenRecord>,
    /// How many attempts got an answer that is not among the first 20 different ones.
    other_attempts: u32,
}

/// An answer that some attempts got.
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
