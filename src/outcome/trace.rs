//! What went to a server and what came back, for `--trace`.

use crate::secret::{Message, Redact};

/// Which way it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Sent,
    Received,
}

/// One request, one answer, or one of what else goes over the wire. Its text may have several lines.
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
