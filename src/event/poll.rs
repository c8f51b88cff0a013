//! What the attempts of a poll got.

use std::time::Duration;

use crate::language::repeat::Hold;
use crate::outcome::Span;
use crate::secret::{Message, Redact};

/// What the attempts of a poll got. Two versions behind one address are visible only here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollTrail {
    pub hold: Hold,
    pub attempts: u32,
    /// What the failed attempts got, most frequent first.
    pub seen: Vec<Seen>,
    /// How many attempts got an answer that was not kept.
    pub others: u32,
    pub longest: Row,
    /// How often it passed again after a pass and a failure.
    pub flaps: u32,
}

/// An answer that some attempts got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `got "1.0.0"`
    pub what: Message,
    pub attempts: u32,
}

/// Consecutive passes, and the time from the first to the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Row {
    pub passes: u32,
    pub took: Duration,
}

impl PollTrail {
    /// The most different answers that a message shows.
    const SHOWN: usize = 3;

    /// Describes the poll: ``got "1.0.0" in 25 of 56 attempts; longest row 5 of 10; flapped twice``. `None` if there is
    /// nothing to report.
    pub fn describe(&self) -> Option<Message> {
        let row = self.describe_row().map(|row| Message::new().words(row));
        let flaps = (self.flaps > 0).then(|| Message::new().words(self.describe_flaps()));
        let parts = self.describe_seen().into_iter().chain(row).chain(flaps);
        parts.reduce(|text, part| text.words("; ").then(part))
    }

    /// Returns `flapped twice`.
    pub fn describe_flaps(&self) -> String {
        match self.flaps {
            1 => "flapped once".to_owned(),
            2 => "flapped twice".to_owned(),
            several => format!("flapped {several} times"),
        }
    }

    /// Returns ``got "1.0.0" in 25 of 56 attempts, got 503 in 3``.
    pub fn describe_seen(&self) -> Option<Message> {
        let several = if self.attempts == 1 { "attempt" } else { "attempts" };
        let of = |count: u32, is_first: bool| {
            if is_first {
                format!(" in {count} of {} {several}", self.attempts)
            } else {
                format!(" in {count}")
            }
        };
        let shown = self.seen.iter().take(PollTrail::SHOWN).enumerate();
        let mut parts: Vec<Message> =
            shown.map(|(index, seen)| seen.what.clone().words(of(seen.attempts, index == 0))).collect();
        let rest =
            self.seen.iter().skip(PollTrail::SHOWN).map(|seen| seen.attempts).sum::<u32>() + self.others;
        if rest > 0 {
            parts.push(Message::new().words(format!("something else{}", of(rest, false))));
        }
        parts.into_iter().reduce(|text, part| text.words(", ").then(part))
    }

    /// Returns `longest row 5 of 10`, if more than one pass is required.
    fn describe_row(&self) -> Option<String> {
        match self.hold {
            Hold::Passes(passes) if passes.get() == 1 => None,
            Hold::Passes(passes) => Some(format!("longest row {} of {passes}", self.longest.passes)),
            Hold::For(duration) => {
                let row = format!("longest row {} of {}", Span(self.longest.took), Span(duration));
                let few = self.longest.passes < Hold::FEWEST.get() && self.longest.took >= duration;
                Some(if few { format!("{row}, with {} passes", self.longest.passes) } else { row })
            }
        }
    }
}

impl Redact for PollTrail {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        let seen = self.seen.into_iter().map(|seen| Seen { what: clean(seen.what), ..seen }).collect();
        PollTrail { seen, ..self }
    }
}
