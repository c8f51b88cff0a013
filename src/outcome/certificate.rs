//! A server's certificate, as reports have it.

use crate::secret::{Message, Redact};

/// What people want to know of the certificate that a server showed.
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
