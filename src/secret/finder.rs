//! Finds secrets in texts, however they are spelled there.
//!
//! Letters and digits are escaped nowhere, so each secret has a few of them as its anchor, and a text is searched for
//! the anchors of all secrets at once. Where one stands, the secret is read from where it may begin. Nothing has to be
//! built anew for one more secret.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::reading::{ESCAPES, may_be_escape, readings};

/// How many letters and digits an anchor has, if there are so many in a row.
const ANCHOR: usize = 4;

/// An anchor is looked for among so many bytes at the beginning.
const HEAD: usize = 64;

/// No character is spelled with more bytes.
const LONGEST_SPELLING: usize = 24;

/// Bits of the filter.
const FILTER: usize = 1 << 16;

/// It would take too long to tell where the secrets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuchWork;

/// The secrets' texts, and where each is anchored.
#[derive(Debug, Default)]
pub struct Finder {
    /// White space in a row is one space.
    texts: Vec<Box<[u8]>>,
    anchors: HashMap<Gram, Vec<Anchor>>,
    /// A bit for every gram there is, to pass over the others fast.
    filter: Vec<u64>,
    /// The lengths of the grams there are.
    lengths: Vec<usize>,
}

/// Where a text is anchored.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    text: usize,
    /// Where in the text the gram stands.
    offset: usize,
    /// How many bytes may be before it where the text is spelled out.
    reach: usize,
}

impl Finder {
    /// Adds a text to be found. One that is empty is found nowhere.
    pub fn add(&mut self, text: &str) {
        let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").into_bytes();
        if text.is_empty() {
            return;
        }
        let number = self.texts.len();
        match self.best_anchor(&text) {
            Some(Range { start: offset, end }) => {
                let escaped = text[..offset].iter().filter(|byte| !byte.is_ascii_alphanumeric()).count();
                let reach = offset + escaped * (LONGEST_SPELLING - 1);
                self.anchor(&text[offset..end], Anchor { text: number, offset, reach });
            }
            // Nothing in it that is escaped nowhere: it may begin with itself, and with any escape.
            None => {
                let beginnings: BTreeSet<u8> = ESCAPES.iter().chain(&text[..1]).copied().collect();
                for byte in beginnings {
                    self.anchor(&[byte], Anchor { text: number, offset: 0, reach: 0 });
                }
            }
        }
        self.texts.push(text.into());
    }

    fn anchor(&mut self, bytes: &[u8], anchor: Anchor) {
        let gram = Gram::of(bytes);
        if !self.lengths.contains(&bytes.len()) {
            self.lengths.push(bytes.len());
        }
        self.filter.resize(FILTER / 64, 0);
        let (word, bit) = gram.place_in_filter();
        self.filter[word] |= bit;
        self.anchors.entry(gram).or_default().push(anchor);
    }

    /// The longest run of letters and digits, and where there are several, that which the fewest others have: tokens
    /// often begin alike.
    fn best_anchor(&self, text: &[u8]) -> Option<Range<usize>> {
        let head = &text[..text.len().min(HEAD)];
        let runs = head.split(|byte| !byte.is_ascii_alphanumeric());
        let length = runs.map(<[u8]>::len).max().filter(|longest| *longest > 0)?.min(ANCHOR);
        let plain =
            head.windows(length).enumerate().filter(|(_, gram)| gram.iter().all(u8::is_ascii_alphanumeric));
        let others = |gram: &[u8]| self.anchors.get(&Gram::of(gram)).map_or(0, Vec::len);
        let free = plain.clone().find(|(_, gram)| others(gram) == 0);
        let (offset, _) = free.or_else(|| plain.min_by_key(|(_, gram)| others(gram)))?;
        Some(offset..offset + length)
    }

