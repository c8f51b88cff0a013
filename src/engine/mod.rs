//! The loop that runs a plan.
//!
//! Checks run as tasks. Their results arrive here, are put in order and are reported as events. The loop starts each
//! check as soon as it may start, and ends when every check has its one outcome. A cancellation (fail-fast, budget,
//! signal) ends the checks in flight and skips the rest. Cleanup and booted processes then have the suite's grace.

mod exit;
mod finish;
mod queue;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use self::finish::outcome;
use self::queue::Queue;
use self::task::{Ended, Ending, Ran, Task};
use crate::attempt::timeouts::CRASH_WINDOW;
use crate::attempt::{AfterRed, CheckEvent, EventSink, RunContext};
use crate::check::BackgroundProcess;
use crate::deadline::{BudgetScope, Deadline};
use crate::event::{CancelReason, CheckReport, Event, RunReport};
use crate::language::variables::Variables;
use crate::outcome::{Failure, Outcome, Signal, Started, Verdict};
use crate::plan::Plan;
use crate::process::own_connections_are_closed;

/// Runs `plan` to its end, and reports events to `on_event` in order. The checks run on `workers`, so none of them can
/// block the task that awaits this.
pub async fn run(
    plan: &Plan,
    context: Arc<RunContext>,
    workers: &Handle,
    signals: &mut mpsc::UnboundedReceiver<Signal>,
    on_event: &mut dyn FnMut(&Event),
) -> RunReport {
    let (told_sender, told) = mpsc::unbounded_channel();
    let mut engine = Engine {
        plan,
        context,
        workers,
        on_event,
        states: plan.checks.iter().map(|_| State::Waiting).collect(),
        queue: Queue::new(&plan.checks),
        tasks: JoinSet::new(),
        residents: BTreeMap::new(),
        dead: Vec::new(),
        told,
        told_sender,
        cancel: watch::Sender::new(None),
        cancelled: None,
        began: Instant::now(),
        suite: Deadline::after(plan.budget, BudgetScope::Suite),
        grace: None,
        stuck: None,
    };
    engine.tell(&Event::RunStarted);
    engine.run(signals).await;
    engine.stop_residents().await;
    engine.finish()
}

/// The state of a check.
enum State {
    Waiting,
    Running {
        since: Instant,
        task: Id,
    },
    /// It passed, and its process keeps running until the end of the run.
    BackgroundProcess,
    Done {
        report: Arc<CheckReport>,
        shared: Option<Variables>,
    },
}

/// A check that has passed so far, and its background process.
struct Stay {
    resident: Box<dyn BackgroundProcess>,
    ran: Ran,
    since: Instant,
    shared: Variables,
}

struct Engine<'p> {
    plan: &'p Plan,
    context: Arc<RunContext>,
    workers: &'p Handle,
    on_event: &'p mut dyn FnMut(&Event),
    states: Vec<State>,
    queue: Queue,
    /// The running checks.
    tasks: JoinSet<Ended>,
    /// The checks in the state `BackgroundProcess`.
    residents: BTreeMap<usize, Stay>,
    /// Background processes that ended too early, but may have left something behind.
    dead: Vec<Box<dyn BackgroundProcess>>,
    told: mpsc::UnboundedReceiver<(usize, CheckEvent)>,
    told_sender: mpsc::UnboundedSender<(usize, CheckEvent)>,
    /// Set once, with the end of the grace. Notifies every task in flight.
    cancel: watch::Sender<Option<Deadline>>,
    cancelled: Option<CancelReason>,
    began: Instant,
    suite: Deadline,
    /// The end of the grace. Set once the run is over.
    grace: Option<Deadline>,
    /// When a cancelled run stops waiting for its tasks.
    stuck: Option<Deadline>,
}

/// What the loop reacts to.
enum Next {
    CheckEvent(usize, CheckEvent),
    Ended(Box<Ended>),
    /// A task that ended without a result.
    Lost(Id),
    Died(usize, Failure),
    Signal(Signal),
    OutOfBudget,
    Stuck,
}

