//! An exchange: a question, the captures from its answer, and the verdict on it.
//!
//! Health checks, the readiness probe of a boot, database checks and the steps of a journey all use it. A [`Question`]
//! defines how to ask. The rest is the same for every protocol.

mod one;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

pub(super) use self::one::{OneExchange, OneExchangeRun, reproduced};
use super::request::{OverrideUse, UNUSED, is_unused};
use super::{Session, template_failure};
use crate::attempt::cost::Cost;
use crate::attempt::shell::ShellCommand;
use crate::attempt::{Context, Tracing};
use crate::expect::answer::{Answer, Expectation};
use crate::expect::capture::{Capture, Captures};
use crate::expect::figures::Figures;
use crate::expect::wanted::Wanted;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Named;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Direction, Failure, Mismatch, Phase, Verdict};
use crate::probe::rows::QueryResult;
use crate::secret::placeholder::{placeholder_for, variable};

/// A question, with its templates.
pub(super) trait Question: Debug + Send + Sync + 'static {
    type Answer: Answer;
    type Expectation: Expectation<Self::Answer>;

    /// Returns the URL to ask.
    fn url(&self) -> &Template;

    /// Records the variables that it reads.
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>);

    /// Returns the mistakes in it and in `expect`, with the variables resolved. Sends nothing.
    fn mistakes(&self, expect: &Self::Expectation, scope: &Variables) -> Vec<Diagnostic>;

    /// Returns how `resolve` affects it.
    fn override_uses(&self, _scope: &Variables) -> Vec<OverrideUse> {
        Vec::new()
    }

    /// Returns a remark that belongs next to the check on every screen.
    fn remark(&self) -> Option<&'static str> {
        None
    }

    /// Describes what it would change on the server. `None` if it only reads.
    fn changes(&self) -> Option<String>;

    /// Returns why its addresses cannot be checked individually. If `None`, it must honour [`Session::address`].
    fn refuses_addresses(&self, _scope: &Variables) -> Option<&'static str> {
        Some("`addresses` does not apply to this kind of URL")
    }

    /// Whether a cut may leave something running on the server.
    fn leaves(&self, _scope: &Variables) -> bool {
        false
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    /// Fails if there is no answer, or if it does not follow the protocol.
    fn ask(
        &self,
        session: &mut Session,
        context: &Context,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;

    /// Describes the question briefly. `None` if a value is missing.
    fn named(&self, scope: &Variables) -> Option<String>;

    /// Returns a command that asks the same and times out after `limit`. `None` if a value is missing.
    fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand>;
}

/// A question with its captures and expectations.
#[derive(Debug)]
pub(super) struct Exchange<Q: Question> {
    question: Q,
    captures: Captures,
    expect: Arc<Q::Expectation>,
}

impl<Q: Question> Exchange<Q> {
    pub fn new(question: Q, captures: Captures, expect: Q::Expectation) -> Exchange<Q> {
        Exchange { question, captures, expect: Arc::new(expect) }
    }
}

/// An exchange of any protocol.
pub(super) trait AnyExchange: Debug + Send + Sync {
    /// Returns the URL to ask.
    fn url(&self) -> &Template;

    /// Records the variables that it reads and sets, in order.
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>);

    /// Returns its mistakes, with the variables resolved. Sends nothing.
    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic>;

    /// Returns how `resolve` affects it.
    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse>;

    /// Returns a remark that belongs next to the check on every screen.
    fn remark(&self, scope: &Variables) -> Option<&'static str>;

    /// Describes what it would change on the server. `None` if it only reads.
    fn changes(&self) -> Option<String>;

    /// Returns why its addresses cannot be checked individually, or `None` if they can.
    fn refuses_addresses(&self, scope: &Variables) -> Option<&'static str>;

    /// Whether a cut may leave something running on the server.
    fn leaves(&self, scope: &Variables) -> bool;

    /// Asks, captures and judges. What comes first (an HTTP status, an exit code) is judged before anything is captured. Captures
    /// are kept even where the time does not suffice for the rest: cleanup needs them.
    fn run<'a>(
        &'a self,
        session: &'a mut Session,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// The same, and takes figures out of the answer.
    fn measure<'a>(
        &'a self,
        figures: &'a Figures,
        session: &'a mut Session,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>>;

    /// What is asked, in a few words. `None` if a value for it is missing.
    fn named(&self, scope: &Variables) -> Option<String>;

    /// Returns a command that asks the same and times out after `limit`. `None` if a value is missing.
    fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand>;
}

