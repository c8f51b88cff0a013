//! The core flow works.
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

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::query::Query;
use super::verdict::{Captures, judge_http};
use super::{Afterwards, Check, Session};
use crate::attempt::attempts::{Attempts, Next};
use crate::attempt::{CheckEvent, Context};
use crate::deadline::BudgetScope;
use crate::event::{StepName, StepReport};
use crate::expect::capture::Capture;
use crate::expect::http::HttpExpectation;
use crate::expect::status::StatusSet;
use crate::language::diagnostic::Diagnostic;
use crate::language::name::CheckName;
use crate::language::read::{FromTable, Named, ParseContext, Table};
use crate::language::repeat::Repeat;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variables, first_part, is_built_in};
use crate::outcome::Failure;
use crate::probe::http::{CurlContext, Request, VERB_KEYS, parse_absolute_url, send};
use crate::secret::Message;

#[derive(Debug)]
struct Journey {
    steps: Vec<Step>,
    cleanup: Vec<Step>,
    share: Vec<Named>,
}

#[derive(Debug)]
struct Step {
    name: Named,
    budget: Option<Duration>,
    repeat: Repeat,
    captures: Captures,
    action: Action,
}

/// Where a step stands in its journey.
#[derive(Debug, Clone, Copy)]
struct Position {
    /// Counted from 1; cleanup steps go on after the steps.
    number: usize,
    is_cleanup: bool,
}

#[derive(Debug)]
enum Action {
    Request { request: Box<Request>, expect: Arc<HttpExpectation> },
    Query(Query),
}

