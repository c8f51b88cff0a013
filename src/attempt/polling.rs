//! The state of a poll: how long it has held, and what its attempts got.

use tokio::time::Instant;

use crate::event::{PollTrail, Row, Seen};
use crate::language::repeat::{Hold, Poll};
use crate::outcome::Failure;
use crate::secret::Message;

/// The most different answers that are kept.
const KEPT: usize = 20;

/// A poll in progress.
#[derive(Debug)]
pub(super) struct Polling {
    hold: Hold,
    /// When the current run of passes began, and its length.
    row: Option<(Instant, Row)>,
    longest: Row,
    /// Whether an attempt has passed.
    has_passed: bool,
    has_failed_since: bool,
    flaps: u32,
    seen: Vec<Seen>,
    others: u32,
}

impl Polling {
    pub fn new(poll: &Poll) -> Polling {
        Polling {
            hold: poll.hold,
            row: None,
            longest: Row::default(),
            has_passed: false,
            has_failed_since: false,
            flaps: 0,
            seen: Vec::new(),
            others: 0,
        }
    }

    /// Records a pass, and returns whether the poll has held long enough.
    pub fn passed(&mut self) -> bool {
        self.flaps += u32::from(self.has_passed && self.has_failed_since);
        (self.has_passed, self.has_failed_since) = (true, false);
        let now = Instant::now();
        let (began, row) = self.row.unwrap_or((now, Row::default()));
        let row = Row { passes: row.passes + 1, took: now - began };
        self.row = Some((began, row));
        let longer = match self.hold {
            Hold::Passes(_) => row.passes > self.longest.passes,
            Hold::For(_) => (row.took, row.passes) > (self.longest.took, self.longest.passes),
        };
        if longer {
            self.longest = row;
        }
        row.passes >= self.hold.fewest().get()
            && match self.hold {
                Hold::Passes(_) => true,
                Hold::For(duration) => row.took >= duration,
            }
    }

    /// Records a failure.
    pub fn failed(&mut self, failure: &Failure) {
        self.row = None;
        self.has_failed_since = true;
        let what = failure.in_short();
        let is_full = self.seen.len() == KEPT;
        match self.seen.iter_mut().find(|seen| seen.what == what) {
            Some(seen) => seen.attempts += 1,
            None if !is_full => self.seen.push(Seen { what, attempts: 1 }),
            None => self.others += 1,
        }
    }

    /// Returns what the first `attempts` attempts got.
    pub fn trail(&self, attempts: u32) -> PollTrail {
        let mut seen = self.seen.clone();
        // The sort is stable, so equally frequent answers keep their order.
        seen.sort_by_key(|seen| std::cmp::Reverse(seen.attempts));
        let (hold, others, longest, flaps) = (self.hold, self.others, self.longest, self.flaps);
        PollTrail { hold, attempts, seen, others, longest, flaps }
    }

    /// Describes the poll for a failure.
    pub fn describe(&self, attempts: u32) -> Option<Message> {
        self.trail(attempts).describe()
    }

    /// Whether any attempt passed.
    pub fn has_passed(&self) -> bool {
        self.has_passed
    }
}
