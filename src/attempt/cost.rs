//! Estimates, in advance, how long it takes to evaluate a response against its expectations.

use std::iter::Sum;

pub use crate::language::size::length;

/// The work per byte of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// At most this many operations.
    Looks(usize),
    /// The cost depends on the response, and may be tiny or unbounded.
    Unknown,
}

impl Cost {
    /// The cost of showing a response, or of decoding it to text or a document.
    pub const TO_READ: Cost = Cost::Looks(32);

    /// Returns the cost for a response of `bytes` bytes.
    pub fn on(self, bytes: usize) -> Workload {
        match self {
            Cost::Looks(looks) => Workload(looks.checked_mul(bytes)),
            Cost::Unknown => Workload(None),
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(mut costs: I) -> Cost {
        let sum = costs.try_fold(0, |sum: usize, cost| match cost {
            Cost::Looks(looks) => sum.checked_add(looks),
            Cost::Unknown => None,
        });
        sum.map_or(Cost::Unknown, Cost::Looks)
    }
}

/// The work on one response: the number of operations on single bytes, if known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload(Option<usize>);

/// Takes a few milliseconds, 20 ms at worst.
const QUICK: usize = 1 << 20;

impl Workload {
    /// Whether the work is short enough to run inline.
    pub fn is_quick(self) -> bool {
        self.0.is_some_and(|looks| looks <= QUICK)
    }
}

/// Returns the cost of a regular expression per byte. A counted repetition turns a short pattern into many states.
pub fn of_pattern(pattern: &str) -> Cost {
    if pattern.contains('{') { Cost::Unknown } else { Cost::Looks(pattern.len()) }
}

/// Returns the cost of a `JSONPath` per value. With a descendant segment, or with several selectors in one pair of
/// brackets, each segment may find more nodes than the one before it. A filter may search the whole document for every
/// value.
pub fn of_path(path: &str) -> Cost {
    if path.contains("..") || path.contains(['?', ',']) { Cost::Unknown } else { Cost::Looks(path.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_with_the_answer_alone_is_quick_on_a_small_one() {
        let ordinary: Cost =
            [of_path("$.build.version"), Cost::Looks(6), of_pattern("^v[0-9]+$")].into_iter().sum();
        assert!(ordinary.on(20_000).is_quick());
        assert!(!ordinary.on(1 << 20).is_quick());
        assert!(Cost::Looks(0).on(usize::MAX).is_quick(), "nothing is done with it");
        assert!(!Cost::Looks(1 << (usize::BITS - 1)).on(2).is_quick(), "it does not start again from zero");
    }

    #[test]
    fn what_may_grow_without_end_is_never_quick() {
        for path in ["$..a", "$[0,0][0,0]", "$[?@.a]", "$[?count($[?count($[*]) > 1]) > 1]"] {
            let costs = [of_path(path), Cost::Looks(1)];
            assert!(!costs.into_iter().sum::<Cost>().on(1).is_quick(), "{path}");
        }
        assert!(!of_pattern("[01]*1[01]{5000}$").on(1).is_quick());
    }
}
