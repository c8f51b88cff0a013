//! Reporters: one file per output. They get complete data, and nothing flows back.

mod console;
mod file;
mod junit;
mod style;
mod summary;

pub use self::console::{Console, Progress, Verbosity};
pub use self::file::{Destination, ReportError};
pub use self::junit::Junit;
pub(crate) use self::style::printable;
pub use self::style::{Color, Style};

use crate::event::{Event, RunInfo};

/// Something that tells of a run.
pub trait Reporter {
    /// Something happened in the run that `run` describes.
    fn on_event(&mut self, event: &Event, run: &RunInfo);

    /// The run is over: what was kept is written.
    ///
    /// # Errors
    /// It could not be written.
    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}
