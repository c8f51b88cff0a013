//! Finds secrets in text, in any encoding, in one pass. The cost grows with the length of the text only, not with its
//! content and not with the number of secrets.
//!
//! A text is searched in several views at once. Each view has its own needles for a secret.

use std::ops::Range;

use super::forms::Forms;
use super::needles::Needles;
use super::numbers::{Item, Numbers};
use super::stream::{HISTORY, Stream, TooMuchWork, Work};
use super::unescape::{Sink, Unescape};

/// The most bytes that encode one character, unless it is escaped repeatedly.
const LONGEST_SPELLING: usize = 12;

/// From this many needles on, only the plain forms of a new secret are added: a server may issue a secret with each
/// answer.
const MANY_NEEDLES: usize = 100_000;

/// The most needles that are kept. Once a run exceeds this, no external data is shown any more.
const MOST_NEEDLES: usize = 300_000;

/// Why a text cannot be searched for secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsearchable {
    /// The search would cost more than the excerpt is worth.
    TooMuchWork,
    /// Some secrets were not kept.
    TooManySecrets,
}

impl Unsearchable {
    /// The text that replaces the unsearchable one.
    pub fn notice(self) -> &'static str {
        match self {
            Unsearchable::TooMuchWork => "(not shown: it could not be searched for secrets in time)",
            Unsearchable::TooManySecrets => "(not shown: there are too many secrets to search for)",
        }
    }
}

impl From<TooMuchWork> for Unsearchable {
    fn from(TooMuchWork: TooMuchWork) -> Unsearchable {
        Unsearchable::TooMuchWork
    }
}

/// The needles, by view of the text.
#[derive(Debug, Default)]
pub struct Finder {
    /// The text itself, with each run of white space collapsed to one space.
    raw: Needles,
    /// The text with all escapes decoded.
    unescaped: Needles,
    /// The unescaped text without white space, and with the two base64 alphabets unified.
    compact: Needles,
    /// The text in lower case, without the separators that group hexadecimal digits.
    hex: Needles,
    /// The length of the longest secret.
    longest: usize,
    is_full: bool,
}

impl Finder {
    /// Adds the forms of a secret to each view.
    pub fn add(&mut self, forms: &Forms) {
        let count: usize =
            [&self.raw, &self.unescaped, &self.compact, &self.hex].map(Needles::len).iter().sum();
        self.is_full |= count >= MOST_NEEDLES;
        if self.is_full {
            return;
        }
        self.longest = self.longest.max(forms.longest());
        forms.raw.iter().for_each(|needle| self.raw.add(needle));
        forms.unescaped.iter().for_each(|needle| self.unescaped.add(needle));
        if count < MANY_NEEDLES {
            forms.compact.iter().for_each(|needle| self.compact.add(needle));
            forms.hex.iter().for_each(|needle| self.hex.add(needle));
        }
    }

    /// Whether only the plain forms of further secrets are kept.
    pub fn has_many(&self) -> bool {
        self.raw.len() + self.unescaped.len() + self.compact.len() + self.hex.len() >= MANY_NEEDLES
    }

    /// Returns the parts of `range` that belong to a secret, sorted and without overlaps. Also searches the surrounding
    /// text, as far as a secret can extend.
    ///
    /// # Errors
    /// Returns why the text cannot be searched.
    pub fn search(&self, text: &str, range: Range<usize>) -> Result<Vec<Range<usize>>, Unsearchable> {
        let reach = (self.longest + HISTORY) * LONGEST_SPELLING;
        let mut search = Search::of(self, text, text.floor_char_boundary(range.start.saturating_sub(reach)));
        search.settle(range.end, reach)?;
        Ok(search.found())
    }
}

/// A search in progress.
#[derive(Debug)]
pub struct Search<'f> {
    finder: &'f Finder,
    text: &'f str,
    at: usize,
    raw: Stream<'f>,
    /// Whether only white space has followed the last byte of `raw`.
    after_space: bool,
    hex: Stream<'f>,
    /// Whether the last byte was a hexadecimal digit or a separator between them.
    in_hex: bool,
    unescape: Unescape<Unescaped<'f>>,
    numbers: Numbers,
    bytes: Stream<'f>,
    work: Work,
}

/// The unescaped text, with and without white space.
#[derive(Debug)]
struct Unescaped<'f> {
    whole: Stream<'f>,
    compact: Stream<'f>,
    /// The lengths of `compact` at the most recent lengths of `whole`.
    lengths: [usize; HISTORY],
    work: Work,
}

impl Sink for Unescaped<'_> {
    type Error = TooMuchWork;

    fn push(&mut self, byte: u8, from: Range<usize>) -> Result<(), TooMuchWork> {
        self.whole.push(byte, from.clone(), &mut self.work)?;
        if let Some(kept) = in_compact(byte) {
            self.compact.push(kept, from, &mut self.work)?;
        }
        self.lengths[self.whole.depth() % HISTORY] = self.compact.depth();
        Ok(())
    }

    fn length(&self) -> usize {
        self.whole.depth()
    }

    fn truncate(&mut self, length: usize) {
        self.whole.truncate(length);
        self.compact.truncate(self.lengths[length % HISTORY]);
    }
}

