//! What a check reports while it runs.

use tokio::sync::mpsc::UnboundedSender;

use crate::event::{FailedAttempts, StepName, StepReport};
use crate::outcome::Trace;
use crate::secret::Redacted;

/// What a check tells while it runs.
#[derive(Debug, Clone)]
pub enum CheckEvent {
    AttemptFailed { step: Option<StepName>, attempt: u32, failed: FailedAttempts },
    StepFinished(Box<StepReport>),
    Traced(Redacted<Trace>),
}

/// The way from a check to the engine: in order, and never in the way.
#[derive(Debug, Clone)]
pub struct EventSink {
    index: usize,
    channel: UnboundedSender<(usize, CheckEvent)>,
}

impl EventSink {
    pub fn new(index: usize, channel: UnboundedSender<(usize, CheckEvent)>) -> EventSink {
        EventSink { index, channel }
    }

    /// The way to nobody, for what is done on the side.
    pub fn to_nobody() -> EventSink {
        let (channel, _) = tokio::sync::mpsc::unbounded_channel();
        EventSink { index: 0, channel }
    }

    pub fn tell(&self, told: CheckEvent) {
        // Nobody listens any more only when the run is over.
        let _ = self.channel.send((self.index, told));
    }
}
