//! GitLab: the lines of the checks form a collapsible section of the job's log.
//!
//! Source: <https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections>.

use std::io::Write;

use super::{Reporter, write_to_people};
use crate::event::{Event, RunInfo};
use crate::language::printable::printable;

/// Marks the start and the end of the section on the console's stream. It runs before the console, so the summary stays
/// outside.
pub struct Gitlab<W> {
    out: W,
}

impl<W: Write> Gitlab<W> {
    pub fn new(out: W) -> Gitlab<W> {
        Gitlab { out }
    }

    fn mark(&mut self, which: &str, header: &str, run: &RunInfo) {
        let now = jiff::Timestamp::now().as_second();
        // A job may run several suites, and each section needs a unique name.
        let name = format!("smoke_{}", run.started.as_millisecond());
        write_to_people(&mut self.out, &format!("\x1b[0Ksection_{which}:{now}:{name}\r\x1b[0K{header}\n"));
    }
}

impl<W: Write> Reporter for Gitlab<W> {
    fn on_event(&mut self, event: &Event, run: &RunInfo) {
        match event {
            Event::RunStarted => self.mark("start", &format!("smoke: {}", printable(&run.suite)), run),
            Event::RunFinished(_) => self.mark("end", "", run),
            Event::CheckStarted { .. }
            | Event::AttemptFailed { .. }
            | Event::StepFinished { .. }
            | Event::Traced { .. }
            | Event::CheckReady { .. }
            | Event::CheckFinished(_)
            | Event::RunCancelled(_) => {}
        }
    }
}
