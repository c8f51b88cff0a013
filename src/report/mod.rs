//! Reporters: one file per output. They get complete data, and nothing flows back.

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
    pub labels: &'a [(String, String)],
    pub redactor: &'a Redactor,
}

/// The reporters of the CI system that smoke runs in. They come before the console.
pub fn of_pipeline() -> Vec<Box<dyn Reporter>> {
    let is_true = |name: &str| std::env::var_os(name).is_some_and(|value| value == "true");
    let github =
        is_true("GITHUB_ACTIONS").then(|| Box::new(Github::new(Stream::Stderr)) as Box<dyn Reporter>);
    let gitlab = is_true("GITLAB_CI").then(|| Box::new(Gitlab::new(Stream::Stderr)) as Box<dyn Reporter>);
    github.into_iter().chain(gitlab).collect()
}

/// A reader that has gone away (`| head`) is not a reason to fail.
fn write_to_people(out: &mut impl Write, text: &str) {
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
