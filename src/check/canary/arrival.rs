//! A consumer that a canary must reach: it is polled until it has the canary or the time is up.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::ends::{CAPTURE, refuse_repeats};
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::check::Session;
use crate::check::captures;
use crate::check::exchange::AnyExchange;
use crate::check::journey::Action;
use crate::check::step_run::{Asking, StepRan, StepRun};
use crate::deadline::BudgetScope;
use crate::event::StepName;
use crate::language::name::CheckName;
use crate::language::read::{FromTable, Named, Table};
use crate::language::repeat::{Hold, Poll, Repeat};
use crate::language::variable_usage::VariableUsage;
use crate::outcome::{Failure, Mismatch, Span};
use crate::secret::{Message, message};

/// Default pause between two looks.
const EVERY: Duration = Duration::from_millis(200);

/// The keys of `[[canary.arrive]]`, before the time limit is known.
pub(super) struct ArrivalKeys {
    name: Named,
    within: Option<Duration>,
    every: Duration,
    exchange: Box<dyn AnyExchange>,
}

#[derive(Debug)]
pub(super) struct Arrival {
    pub name: Named,
    pub within: Duration,
    every: Duration,
    pub exchange: Box<dyn AnyExchange>,
}

impl FromTable for ArrivalKeys {
    const DEFINITION: &'static str = "canary-arrival";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        refuse_repeats(table, "an arrival is looked for until `within` ends, `every` so often");
        let name =
            table.required("name", ("name of the consumer, unique in the canary", r#"name = "search API""#));
        let name = name.map(|CheckName(named)| named);
        let within = table.optional(
            "within",
            (
                "how long after the send it may take here; by default, the canary's `within`",
                r#"within = "10s""#,
            ),
        );
        let has_within = table.has("within");
        let every = table.optional_or("every", ("pause between two looks", r#"every = "200ms""#), EVERY);
        let captures = captures::from_table(table, CAPTURE);
        let action = Action::from_table(table);
        let (name, captures, action) = (name?, captures?, action?);
        if has_within && within.is_none() {
            return None;
        }
        captures::all_from(&captures, action.origin(), table.parse)?;
        if table.has("database") && action.statement().is_none() {
            return table.reject("database", "there is no `query` to look with");
        }
        Some(ArrivalKeys { name, within, every, exchange: action.or_one_row().into_exchange(captures) })
    }
}

impl ArrivalKeys {
    /// Returns the arrival. Its own `within` takes precedence over the canary's.
    pub fn within(self, within: Duration) -> Arrival {
        let ArrivalKeys { name, within: own, every, exchange } = self;
        Arrival { name, within: own.unwrap_or(within), every, exchange }
    }
}

/// The result of looking for an arrival.
pub(super) struct Looked {
    pub session: Session,
    pub ran: StepRan,
}

impl Arrival {
    /// Returns the names that the arrival captures.
    pub fn captures(&self) -> Vec<&str> {
        let mut uses = VariableUsage::default();
        self.exchange.uses(&mut uses);
        uses.sets().collect()
    }

    /// Polls for the canary until the arrival's `within` ends. Each look sees the current data.
    pub async fn look(&self, number: usize, mut session: Session, id: &str, context: &Context) -> Looked {
        let step = StepName { number, name: self.name.name.clone(), place: self.exchange.url().place() };
        session.step = Some(number);
        let repeat = Repeat::Poll(Poll { every: self.every, hold: Hold::Passes(NonZeroU32::MIN) });
        let deadline = context.deadline.tighten(self.within, BudgetScope::Step);
        let run = StepRun { step, is_cleanup: false, repeat, deadline };
        let mut looking = Looking { exchange: &*self.exchange, session: &mut session };
        let amend = |result: Result<(), Failure>, _: &mut Session, looks| {
            result.map_err(|failure| self.missed(failure, id, looks))
        };
        let ran = run.run(&mut looking, context, amend).await;
        Looked { session, ran }
    }

    /// Builds the failure for a canary that `looks` looks did not find in time.
    fn missed(&self, failure: Failure, id: &str, looks: u32) -> Failure {
        let last = match failure {
            Failure::TimedOut { cut, last, .. } if cut.scope == BudgetScope::Step => last.map(|last| *last),
            other @ (Failure::TimedOut { .. }
            | Failure::Mismatch { .. }
            | Failure::Fault { .. }
            | Failure::Exited { .. }
            | Failure::Plugin { .. }
            | Failure::Step { .. }) => return other,
        };
        let within = Span(self.within).to_string();
        let nothing = match looks {
            1 => "nothing in 1 look".to_owned(),
            looks => format!("nothing in {looks} looks"),
        };
        if let Some(Failure::Fault { fault, doing, cause, hint, place }) = last {
            let seen = format!("; the canary was not seen within {within}: {nothing}");
            return Failure::Fault { fault, doing, cause: cause.words(seen), hint, place };
        }
        let answer = match &last {
            Some(Failure::Mismatch { answer, .. }) => answer.clone(),
            _ => None,
        };
        let actual = match last.as_ref().map(|last| (last.mismatches().first(), last)) {
            Some((Some(Mismatch { what, expected, actual, .. }), _)) => Message::new()
                .words(nothing)
                .words("; the last: expected ")
                .then(what.clone())
                .words(" ")
                .then(expected.clone())
                .words(", got ")
                .then(actual.clone()),
            Some((None, last)) => Message::new().words(nothing).words("; the last: ").then(last.in_short()),
            None => Message::new().words(nothing),
        };
        let (what, place) = (message!("`{}`", self.name.name), Some(self.exchange.url().place()));
        let expected = message!("to have {} within {}", id, within);
        Failure::Mismatch { mismatches: vec![Mismatch { what, expected, actual, place }], answer }
    }
}

struct Looking<'s> {
    exchange: &'s dyn AnyExchange,
    session: &'s mut Session,
}

impl Attempt for Looking<'_> {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        self.exchange.run(self.session, context)
    }
}

impl Asking for Looking<'_> {
    fn parts(&mut self) -> (&dyn AnyExchange, &mut Session) {
        (self.exchange, self.session)
    }
}
