//! The interface between answers and the expectations and captures that read them, for every protocol.

use std::fmt::Debug;

use serde_json::Value;

pub use super::evaluate::Unjudgeable;
use super::wanted::Wanted;
use crate::attempt::cost::Cost;
use crate::language::read::Named;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::secret::{Message, Redactor};

/// An answer, as seen by expectations and captures.
pub trait Answer: Send + 'static {
    /// Returns the amount of data to inspect, in bytes.
    fn size(&self) -> usize;

    /// Describes the answer in a few lines, to be shown below a mismatch.
    fn describe(&self) -> Option<Message>;

    /// Redacts what the server issues in the answer, whether or not anything captures it.
    fn hide_issued(&self, _redactor: &Redactor) {}

    /// Returns the answer as `--trace` shows it.
    fn trace(&self) -> Message;

    /// Extracts the value of the capture `name`.
    ///
    /// # Errors
    /// Fails if nothing was found, or more than one value.
    fn take(&self, name: &str, wanted: &Wanted) -> Result<Value, Mismatch>;
}

/// What an answer is compared with.
pub trait Expectation<A>: Debug + Send + Sync + 'static {
    /// Returns every template in the expectation.
    fn templates(&self) -> Vec<&Template>;

    /// Tells the answer what this expectation and the captures will look up.
    fn announce(&self, _captures: &[(Named, Wanted)], _scope: &Variables, _answer: &mut A) {}

    /// Returns the cost of [`judge`](Expectation::judge).
    fn cost(&self) -> Cost;

    /// Checks what must hold before anything is captured. An answer with an unexpected status has a different body.
    fn judge_first(&self, _answer: &A) -> Option<Mismatch> {
        None
    }

    /// Returns every other expectation that the answer does not meet.
    ///
    /// # Errors
    /// Fails if a template in a matcher cannot be evaluated.
    fn judge(&self, answer: &A, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable>;
}
