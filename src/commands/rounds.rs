//! Repeated runs of a suite, for `smoke run --repeat` and `smoke watch`.
//!
//! Each round is a separate run of the current file: it reads variables again and has its own `run.id`. The rounds
//! share the runtimes and the signals, so a signal between two of them is not lost.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;

use super::prepare::{SuiteSource, info, once_read, prepare};
use crate::attempt::{RunContext, Tracing};
use crate::deadline::Deadline;
use crate::engine;
use crate::event::{Event, RunInfo, RunReport};
use crate::exit::Exit;
use crate::language::diagnostic::SuiteError;
use crate::outcome::Signal;
use crate::plan::Choices;
use crate::process::{raise_open_files, reap};
use crate::runtimes::{Runtimes, ThreadTrial, listen};
use crate::secret::Redactor;

/// The runs of one suite.
pub struct Rounds {
    pub path: PathBuf,
    pub choices: Choices,
    pub tracing: Tracing,
    pub runtimes: Runtimes,
    pub signals: mpsc::UnboundedReceiver<Signal>,
    pub signal_sender: mpsc::UnboundedSender<Signal>,
}

impl Rounds {
    pub fn new(path: PathBuf, choices: Choices, tracing: Tracing) -> anyhow::Result<Rounds> {
        raise_open_files();
        let runtimes = Runtimes::start(usize::MAX, ThreadTrial::begin())?;
        let (signal_sender, signals) = mpsc::unbounded_channel();
        runtimes.block_on(async { listen(&signal_sender, reap) }).context("cannot listen for signals")?;
        Ok(Rounds { path, choices, tracing, runtimes, signals, signal_sender })
    }

    /// Runs the suite once more. The error is boxed because it is large and rare.
    pub fn next(&mut self, on_event: &mut dyn FnMut(&Event, &RunInfo)) -> Result<RunReport, Box<SuiteError>> {
        let redactor = Arc::new(Redactor::new());
        let source = SuiteSource::File(self.path.clone());
        let (suite, plan) = prepare(source, &self.choices, &redactor)?;
        let info = info(&plan, suite.sources, Vec::new());
        let context = Arc::new(RunContext::new(plan.suite.clone(), suite.dir, redactor, self.tracing));
        let mut tell = |event: &Event| on_event(event, &info);
        let running = engine::run(&plan, context, self.runtimes.workers(), &mut self.signals, &mut tell);
        Ok(self.runtimes.block_on(running))
    }

    /// Waits for `pause`, or until a signal arrives.
    pub fn wait(&mut self, pause: Duration, until: Deadline) -> Option<Signal> {
        self.runtimes.block_on(async {
            tokio::select! {
                signal = self.signals.recv() => signal,
                _ = until.pause(pause) => None,
            }
        })
    }

    /// Returns the exit code once the output has been drained.
    pub fn end_with(mut self, exit: Exit) -> Exit {
        self.runtimes.block_on(once_read(exit, true, &mut self.signals))
    }
}
