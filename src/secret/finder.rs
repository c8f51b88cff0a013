//! Finds secrets in texts, however they are spelled there, in one go over the text: what it costs grows with the
//! length of the text, and neither with what is in it nor with how many secrets there are.
//!
//! A text is seen in several ways at once, and in each of them is looked for what a secret is there.

use std::ops::Range;

use super::forms::Forms;
use super::needles::Needles;
use super::numbers::{Item, Numbers};
use super::stream::{HISTORY, Stream, TooMuchWork, Work};
use super::unescape::{Sink, Unescape};

/// No character is spelled with more bytes, but for one that is escaped again and again.
const LONGEST_SPELLING: usize = 12;

/// Of what comes once there are so many, only the plain forms are looked for: servers may issue a secret with each answer.
const MANY_NEEDLES: usize = 100_000;

/// More are not kept. Of a run to whom servers issue so many, nothing foreign is shown from then on.
const MOST_NEEDLES: usize = 300_000;

/// Why nobody knows what is secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsearchable {
    /// It would take longer than what is shown is worth.
    TooMuchWork,
    /// There are secrets that are not kept.
    TooManySecrets,
}

impl Unsearchable {
    /// What is shown instead of the text.
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

/// What is looked for, in each view of a text.
#[derive(Debug, Default)]
pub struct Finder {
    /// As it is, white space in a row one space.
    raw: Needles,
    /// What it means once nothing is escaped.
    unescaped: Needles,
    /// The same without white space and what differs between the alphabets of base64.
    compact: Needles,
    /// In lower case and without what groups digits.
    hex: Needles,
    /// How long the longest secret is.
    longest: usize,
    is_full: bool,
}

impl Finder {
    /// Adds what a secret is in each view.
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

    /// Are there so many already that only the plain forms of another are kept?
    pub fn has_many(&self) -> bool {
        self.raw.len() + self.unescaped.len() + self.compact.len() + self.hex.len() >= MANY_NEEDLES
    }

    /// Where there is something of a secret in a part of a text, in order and apart from one another. The rest is
    /// searched as far as a secret may reach.
    ///
    /// # Errors
    /// Nobody knows.
    pub fn search(&self, text: &str, range: Range<usize>) -> Result<Vec<Range<usize>>, Unsearchable> {
        let reach = (self.longest + HISTORY) * LONGEST_SPELLING;
        let mut search = Search::of(self, text, text.floor_char_boundary(range.start.saturating_sub(reach)));
        search.settle(range.end, reach)?;
        Ok(search.found())
    }
}

/// A search on its way through a text.
#[derive(Debug)]
pub struct Search<'f> {
    finder: &'f Finder,
    text: &'f str,
    at: usize,
    raw: Stream<'f>,
    /// Are there white spaces only since the last byte of `raw`?
    after_space: bool,
    hex: Stream<'f>,
    /// Was the last byte a hexadecimal digit, or what groups them?
    in_hex: bool,
    unescape: Unescape<Unescaped<'f>>,
    numbers: Numbers,
    bytes: Stream<'f>,
    work: Work,
}

/// What a text means, and the same without white space.
#[derive(Debug)]
struct Unescaped<'f> {
    whole: Stream<'f>,
    compact: Stream<'f>,
    /// How long `compact` was at the last lengths of `whole`.
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

/// What a byte of what a text means is in `compact`.
pub fn in_compact(byte: u8) -> Option<u8> {
    match byte {
        // The two alphabets of base64 have different signs for the last two digits.
        b'+' | b'-' | b' ' | b'\t'..=b'\r' => None,
        b'_' => Some(b'/'),
        _ => Some(byte),
    }
}

/// What a byte of a text is in the view for hexadecimal digits.
pub fn in_hex(byte: u8) -> Option<u8> {
    match byte {
        b'-' | b':' | b' ' | b'\t'..=b'\r' => None,
        _ => Some(byte.to_ascii_lowercase()),
    }
}

impl<'f> Search<'f> {
    /// Of a text from somewhere on.
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

    /// Searches on until it is known what of a secret is before `end`, at first for `margin` bytes more.
    ///
    /// # Errors
    /// Nobody knows.
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
                // Nothing that is looked for has another in it: one ends them all.
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
            // Nothing that is looked for has such a byte.
            Item::End => self.bytes.push(0, at..at, &mut self.work),
        }
    }

    fn streams(&self) -> [&Stream<'f>; 5] {
        [&self.raw, &self.hex, &self.bytes, &self.unescape.sink.whole, &self.unescape.sink.compact]
    }

    /// May a secret that has begun before `at` still come to its end?
    fn is_open_before(&self, at: usize) -> bool {
        self.streams().iter().any(|stream| stream.is_open_before(at))
    }

    /// Where there is something of a secret, in order and with something in between.
    #[must_use]
    pub fn found(&self) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = self
            .streams()
            .iter()
            .flat_map(|stream| stream.found())
            // What a byte of Latin-1 means may be half a character of UTF-8.
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
