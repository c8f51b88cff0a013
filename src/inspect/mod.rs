//! The commands that look at a suite and send nothing.

mod check;
mod list;
mod plan;
mod warnings;

pub use self::check::check;
pub use self::list::list;
pub use self::plan::plan;

/// The version of the JSON documents here. New keys may come; one that changes its meaning or goes raises it.
const SCHEMA_VERSION: u32 = 1;