impl<Q: Question> AnyExchange for Exchange<Q> {
    fn url(&self) -> &Template {
        self.question.url()
    }

    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.question.uses(uses);
        self.captures.iter().for_each(|(_, capture)| uses.read_all(capture.templates()));
        self.captures.iter().for_each(|(named, _)| uses.set(&named.name));
        uses.read_all(self.expect.templates());
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        self.question.mistakes(&self.expect, scope)
    }

    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.question.override_uses(scope)
    }

    fn remark(&self, scope: &Variables) -> Option<&'static str> {
        let uses = || self.question.override_uses(scope);
        self.question.remark().or_else(|| uses().iter().any(is_unused).then_some(UNUSED))
    }

    fn changes(&self) -> Option<String> {
        self.question.changes()
    }

    fn refuses_addresses(&self, scope: &Variables) -> Option<&'static str> {
        self.question.refuses_addresses(scope)
    }

    fn leaves(&self, scope: &Variables) -> bool {
        self.question.leaves(scope)
    }

    fn run<'a>(
        &'a self,
        session: &'a mut Session,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.accepted(None, session, context).await.map(|_| ()) })
    }

    fn measure<'a>(
        &'a self,
        figures: &'a Figures,
        session: &'a mut Session,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>> {
        Box::pin(async move {
            let wanted = figures.wanted(&session.scope).map_err(template_failure)?;
            let answer = self.accepted(wanted.as_capture(), session, context).await?;
            let load = wanted.cost().on(answer.size());
            let take = move || {
                let taken = answer.figures(&wanted);
                (answer, taken)
            };
            let (answer, taken) = context.offload(Phase::Judge, load, take).await;
            match taken {
                Ok(taken) => {
                    if figures.are_secret() {
                        taken.rows.iter().flatten().for_each(|(_, value)| context.hide_value(value));
                    }
                    Ok(taken)
                }
                Err(mismatch) => Err(unlike(vec![mismatch], answer, context).await),
            }
        })
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.question.named(scope)
    }

    fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand> {
        self.question.reproduce(session, context, limit)
    }
}

/// The rendered captures of a question, by name.
type AllWanted = Vec<(Named, Wanted)>;

impl<Q: Question> Exchange<Q> {
    /// The answer, if it is as expected. `also` is what will be taken out of it beside the captures.
    async fn accepted(
        &self,
        also: Option<(Named, Wanted)>,
        session: &mut Session,
        context: &Context,
    ) -> Result<Q::Answer, Failure> {
        let wanted = self.wanted(&session.scope)?;
        let mut answer = self.question.ask(session, context).await?;
        context.timeline.end();
        let all: AllWanted = wanted.iter().cloned().chain(also).collect();
        self.expect.announce(&all, &session.scope, &mut answer);
        let answer = self.reveal(answer, &wanted, context).await;
        let own = self.expect.own_verdict(&answer);
        if let Some(failure) = own.as_ref().filter(|failure| failure.verdict() != Verdict::Warned) {
            return Err(failure.clone());
        }
        let first = self.expect.judge_first(&answer, &session.scope).map_err(template_failure)?;
        let (answer, mismatches) = match first {
            Some(mismatch) => (answer, vec![mismatch]),
            None => match self.take(answer, wanted, session, context).await {
                (answer, Err(mismatch)) => (answer, vec![mismatch]),
                (answer, Ok(())) => self.judge(answer, session, context).await?,
            },
        };
        if mismatches.is_empty() {
            own.map_or(Ok(answer), Err)
        } else {
            Err(unlike(mismatches, answer, context).await)
        }
    }

    /// What is captured, with every value in its place. It is known before anything is sent.
    fn wanted(&self, scope: &Variables) -> Result<AllWanted, Failure> {
        let wanted = self.captures.iter().map(|(named, capture)| Ok((named.clone(), capture.wanted(scope)?)));
        wanted.collect::<Result<_, String>>().map_err(template_failure)
    }

