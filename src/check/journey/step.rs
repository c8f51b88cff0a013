//! A step of a journey.

use std::time::Duration;

use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::check::exchange::{AnyExchange, Exchange};
use crate::check::program::Program;
use crate::check::protocol::HttpQuestion;
use crate::check::query::Query;
use crate::check::request::{Request, VERB_KEYS};
use crate::check::session::Said;
use crate::check::step_run::{Asking, StepRan, StepRun, failed_in};
use crate::check::{Session, captures};
use crate::deadline::BudgetScope;
use crate::event::{StepName, StepReport};
use crate::expect::capture::{Captures, Origin};
use crate::expect::figures::Figures;
use crate::expect::http::HttpExpectation;
use crate::expect::program::ProgramExpectation;
use crate::expect::rows::RowsExpectation;
use crate::expect::status::StatusSet;
use crate::language::diagnostic::Diagnostic;
use crate::language::name::CheckName;
use crate::language::read::{FromTable, Named, Table};
use crate::language::repeat::{Connections, Repeat};
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variables, first_part, is_built_in};
use crate::outcome::{Failure, Phase};
use crate::probe::http::Pooling;
use crate::secret::{Message, message};
use futures_util::future::BoxFuture;

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

/// What a step does, as it is written.
pub(in crate::check) enum Action {
    Request { request: Box<Request>, expect: HttpExpectation },
    Query { query: Query, expect: RowsExpectation },
    Program { program: Program, expect: ProgramExpectation },
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
        let captures = captures::from_table(
            table,
            ("values to keep for later steps", r#"capture = { order = { json = "$.id" } }"#),
        );
        let action = Action::from_table(table);
        let (name, captures, action) = (name?, captures?, action?);
        captures::all_from(&captures, action.origin(), table.parse)?;
        let sends_request = matches!(action, Action::Request { .. });
        Some(Step { name, budget, repeat: repeat?, exchange: action.into_exchange(captures), sends_request })
    }
}

impl Action {
    /// Reads a request, a query or a program.
    pub fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Action> {
        let asks_a_database = table.is_variant(
            "database",
            ("database URL, for a step that runs a query", r#"database = "{{db_url}}""#),
        );
        let runs_a_program = table.is_variant(
            "run",
            ("program and arguments, for a step that runs a program", r#"run = ["./job"]"#),
        );
        if asks_a_database && runs_a_program {
            let _ = Query::from_table(table, "database");
            return table.reject("run", "a step runs a query or a program: remove `database` or `run`");
        }
        if runs_a_program {
            let (program, expect) = Program::from_table(table)?;
            return Some(Action::Program { program, expect });
        }
        if asks_a_database {
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
            return table.lacks(
                missing.hint(format!("give it one of {VERB_KEYS}, or `database` and `query`, or `run`")),
            );
        }
        Some(Action::Request { request: Box::new(request), expect })
    }

    /// Where its captures come from.
    pub fn origin(&self) -> Origin {
        match self {
            Action::Request { .. } => Origin::Response,
            Action::Query { .. } => Origin::Rows,
            Action::Program { .. } => Origin::Program,
        }
    }

    /// What is under way while its answer is waited for.
    pub fn phase(&self) -> Phase {
        match self {
            Action::Request { .. } => Phase::FirstByte,
            Action::Query { .. } => Phase::Query,
            Action::Program { .. } => Phase::Run,
        }
    }

    /// The same, reading in the transaction of what is asked before it.
    pub fn in_snapshot(self) -> Action {
        match self {
            Action::Query { query, expect } => Action::Query { query: query.in_snapshot(), expect },
            Action::Request { .. } | Action::Program { .. } => self,
        }
    }

    /// Does it read in the transaction of what is asked before it?
    pub fn is_in_snapshot(&self) -> bool {
        match self {
            Action::Query { query, .. } => query.is_in_snapshot(),
            Action::Request { .. } | Action::Program { .. } => false,
        }
    }

    /// Where its statement is, if it has one.
    pub fn statement(&self) -> Option<Place> {
        match self {
            Action::Query { query, .. } => query.statement_place(),
            Action::Request { .. } | Action::Program { .. } => None,
        }
    }

    /// The same, and what its statement writes is kept.
    pub fn committed(self) -> Action {
        match self {
            Action::Query { query, expect } => Action::Query { query: query.committed(), expect },
            Action::Request { .. } | Action::Program { .. } => self,
        }
    }

    /// The same, and a query must find one row where it says nothing else.
    pub fn or_one_row(self) -> Action {
        match self {
            Action::Query { query, expect } => {
                let expect = query.statement_place().into_iter().fold(expect, RowsExpectation::or_one_row);
                Action::Query { query, expect }
            }
            Action::Request { .. } | Action::Program { .. } => self,
        }
    }

    /// What asks it for figures, at most so many rows of them.
    pub fn into_measurement(self, figures: &Figures, rows: usize) -> Box<dyn AnyExchange> {
        match self {
            Action::Request { request, expect } => {
                let reads_body = expect.reads_body() || figures.reads_body();
                let question = HttpQuestion { request: *request, pooling: Pooling::KeepAlive, reads_body };
                let expect = expect.or_status(StatusSet::not_an_error());
                Box::new(Exchange::new(question, Captures::default(), expect))
            }
            Action::Query { query, expect } => {
                Box::new(Exchange::new(query.keeping(rows), Captures::default(), expect))
            }
            Action::Program { program, expect } => {
                Box::new(Exchange::new(program.with_stdout(), Captures::default(), expect))
            }
        }
    }

    /// What asks it, with what is captured from its answer.
    pub fn into_exchange(self, captures: Captures) -> Box<dyn AnyExchange> {
        match self {
            Action::Request { request, expect } => {
                let reads_body =
                    expect.reads_body() || captures.iter().any(|(_, capture)| capture.reads_body());
                let question = HttpQuestion { request: *request, pooling: Pooling::KeepAlive, reads_body };
                Box::new(Exchange::new(question, captures, expect.or_status(StatusSet::not_an_error())))
            }
            Action::Query { query, expect } => Box::new(Exchange::new(query, captures, expect)),
            Action::Program { program, expect } => {
                Box::new(Exchange::new(program.capturing(&captures), captures, expect))
            }
        }
    }
}

impl Step {
    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.exchange.uses(uses);
    }

    /// What it would change, in a few words. A query that writes does so whatever the journey says, and a program says it
    /// of itself.
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
        let place = self.exchange.url().place();
        let name = StepName { number: at.number, name: self.name.name.clone(), place };
        session.step = Some(at.number);
        session.said = None;
        let mut asking = AskingStep { exchange: &*self.exchange, session };
        let run = StepRun { step: name.clone(), is_cleanup: at.is_cleanup, repeat: self.repeat, deadline };
        let amend = |result, session: &mut Session, _| with_history(result, at.number, &name.name, session);
        let StepRan { report, result } = run.run(&mut asking, context, amend).await;
        reports.push(report);
        result.map_err(|source| failed_in(&name, source))
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

/// A step with what it asks with.
struct AskingStep<'s> {
    exchange: &'s dyn AnyExchange,
    session: &'s mut Session,
}

impl Asking for AskingStep<'_> {
    fn parts(&mut self) -> (&dyn AnyExchange, &mut Session) {
        (self.exchange, self.session)
    }
}

impl Attempt for AskingStep<'_> {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        self.exchange.run(self.session, context)
    }
}
