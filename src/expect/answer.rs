//! The interface between answers and the expectations and captures that read them, for every protocol.

use std::fmt::Debug;

use serde_json::Value;

pub use super::evaluate::Unjudgeable;
use super::figures::{self, WantedFigures};
use super::wanted::Wanted;
use crate::attempt::cost::Cost;
use crate::language::read::Named;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Mismatch};
use crate::probe::rows::QueryResult;
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

    /// Takes figures out of it, as rows.
    ///
    /// # Errors
    /// Nothing was found, or not what was looked for.
    fn figures(&self, wanted: &WantedFigures) -> Result<QueryResult, Mismatch> {
        match wanted {
            WantedFigures::One(wanted) => self.take(figures::VALUE, wanted).map(figures::one_value),
            WantedFigures::First | WantedFigures::Rows | WantedFigures::Paths { .. } => {
                Err(figures::no_rows())
            }
        }
    }
}

/// What an answer is compared with.
pub trait Expectation<A>: Debug + Send + Sync + 'static {
    /// Returns every template in the expectation.
    fn templates(&self) -> Vec<&Template>;

    /// Tells the answer what this expectation and the captures will look up.
    fn announce(&self, _captures: &[(Named, Wanted)], _scope: &Variables, _answer: &mut A) {}

    /// Returns the cost of [`judge`](Expectation::judge).
    fn cost(&self) -> Cost;

    /// What the answer says of itself, if that is not that all is well: a plugin's exit code. It counts before all
    /// else, but for a warning, which counts where everything else is as expected.
    fn own_verdict(&self, _answer: &A) -> Option<Failure> {
        None
    }

    /// What is judged before anything is captured: the rest of an answer with another status is another thing.
    ///
    /// # Errors
    /// A template in a matcher cannot be evaluated.
    fn judge_first(&self, _answer: &A, _scope: &Variables) -> Result<Option<Mismatch>, Unjudgeable> {
        Ok(None)
    }

    /// Every other expectation that the answer does not meet.
    ///
    /// # Errors
    /// Fails if a template in a matcher cannot be evaluated.
    fn judge(&self, answer: &A, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable>;
}