impl Engine<'_> {
    fn tell(&mut self, event: &Event) {
        (self.on_event)(event);
    }

    async fn run(&mut self, signals: &mut mpsc::UnboundedReceiver<Signal>) {
        self.skip_what_is_asked();
        loop {
            self.drain();
            self.start_what_may();
            if self.tasks.is_empty() {
                self.fail_forgotten();
                return;
            }
            match self.next(signals).await {
                Next::CheckEvent(check, told) => self.pass_on(check, told),
                Next::Ended(ended) => {
                    // Events that the check sent before it ended come first.
                    self.drain();
                    self.ended(*ended);
                }
                Next::Lost(task) => self.lost(task),
                Next::Died(check, failure) => self.died(check, failure),
                Next::Signal(signal) => self.cancel(CancelReason::Signal(signal)),
                Next::OutOfBudget => self.cancel(CancelReason::Budget(self.plan.budget)),
                Next::Stuck => {
                    self.give_up_stuck();
                    return;
                }
            }
        }
    }

    async fn next(&mut self, signals: &mut mpsc::UnboundedReceiver<Signal>) -> Next {
        let (clock, over) = match self.stuck {
            Some(stuck) => (stuck, true),
            None => (self.suite, false),
        };
        let residents = self.residents.iter_mut();
        let mut deaths: FuturesUnordered<_> = residents
            .map(|(check, stay)| stay.resident.ended().map(move |failure| (*check, failure)))
            .collect();
        tokio::select! {
            biased;
            Some((check, told)) = self.told.recv() => Next::CheckEvent(check, told),
            Some(joined) = self.tasks.join_next() => match joined {
                Ok(ended) => Next::Ended(Box::new(ended)),
                Err(error) => Next::Lost(error.id()),
            },
            Some((check, failure)) = deaths.next() => Next::Died(check, failure),
            Some(signal) = signals.recv() => Next::Signal(signal),
            _ = clock.pause(Duration::MAX) => if over { Next::Stuck } else { Next::OutOfBudget },
        }
    }

    fn drain(&mut self) {
        while let Ok((check, told)) = self.told.try_recv() {
            self.pass_on(check, told);
        }
    }

    fn pass_on(&mut self, check: usize, told: CheckEvent) {
        match told {
            CheckEvent::AttemptFailed { step, attempt, failed } => {
                self.tell(&Event::AttemptFailed { check, step, attempt, failed });
            }
            CheckEvent::Traced(trace) => self.tell(&Event::Traced { check, trace }),
            CheckEvent::StepFinished(report) => self.tell(&Event::StepFinished { check, report }),
        }
    }

    fn skip_what_is_asked(&mut self) {
        for check in 0..self.plan.checks.len() {
            if let Some(reason) = self.plan.checks[check].skip.clone() {
                self.skip(check, reason);
            }
        }
    }

    fn start_what_may(&mut self) {
        // Background processes hold no concurrency slot.
        while self.tasks.len() < self.plan.concurrency && self.cancelled.is_none() {
            match self.queue.pop() {
                Some(check) if matches!(self.states[check], State::Waiting) => self.start(check),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn start(&mut self, check: usize) {
        let planned = &self.plan.checks[check];
        let mut scope = planned.scope(&self.plan.scope);
        let gates = planned.needs.iter().filter(|need| !planned.named_needs.contains(need));
        for need in gates.chain(&planned.named_needs) {
            let names = self.plan.checks[*need].check.shares().iter().map(|named| named.name.as_str());
            match &self.states[*need] {
                State::Done { shared: Some(shared), .. } => scope.take_over(names, shared),
                State::BackgroundProcess => scope.take_over(names, &self.residents[need].shared),
                State::Done { shared: None, .. } | State::Waiting | State::Running { .. } => {}
            }
        }
        let mut task = Task {
            index: check,
            name: Arc::clone(&planned.info.name),
            budget: planned.budget,
            repeat: planned.repeat,
            check: Arc::clone(&planned.check),
            run: Arc::clone(&self.context),
            scope,
            suite: self.suite,
            grace: self.plan.grace,
            events: EventSink::new(check, self.told_sender.clone()),
            cancel: self.cancel.subscribe(),
        };
        self.tell(&Event::CheckStarted { check });
        let since = Instant::now();
        // Why: this is the check itself. It ends with the set, which the run owns.
        let spawned = self.tasks.spawn_on(async move { task.run().await }, self.workers);
        self.states[check] = State::Running { since, task: spawned.id() };
    }

    fn ended(&mut self, ended: Ended) {
        let Ended { index: check, ending, scope, resident, ran } = ended;
        let planned = &self.plan.checks[check];
        let outcome = match ending {
            Ending::Cancelled => Outcome::Skipped(self.cancelled_while(Started::InFlight)),
            Ending::Result(Ok(())) => Outcome::Passed,
            Ending::Result(Err(failure)) => outcome(planned, failure),
        };
        // What warns does not hold up what needs it.
        let lets_others_run = match &outcome {
            Outcome::Passed => true,
            Outcome::Warned(failure) => failure.verdict() == Verdict::Warned,
            Outcome::Failed(_) | Outcome::Undecided(_) | Outcome::Skipped(_) => false,
        };
        match resident {
            Some(resident) if lets_others_run => {
                self.tell(&Event::CheckReady { check, took: ran.trail.took });
                self.states[check] = State::BackgroundProcess;
                let since = Instant::now();
                self.residents.insert(check, Stay { resident, ran, since, shared: scope });
            }
            Some(_) | None => _ = self.done(check, outcome, ran, Some(scope)),
        }
        if lets_others_run {
            self.queue.passed(check);
        }
    }

    /// Ends the run: checks the booted processes once more, and stops them together.
    async fn stop_residents(&mut self) {
        // A connection breaks before its process has fully exited. In that case, the exit is the cause.
        let something_failed = self.states.iter().any(
            |state| matches!(state, State::Done { report, .. } if matches!(report.outcome, Outcome::Failed(_))),
        );
        let moment = Deadline::after(CRASH_WINDOW, BudgetScope::Grace);
        let mut deaths = Vec::new();
        for (check, stay) in &mut self.residents {
            if something_failed && !stay.resident.has_ended() {
                let _ = moment.bound(stay.resident.ended()).await;
            }
            if stay.resident.has_ended() {
                deaths.push((*check, stay.resident.ended().await));
            }
        }
        for (check, failure) in deaths {
            self.died(check, failure);
        }
        if !self.residents.is_empty() {
            own_connections_are_closed().await;
        }
        let grace = *self.grace.get_or_insert_with(|| Deadline::after(self.plan.grace, BudgetScope::Grace));
        let mut stopping: Vec<_> = self.dead.drain(..).map(|resident| resident.stop(grace)).collect();
        let are_left = self.are_left();
        for (check, stay) in std::mem::take(&mut self.residents) {
            let mut ran = stay.ran;
            if are_left {
                ran.trail.left_running = Some(self.context.redactor.redact(stay.resident.leave()));
            } else {
                stopping.push(stay.resident.stop(grace));
            }
            self.done(check, Outcome::Passed, ran, Some(stay.shared));
        }
        futures_util::future::join_all(stopping).await;
    }

    /// Whether booted processes stay running. They do not if a signal ended the run.
    fn are_left(&self) -> bool {
        let is_red = |state: &State| match state {
            State::Done { report, .. } => {
                matches!(report.outcome, Outcome::Failed(_) | Outcome::Undecided(_))
            }
            State::Waiting | State::Running { .. } | State::BackgroundProcess => false,
        };
        self.context.after_red == AfterRed::KeepRunning
            && !matches!(self.cancelled, Some(CancelReason::Signal(_)))
            && self.states.iter().any(is_red)
    }

    fn finish(mut self) -> RunReport {
        let checks: Vec<Arc<CheckReport>> = (0..self.states.len())
            .map(|check| match &self.states[check] {
                State::Done { report, .. } => Arc::clone(report),
                State::Waiting | State::Running { .. } | State::BackgroundProcess => self.fail_lost(check),
            })
            .collect();
        let infos = self.plan.checks.iter().map(|planned| &planned.info);
        let exit = exit::of_run(infos.zip(checks.iter().map(AsRef::as_ref)), self.cancelled.as_ref());
        let report = RunReport { took: self.began.elapsed(), exit, cancelled: self.cancelled.take(), checks };
        self.tell(&Event::RunFinished(report.clone()));
        report
    }
}
