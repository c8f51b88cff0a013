//! Sources of a metric: a request or a query, and the location of the figures in its answer.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::groups::MOST_GROUPS;
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::check::Session;
use crate::check::exchange::AnyExchange;
use crate::check::journey::Action;
use crate::check::step_run::{Asking, StepRan, StepRun, failed_in};
use crate::deadline::BudgetScope;
use crate::event::{StepName, StepReport};
use crate::expect::figures::{FigureKeys, Figures};
use crate::language::name::CheckName;
use crate::language::read::{FromTable, Named, ParseContext, Table};
use crate::language::repeat::{Connections, Repeat};
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::probe::rows::QueryResult;

/// A source as written, before it is known whether there are groups.
pub(super) struct SourceKeys {
    pub name: Named,
    place: Place,
    budget: Option<Duration>,
    repeat: Repeat,
    figures: FigureKeys,
    action: Action,
}

impl FromTable for SourceKeys {
    const DEFINITION: &'static str = "metric-source";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let name = table.required("name", ("name of the source, unique in the metric", r#"name = "mart""#));
        let name = name.map(|CheckName(named)| named);
        let budget = table.optional(
            "budget",
            ("hard limit on the source, within the budget of the check", r#"budget = "2s""#),
        );
        let repeat = Repeat::from_table(table, None, Connections::MayBeKept);
        let figures = FigureKeys::from_table(table);
        let place = table.place();
        let action = Action::from_table(table);
        Some(SourceKeys { name: name?, place, budget, repeat: repeat?, figures: figures?, action: action? })
    }
}

impl SourceKeys {
    /// Builds the source of one figure, or of one figure per group. Returns `None` if a mistake was recorded.
    pub fn into_source(self, by: &[Named], parse: &mut ParseContext<'_>) -> Option<Source> {
        let SourceKeys { name, place, budget, repeat, figures, action } = self;
        let asked = action.origin();
        let figures = match by {
            [] => figures.one(asked, place, parse)?,
            by => figures.by_group(by, asked, place, parse)?,
        };
        let rows = if by.is_empty() { 1 } else { MOST_GROUPS + 1 };
        // A source that is repeated must see changes.
        let action = if repeat == Repeat::Once { action.in_snapshot() } else { action };
        let shares_snapshot = action.is_in_snapshot();
        let exchange = action.into_measurement(&figures, rows);
        Some(Source { name, budget, repeat, exchange, figures, shares_snapshot })
    }
}

#[derive(Debug)]
pub(super) struct Source {
    pub name: Named,
    budget: Option<Duration>,
    repeat: Repeat,
    pub exchange: Box<dyn AnyExchange>,
    figures: Figures,
    shares_snapshot: bool,
}

impl Source {
    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.exchange.uses(uses);
        uses.read_all(self.figures.templates());
    }

    /// Returns the database whose snapshot this source can share with others, if any.
    pub fn snapshot(&self, scope: &Variables) -> Option<String> {
        if self.shares_snapshot { self.exchange.named(scope) } else { None }
    }

    /// Measures the figures as step `number` of the check.
    pub async fn ask(
        &self,
        number: usize,
        session: &mut Session,
        context: &Context,
    ) -> (StepReport, Result<QueryResult, Failure>) {
        let deadline = match self.budget {
            Some(budget) => context.deadline.tighten(budget, BudgetScope::Step),
            None => context.deadline,
        };
        let step = StepName { number, name: self.name.name.clone(), place: self.exchange.url().place() };
        session.step = Some(number);
        let run = StepRun { step: step.clone(), is_cleanup: false, repeat: self.repeat, deadline };
        let mut measuring = Measuring { source: self, session, measured: QueryResult::default() };
        let StepRan { report, result } = run.run(&mut measuring, context, |result, _, _| result).await;
        let measured = measuring.measured;
        (report, result.map(|()| measured).map_err(|source| failed_in(&step, source)))
    }
}

struct Measuring<'s> {
    source: &'s Source,
    session: &'s mut Session,
    measured: QueryResult,
}

impl Attempt for Measuring<'_> {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Source { exchange, figures, .. } = self.source;
            self.measured = exchange.measure(figures, self.session, context).await?;
            Ok(())
        })
    }
}

impl Asking for Measuring<'_> {
    fn parts(&mut self) -> (&dyn AnyExchange, &mut Session) {
        (&*self.source.exchange, self.session)
    }
}
