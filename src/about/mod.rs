//! What smoke says about itself to shells and readers: completion scripts and the manual page, both made of [`crate::cli`].

mod completions;
mod manual;

pub use self::completions::completions;
pub use self::manual::manual;
