//! Secrets, and the redactor that every output passes through.
//!
//! Text for people is built as a [`Message`]: smoke's own *words*, and external *data* (a body, a header, a URL, an
//! error message of a server). Only data is redacted, so the password `pass` does not turn `passed` into `***ed`. Data
//! is redacted before it is shortened, so no half of a secret remains. Events carry only [`Redacted`] values, and only
//! a [`Redactor`] creates one.

mod message;
mod redactor;

pub mod address;
mod names;

mod finder;
mod forms;
mod needles;
mod numbers;
mod stream;
mod unescape;
mod within;

pub mod placeholder;

#[cfg(test)]
mod tests;

pub use message::{Message, Redact, Redacted};
pub(crate) use message::{data_pieces, message};
pub use names::is_secret_name;
pub use redactor::{Redactor, Unredactable};

/// Replaces a secret in output.
pub const STARS: &str = "***";

/// Shorter secrets would match everywhere, and the stars would give them away.
pub const SHORTEST_SECRET: usize = 4;
