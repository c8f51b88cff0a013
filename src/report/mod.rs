//! Reporters, one file per output. They receive complete data and return nothing.

mod attempts;
mod baseline;
mod console;
mod dashboard;
mod events;
mod file;
mod github;
mod gitlab;
mod json;
mod junit;
mod last_run;
mod outputs;
mod place;
mod progress;
mod promises;
mod record;
mod screen;
mod standing;
mod statistics;
mod stream;
mod style;
mod summary;
mod wrap;

pub use self::baseline::read_baseline;
pub use self::console::{Console, Verbosity};
pub use self::dashboard::Dashboard;
pub use self::events::Events;
pub use self::file::{Destination, ReportError};
pub use self::github::Github;
pub use self::gitlab::Gitlab;
pub use self::json::Json;
pub use self::junit::Junit;
pub use self::last_run::{Keeper, LastRun, Trouble};
pub use self::outputs::{Clash, Outputs};
pub use self::progress::Progress;
pub use self::screen::{Screen, terminal_width};
pub use self::statistics::Statistics;
pub use self::stream::{Stream, catch_up, is_behind, let_go};
pub use self::style::{Color, Style};
use crate::event::{Event, RunInfo};
use crate::language::diagnostic::SuiteError;
use crate::secret::Redactor;

use std::io::Write;

/// An output of a run.
pub trait Reporter {
    /// Prepares for a run: removes the output of an earlier one.
    ///
    /// # Errors
    /// Fails if nothing can be written there.
    fn begin(&mut self) -> Result<(), ReportError> {
        Ok(())
    }

    /// Handles an event of the run that `run` describes.
    fn on_event(&mut self, event: &Event, run: &RunInfo);

    /// Handles a suite that is invalid, so that no run starts. An earlier report must not be mistaken for this run's.
    fn on_rejection(&mut self, _rejection: &Rejection<'_>) {}

    /// Ends the run: writes what has been collected.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}

/// A run that did not start, because its suite is invalid.
pub struct Rejection<'a> {
    /// The path of the suite file.
    pub file: &'a str,
    pub environment: Option<&'a str>,
    pub error: &'a SuiteError,
    pub labels: &'a [(String, String)],
    pub redactor: &'a Redactor,
}

/// Returns the reporters of the CI system that smoke runs in. They must come before the console.
pub fn of_pipeline() -> Vec<Box<dyn Reporter>> {
    let is_true = |name: &str| std::env::var_os(name).is_some_and(|value| value == "true");
    let github =
        is_true("GITHUB_ACTIONS").then(|| Box::new(Github::new(Stream::Stderr)) as Box<dyn Reporter>);
    let gitlab = is_true("GITLAB_CI").then(|| Box::new(Gitlab::new(Stream::Stderr)) as Box<dyn Reporter>);
    github.into_iter().chain(gitlab).collect()
}

/// Writes text for people, and ignores a reader that has gone away (`| head`).
fn write_to_people(out: &mut impl Write, text: &str) {
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
