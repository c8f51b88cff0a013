//! An exchange within a check that has its own report: a step of a journey, a source of a metric, or an end of a
//! canary.

use std::sync::Arc;

use tokio::time::Instant;

use super::Session;
use super::exchange::AnyExchange;
use crate::attempt::attempts::{Attempt, Attempts};
use crate::attempt::{CheckEvent, Context};
use crate::deadline::Deadline;
use crate::event::{StepName, StepReport, Trail};
use crate::language::repeat::Repeat;
use crate::outcome::Failure;

/// A step that is about to run.
#[derive(Debug)]
pub(super) struct StepRun {
    pub step: StepName,
    pub is_cleanup: bool,
    pub repeat: Repeat,
    pub deadline: Deadline,
}

/// An attempt that makes an exchange in a session.
pub(super) trait Asking: Attempt {
    /// Returns the exchange and its session.
    fn parts(&mut self) -> (&dyn AnyExchange, &mut Session);
}

/// A step that has run.
#[derive(Debug)]
pub(super) struct StepRan {
    pub report: StepReport,
    pub result: Result<(), Failure>,
}

/// Builds the failure of a check from that of its step.
pub(super) fn failed_in(step: &StepName, source: Failure) -> Failure {
    let StepName { number, name, place } = step;
    Failure::Step { step: name.clone(), number: *number, place: *place, source: Box::new(source) }
}

impl StepRun {
    /// Runs the step and reports its end. `amend` derives the result of the step from that of its last attempt and the
    /// number of attempts.
    pub async fn run(
        self,
        asking: &mut impl Asking,
        context: &Context,
        amend: impl FnOnce(Result<(), Failure>, &mut Session, u32) -> Result<(), Failure>,
    ) -> StepRan {
        let StepRun { step, is_cleanup, repeat, deadline } = self;
        let began = Instant::now();
        let mut attempts = Attempts::new(repeat, deadline, Some(step.clone()));
        let result = attempts.run(asking, context).await;
        let (exchange, session) = asking.parts();
        let result = amend(result, session, attempts.count());
        let redactor = &context.run.redactor;
        let reproduce = result.as_ref().err().and_then(|_| {
            let context = Context { deadline, timeline: Arc::clone(attempts.timeline()), ..context.clone() };
            let command = exchange.reproduce(session, &context, deadline.cut().budget)?;
            Some(redactor.redact(command.into_message(redactor)))
        });
        let report = StepReport {
            step,
            is_cleanup,
            failure: result.as_ref().err().map(|failure| redactor.redact(failure.clone())),
            trail: Trail { took: began.elapsed(), reproduce, ..attempts.trail(redactor) },
        };
        context.events.tell(CheckEvent::StepFinished(Box::new(report.clone())));
        StepRan { report, result }
    }
}
