//! One view of a text, read byte by byte: the matches so far, and the needles still in progress.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::needles::{Beginning, Needles, hash_with, power};

/// How many bytes of a view can be taken back.
pub const HISTORY: usize = 64;

/// The most needles in progress that are tracked.
const MOST_BEGUN: usize = 1 << 16;

/// Locating the secrets would take too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuchWork;

/// The remaining budget of steps. It grows with the length of the text only. A text runs out of it only if it was
/// crafted from the beginnings of many secrets.
#[derive(Debug)]
pub struct Work {
    left: usize,
}

impl Work {
    pub fn for_length(length: usize) -> Work {
        Work { left: 200_000 + 8 * length }
    }

    fn take(&mut self) -> Result<(), TooMuchWork> {
        self.left = self.left.checked_sub(1).ok_or(TooMuchWork)?;
        Ok(())
    }
}

/// A needle in progress, which ends at a known depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Begun {
    end: usize,
    start: usize,
    /// The contribution to the hash at the end by everything before the rest.
    before: u64,
    rest: u32,
    beginning: Beginning,
}

/// The state of the view after one of its bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    hash: u64,
    last_bytes: u64,
    /// Where the byte starts in the text.
    start: usize,
}

/// A view of a text that is searched for needles. Its last bytes can be taken back if they turn out to be an escape.
/// Matches found until then remain.
#[derive(Debug)]
pub struct Stream<'n> {
    needles: &'n Needles,
    /// The number of bytes.
    depth: usize,
    history: [Moment; HISTORY],
    /// Needles that end soon, by the depth at which they end.
    near: [Vec<Begun>; HISTORY],
    /// One bit for each non-empty entry of `near`.
    occupied: u64,
    far: BinaryHeap<Reverse<Begun>>,
    /// The depth at which the first needle of `far` moves to `near`.
    next: usize,
    found: Vec<Range<usize>>,
}

impl<'n> Stream<'n> {
    pub fn of(needles: &'n Needles) -> Stream<'n> {
        Stream {
            needles,
            depth: 0,
            history: [Moment::default(); HISTORY],
            near: std::array::from_fn(|_| Vec::new()),
            occupied: 0,
            far: BinaryHeap::new(),
            next: usize::MAX,
            found: Vec::new(),
        }
    }

    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Takes back all bytes after the first `depth`.
    pub fn truncate(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// Adds a byte, which stands for `from` in the text.
    #[inline]
    pub fn push(&mut self, byte: u8, from: Range<usize>, work: &mut Work) -> Result<(), TooMuchWork> {
        let before = self.history[self.depth % HISTORY];
        let hash = hash_with(before.hash, byte);
        let last_bytes = before.last_bytes << 8 | u64::from(byte);
        self.depth += 1;
        let now = self.depth % HISTORY;
        self.history[now] = Moment { hash, last_bytes, start: from.start };
        if self.depth >= self.next {
            self.draw_near();
        }
        if self.occupied >> now & 1 == 1 {
            self.end(now, hash, from.end, work)?;
        }
        if self.needles.may_begin(last_bytes) {
            self.begin_all(last_bytes, hash, from.end, work)
        } else {
            Ok(())
        }
    }

    #[inline(never)]
    fn begin_all(
        &mut self,
        last_bytes: u64,
        hash: u64,
        at: usize,
        work: &mut Work,
    ) -> Result<(), TooMuchWork> {
        let needles = self.needles;
        needles.beginnings(last_bytes).try_for_each(|beginning| self.begin(beginning, hash, at, work))
    }

    fn begin(
        &mut self,
        beginning: Beginning,
        hash: u64,
        at: usize,
        work: &mut Work,
    ) -> Result<(), TooMuchWork> {
        let Some(first) = self.depth.checked_sub(beginning.width) else { return Ok(()) };
        let start = self.history[(first + 1) % HISTORY].start;
        let needles = self.needles;
        for rest in needles.rests(beginning) {
            work.take()?;
            if *rest == 0 {
                self.find(start..at);
                continue;
            }
            let begun = Begun {
                end: self.depth + *rest as usize,
                start,
                before: hash.wrapping_mul(power(*rest)),
                rest: *rest,
                beginning,
            };
            match (*rest as usize) < HISTORY / 2 {
                true => self.expect(begun),
                false if self.far.len() < MOST_BEGUN => {
                    self.next = self.next.min(begun.end - HISTORY / 2);
                    self.far.push(Reverse(begun));
                }
                false => return Err(TooMuchWork),
            }
        }
        Ok(())
    }

    fn expect(&mut self, begun: Begun) {
        let place = begun.end % HISTORY;
        self.near[place].push(begun);
        self.occupied |= 1 << place;
    }

    fn draw_near(&mut self) {
        while let Some(Reverse(begun)) = self.far.peek().copied()
            && begun.end <= self.depth + HISTORY / 2
        {
            self.far.pop();
            self.expect(begun);
        }
        self.next = self.far.peek().map_or(usize::MAX, |Reverse(begun)| begun.end - HISTORY / 2);
    }

    /// Verifies the needles that end at this depth.
    #[inline(never)]
    fn end(&mut self, now: usize, hash: u64, at: usize, work: &mut Work) -> Result<(), TooMuchWork> {
        let mut waiting = std::mem::take(&mut self.near[now]);
        // Needles that should have ended a round ago never will. One that ends here stays, because the byte may be
        // taken back.
        waiting.retain(|begun| begun.end >= self.depth);
        let depth = self.depth;
        for begun in waiting.iter().filter(|begun| begun.end == depth) {
            work.take()?;
            if self.needles.has(begun.beginning, begun.rest, hash.wrapping_sub(begun.before)) {
                self.find(begun.start..at);
            }
        }
        if waiting.is_empty() {
            self.occupied &= !(1 << now);
        }
        self.near[now] = waiting;
        Ok(())
    }

    /// Adds a match, and keeps the matches sorted and separate.
    fn find(&mut self, range: Range<usize>) {
        let mut range = range;
        while let Some(last) = self.found.last()
            && last.end > range.start
        {
            range = range.start.min(last.start)..range.end.max(last.end);
            self.found.pop();
        }
        self.found.push(range);
    }

    /// Returns the matches so far.
    pub fn found(&self) -> &[Range<usize>] {
        &self.found
    }

    /// Whether a needle that started before `at` in the text may still be completed.
    pub fn is_open_before(&self, at: usize) -> bool {
        let still_comes = |begun: &Begun| begun.end > self.depth && begun.start < at;
        self.near.iter().flatten().any(still_comes)
            || self.far.iter().any(|Reverse(begun)| still_comes(begun))
    }
}