    /// Where there is something of a text, in order and apart from one another.
    ///
    /// # Errors
    /// It would take longer than what is shown is worth. Then nobody knows.
    pub fn find(&self, text: &str) -> Result<Vec<Range<usize>>, TooMuchWork> {
        if self.texts.is_empty() {
            return Ok(Vec::new());
        }
        let text = text.as_bytes();
        let mut found = Vec::new();
        let mut work = Work::for_length(text.len());
        let mut four = 0;
        for (at, byte) in text.iter().enumerate() {
            four = four << 8 | u32::from(*byte);
            for length in &self.lengths {
                let gram = Gram::last(four, *length);
                let (word, bit) = gram.place_in_filter();
                if self.filter[word] & bit == 0 {
                    continue;
                }
                let first = (at + 1).saturating_sub(*length);
                for anchor in self.anchors.get(&gram).into_iter().flatten() {
                    let Some(last) = first.checked_sub(anchor.offset) else { continue };
                    for start in first.saturating_sub(anchor.reach)..=last {
                        if let Some(end) = end_of(&self.texts[anchor.text], text, start, &mut work)? {
                            found.push(start..end);
                        }
                    }
                }
            }
        }
        Ok(union(found))
    }
}

/// Where the longest spelling of `wanted` ends that begins at `start`.
fn end_of(wanted: &[u8], text: &[u8], start: usize, work: &mut Work) -> Result<Option<usize>, TooMuchWork> {
    let mut longest = None;
    // How much was read of both, in each way to read the text that has not come to its end.
    let mut open = BTreeSet::new();
    let mut now = (0, start);
    loop {
        let (read, at) = now;
        match (wanted.get(read), text.get(at)) {
            (None, _) => longest = longest.max(Some(at)),
            (Some(_), None) => {}
            (Some(b' '), Some(_)) => {
                work.take(Work::READING)?;
                let spaces = readings(text, at);
                for space in spaces
                    .iter()
                    .filter(|reading| matches!(reading.bytes(), [byte] if byte.is_ascii_whitespace()))
                {
                    open.extend([(read, space.end), (read + 1, space.end)]);
                }
            }
            (Some(_), Some(_)) if may_be_escape(text, at) => {
                work.take(Work::READING)?;
                let meant = readings(text, at);
                let fitting = meant.iter().filter(|reading| wanted[read..].starts_with(reading.bytes()));
                open.extend(fitting.map(|reading| (read + reading.bytes().len(), reading.end)));
            }
            (Some(expected), Some(byte)) => {
                work.take(1)?;
                if expected == byte {
                    now = (read + 1, at + 1);
                    if open.is_empty() {
                        continue;
                    }
                    open.insert(now);
                }
            }
        }
        match open.pop_first() {
            Some(next) => now = next,
            None => return Ok(longest),
        }
    }
}

/// How much more may be done for a text.
struct Work {
    left: usize,
}

impl Work {
    /// What it takes to read one escape, where to compare two bytes is 1.
    const READING: usize = 1_000;

    fn for_length(length: usize) -> Work {
        Work { left: 4_000_000 + 32 * length }
    }

    fn take(&mut self, work: usize) -> Result<(), TooMuchWork> {
        self.left = self.left.checked_sub(work).ok_or(TooMuchWork)?;
        Ok(())
    }
}

/// The same without overlaps, in order.
fn union(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            Some(_) | None => apart.push(range),
        }
    }
    apart
}

/// One to four bytes in a row, and how many they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Gram(u64);

impl Gram {
    fn of(bytes: &[u8]) -> Gram {
        Gram::last(bytes.iter().fold(0, |before, byte| before << 8 | u32::from(*byte)), bytes.len())
    }

    /// The last `length` of four bytes.
    fn last(four: u32, length: usize) -> Gram {
        let bytes = u64::from(four) & ((1 << (8 * length)) - 1);
        Gram(bytes | (length as u64) << 32)
    }

    /// The word and the bit that stand for it, and for some others.
    fn place_in_filter(self) -> (usize, u64) {
        let hash = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - FILTER.ilog2());
        (usize::try_from(hash / 64).unwrap_or_default(), 1 << (hash % 64))
    }
}
