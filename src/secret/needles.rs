//! The search patterns of one view of a text, stored as fingerprints. A fingerprint takes the same few bytes for any
//! secret, so tens of thousands of session tokens cost only megabytes and no secret is kept.
//!
//! A fingerprint consists of the first eight bytes (fewer for shorter needles), the length of the rest and a hash of
//! it. The hash is polynomial: the hash of any range follows from the hashes at its two ends, so a match of any length
//! is verified in constant time.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

/// The lengths of a beginning, longest first.
const WIDTHS: [usize; 3] = [8, 4, 2];

/// Bits of the filter per needle: one in sixteen other beginnings passes.
const FILTER_BITS: usize = 16;

const SMALLEST_FILTER: usize = 1 << 13;

/// The size of the gate in bits.
const GATE: usize = 1 << 16;

const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Extends a hash by one byte.
pub fn hash_with(hash: u64, byte: u8) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1)
}

/// The needles of one view.
#[derive(Debug)]
pub struct Needles {
    /// Random, so that nobody can construct beginnings that collide in the table.
    seed: u64,
    /// One bit per hash of the last four bytes of a beginning. It rejects most of a text.
    gate: Vec<u64>,
    filter: Vec<u64>,
    /// Whether there are needles of each width.
    has: [bool; WIDTHS.len()],
    /// The lengths of the rests that may follow each beginning.
    rests: HashMap<u64, Rests, BuildHasherDefault<Mixed>>,
    /// Every needle: its beginning and its rest, hashed together.
    whole: HashSet<u64, BuildHasherDefault<Mixed>>,
}

#[derive(Debug)]
enum Rests {
    One(u32),
    Several(Vec<u32>),
}

impl Rests {
    fn as_slice(&self) -> &[u32] {
        match self {
            Rests::One(rest) => std::slice::from_ref(rest),
            Rests::Several(rests) => rests,
        }
    }
}

impl Default for Needles {
    fn default() -> Needles {
        Needles {
            seed: RandomState::new().hash_one(BASE) | 1,
            gate: vec![0; GATE / 64],
            filter: vec![0; SMALLEST_FILTER / 64],
            has: [false; WIDTHS.len()],
            rests: HashMap::default(),
            whole: HashSet::default(),
        }
    }
}

/// The beginning of a needle, found in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Beginning {
    key: u64,
    pub width: usize,
}

impl Needles {
    pub fn len(&self) -> usize {
        self.whole.len()
    }

    pub fn is_empty(&self) -> bool {
        self.whole.is_empty()
    }

    /// Adds a needle. Needles shorter than two bytes are ignored.
    pub fn add(&mut self, needle: &[u8]) {
        let Some(kind) = WIDTHS.iter().position(|width| *width <= needle.len()) else { return };
        let (beginning, rest) = needle.split_at(WIDTHS[kind]);
        let Ok(length) = u32::try_from(rest.len()) else { return };
        let gram = beginning.iter().fold(0, |gram: u64, byte| gram << 8 | u64::from(*byte));
        let key = self.key(gram, kind);
        let hash = rest.iter().fold(0, |hash, byte| hash_with(hash, *byte));
        if !self.whole.insert(whole(key, length, hash)) {
            return;
        }
        self.has[kind] = true;
        match kind {
            // A beginning of two bytes is shorter than the four that the gate hashes.
            2 => self.gate.fill(u64::MAX),
            _ => {
                let (word, bit) = place_in_gate(gram);
                self.gate[word] |= bit;
            }
        }
        match self.rests.get_mut(&key) {
            None => {
                self.rests.insert(key, Rests::One(length));
            }
            Some(Rests::One(other)) if *other == length => {}
            Some(known @ Rests::One(_)) => {
                let several = known.as_slice().iter().copied().chain([length]).collect();
                *known = Rests::Several(several);
            }
            Some(Rests::Several(rests)) => match rests.binary_search(&length) {
                Ok(_) => {}
                Err(at) => rests.insert(at, length),
            },
        }
        if self.rests.len() * FILTER_BITS > self.filter.len() * 64 {
            self.filter = vec![0; self.filter.len() * 4];
            let keys: Vec<u64> = self.rests.keys().copied().collect();
            for key in keys {
                self.pass(key);
            }
        }
        self.pass(key);
    }

    fn pass(&mut self, key: u64) {
        let (word, bit) = self.place_in_filter(key);
        self.filter[word] |= bit;
    }

    fn place_in_filter(&self, key: u64) -> (usize, u64) {
        let bits = (self.filter.len() * 64).trailing_zeros();
        let place = usize::try_from(key >> (64 - bits)).unwrap_or_default();
        (place / 64, 1 << (place % 64))
    }

    fn key(&self, gram: u64, kind: usize) -> u64 {
        let mixed = gram.wrapping_add((kind as u64) << 57).wrapping_mul(self.seed);
        (mixed ^ mixed >> 31).wrapping_mul(BASE)
    }

    /// Whether a beginning may end with the last eight bytes.
    #[inline]
    pub fn may_begin(&self, last: u64) -> bool {
        let (word, bit) = place_in_gate(last);
        self.gate[word] & bit != 0
    }

    /// Returns the beginnings that end with the last eight bytes.
    pub fn beginnings(&self, last: u64) -> impl Iterator<Item = Beginning> {
        WIDTHS.iter().enumerate().filter_map(move |(kind, width)| {
            if !self.has[kind] {
                return None;
            }
            let key = self.key(last & (u64::MAX >> (64 - 8 * width)), kind);
            let (word, bit) = self.place_in_filter(key);
            let may_be = self.filter[word] & bit != 0 && self.rests.contains_key(&key);
            may_be.then_some(Beginning { key, width: *width })
        })
    }

    /// Returns the lengths of the rests that may follow a beginning.
    pub fn rests(&self, beginning: Beginning) -> &[u32] {
        self.rests.get(&beginning.key).map_or(&[], Rests::as_slice)
    }

    /// Whether a needle has this beginning and a rest of this length and hash.
    pub fn has(&self, beginning: Beginning, rest: u32, hash: u64) -> bool {
        self.whole.contains(&whole(beginning.key, rest, hash))
    }
}

/// Returns the word and the bit of the gate for the last four bytes.
#[inline]
fn place_in_gate(last: u64) -> (usize, u64) {
    let hash = ((last & 0xFFFF_FFFF).wrapping_mul(BASE) >> (64 - GATE.ilog2())) as usize;
    (hash / 64 % (GATE / 64), 1 << (hash % 64))
}

/// Returns `BASE` to the power of `exponent`.
pub fn power(exponent: u32) -> u64 {
    BASE.wrapping_pow(exponent)
}

fn whole(key: u64, rest: u32, hash: u64) -> u64 {
    let mixed = (key ^ hash.rotate_left(23)).wrapping_add(u64::from(rest)).wrapping_mul(BASE | 1);
    mixed ^ mixed >> 29
}

/// A hasher for keys that are already mixed.
#[derive(Debug, Default)]
pub struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash_with(hash, *byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
