//! Wire traffic, for `--trace`.

use crate::secret::{Message, Redact};

/// The direction of the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Sent,
    Received,
}

/// A request, a response or other traffic. Its text may have several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    pub direction: Direction,
    pub text: Message,
}

impl Redact for Trace {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        Trace { text: clean(self.text), ..self }
    }
}
