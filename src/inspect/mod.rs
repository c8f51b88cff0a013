//! The commands that look at a suite and send nothing.

mod check;
mod list;

pub use self::check::check;
pub use self::list::list;
