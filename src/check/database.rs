//! It answers.
//!
//! ```toml
//! [[database]]
//! name = "orders database"
//! url = "{{db_url}}"
//! query = "select status, n from order_counts order by status"
//! expect.rows = { min = 1 }
//! ```

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::query::Query;
use super::verdict::Captures;
use super::{Afterwards, Check, Session};
use crate::attempt::Context;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::secret::Message;

#[derive(Debug)]
struct Database {
    query: Query,
}

/// Reads a `[[database]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let query = Query::from_table(table, "url")?;
    Some(Arc::new(Database { query }))
}

impl Check for Database {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.query.uses(uses);
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        self.query.mistakes(scope)
    }

    fn afterwards(&self, scope: &Variables) -> Afterwards {
        Afterwards { leaves: self.query.leaves(scope), ..Afterwards::default() }
    }

    fn run<'a>(
        &'a self,
        session: &'a mut Session,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.query.run(&Captures::default(), session, context).await })
    }

    fn reproduce(&self, session: &Session, context: &Context) -> Option<Message> {
        self.query.reproduce(&session.scope, context)
    }
}
