//! A booted process, which stays for the run.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::Stop;
use crate::attempt::Context;
use crate::check::BackgroundProcess;
use crate::deadline::{BudgetScope, Deadline};
use crate::outcome::{Failure, Span};
use crate::process::{End, Output, Outputs, Process};
use crate::secret::{Message, Redactor};

/// A booted process, which stays for the run.
pub(super) struct Booted {
    process: Process,
    output: Output,
    stop: Stop,
    redactor: Arc<Redactor>,
    /// The outputs that other checks show when they fail.
    outputs: Arc<Outputs>,
    check: Arc<str>,
    ready_at: Option<Instant>,
    /// The time from being ready until its end was noticed.
    lived: Option<Duration>,
}

impl Booted {
    pub fn new(process: Process, output: Output, stop: Stop, context: &Context) -> Booted {
        Booted {
            process,
            output,
            stop,
            redactor: Arc::clone(&context.run.redactor),
            outputs: context.run.shared(),
            check: Arc::clone(&context.check),
            ready_at: None,
            lived: None,
        }
    }

    /// Marks it as ready. From now on, failing checks show its concurrent output.
    pub fn is_ready(&mut self) {
        self.ready_at = Some(Instant::now());
        self.outputs.add(&self.check, &self.output);
    }

    fn exited(&self, end: &End) -> Failure {
        let log = self.output.log(&self.redactor);
        let when = match self.lived {
            Some(lived) => format!("the process ended {} after it was ready: {end}", Span(lived)),
            None => format!("the process ended: {end}"),
        };
        let how = Message::new().words(when);
        let how = match end {
            // It may have daemonized, or have had nothing else to do.
            End::Exit(0) => how.words(
                "; a boot runs in the foreground for the whole suite, and does not put itself in the background",
            ),
            End::Exit(_) | End::Signal(_) | End::Unknown(_) => how,
        };
        let Some(log) = log else {
            return Failure::Exited { how: how.words("; it printed nothing"), log: None };
        };
        // A process killed by a signal did not print the reason, and one that succeeded had nothing to explain.
        let said = match end {
            End::Exit(0) | End::Signal(_) => None,
            End::Exit(_) | End::Unknown(_) => log.why_it_ended(),
        };
        let log = Some(log).filter(|log| said.is_none() || log.has_several_lines());
        let how = match said {
            Some(said) => how.words("; it said: ").data(said),
            None => how,
        };
        Failure::Exited { how, log }
    }
}

impl BackgroundProcess for Booted {
    fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    fn ended(&mut self) -> BoxFuture<'_, Failure> {
        Box::pin(async move {
            let end = self.process.ended().await;
            self.lived = self.lived.or(self.ready_at.map(|ready| ready.elapsed()));
            self.exited(&end)
        })
    }

    fn leave(self: Box<Self>) -> Message {
        self.outputs.remove(&self.output);
        self.process.leave(self.stop.signal)
    }

    fn stop(self: Box<Self>, deadline: Deadline) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Booted { process, stop, outputs, output, .. } = *self;
            outputs.remove(&output);
            process.stop(stop.signal, deadline.tighten(stop.grace, BudgetScope::Grace)).await;
        })
    }
}
