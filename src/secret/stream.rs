//! One view of a text, byte by byte: what was found in it so far, and what may still come to its end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::needles::{Beginning, Needles, hash_with, power};

/// How many bytes back a view can still be taken back, and what begins there be known.
pub const HISTORY: usize = 64;

/// More that has begun than this is not followed to its end.
const MOST_BEGUN: usize = 1 << 16;

/// It would take too long to tell where the secrets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuchWork;

/// How much more may be looked at. What a text costs grows with its length alone, unless it was made of the beginnings
/// of many secrets.
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

/// A needle that has begun and is to end at a depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Begun {
    end: usize,
    start: usize,
    /// What of the hash at the end is of what was before the rest.
    before: u64,
    rest: u32,
    beginning: Beginning,
}

/// The view after one of its bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    hash: u64,
    last_bytes: u64,
    /// Where in the text the byte begins.
    start: usize,
}

/// A view of a text in which needles are looked for. Its last bytes can be taken back, where they turn out to be an
/// escape; whatever has been found till then stays found.
#[derive(Debug)]
pub struct Stream<'n> {
    needles: &'n Needles,
    /// How many bytes there are.
    depth: usize,
    history: [Moment; HISTORY],
    /// What ends soon, by where it ends.
    near: [Vec<Begun>; HISTORY],
    /// A bit for each of `near` that is not empty.
    occupied: u64,
    far: BinaryHeap<Reverse<Begun>>,
    /// The depth at which the first of them comes near.
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

    /// Takes back what came after the first `depth` bytes.
    pub fn truncate(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// Adds a byte, which is `from` of the text.
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

    /// What was to end here does, or does not.
    #[inline(never)]
    fn end(&mut self, now: usize, hash: u64, at: usize, work: &mut Work) -> Result<(), TooMuchWork> {
        let mut waiting = std::mem::take(&mut self.near[now]);
        // What should have ended a round ago never will; the end of what ends here may still be taken back.
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

    /// Keeps what is found in order and apart.
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

    /// What has been found.
    pub fn found(&self) -> &[Range<usize>] {
        &self.found
    }

    /// May something that has begun before `at` in the text still come to its end?
    pub fn is_open_before(&self, at: usize) -> bool {
        let still_comes = |begun: &Begun| begun.end > self.depth && begun.start < at;
        self.near.iter().flatten().any(still_comes)
            || self.far.iter().any(|Reverse(begun)| still_comes(begun))
    }
}
