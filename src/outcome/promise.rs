//! What was promised, and what came of it.

use crate::language::source::Place;
use crate::secret::{Message, Redact};

/// All that a check was to hold against the data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promises {
    pub list: Vec<Promise>,
    /// How many were checked, and what was not.
    pub summary: Message,
}

/// One promise, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// The table or view that it is about.
    pub object: Option<Message>,
    pub column: Option<Message>,
    /// What is promised, such as `not null`.
    pub promise: Message,
    pub verdict: PromiseVerdict,
    /// What was found, or why it was not looked at.
    pub found: Option<Message>,
    /// Where it is promised.
    pub place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromiseVerdict {
    Passed,
    Failed,
    /// Nobody knows: it was not reached, or could not be found out.
    Errored,
    /// Broken or in doubt, and not so bad that the check fails.
    Warned,
    /// It is of a kind that cannot be checked, or there is nothing to check it on.
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
