//! What one attempt works with.

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

/// What all checks of a run share.
#[derive(Debug)]
pub struct RunContext {
    /// The suite's name, as servers see it (`application_name`).
    pub suite: String,
    /// Relative paths start here.
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

    /// What one protocol or kind keeps for the run.
    pub fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.shared.get()
    }
}

/// What becomes of the booted processes after a red run?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRed {
    Stop,
    /// Somebody wants to look at them.
    KeepRunning,
}

/// Is every request and answer told?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    Off,
    On,
}

/// What one attempt works with.
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
    /// The same with a timeline of its own and a tighter deadline.
    pub fn within(&self, deadline: Deadline) -> Context {
        Context { deadline, timeline: Timeline::start(), ..self.clone() }
    }

    /// The same for work on the side, which reports no events.
    pub fn aside(&self, deadline: Deadline) -> Context {
        Context { events: EventSink::to_nobody(), ..self.within(deadline) }
    }

    /// Reports what goes over the wire, with `--trace`.
    pub fn trace(&self, direction: Direction, text: impl FnOnce() -> Message) {
        self.tell(self.traced(direction, text));
    }

    /// The event of what goes over the wire, with `--trace`. For work on a thread, which may go on after the check has
    /// ended: it returns the event, and the check reports it.
    pub fn traced(&self, direction: Direction, text: impl FnOnce() -> Message) -> Option<CheckEvent> {
        match self.run.tracing {
            Tracing::Off => None,
            Tracing::On => {
                Some(CheckEvent::Traced(self.run.redactor.redact(Trace { direction, text: text() })))
            }
        }
    }

    /// Tells what there is to tell.
    pub fn tell(&self, told: Option<CheckEvent>) {
        if let Some(told) = told {
            self.events.tell(told);
        }
    }

    /// Does work on what a server sent: here if it is quick for certain, and otherwise on a thread, so that no budget,
    /// no signal and no other check waits for it. Where it is cut, `phase` is what was going on.
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
        // Why: nothing can end it from here, but nobody waits for it either, it changes nothing, and it ends by itself
        // at its next piece.
        let done = tokio::task::spawn_blocking(work).await;
        drop(waiting);
        match done.map_err(JoinError::try_into_panic) {
            Ok(done) => done,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime ends, and this with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Keeps a value out of every output, if it is long enough to be told from ordinary text.
    pub fn hide(&self, secret: &str) {
        let _ = self.run.redactor.add(secret);
    }

    /// The same for a value with everything in it.
    pub fn hide_value(&self, secret: &serde_json::Value) {
        let _ = self.run.redactor.add_value(secret);
    }
}
