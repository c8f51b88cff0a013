//! How each check gets its one outcome: from its own result, from the checks it needs, or from the end of the run.

use std::sync::Arc;

use tokio::task::Id;

use super::task::Ran;
use super::{Engine, State, Stay};
use crate::attempt::timeouts::ABORT_GRACE;
use crate::deadline::{BudgetScope, Deadline};
use crate::event::{CancelReason, CheckReport, Event, Trail};
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault, NeedFailed, Outcome, Phase, SkipReason, Started, Verdict};
use crate::plan::PlannedCheck;
use crate::secret::{Message, Redacted, message};

impl Stay {
    /// Returns how it ran until now.
    fn ran(&self) -> Ran {
        let mut ran = self.ran.clone();
        ran.trail.took += self.since.elapsed();
        ran
    }
}

impl Engine<'_> {
    /// Handles a booted process that ended although it should have stayed.
    pub(super) fn died(&mut self, check: usize, failure: Failure) {
        let outcome = outcome(&self.plan.checks[check], self.context.redactor.redact(failure));
        let ran = self.ran_so_far(check);
        self.dead.extend(self.residents.remove(&check).map(|stay| stay.resident));
        self.done(check, outcome, ran, None);
    }

    fn ran_so_far(&self, check: usize) -> Ran {
        match &self.states[check] {
            State::BackgroundProcess => self.residents.get(&check).map(Stay::ran).unwrap_or_default(),
            State::Running { since, .. } => {
                Ran { trail: Trail { took: since.elapsed(), ..Trail::default() }, ..Ran::default() }
            }
            State::Done { .. } | State::Waiting => Ran::default(),
        }
    }

    /// Records the outcome of a check, reports it, and applies it to its dependents.
    pub(super) fn done(
        &mut self,
        check: usize,
        outcome: Outcome,
        ran: Ran,
        shared: Option<Variables>,
    ) -> Arc<CheckReport> {
        let report = Arc::new(CheckReport {
            was_ready: matches!(self.states[check], State::BackgroundProcess),
            budget: self.plan.checks[check].budget,
            steps: ran.steps,
            ..CheckReport::new(check, outcome, ran.trail)
        });
        self.tell(&Event::CheckFinished(Arc::clone(&report)));
        self.states[check] = State::Done { report: Arc::clone(&report), shared };
        match &report.outcome {
            Outcome::Passed => {}
            // Other checks may still be able to run.
            Outcome::Undecided(failure) | Outcome::Warned(failure) if failure.is_shortage() => {
                self.skip_dependents(check, check, NeedFailed::DidNotPass);
            }
            Outcome::Undecided(_) => self.cancel(CancelReason::Budget(self.plan.budget)),
            // Dependents are skipped because of the budget, and not because of the warning.
            Outcome::Warned(failure) if failure.verdict() == Verdict::Undecided => {
                self.cancel(CancelReason::Budget(self.plan.budget));
            }
            // Well enough: what needs it runs.
            Outcome::Warned(failure) if failure.verdict() == Verdict::Warned => {}
            Outcome::Warned(_) => self.skip_dependents(check, check, NeedFailed::DidNotPass),
            Outcome::Failed(_) => {
                self.skip_dependents(check, check, NeedFailed::DidNotPass);
                // A red check that this deploy did not cause does not stop the run.
                if self.plan.fail_fast && self.plan.checks[check].info.excuse().is_none() {
                    let failed = Arc::clone(&self.plan.checks[check].info.name);
                    self.cancel(CancelReason::FailFast { failed });
                }
            }
            Outcome::Skipped(SkipReason::Asked(_) | SkipReason::ReadOnly(_)) => {
                self.skip_dependents(check, check, NeedFailed::WasSkipped);
            }
            Outcome::Skipped(_) => {}
        }
        report
    }

    pub(super) fn skip_dependents(&mut self, check: usize, root: usize, why: NeedFailed) {
        let excuse = self.plan.checks[root].info.excuse().filter(|_| why == NeedFailed::DidNotPass);
        for dependent in self.queue.dependents(check) {
            let waits = matches!(self.states[dependent], State::Waiting);
            // A check that is skipped for its own reason keeps that reason.
            let asked = self.plan.checks[dependent].skip.is_some();
            if waits && !asked {
                let name = |index: usize| self.plan.checks[index].info.name.to_string();
                self.skip(dependent, SkipReason::Need { need: name(check), root: name(root), why, excuse });
                self.skip_dependents(dependent, root, why);
            }
        }
    }

    pub(super) fn skip(&mut self, check: usize, reason: SkipReason) {
        self.done(check, Outcome::Skipped(reason), Ran::default(), None);
    }

    /// Ends the run. The first reason counts, except that a signal overrides it, because it is a user's decision.
    pub(super) fn cancel(&mut self, reason: CancelReason) {
        let is_signal = matches!(reason, CancelReason::Signal(_));
        if let Some(before) = &self.cancelled
            && (!is_signal || matches!(before, CancelReason::Signal(_)))
        {
            return;
        }
        self.tell(&Event::RunCancelled(reason.clone()));
        self.cancelled = Some(reason);
        let grace = *self.grace.get_or_insert_with(|| Deadline::after(self.plan.grace, BudgetScope::Grace));
        self.stuck.get_or_insert_with(|| Deadline::after(self.plan.grace + ABORT_GRACE, BudgetScope::Grace));
        // The suite's deadline cuts every task, which reports the cut itself. For any other reason, the tasks must be
        // notified.
        if !matches!(self.cancelled, Some(CancelReason::Budget(_))) {
            self.cancel.send_replace(Some(grace));
        }
        self.drain();
        for check in 0..self.states.len() {
            if matches!(self.states[check], State::Waiting) {
                let reason = self.cancelled_while(Started::No);
                self.skip(check, reason);
            }
        }
    }

    pub(super) fn cancelled_while(&self, started: Started) -> SkipReason {
        match &self.cancelled {
            Some(CancelReason::FailFast { failed }) => {
                SkipReason::FailFast { failed: failed.to_string(), started }
            }
            Some(CancelReason::Signal(signal)) => SkipReason::Signal { signal: *signal, started },
            Some(CancelReason::Budget(_)) | None => SkipReason::Budget(self.plan.budget),
        }
    }

    /// Handles a task that ended without a result. This is a bug in smoke, so its check fails.
    pub(super) fn lost(&mut self, task: Id) {
        let is_lost =
            |state: &State| matches!(state, State::Running { task: running, .. } if *running == task);
        if let Some(check) = self.states.iter().position(is_lost) {
            self.fail_lost(check);
        }
    }

    /// Fails every check that waits for nothing any more. This is a bug in smoke, and must not go unnoticed.
    pub(super) fn fail_forgotten(&mut self) {
        for check in 0..self.states.len() {
            if matches!(self.states[check], State::Waiting | State::Running { .. }) {
                self.fail_lost(check);
            }
        }
    }

    /// Fails a check without an outcome. This is a bug in smoke, so the check fails whatever its severity: nothing
    /// fails open.
    pub(super) fn fail_lost(&mut self, check: usize) -> Arc<CheckReport> {
        let cause = match self.states[check] {
            State::Waiting => "it was never started",
            State::Running { .. } | State::BackgroundProcess | State::Done { .. } => "its task was lost",
        };
        let doing = message!("smoke itself failed in this check");
        let failure = Failure::fault(Fault::Internal, doing, Message::new().words(cause));
        let failure = self.context.redactor.redact(failure);
        self.done(check, Outcome::Failed(failure), self.ran_so_far(check), None)
    }

    /// Gives up on the tasks that are left after the grace. They cannot be cut, so their results are unknown.
    pub(super) fn give_up_stuck(&mut self) {
        self.tasks.abort_all();
        for check in 0..self.states.len() {
            if matches!(self.states[check], State::Running { .. }) {
                let outcome = match &self.cancelled {
                    Some(CancelReason::Budget(_)) | None => {
                        let failure = Failure::timed_out(self.suite.cut(), Phase::Prepare);
                        outcome(&self.plan.checks[check], self.context.redactor.redact(failure))
                    }
                    Some(CancelReason::FailFast { .. } | CancelReason::Signal(_)) => {
                        Outcome::Skipped(self.cancelled_while(Started::InFlight))
                    }
                };
                self.done(check, outcome, self.ran_so_far(check), None);
            }
        }
    }
}

pub(super) fn outcome(planned: &PlannedCheck, failure: Redacted<Failure>) -> Outcome {
    match failure.verdict() {
        Verdict::Warned => Outcome::Warned(failure),
        Verdict::Failed | Verdict::Errored | Verdict::Undecided if !planned.is_critical() => {
            Outcome::Warned(failure)
        }
        Verdict::Undecided => Outcome::Undecided(failure),
        Verdict::Failed | Verdict::Errored => Outcome::Failed(failure),
    }
}
