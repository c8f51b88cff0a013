//! The `[[journey]]` check: the core flow works.
//!
//! ```toml
//! [[journey]]
//! name = "log in and see the dashboard"
//!
//! [[journey.step]]
//! name = "log in"
//! post = "{{base_url}}/login"
//! form = { user = "smoke", password = "{{password}}" }
//! expect.status = 302
//!
//! [[journey.cleanup]]
//! name = "log out"
//! post = "{{base_url}}/logout"
//! ```

mod step;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub(super) use self::step::Action;
use self::step::{Position, Safe, Step};
use super::exchange::AnyExchange;
use super::request::OverrideUse;
use super::{Afterwards, Check, Running, Session, captures};
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::event::StepReport;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{Named, ParseContext, Table};
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Verdict};
use crate::secret::{Message, Redacted};

#[derive(Debug)]
struct Journey {
    steps: Vec<Step>,
    cleanup: Vec<Step>,
    safe: Safe,
    share: Vec<Named>,
}

/// Reads a `[[journey]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let steps: Option<Vec<Step>> = table.required("step", "steps, in order");
    let cleanup: Option<Vec<Step>> = table.optional("cleanup", "steps that run however the journey ended");
    let share: Vec<Named> =
        table.optional("share", ("captures passed to the checks that need this journey (of a gate: to all that wait for it), so that one login serves them all", r#"share = ["token"]"#)).unwrap_or_default();
    let safe = table.optional_or(
        "safe",
        (
            "its requests change nothing, whatever their methods, so `--read-only` may send them",
            "safe = true",
        ),
        false,
    );
    table.filled("step", "a journey without a step asserts nothing")?;
    let cleanup = if table.has("cleanup") { cleanup? } else { Vec::new() };
    let steps = steps?;
    let unique = [&steps, &cleanup].map(|list| unique_names(list, table.parse));
    if unique.contains(&None) {
        return None;
    }
    let safe = if safe { Safe::Yes } else { Safe::AsItsSteps };
    let journey = Journey { steps, cleanup, safe, share };
    captures::all_are_captured(&journey.share, &journey, "no step", table.parse)?;
    Some(Arc::new(journey))
}

/// Rejects duplicate step names, because reports identify the failed step by its name.
fn unique_names(steps: &[Step], parse: &mut ParseContext<'_>) -> Option<()> {
    let mut seen = BTreeSet::new();
    let mut repeated = steps.iter().filter(|step| !seen.insert(step.name.name.as_str())).peekable();
    let all_differ = repeated.peek().is_none();
    for Step { name: Named { name, place }, .. } in repeated {
        let mistake =
            Diagnostic::new(*place, format!("there is another step named `{name}` in this journey"));
        let _: Option<()> =
            parse.reject(mistake.hint("name it after what it does: reports identify steps by name"));
    }
    all_differ.then_some(())
}

impl Check for Journey {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.steps.iter().chain(&self.cleanup).for_each(|step| step.uses(uses));
    }

    fn shares(&self) -> &[Named] {
        &self.share
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        let scope = captures::before(self, scope);
        self.exchanges().flat_map(|ask| ask.mistakes(&scope)).collect()
    }

    fn afterwards(&self, scope: &Variables) -> Afterwards {
        let longest = |step: &Step| step.budget.unwrap_or(Duration::MAX);
        Afterwards {
            leaves: self.exchanges().any(|ask| ask.leaves(scope)),
            cleanup: self.cleanup.iter().map(longest).fold(Duration::ZERO, Duration::saturating_add),
            stop: None,
        }
    }

    fn changes(&self) -> Option<String> {
        let mut steps = self.steps.iter().chain(&self.cleanup);
        steps.find_map(|step| Some(format!("step `{}` {}", step.name.name, step.changes(self.safe)?)))
    }

    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        let scope = captures::before(self, scope);
        self.exchanges().flat_map(|ask| ask.override_uses(&scope)).collect()
    }

    fn remark(&self, scope: &Variables) -> Option<&'static str> {
        let scope = captures::before(self, scope);
        self.exchanges().find_map(|ask| ask.remark(&scope))
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        let session = Session::new(scope.clone());
        Box::new(JourneyRun { journey: self, given: scope, began: false, session, reports: Vec::new() })
    }
}

impl Journey {
    /// Returns the exchanges of its steps, in order, followed by those of its cleanup.
    fn exchanges(&self) -> impl Iterator<Item = &dyn AnyExchange> {
        self.steps.iter().chain(&self.cleanup).map(|step| &*step.exchange)
    }
}

/// A run of a journey.
struct JourneyRun {
    journey: Arc<Journey>,
    /// The variables before the first attempt.
    given: Variables,
    /// Whether an attempt has been made.
    began: bool,
    session: Session,
    reports: Vec<StepReport>,
}

impl Attempt for JourneyRun {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            // Each attempt starts as a new visitor and after cleanup: captures of the previous attempt may name
            // something that only its own cleanup can remove.
            if std::mem::replace(&mut self.began, true) {
                self.clean_up(context).await;
                self.session = Session::new(self.given.clone());
                self.reports.retain(|step| step.is_cleanup && step.failure.is_some());
            }
            let journey = Arc::clone(&self.journey);
            let mut warning = None;
            for (index, step) in journey.steps.iter().enumerate() {
                let at = Position { number: index + 1, is_cleanup: false };
                match step.run(at, &mut self.session, &mut self.reports, context).await {
                    Ok(()) => {}
                    // Well enough to go on.
                    Err(failure) if failure.verdict() == Verdict::Warned => {
                        warning.get_or_insert(failure);
                    }
                    Err(failure) => return Err(failure),
                }
            }
            warning.map_or(Ok(()), Err)
        })
    }
}

impl Running for JourneyRun {
    fn reproduce(&self, _: &Context) -> Option<Redacted<Message>> {
        let mut steps = self.reports.iter().rev();
        steps.find(|step| step.failure.is_some() && !step.is_cleanup)?.trail.reproduce.clone()
    }

    fn cleanup<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(self.clean_up(context))
    }

    fn steps(&mut self) -> Vec<StepReport> {
        std::mem::take(&mut self.reports)
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.session.scope
    }
}

impl JourneyRun {
    async fn clean_up(&mut self, context: &Context) {
        let journey = Arc::clone(&self.journey);
        for (index, step) in journey.cleanup.iter().enumerate() {
            if step.can_run(&self.session.scope) {
                // A failed cleanup step does not stop the next one. Its report contains the failure.
                let at = Position { number: journey.steps.len() + index + 1, is_cleanup: true };
                let _ = step.run(at, &mut self.session, &mut self.reports, context).await;
            }
        }
    }
}
