//! How long it may take to hold an answer against what is expected of it, before it is done.

use std::iter::Sum;

pub use crate::language::size::length;

/// How much is done with each byte of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// It is looked at so many times at most.
    Looks(usize),
    /// That depends on what the answer is: it may be done in no time, and it may never be.
    Unknown,
}

impl Cost {
    /// To show what came, or to make text or a document of it.
    pub const TO_READ: Cost = Cost::Looks(32);

    /// The same cost on an answer of so many bytes.
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

/// What there is to do with one answer: looks at single bytes, if that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload(Option<usize>);

/// So many looks take some milliseconds, at the worst twenty.
const QUICK: usize = 1 << 20;

impl Workload {
    /// Is it done so soon that nobody waits for it?
    pub fn is_quick(self) -> bool {
        self.0.is_some_and(|looks| looks <= QUICK)
    }
}

/// What a regular expression does with each byte: a counted repetition makes many states of a short text.
pub fn of_pattern(pattern: &str) -> Cost {
    if pattern.contains('{') { Cost::Unknown } else { Cost::Looks(pattern.len()) }
}

/// What a `JSONPath` does with each value. Where all descendants are gone through, or several selectors stand in one
/// pair of brackets, a segment finds more than there was before it, and the next one more than that; and a filter may
/// look through the whole document for every value.
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