/// Maps a byte of the unescaped text to its byte in the `compact` view.
pub fn in_compact(byte: u8) -> Option<u8> {
    match byte {
        // The two base64 alphabets use different characters for the last two digits.
        b'+' | b'-' | b' ' | b'\t'..=b'\r' => None,
        b'_' => Some(b'/'),
        _ => Some(byte),
    }
}

/// Maps a byte of the text to its byte in the `hex` view.
pub fn in_hex(byte: u8) -> Option<u8> {
    match byte {
        b'-' | b':' | b' ' | b'\t'..=b'\r' => None,
        _ => Some(byte.to_ascii_lowercase()),
    }
}

impl<'f> Search<'f> {
    /// Starts a search at `start`.
    #[must_use]
    pub fn of(finder: &'f Finder, text: &'f str, start: usize) -> Search<'f> {
        let work = || Work::for_length(text.len() - start);
        let unescaped = Unescaped {
            whole: Stream::of(&finder.unescaped),
            compact: Stream::of(&finder.compact),
            lengths: [0; HISTORY],
            work: work(),
        };
        Search {
            finder,
            text,
            at: start,
            raw: Stream::of(&finder.raw),
            after_space: false,
            hex: Stream::of(&finder.hex),
            in_hex: false,
            unescape: Unescape::into(unescaped),
            numbers: Numbers::default(),
            bytes: Stream::of(&finder.raw),
            work: work(),
        }
    }

    /// Continues until every secret that starts before `end` is complete or ruled out, reading `margin` more bytes at
    /// first.
    ///
    /// # Errors
    /// Returns why the text cannot be searched.
    pub fn settle(&mut self, end: usize, margin: usize) -> Result<(), Unsearchable> {
        if self.finder.is_full {
            return Err(Unsearchable::TooManySecrets);
        }
        if self.finder.raw.is_empty() {
            return Ok(());
        }
        let (mut to, mut margin) = (end, margin.max(1));
        while to < self.text.len() && (to == end || self.is_open_before(end)) {
            to = (to + margin).min(self.text.len());
            margin *= 2;
            self.up_to(to)?;
        }
        Ok(self.up_to(to)?)
    }

    fn up_to(&mut self, end: usize) -> Result<(), TooMuchWork> {
        let text = self.text.as_bytes();
        for (at, byte) in text.iter().copied().enumerate().take(end).skip(self.at) {
            let from = at..at + 1;
            match byte.is_ascii_whitespace() {
                false => self.raw.push(byte, from.clone(), &mut self.work)?,
                true if self.after_space => {}
                true => self.raw.push(b' ', from.clone(), &mut self.work)?,
            }
            self.after_space = byte.is_ascii_whitespace();
            match in_hex(byte) {
                Some(digit) if digit.is_ascii_hexdigit() => {
                    self.in_hex = true;
                    self.hex.push(digit, from, &mut self.work)?;
                }
                // No needle contains other bytes, so one of them ends every match.
                Some(other) if self.in_hex => {
                    self.in_hex = false;
                    self.hex.push(other, from, &mut self.work)?;
                }
                Some(_) | None => {}
            }
            if let Some(item) = self.numbers.read(byte, at) {
                self.number(&item, at)?;
            }
            self.unescape.read(byte, at)?;
        }
        self.at = self.at.max(end);
        if self.at == text.len()
            && let Some(item) = self.numbers.last()
        {
            self.number(&item, text.len())?;
        }
        Ok(())
    }

    fn number(&mut self, item: &Item, at: usize) -> Result<(), TooMuchWork> {
        match item {
            Item::Byte(byte, start) => self.bytes.push(*byte, *start..at, &mut self.work),
            // No needle contains a zero byte.
            Item::End => self.bytes.push(0, at..at, &mut self.work),
        }
    }

    fn streams(&self) -> [&Stream<'f>; 5] {
        [&self.raw, &self.hex, &self.bytes, &self.unescape.sink.whole, &self.unescape.sink.compact]
    }

    /// Whether a secret that started before `at` may still be completed.
    fn is_open_before(&self, at: usize) -> bool {
        self.streams().iter().any(|stream| stream.is_open_before(at))
    }

    /// Returns the ranges of secrets, sorted, with a gap between any two.
    #[must_use]
    pub fn found(&self) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = self
            .streams()
            .iter()
            .flat_map(|stream| stream.found())
            // An unescaped Latin-1 byte may be half of a UTF-8 character.
            .map(|found| self.text.floor_char_boundary(found.start)..self.text.ceil_char_boundary(found.end))
            .collect();
        ranges.sort_unstable_by_key(|range| (range.start, range.end));
        ranges.dedup_by(|next, last| {
            let touch = next.start <= last.end;
            if touch {
                last.end = last.end.max(next.end);
            }
            touch
        });
        ranges
    }
}
