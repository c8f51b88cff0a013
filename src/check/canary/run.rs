//! A run of a canary: one send, all arrivals concurrently, then the cleanup.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};

use super::arrival::Looked;
use super::ends::Cleanup;
use super::{Canary, nonce};
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::attempt::timeouts::CLOSE_TIMEOUT;
use crate::check::exchange::AnyExchange;
use crate::check::step_run::{Asking, StepRan, StepRun, failed_in};
use crate::check::{Running, Session};
use crate::deadline::{BudgetScope, Deadline};
use crate::event::{StepName, StepReport};
use crate::language::repeat::Repeat;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variables, first_part, is_built_in};
use crate::outcome::{Failure, Fault, Mismatch, Span};
use crate::secret::{Message, Redacted, message};

/// How long a send may outlast the check, so that its result becomes known.
const SEND_END: Duration = Duration::from_millis(500);

pub(super) struct CanaryRun {
    canary: Arc<Canary>,
    session: Session,
    /// The ID of what was sent, or may have been.
    id: Option<String>,
    /// The send, until its result is known. It outlives the attempt, because a half-finished send could not be cleaned
    /// up.
    sending: Option<BoxFuture<'static, Sent>>,
    reports: Vec<StepReport>,
    notes: Vec<Message>,
}

struct Sent {
    session: Session,
    ran: StepRan,
}

/// A single exchange that is made once.
struct Once {
    canary: Arc<Canary>,
    which: Which,
    session: Session,
}

#[derive(Debug, Clone, Copy)]
enum Which {
    Send,
    /// The cleanup step at this index.
    Cleanup(usize),
}

impl Once {
    fn split(&mut self) -> (&dyn AnyExchange, &mut Session) {
        let Once { canary, which, session } = self;
        let exchange = match which {
            Which::Send => &canary.send.exchange,
            Which::Cleanup(index) => &canary.cleanup[*index].exchange,
        };
        (&**exchange, session)
    }
}

impl Attempt for Once {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        let (exchange, session) = self.split();
        exchange.run(session, context)
    }
}

impl Asking for Once {
    fn parts(&mut self) -> (&dyn AnyExchange, &mut Session) {
        self.split()
    }
}

impl CanaryRun {
    pub fn new(canary: Arc<Canary>, scope: Variables) -> CanaryRun {
        let session = Session::new(scope);
        CanaryRun { canary, session, id: None, sending: None, reports: Vec::new(), notes: Vec::new() }
    }

    fn send_step(&self) -> StepName {
        StepName { number: 1, name: "send".to_owned(), place: self.canary.send.exchange.url().place() }
    }

    /// Sends the canary and waits for the acknowledgement.
    async fn send(&mut self, context: &Context) -> Result<(), Failure> {
        let step = self.send_step();
        let scope = self.session.scope.clone();
        let canary = Arc::clone(&self.canary);
        let sending = self.sending.get_or_insert_with(|| {
            let deadline = Deadline::after(context.deadline.remaining() + SEND_END, context.deadline.scope());
            let context = Context { deadline, ..context.clone() };
            let run = StepRun { step: step.clone(), is_cleanup: false, repeat: Repeat::Once, deadline };
            Box::pin(async move {
                let mut session = Session::new(scope);
                session.step = Some(1);
                let mut once = Once { canary, which: Which::Send, session };
                let ran = run.run(&mut once, &context, |result, _, _| result).await;
                Sent { session: once.session, ran }
            })
        });
        match context.deadline.bound(sending).await {
            Ok(sent) => self.has_sent(sent),
            Err(cut) => {
                let cut = Failure::timed_out(cut, self.canary.send.phase);
                Err(failed_in(&step, self.ambiguous(cut)))
            }
        }
    }

    /// Takes over the session and the result of the send.
    fn has_sent(&mut self, sent: Sent) -> Result<(), Failure> {
        self.sending = None;
        let Sent { session, ran: StepRan { report, result } } = sent;
        self.session = session;
        self.reports.push(report);
        result.map_err(|failure| failed_in(&self.send_step(), self.ambiguous(failure)))
    }

