//! Server certificates in reports.

use crate::secret::{Message, Redact};

/// The details of a presented server certificate that matter to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub subject: Message,
    pub issuer: Message,
    pub expires: jiff::Timestamp,
}

impl Redact for Certificate {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        Certificate { subject: clean(self.subject), issuer: clean(self.issuer), ..self }
    }
}
