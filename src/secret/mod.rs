//! What must never be printed, and the one redactor every output passes through.
//!
//! What people read is built as a [`Message`]: smoke's own *words*, and *data* that came from outside (a body,
//! a header, an URL, an error text of a server). Only data is redacted, so a password `pass` does not turn
//! `passed` into `***ed`; and it is redacted before it is shortened, so half a secret is never left over.
//! Events carry [`Redacted`] values only, and a [`Redactor`] is the only way to make one.

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

/// What stands where a secret was.
pub const STARS: &str = "***";

/// A secret shorter than this would be found everywhere, and starring it out would show where it is not.
pub const SHORTEST_SECRET: usize = 4;
