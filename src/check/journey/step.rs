//! A step of a journey.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::attempt::attempts::{Attempt, Attempts};
use crate::attempt::{CheckEvent, Context};
use crate::check::Session;
use crate::check::exchange::{AnyExchange, Exchange};
use crate::check::protocol::HttpQuestion;
use crate::check::query::Query;
use crate::check::request::{Request, VERB_KEYS};
use crate::check::session::Said;
use crate::deadline::BudgetScope;
use crate::event::{StepName, StepReport, Trail};
use crate::expect::capture::{Capture, Captures};
use crate::expect::http::HttpExpectation;
use crate::expect::rows::RowsExpectation;
use crate::expect::status::StatusSet;
use crate::language::diagnostic::Diagnostic;
use crate::language::name::CheckName;
use crate::language::read::{FromTable, Named, Table};
use crate::language::repeat::{Connections, Repeat};
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variables, first_part, is_built_in};
use crate::outcome::Failure;
use crate::probe::http::Pooling;
use crate::secret::{Message, message};

#[derive(Debug)]
pub(super) struct Step {
    pub name: Named,
    pub budget: Option<Duration>,
    repeat: Repeat,
    pub exchange: Box<dyn AnyExchange>,
    sends_request: bool,
}

/// The position of a step in its journey.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// Counted from 1. Cleanup steps continue the count.
    pub number: usize,
    pub is_cleanup: bool,
}

/// Whether the journey declares its requests as safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safe {
    Yes,
    /// Each step decides for itself.
    AsItsSteps,
}

/// The action of a step, as written.
enum Action {
    Request { request: Box<Request>, expect: HttpExpectation },
    Query { query: Query, expect: RowsExpectation },
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
        let repeat = Repeat::from_table(table, None, Connections::MayBeKept);
        let captures: Option<Vec<(Named, Capture)>> = table.optional(
            "capture",
            ("values to keep for later steps", r#"capture = { order = { json = "$.id" } }"#),
        );
        let action = Action::from_table(table);
        let captures: Captures = if table.has("capture") { captures?.into() } else { Captures::default() };
        let (name, action) = (name?, action?);
        for (named, capture) in captures.iter() {
            let message = match action {
                Action::Request { .. } if !capture.is_http() => {
                    "`value` and `column` are captured from rows, and this step sends a request"
                }
                Action::Query { .. } if capture.is_http() => {
                    "rows have `value = true` and `column = \"…\"` to capture"
                }
                Action::Request { .. } | Action::Query { .. } => continue,
            };
            return table.parse.reject(Diagnostic::new(named.place, message));
        }
        let sends_request = matches!(action, Action::Request { .. });
        Some(Step { name, budget, repeat: repeat?, exchange: action.into_exchange(captures), sends_request })
    }
}

impl Action {
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Action> {
        if table.is_variant(
            "database",
            ("database URL, for a step that runs a query", r#"database = "{{db_url}}""#),
        ) {
            let (query, expect) = Query::from_table(table, "database")?;
            return Some(Action::Query { query, expect });
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
        Some(Action::Request { request: Box::new(request), expect })
    }

    fn into_exchange(self, captures: Captures) -> Box<dyn AnyExchange> {
        match self {
            Action::Request { request, expect } => {
                let reads_body =
                    expect.reads_body() || captures.iter().any(|(_, capture)| capture.reads_body());
                let question = HttpQuestion { request: *request, pooling: Pooling::KeepAlive, reads_body };
                Box::new(Exchange::new(question, captures, expect.or_status(StatusSet::not_an_error())))
            }
            Action::Query { query, expect } => Box::new(Exchange::new(query, captures, expect)),
        }
    }
}

impl Step {
    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.exchange.uses(uses);
    }

    /// Describes what it would change. A query that writes does so even in a safe journey.
    pub fn changes(&self, safe: Safe) -> Option<String> {
        match safe {
            Safe::Yes if self.sends_request => None,
            Safe::Yes | Safe::AsItsSteps => self.exchange.changes(),
        }
    }

    /// Whether everything that the step reads has a value.
    pub fn can_run(&self, scope: &Variables) -> bool {
        let mut uses = VariableUsage::default();
        self.uses(&mut uses);
        uses.from_outside().iter().all(|(name, _)| is_built_in(name) || scope.has(first_part(name)))
    }

    /// Runs the step, and adds its report to `reports`.
    ///
    /// # Errors
    /// Returns the failure of its last attempt.
    pub async fn run(
        &self,
        at: Position,
        session: &mut Session,
        reports: &mut Vec<StepReport>,
        context: &Context,
    ) -> Result<(), Failure> {
        let deadline = match self.budget {
            Some(budget) => context.deadline.tighten(budget, BudgetScope::Step),
            None => context.deadline,
        };
        let began = Instant::now();
        let place = self.exchange.url().place();
        let name = StepName { number: at.number, name: self.name.name.clone(), place };
        let mut attempts = Attempts::new(self.repeat, deadline, Some(name.clone()));
        session.step = Some(at.number);
        session.said = None;
        let mut asking = Asking { exchange: &*self.exchange, session };
        let result = attempts.run(&mut asking, context).await;
        let result = with_history(result, at.number, &name.name, asking.session);
        let redactor = &context.run.redactor;
        let timeline = attempts.timeline();
        let reproduce = result.as_ref().err().and_then(|_| {
            let context = Context { deadline, timeline: Arc::clone(timeline), ..context.clone() };
            let limit = deadline.cut().budget;
            let command = self.exchange.reproduce(asking.session, &context, limit)?;
            Some(redactor.redact(command.into_message(redactor)))
        });
        let report = StepReport {
            step: name,
            is_cleanup: at.is_cleanup,
            failure: result.as_ref().err().map(|failure| redactor.redact(failure.clone())),
            trail: Trail { took: began.elapsed(), reproduce, ..attempts.trail(redactor) },
        };
        reports.push(report.clone());
        context.events.tell(CheckEvent::StepFinished(Box::new(report)));
        result.map_err(|source| Failure::Step {
            step: self.name.name.clone(),
            number: at.number,
            place,
            source: Box::new(source),
        })
    }
}

/// Records the result of a step for later ones. A failure includes the results of earlier steps, which are often its
/// cause.
fn with_history(
    result: Result<(), Failure>,
    number: usize,
    name: &str,
    session: &mut Session,
) -> Result<(), Failure> {
    let said = session.said.take();
    match result {
        Ok(()) => {
            let step = Message::new().words(format!("step {number} `")).data(name).words("`: ");
            session.earlier.extend(said.map(|Said { answer, cookies }| match cookies {
                Some(cookies) => step.then(answer).words("; ").then(cookies),
                None => step.then(answer),
            }));
            Ok(())
        }
        Err(Failure::Mismatch { mismatches, answer }) => {
            let before = session.earlier.iter().map(|line| message!("\nbefore it, ").then(line.clone()));
            let own = said.and_then(|said| said.cookies).map(|cookies| message!("\n").then(cookies));
            let answer = answer.map(|answer| own.into_iter().chain(before).fold(answer, Message::then));
            Err(Failure::Mismatch { mismatches, answer })
        }
        Err(other) => Err(other),
    }
}

/// An attempt at a step, with its session.
struct Asking<'s> {
    exchange: &'s dyn AnyExchange,
    session: &'s mut Session,
}

impl Attempt for Asking<'_> {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        self.exchange.run(self.session, context)
    }
}
