//! Reporters: one file per output. They get complete data, and nothing flows back.

mod console;
mod events;
mod file;
mod json;
mod junit;
mod outputs;
mod record;
mod style;
mod summary;

pub use self::console::{Console, Progress, Verbosity};
pub use self::events::Events;
pub use self::file::{Destination, ReportError};
pub use self::json::Json;
pub use self::junit::Junit;
pub use self::outputs::{Outputs, SamePlace};
pub use self::style::{Color, Style};

use crate::event::{Event, RunInfo};
use crate::secret::Redactor;
use crate::suite::SuiteError;

/// Something that tells of a run.
pub trait Reporter {
    /// A run is about to begin: what an earlier one left is taken away.
    ///
    /// # Errors
    /// Nothing could be written there.
    fn begin(&mut self) -> Result<(), ReportError> {
        Ok(())
    }

    /// Something happened in the run that `run` describes.
    fn on_event(&mut self, event: &Event, run: &RunInfo);

    /// There is no run, because its suite is wrong. A report of an earlier run must not pass for this one's.
    fn on_rejection(&mut self, _rejection: &Rejection<'_>) {}

    /// It is over: what was kept is written.
    ///
    /// # Errors
    /// It could not be written.
    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}

/// A run that never was, because its suite is wrong.
pub struct Rejection<'a> {
    /// The suite's file.
    pub file: &'a str,
    pub environment: Option<&'a str>,
    pub error: &'a SuiteError,
    pub redactor: &'a Redactor,
}