    /// Redacts the values that will be captured as secrets, and traces the answer if requested. Secrets must be known
    /// before anything is shown, because an answer that fails for another reason is shown as well.
    async fn reveal(&self, answer: Q::Answer, wanted: &AllWanted, context: &Context) -> Q::Answer {
        let showing = match context.run.tracing {
            Tracing::Off => Cost::Looks(0),
            Tracing::On => Cost::TO_READ,
        };
        let secrets = self.captures.iter().zip(wanted);
        let secrets = secrets.filter(|((named, capture), _)| capture.is_secret(&named.name));
        let secrets: AllWanted = secrets.map(|(_, wanted)| wanted.clone()).collect();
        let costs = secrets.iter().flat_map(|(_, wanted)| [wanted.cost(), Cost::TO_READ]);
        let cost: Cost = costs.chain([showing]).sum();
        let (load, keeper) = (cost.on(answer.size()), context.clone());
        let reveal = move || {
            for (named, wanted) in &secrets {
                if let Ok(value) = answer.take(&named.name, wanted) {
                    keeper.hide_value(&value);
                }
            }
            if keeper.run.tracing == Tracing::On || !secrets.is_empty() {
                // An `access_token` may come with a `refresh_token`.
                answer.hide_issued(&keeper.run.redactor);
            }
            let event = keeper.traced(Direction::Received, || answer.trace());
            (answer, event)
        };
        let (answer, event) = context.offload(Phase::Judge, load, reveal).await;
        context.tell(event);
        answer
    }

    /// Takes the captures, up to the first that fails.
    async fn take(
        &self,
        answer: Q::Answer,
        wanted: AllWanted,
        session: &mut Session,
        context: &Context,
    ) -> (Q::Answer, Result<(), Mismatch>) {
        if self.captures.is_empty() {
            return (answer, Ok(()));
        }
        let cost: Cost = wanted.iter().map(|(_, wanted)| wanted.cost()).sum();
        let (load, captures, keeper) = (cost.on(answer.size()), Arc::clone(&self.captures), context.clone());
        let (mut scope, step) = (session.scope.clone(), session.step);
        let take = move || {
            let taken = captures.iter().zip(&wanted).try_for_each(|((named, capture), (_, wanted))| {
                let value = answer.take(&named.name, wanted)?;
                keep(named, capture, &value, step, &mut scope, &keeper);
                Ok(())
            });
            (answer, scope, taken)
        };
        let (answer, scope, taken) = context.offload(Phase::Judge, load, take).await;
        session.scope = scope;
        (answer, taken)
    }

    async fn judge(
        &self,
        answer: Q::Answer,
        session: &Session,
        context: &Context,
    ) -> Result<(Q::Answer, Vec<Mismatch>), Failure> {
        let load = self.expect.cost().on(answer.size());
        let (expect, scope) = (Arc::clone(&self.expect), session.scope.clone());
        let judge = move || {
            let mismatches = expect.judge(&answer, &scope).map_err(template_failure)?;
            Ok((answer, mismatches))
        };
        context.offload(Phase::Judge, load, judge).await
    }
}

/// Returns the failure of an unexpected answer, with a description of the answer.
async fn unlike(mismatches: Vec<Mismatch>, answer: impl Answer, context: &Context) -> Failure {
    let load = Cost::TO_READ.on(answer.size());
    let redactor = Arc::clone(&context.run.redactor);
    let describe = move || {
        answer.hide_issued(&redactor);
        answer.describe()
    };
    let answer = context.offload(Phase::Judge, load, describe).await;
    Failure::Mismatch { mismatches, answer }
}

/// Stores a captured value for later steps.
fn keep(
    named: &Named,
    capture: &Capture,
    value: &Value,
    step: Option<usize>,
    scope: &mut Variables,
    context: &Context,
) {
    if capture.is_secret(&named.name) {
        context.hide_value(value);
        let shown = Value::from(placeholder_for(value, &captured(&named.name, step)));
        scope.set_secret(&named.name, value, &shown);
    } else {
        scope.set(&named.name, value);
    }
}

/// Returns the shell expression for a captured secret. Nobody has a variable of that name set, and an empty one would
/// silently send a different request.
fn captured(name: &str, step: Option<usize>) -> String {
    let variable = variable(name);
    match step {
        Some(step) => format!("${{{}:?captured in step {step}}}", &variable[1..]),
        None => variable,
    }
}
