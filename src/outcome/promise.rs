//! Promises and their results.

use crate::language::source::Place;
use crate::secret::{Message, Redact};

/// All promises that a check was to test against the data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promises {
    pub list: Vec<Promise>,
    /// How many promises were checked, and which were not.
    pub summary: Message,
}

/// A promise and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The table or view concerned.
    pub object: Option<Message>,
    pub column: Option<Message>,
    /// What is promised, such as `not null`.
    pub promise: Message,
    pub verdict: PromiseVerdict,
    /// What was found, or why it was not tested.
    pub found: Option<Message>,
    /// The place of the promise.
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromiseVerdict {
    Passed,
    Failed,
    /// The result is unknown: the promise was not reached, or could not be tested.
    Errored,
    /// Broken or in doubt, but not severe enough to fail the check.
    Warned,
    /// The promise is of a kind that cannot be checked, or there is nothing to check it on.
    NotChecked,
}

impl PromiseVerdict {
    pub fn name(self) -> &'static str {
        match self {
            PromiseVerdict::Passed => "passed",
            PromiseVerdict::Failed => "failed",
            PromiseVerdict::Errored => "errored",
            PromiseVerdict::Warned => "warned",
            PromiseVerdict::NotChecked => "not-checked",
        }
    }
}

impl Redact for Promise {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        Promise {
            object: self.object.map_messages(clean),
            column: self.column.map_messages(clean),
            promise: clean(self.promise),
            found: self.found.map_messages(clean),
            ..self
        }
    }
}

impl Redact for Promises {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        Promises { list: self.list.map_messages(clean), summary: clean(self.summary) }
    }
}
