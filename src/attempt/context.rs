//! The context of one attempt.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinError;

use super::abandoned;
use super::cancellation::Cancellations;
use super::cost::Workload;
use super::events::{CheckEvent, EventSink};
use super::shared::Shared;
use super::timeline::Timeline;
use crate::deadline::Deadline;
use crate::outcome::{Direction, Phase, Trace};
use crate::secret::{Message, Redactor};

/// State that all checks of a run share.
#[derive(Debug)]
pub struct RunContext {
    /// The suite's name, which servers see as `application_name`.
    pub suite: String,
    /// The base of relative paths.
    pub suite_dir: PathBuf,
    pub redactor: Arc<Redactor>,
    pub tracing: Tracing,
    pub after_red: AfterRed,
    shared: Shared,
}

impl RunContext {
    pub fn new(suite: String, suite_dir: PathBuf, redactor: Arc<Redactor>, tracing: Tracing) -> RunContext {
        let (after_red, shared) = (AfterRed::Stop, Shared::default());
        RunContext { suite, suite_dir, redactor, tracing, after_red, shared }
    }

    /// Returns the value of type `T`, which one protocol or kind keeps for the run.
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.shared.get()
    }
}

/// What happens to booted processes after a failed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRed {
    Stop,
    /// They keep running so that someone can inspect them.
    KeepRunning,
}

/// Whether every request and response is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    Off,
    On,
}

/// The context of one attempt.
#[derive(Debug, Clone)]
pub struct Context {
    pub run: Arc<RunContext>,
    /// The check's name, as servers see it.
    pub check: Arc<str>,
    pub deadline: Deadline,
    pub timeline: Arc<Timeline>,
    pub cancellations: Cancellations,
    pub events: EventSink,
}

impl Context {
    /// Returns a copy with a new timeline and a tighter deadline.
    pub fn within(&self, deadline: Deadline) -> Context {
        Context { deadline, timeline: Timeline::start(), ..self.clone() }
    }

    /// Returns a copy for side work, which reports no events.
    pub fn aside(&self, deadline: Deadline) -> Context {
        Context { events: EventSink::to_nobody(), ..self.within(deadline) }
    }

    /// Reports wire traffic if `--trace` is set.
    pub fn trace(&self, direction: Direction, text: impl FnOnce() -> Message) {
        self.tell(self.traced(direction, text));
    }

    /// Returns the event for wire traffic if `--trace` is set. Work on a thread may outlive the check, so it returns
    /// the event for the check to report.
    pub fn traced(&self, direction: Direction, text: impl FnOnce() -> Message) -> Option<CheckEvent> {
        match self.run.tracing {
            Tracing::Off => None,
            Tracing::On => {
                Some(CheckEvent::Traced(self.run.redactor.redact(Trace { direction, text: text() })))
            }
        }
    }

    /// Reports an event, if there is one.
    pub fn tell(&self, told: Option<CheckEvent>) {
        if let Some(told) = told {
            self.events.tell(told);
        }
    }

    /// Runs work on a server's response: inline if it is certain to be quick, otherwise on a thread, so that it never
    /// delays a budget, a signal or another check. If it is cut, the failure names `phase`.
    pub async fn offload<T: Send + 'static>(
        &self,
        phase: Phase,
        load: Workload,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if load.is_quick() {
            return work();
        }
        self.timeline.enter(phase);
        let (waiting, work) = abandoned::watched(work);
        // Why: it cannot be cancelled from here, but nothing waits for it, it has no side effects, and it stops by
        // itself at its next piece.
        let done = tokio::task::spawn_blocking(work).await;
        drop(waiting);
        match done.map_err(JoinError::try_into_panic) {
            Ok(done) => done,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and this task with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Redacts a value in every output, if it is long enough to be distinguished from ordinary text.
    pub fn hide(&self, secret: &str) {
        let _ = self.run.redactor.add(secret);
    }

    /// Redacts a value and everything in it.
    pub fn hide_value(&self, secret: &serde_json::Value) {
        let _ = self.run.redactor.add_value(secret);
    }
}
