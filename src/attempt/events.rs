//! Events that a check reports while it runs.

use tokio::sync::mpsc::UnboundedSender;

use crate::event::{FailedAttempts, StepName, StepReport};
use crate::outcome::Trace;
use crate::secret::Redacted;

/// An event that a check reports while it runs.
#[derive(Debug, Clone)]
pub enum CheckEvent {
    AttemptFailed { step: Option<StepName>, attempt: u32, failed: FailedAttempts },
    StepFinished(Box<StepReport>),
    Traced(Redacted<Trace>),
}

/// The channel from a check to the engine. It keeps order and never blocks.
#[derive(Debug, Clone)]
pub struct EventSink {
    index: usize,
    channel: UnboundedSender<(usize, CheckEvent)>,
}

impl EventSink {
    pub fn new(index: usize, channel: UnboundedSender<(usize, CheckEvent)>) -> EventSink {
        EventSink { index, channel }
    }

    /// Returns a sink that discards events, for side work.
    pub fn to_nobody() -> EventSink {
        let (channel, _) = tokio::sync::mpsc::unbounded_channel();
        EventSink { index: 0, channel }
    }

    pub fn tell(&self, told: CheckEvent) {
        // The receiver is gone only when the run is over.
        let _ = self.channel.send((self.index, told));
    }
}
