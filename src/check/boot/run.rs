//! A run of a boot check: starts the process and waits until it is ready.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::Boot;
use super::booted::Booted;
use super::ready::Waiting;
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::check::{BackgroundProcess, Running, Session};
use crate::language::variables::Variables;
use crate::outcome::{Failure, Log, Phase};
use crate::process::{Groups, Output, Process};
use crate::secret::{Message, Redacted};

/// How long a process without `ready` must run to count as started: as long as an interpreter may need to find that it
/// cannot run the program.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// A run of a boot check.
pub(super) struct BootRun {
    boot: Arc<Boot>,
    session: Session,
    /// The process of the last attempt.
    process: Option<Box<Booted>>,
    /// The command that reproduces the last failure, unless the start command does.
    reproduce: Option<Message>,
}

impl Attempt for BootRun {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.start(context))
    }
}

impl Running for BootRun {
    fn reproduce(&self, context: &Context) -> Option<Redacted<Message>> {
        let redactor = &context.run.redactor;
        let command = match &self.reproduce {
            Some(command) => command.clone(),
            None => self.boot.launch.shell_command(&self.session.scope, context)?.into_message(redactor),
        };
        Some(redactor.redact(command))
    }

    fn background(&mut self) -> Option<Box<dyn BackgroundProcess>> {
        self.process.take().map(|process| process as Box<dyn BackgroundProcess>)
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.session.scope
    }
}

impl BootRun {
    pub fn new(boot: Arc<Boot>, scope: Variables) -> BootRun {
        BootRun { boot, session: Session::new(scope), process: None, reproduce: None }
    }

    async fn start(&mut self, context: &Context) -> Result<(), Failure> {
        // The process of a previous attempt, if `retry` is set.
        if let Some(before) = self.process.take() {
            before.stop(context.deadline).await;
        }
        self.reproduce = None;
        let boot = Arc::clone(&self.boot);
        let command = boot.command(&self.session.scope, context)?;
        let mut waiting = match &boot.ready {
            None => None,
            Some(ready) => match ready.before_the_start(&mut self.session, context).await {
                Ok(waiting) => Some(waiting),
                Err((failure, question)) => {
                    let asked = question.and_then(|question| question.reproduce(&self.session, context));
                    self.reproduce = asked.map(|asked| asked.into_message(&context.run.redactor));
                    return Err(failure);
                }
            },
        };
        let wanted =
            boot.ready.as_ref().map(|ready| ready.wanted(&self.session.scope)).transpose()?.flatten();
        let output = Output::new(wanted, boot.log_file(&self.session.scope, context)?);
        let process = Process::start(&command, output.clone(), &context.run.shared::<Groups>())?;
        let booted = Booted::new(process, output.clone(), boot.stop, context);
        // Stored immediately, so that it is stopped if this attempt is cut.
        let process = self.process.insert(Box::new(booted));
        context.timeline.enter(Phase::Ready);

        let session = &mut self.session;
        let bounded = context.deadline.bound(async {
            tokio::select! {
                // Another server may have responded. A process that has ended is not ready in any case.
                biased;
                failure = process.ended() => return Err(failure),
                result = wait_until_ready(waiting.as_mut(), &output, session, context) => result?,
            }
            if process.has_ended() { Err(process.ended().await) } else { Ok(()) }
        });
        let result = Box::pin(bounded).await.unwrap_or_else(|cut| Err(Failure::timed_out(cut, Phase::Ready)));
        context.timeline.end();
        match result {
            Ok(()) => {
                process.is_ready();
                Ok(())
            }
            Err(failure) => Err(self.never_ready(failure, waiting, &output, context)),
        }
    }

    /// Extends a cut with the unmet condition, the last failure and the output of the process.
    fn never_ready(
        &mut self,
        failure: Failure,
        waiting: Option<Waiting<'_>>,
        output: &Output,
        context: &Context,
    ) -> Failure {
        let (Failure::TimedOut { cut, phase, .. }, Some(waiting)) = (&failure, waiting) else {
            return failure;
        };
        let redactor = &context.run.redactor;
        let started = self.boot.launch.shell_command(&self.session.scope, context);
        let asked = waiting.reproduce(&self.session, context);
        self.reproduce =
            started.zip(asked).map(|(started, asked)| started.while_it_runs(cut.budget, &asked, redactor));
        let log = output.log(redactor);
        let printed = if log.is_some() { "" } else { "; it printed nothing" };
        let detail = waiting.awaited(output, &self.session.scope).words(printed);
        let detail = Some(match log.as_ref().and_then(Log::error) {
            Some(error) => detail.words("; it said: ").data(error),
            None => detail,
        });
        let place = waiting.place();
        let last = waiting.last.map(Box::new);
        Failure::TimedOut { cut: *cut, phase: *phase, detail, last, log, place }
    }
}

async fn wait_until_ready(
    waiting: Option<&mut Waiting<'_>>,
    output: &Output,
    session: &mut Session,
    context: &Context,
) -> Result<(), Failure> {
    match waiting {
        // Without `ready`, a process that fails immediately is noticed during this pause.
        None => {
            let _ = context.deadline.pause(SETTLE_TIME.min(context.deadline.remaining() / 2)).await;
            Ok(())
        }
        Some(waiting) => waiting.wait(output, session, context).await,
    }
}
