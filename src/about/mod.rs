//! What smoke says about itself to shells and readers: completion scripts and the manual page, made of [`crate::cli`],
//! and the reference of the suite's keys, made of the schema.

mod completions;
mod environment;
mod manual;
mod reference;

pub use self::completions::completions;
pub use self::environment::ENVIRONMENT;
pub use self::manual::manual;
pub use self::reference::{FILE, KeyReference, TableReference, reference, types};