    /// Marks the failure of a send that may have taken effect all the same. Such a send is not repeated.
    fn ambiguous(&self, failure: Failure) -> Failure {
        let id = self.id.as_deref().unwrap_or_default();
        let unknown = || message!("; whether {} was sent is not known, and it is not sent again", id);
        match failure {
            Failure::Fault { fault: Fault::Protocol, doing, cause, hint, place } => {
                Failure::Fault { fault: Fault::Protocol, doing, cause: cause.then(unknown()), hint, place }
            }
            Failure::TimedOut { cut, phase, detail, last, log, place } => {
                let known = detail.map(|detail| detail.words("; ")).unwrap_or_default();
                let detail = known.then(message!("whether {} was sent is not known", id));
                Failure::TimedOut { cut, phase, detail: Some(detail), last, log, place }
            }
            other @ (Failure::Fault { .. }
            | Failure::Mismatch { .. }
            | Failure::Exited { .. }
            | Failure::Plugin { .. }
            | Failure::Step { .. }) => other,
        }
    }

    /// Waits for all arrivals and reports how long each took.
    async fn arrive(&mut self, id: &str, context: &Context) -> Result<(), Failure> {
        let canary = Arc::clone(&self.canary);
        let looking = canary.arrivals.iter().enumerate().map(|(index, arrival)| {
            arrival.look(index + 2, Session::new(self.session.scope.clone()), id, context)
        });
        let looked: Vec<Looked> = join_all(looking).await;
        let (mut failures, mut hops, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for (arrival, Looked { session, ran: StepRan { report, result } }) in
            canary.arrivals.iter().zip(looked)
        {
            self.session.scope.take_over(arrival.captures(), &session.scope);
            match &result {
                Ok(()) => {
                    let hop = message!("`{}` after {}", arrival.name.name, Span(report.trail.took));
                    seen.push(hop.clone());
                    hops.push(hop);
                }
                Err(_) => hops.push(message!("`{}` did not have it", arrival.name.name)),
            }
            failures.extend(result.err().map(|failure| (report.step.clone(), failure)));
            self.reports.push(report);
        }
        self.notes.push(message!("hops: ").then(listed(hops).unwrap_or_default()));
        let others = match (canary.arrivals.len(), listed(seen)) {
            (1, _) => Message::new(),
            (_, Some(seen)) => message!("; it was seen by ").then(seen),
            (_, None) => message!("; no consumer had it"),
        };
        all_of(failures, &others)
    }

    async fn clean_up(&mut self, context: &Context) {
        let Some(id) = self.id.clone() else { return };
        if let Some(sending) = &mut self.sending {
            // What has been sent by now is known. A send in progress may still end before the cleanup removes its
            // result.
            let end = context.deadline.tighten(CLOSE_TIMEOUT, BudgetScope::Grace);
            match end.bound(sending).await {
                Ok(sent) => _ = self.has_sent(sent),
                Err(_) => self.sending = None,
            }
        }
        let first = 2 + self.canary.arrivals.len();
        for (index, step) in Arc::clone(&self.canary).cleanup.iter().enumerate() {
            let report = self.clean_up_step(index, step, first + index, &id, context).await;
            self.reports.push(report);
        }
    }

    /// Runs a cleanup step. A failed step does not prevent the next one from running.
    async fn clean_up_step(
        &mut self,
        index: usize,
        cleanup: &Cleanup,
        number: usize,
        id: &str,
        context: &Context,
    ) -> StepReport {
        let place = cleanup.exchange.url().place();
        let step = StepName { number, name: cleanup.name.clone(), place };
        let deadline = match cleanup.budget {
            Some(budget) => context.deadline.tighten(budget, BudgetScope::Step),
            None => context.deadline,
        };
        let mut session = Session::new(self.session.scope.clone());
        session.step = Some(number);
        let missing = missing(&*cleanup.exchange, &session.scope);
        let mut once = Once { canary: Arc::clone(&self.canary), which: Which::Cleanup(index), session };
        let run = StepRun { step, is_cleanup: true, repeat: Repeat::Once, deadline };
        let amend = |result: Result<(), Failure>, _: &mut Session, _| {
            result.map_err(|failure| left_behind(failure, missing.as_deref(), id))
        };
        run.run(&mut once, context, amend).await.report
    }
}

/// Returns a variable that has no value because its capture was never reached.
fn missing(exchange: &dyn AnyExchange, scope: &Variables) -> Option<String> {
    let mut uses = VariableUsage::default();
    exchange.uses(&mut uses);
    let mut reads = uses.from_outside().into_iter();
    let is_missing = |name: &str| !is_built_in(name) && !scope.has(first_part(name));
    reads.find(|(name, _)| is_missing(name)).map(|(name, _)| first_part(name).to_owned())
}

/// Builds the failure of a cleanup step, which says what may be left behind.
fn left_behind(failure: Failure, missing: Option<&str>, id: &str) -> Failure {
    let left = message!("; {} may be left behind", id);
    match failure {
        Failure::Fault { fault, hint, place, .. } if missing.is_some() => {
            let cause = message!("`{}` was not captured", missing.unwrap_or_default());
            Failure::Fault { fault, doing: message!("cleaning up"), cause: cause.then(left), hint, place }
        }
        Failure::Fault { fault, doing, cause, hint, place } => {
            Failure::Fault { fault, doing, cause: cause.then(left), hint, place }
        }
        Failure::Mismatch { mut mismatches, answer } => {
            if let Some(last) = mismatches.last_mut() {
                last.actual = std::mem::take(&mut last.actual).then(left);
            }
            Failure::Mismatch { mismatches, answer }
        }
        Failure::TimedOut { cut, phase, last, log, place, detail: _ } => {
            let detail = Some(message!("{} may be left behind", id));
            Failure::TimedOut { cut, phase, detail, last, log, place }
        }
        other @ (Failure::Exited { .. } | Failure::Plugin { .. } | Failure::Step { .. }) => other,
    }
}

fn listed(hops: Vec<Message>) -> Option<Message> {
    hops.into_iter().reduce(|all, hop| all.words(", ").then(hop))
}

/// Combines the failures of all arrivals into one. Unmet expectations come before errors. `others_saw` says which
/// consumers had the canary.
fn all_of(failures: Vec<(StepName, Failure)>, others_saw: &Message) -> Result<(), Failure> {
    let (mut mismatches, mut described): (Vec<Mismatch>, Option<Message>) = (Vec::new(), None);
    let mut others = Vec::new();
    for (step, failure) in failures {
        match failure {
            Failure::Mismatch { mismatches: missed, answer } => {
                let say = |mismatch: Mismatch| Mismatch {
                    actual: mismatch.actual.then(others_saw.clone()),
                    ..mismatch
                };
                mismatches.extend(missed.into_iter().map(say));
                described = described.or(answer);
            }
            other @ (Failure::TimedOut { .. }
            | Failure::Fault { .. }
            | Failure::Exited { .. }
            | Failure::Plugin { .. }
            | Failure::Step { .. }) => others.push((step, other)),
        }
    }
    if mismatches.is_empty() {
        return others.into_iter().next().map_or(Ok(()), |(step, failure)| Err(failed_in(&step, failure)));
    }
    mismatches.extend(others.into_iter().map(|(step, failure)| Mismatch {
        what: message!("`{}`", step.name),
        expected: message!("to have it"),
        actual: failure.in_short(),
        place: Some(step.place),
    }));
    Err(Failure::Mismatch { mismatches, answer: described })
}

impl Attempt for CanaryRun {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let id = nonce::give(&mut self.session.scope, context);
            self.id = Some(id.clone());
            self.send(context).await?;
            self.arrive(&id, context).await
        })
    }
}

impl Running for CanaryRun {
    fn reproduce(&self, _: &Context) -> Option<Redacted<Message>> {
        let mut steps = self.reports.iter();
        steps.find(|step| step.failure.is_some() && !step.is_cleanup)?.trail.reproduce.clone()
    }

    fn cleanup<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(self.clean_up(context))
    }

    fn steps(&mut self) -> Vec<StepReport> {
        std::mem::take(&mut self.reports)
    }

    fn notes(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.notes)
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.session.scope
    }
}
