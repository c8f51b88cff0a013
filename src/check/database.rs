//! The `[[database]]` check: the database responds.
//!
//! ```toml
//! [[database]]
//! name = "orders database"
//! url = "{{db_url}}"
//! query = "select status, n from order_counts order by status"
//! expect.rows = { min = 1 }
//! ```

use std::sync::Arc;

use super::exchange::{AnyExchange, Exchange, OneExchange, OneExchangeRun};
use super::query::Query;
use super::{Afterwards, Check, Running};
use crate::expect::capture::Captures;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;

#[derive(Debug)]
struct Database {
    exchange: Exchange<Query>,
}

/// Reads a `[[database]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let (query, expect) = Query::from_table(table, "url")?;
    Some(Arc::new(Database { exchange: Exchange::new(query, Captures::default(), expect) }))
}

impl Check for Database {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.exchange.uses(uses);
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        self.exchange.mistakes(scope)
    }

    fn changes(&self) -> Option<String> {
        self.exchange.changes()
    }

    fn target(&self) -> Option<Place> {
        Some(self.exchange.url().place())
    }

    fn afterwards(&self, scope: &Variables) -> Afterwards {
        Afterwards { leaves: self.exchange.leaves(scope), ..Afterwards::default() }
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(OneExchangeRun::new(self, scope))
    }
}

impl OneExchange for Database {
    fn exchange(&self, _: &Variables) -> Result<&dyn AnyExchange, Failure> {
        Ok(&self.exchange)
    }
}