/// Reads a `[[journey]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let steps: Option<Vec<Step>> = table.required("step", "steps, in order");
    let cleanup: Option<Vec<Step>> = table.optional("cleanup", "steps that run however the journey ended");
    let share: Vec<Named> =
        table.optional("share", ("captures passed to the checks that need this journey (of a gate: to all that wait for it), so that one login serves them all", r#"share = ["token"]"#)).unwrap_or_default();
    table.filled("step", "a journey without a step asserts nothing")?;
    let cleanup = if table.has("cleanup") { cleanup? } else { Vec::new() };
    let steps = steps?;
    let unique = [&steps, &cleanup].map(|list| unique_names(list, table.parse));
    if unique.contains(&None) {
        return None;
    }
    let journey = Journey { steps, cleanup, share };
    let mut uses = VariableUsage::default();
    journey.uses(&mut uses);
    for named in &journey.share {
        if !uses.sets().any(|set| set == named.name) {
            let mistake = Diagnostic::new(named.place, format!("no step captures `{}`", named.name))
                .did_you_mean(&named.name, uses.sets());
            return table.parse.reject(mistake);
        }
    }
    Some(Arc::new(journey))
}

/// Records names that are there twice: reports say where a journey broke by the step's name.
fn unique_names(steps: &[Step], parse: &mut ParseContext<'_>) -> Option<()> {
    let mut seen = BTreeSet::new();
    let mut repeated = steps.iter().filter(|step| !seen.insert(step.name.name.as_str())).peekable();
    let all_differ = repeated.peek().is_none();
    for Step { name: Named { name, place }, .. } in repeated {
        let mistake =
            Diagnostic::new(*place, format!("there is another step named `{name}` in this journey"));
        let _: Option<()> =
            parse.reject(mistake.hint("name it after what it does, because reports go by it"));
    }
    all_differ.then_some(())
}

impl FromTable for Step {
    const DEFINITION: &'static str = "step";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let name = table.required("name", ("name of the step, unique in the journey", r#"name = "log in""#));
        let name = name.map(|CheckName(named)| named);
        let budget = table.optional(
            "budget",
            ("hard limit on the step, within the budget of the check", r#"budget = "2s""#),
        );
        let repeat = Repeat::from_table(table, None);
        let captures: Option<Vec<(Named, Capture)>> = table.optional(
            "capture",
            ("values to keep for later steps", r#"capture = { order = { json = "$.id" } }"#),
        );
        let action = Action::from_table(table);
        let captures: Captures = if table.has("capture") { captures?.into() } else { Captures::default() };
        let (name, action) = (name?, action?);
        for (named, capture) in captures.iter() {
            let fits = capture.is_http() == matches!(action, Action::Request { .. });
            if !fits {
                let message = match action {
                    Action::Request { .. } => {
                        "`value` and `column` are captured from rows, and this step sends a request"
                    }
                    Action::Query(_) => "rows have `value = true` and `column = \"…\"` to capture",
                };
                return table.parse.reject(Diagnostic::new(named.place, message));
            }
        }
        Some(Step { name, budget, repeat: repeat?, captures, action })
    }
}

impl Action {
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Action> {
        if table.is_variant(
            "database",
            ("database URL, for a step that runs a query", r#"database = "{{db_url}}""#),
        ) {
            return Query::from_table(table, "database").map(Action::Query);
        }
        let request = Request::from_step(table);
        let expect: Option<HttpExpectation> = table.optional(
            "expect",
            ("what the response must look like; by default, a status below 400", "expect = { status = 302 }"),
        );
        let expect = if table.has("expect") { expect } else { Some(HttpExpectation::default()) };
        let (request, expect) = (request?, expect?);
        if request.url.literal() == Some("") {
            let place = table.place();
            let missing = Diagnostic::new(place, "a step without anything to ask");
            return table
                .lacks(missing.hint(format!("give it one of {VERB_KEYS}, or `database` and `query`")));
        }
        Some(Action::Request { request: Box::new(request), expect: Arc::new(expect) })
    }
}

impl Step {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        // In the order in which it happens: what it sends, what it captures, what it expects.
        match &self.action {
            Action::Request { request, expect } => {
                request.uses(uses);
                self.captures.iter().for_each(|(named, _)| uses.set(&named.name));
                uses.read_all(expect.templates());
            }
            Action::Query(query) => {
                query.uses(uses);
                self.captures.iter().for_each(|(named, _)| uses.set(&named.name));
            }
        }
    }

    /// Does everything the step reads have a value?
    fn can_run(&self, scope: &Variables) -> bool {
        let mut uses = VariableUsage::default();
        self.uses(&mut uses);
        uses.from_outside().iter().all(|(name, _)| is_built_in(name) || scope.has(first_part(name)))
    }

    async fn run(&self, at: Position, session: &mut Session, context: &Context) -> Result<(), Failure> {
        let deadline = match self.budget {
            Some(budget) => context.deadline.tighten(budget, BudgetScope::Step),
            None => context.deadline,
        };
        let began = tokio::time::Instant::now();
        let mut tries = Attempts::new(self.repeat, deadline);
        let mut failed_attempts = Vec::new();
        let (tried, timeline) = loop {
            let context = context.within(deadline);
            let observed = Arc::clone(&context.timeline).observe(Box::pin(self.attempt(session, &context)));
            let result = match deadline.bound(observed).await {
                Ok(result) => result,
                Err(cut) => Err(Failure::timed_out(cut, context.timeline.phase())),
            };
            context.timeline.end();
            match tries.after(result).await {
                Next::Again(None) => {}
                Next::Again(Some(failure)) => {
                    let failure = context.run.redactor.redact(failure);
                    failed_attempts.push(failure.clone());
                    let step = Some(StepName { number: at.number, name: self.name.name.clone() });
                    let attempt = u32::try_from(failed_attempts.len()).unwrap_or(u32::MAX);
                    context.events.tell(CheckEvent::AttemptFailed { step, attempt, failure });
                }
                Next::Done(tried) => break (tried, context.timeline),
            }
        };
        let report = StepReport {
            number: at.number,
            name: self.name.name.clone(),
            is_cleanup: at.is_cleanup,
            failure: tried.result.as_ref().err().map(|failure| context.run.redactor.redact(failure.clone())),
            reproduce: match tried.result {
                Ok(()) => None,
                Err(_) => self
                    .reproduce(
                        session,
                        &Context { deadline, timeline: Arc::clone(&timeline), ..context.clone() },
                    )
                    .map(|command| context.run.redactor.redact(command)),
            },
            attempts: tried.attempts,
            polls: matches!(self.repeat, Repeat::Poll(_)),
            failed_attempts,
            took: began.elapsed(),
            phases: timeline.phases(),
            address: timeline.shown_address(&context.run.redactor),
            certificate: timeline.shown_certificate(&context.run.redactor),
        };
        session.steps.push(report.clone());
        context.events.tell(CheckEvent::StepFinished(Box::new(report)));
        tried.result.map_err(|source| Failure::Step {
            step: self.name.name.clone(),
            number: at.number,
            source: Box::new(source),
        })
    }

    /// A command that does the same by hand.
    fn reproduce(&self, session: &Session, context: &Context) -> Option<Message> {
        match &self.action {
            Action::Query(query) => query.reproduce(&session.scope, context),
            Action::Request { request, .. } => {
                let command = request.as_curl(&CurlContext {
                    scope: &session.scope.for_people(),
                    cookies: &session.cookies,
                    suite_dir: &context.run.suite_dir,
                    limit: context.deadline.cut().budget,
                    follows_redirects: !context.timeline.has_stopped_at_redirect(),
                })?;
                Some(command.into_message(&context.run.redactor))
            }
        }
    }

    async fn attempt(&self, session: &mut Session, context: &Context) -> Result<(), Failure> {
        match &self.action {
            Action::Query(query) => query.run(&self.captures, session, context).await,
            Action::Request { request, expect } => {
                let Session { scope, cookies, clients, .. } = session;
                let answer = send(request, clients, cookies, scope, context).await?;
                let default = StatusSet::not_an_error();
                match Box::pin(judge_http(answer, expect, &default, &self.captures, session, context)).await {
                    Ok(()) => Ok(()),
                    Err(refusal) => Err(refusal.described(context).await),
                }
            }
        }
    }
}

fn request_mistakes(request: &Request, scope: &Variables) -> Vec<Diagnostic> {
    // What a template cannot say yet is said when the check runs.
    let Ok(text) = request.url.text(scope) else { return Vec::new() };
    match parse_absolute_url(&text) {
        Err(_) => request.mistakes(scope),
        Ok(url) if matches!(url.scheme(), "http" | "https") => Vec::new(),
        Ok(url) => {
            let message = format!("a step sends no request to `{}://`", url.scheme());
            let mistake = Diagnostic::new(request.url.place(), message);
            vec![mistake.hint("a step asks http:// or https://, or a `database`")]
        }
    }
}

impl Check for Journey {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.steps.iter().chain(&self.cleanup).for_each(|step| step.uses(uses));
    }

    fn shares(&self) -> &[Named] {
        &self.share
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        // A capture of the same name takes the place of a variable: its value is not known yet.
        let mut uses = VariableUsage::default();
        self.uses(&mut uses);
        let known = |template: &Template| {
            !template.reads().any(|read| uses.sets().any(|set| set == first_part(read)))
        };
        let steps = self.steps.iter().chain(&self.cleanup);
        steps
            .flat_map(|step| match &step.action {
                Action::Query(query) if known(query.url()) => query.mistakes(scope),
                Action::Request { request, .. } if known(&request.url) => request_mistakes(request, scope),
                Action::Query(_) | Action::Request { .. } => Vec::new(),
            })
            .collect()
    }

    fn afterwards(&self, scope: &Variables) -> Afterwards {
        let queries = self.steps.iter().chain(&self.cleanup).filter_map(|step| match &step.action {
            Action::Query(query) => Some(query),
            Action::Request { .. } => None,
        });
        let longest = |step: &Step| step.budget.unwrap_or(Duration::MAX);
        Afterwards {
            leaves: queries.into_iter().any(|query| query.leaves(scope)),
            cleanup: self.cleanup.iter().map(longest).fold(Duration::ZERO, Duration::saturating_add),
            stop: None,
        }
    }

    fn remark(&self) -> Option<&'static str> {
        let insecure = self.steps.iter().chain(&self.cleanup).any(|step| match &step.action {
            Action::Request { request, .. } => request.options.is_insecure(),
            Action::Query(_) => false,
        });
        insecure.then_some("insecure: a step does not verify the certificate")
    }

    fn run<'a>(
        &'a self,
        session: &'a mut Session,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            // An attempt starts as a new visitor, and on a clean table: what the one before captured may name
            // something that only its own cleanup can remove.
            match session.given.clone() {
                None => session.given = Some(session.scope.clone()),
                Some(given) => {
                    self.clean_up(session, context).await;
                    session.scope = given;
                    session.cookies = cookie_store::CookieStore::default();
                    session.steps.retain(|step| step.is_cleanup && step.failure.is_some());
                }
            }
            for (index, step) in self.steps.iter().enumerate() {
                step.run(Position { number: index + 1, is_cleanup: false }, session, context).await?;
            }
            Ok(())
        })
    }

    fn cleanup<'a>(&'a self, session: &'a mut Session, context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(self.clean_up(session, context))
    }
}

impl Journey {
    async fn clean_up(&self, session: &mut Session, context: &Context) {
        for (index, step) in self.cleanup.iter().enumerate() {
            if step.can_run(&session.scope) {
                // One that fails does not keep the next from running; its report says that it failed.
                let at = Position { number: self.steps.len() + index + 1, is_cleanup: true };
                let _ = step.run(at, session, context).await;
            }
        }
    }
}
