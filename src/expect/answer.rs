//! What an expectation and a capture can do with an answer, whatever was asked.

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

/// An answer as expectations and captures see it.
pub trait Answer: Send + 'static {
    /// How much of it there is to look at, in bytes.
    fn size(&self) -> usize;

    /// The answer in a few lines, for under a mismatch.
    fn describe(&self) -> Option<Message>;

    /// Keeps what the server issues with it out of every output, whether anybody captures it or not.
    fn hide_issued(&self, _redactor: &Redactor) {}

    /// The answer as `--trace` shows it.
    fn trace(&self) -> Message;

    /// Takes the value of the capture called `name` out of it.
    ///
    /// # Errors
    /// Nothing was found, or several.
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
    /// Every template in it.
    fn templates(&self) -> Vec<&Template>;

    /// Tells the answer what it will be asked for, here and by the captures.
    fn announce(&self, _captures: &[(Named, Wanted)], _scope: &Variables, _answer: &mut A) {}

    /// What [`judge`](Expectation::judge) does with an answer.
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
    /// A template in a matcher cannot be evaluated.
    fn judge(&self, answer: &A, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable>;
}
