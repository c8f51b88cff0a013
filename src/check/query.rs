//! Database queries, in a database check or a step of a journey.

use std::time::Duration;

use super::exchange::Question;
use super::{Session, template_failure};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::expect::rows::RowsExpectation;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Direction, Failure, Fault};
use crate::probe::database::{self, Access, Database, Reproduction};
use crate::probe::databases;
use crate::probe::rows::QueryResult;
use crate::secret::placeholder::readable;
use crate::secret::{Message, message};

/// The most characters of a statement that `--trace` shows.
const STATEMENT_SHOWN: usize = 2_000;

/// A database query, as a `[[database]]` check or a step contains it.
#[derive(Debug)]
pub(super) struct Query {
    url: Template,
    statement: Option<Template>,
    access: Access,
    /// Where the suite declares that it writes.
    writes: Place,
}

impl Query {
    /// Reads the query and the expectations on its rows. `url_key` is the key of the database URL.
    pub fn from_table(
        table: &mut Table<'_, '_, '_>,
        url_key: &'static str,
    ) -> Option<(Query, RowsExpectation)> {
        let example = if url_key == "url" { r#"url = "{{db_url}}""# } else { r#"database = "{{db_url}}""# };
        let url = table.required(url_key, (databases::url_meaning(), example));
        let statement: Option<Template> = table.optional(
            "query",
            (
                "one SQL statement; variables in it are bound parameters",
                r#"query = "select count(*) from orders where id = {{order}}""#,
            ),
        );
        let writes = table.optional_or(
            "writes",
            ("allow a statement that writes; it runs in a transaction that is rolled back", "writes = true"),
            false,
        );
        let expect: Option<RowsExpectation> =
            table.optional("expect", ("what the result must look like", "expect = { rows = { min = 1 } }"));
        let expect = if table.has("expect") { expect? } else { RowsExpectation::default() };
        if let Some(statement) = &statement {
            if statement.literal().is_some_and(|text| text.trim().is_empty()) {
                return table.reject("query", "the query is empty");
            }
        } else if writes && !table.has("query") {
            return table.reject("writes", "`writes` needs a `query`");
        } else if expect.needs_a_query() {
            return table.reject("expect", "`expect` needs a `query` to have rows");
        }
        let access = if writes { Access::Write } else { Access::Read };
        let writes = table.key_place("writes");
        Some((Query { url: url?, statement, access, writes }, expect))
    }

    /// Describes the query for people.
    fn in_words(&self, scope: &Variables) -> Message {
        let statement = match (&self.statement, self.database(scope)) {
            (Some(statement), Ok((_, database))) => {
                database.language().with_literals(statement, &scope.for_people())
            }
            (Some(statement), Err(_)) => Ok(statement.written()),
            (None, _) => Ok("one round trip".to_owned()),
        };
        Message::new().excerpt(readable(&statement.unwrap_or_else(|error| error)), STATEMENT_SHOWN)
    }

    /// Returns the URL, and the database that it selects.
    fn database(&self, scope: &Variables) -> Result<(String, &'static dyn Database), Failure> {
        let url = self.url.text(scope).map_err(template_failure)?;
        let database =
            databases::of_url(&url).map_err(|mistake| unusable("reading the database URL", mistake))?;
        Ok((url, database))
    }

    /// Returns the mistakes in the query for this database, each at its place.
    fn mistakes_for(&self, database: &dyn Database) -> Vec<Diagnostic> {
        let statement = self.statement.as_ref();
        let mut found: Vec<Diagnostic> =
            statement.and_then(|statement| database.language().mistake(statement)).into_iter().collect();
        if let (Access::Write, Some(reason)) = (self.access, database.refuses_writes()) {
            found.push(Diagnostic::new(self.writes, reason.message).hint(reason.hint));
        }
        found
    }

    async fn ask_once(&self, scope: &Variables, context: &Context) -> Result<QueryResult, Failure> {
        let (url, database) = self.database(scope)?;
        context.run.redactor.add_address(&url);
        if let Some(mistake) = self.mistakes_for(database).into_iter().next() {
            return Err(unusable("preparing the query", mistake));
        }
        let bound = self.statement.as_ref().map(|statement| database.language().bind(statement, scope));
        let bound = bound.transpose().map_err(template_failure)?;
        database::ask(database, &url, bound.as_ref(), self.access, context).await
    }
}

/// Returns the failure for a mistake that could only be found during the run.
fn unusable(doing: &'static str, mistake: Diagnostic) -> Failure {
    let doing = Message::new().words(doing);
    let failure = Failure::fault(Fault::Template, doing, message!("{}", mistake.message));
    match mistake.hint {
        Some(hint) => failure.with_hint(Message::new().words(hint)),
        None => failure,
    }
}

impl Question for Query {
    type Answer = QueryResult;
    type Expectation = RowsExpectation;

    fn url(&self) -> &Template {
        &self.url
    }

    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(&self.url);
        uses.read_all(&self.statement);
    }

    fn mistakes(&self, _: &RowsExpectation, scope: &Variables) -> Vec<Diagnostic> {
        // Errors that a template hides here are reported when the query runs.
        let Ok(url) = self.url.text(scope) else { return Vec::new() };
        let database = match databases::of_url(&url) {
            Ok(database) => database,
            Err(mistake) => return vec![mistake.at(self.url.place())],
        };
        let of_url = database.mistake(&url).map(|mistake| mistake.at(self.url.place()));
        of_url.into_iter().chain(self.mistakes_for(database)).collect()
    }

    fn changes(&self) -> Option<String> {
        // A query that is rolled back still takes locks and advances sequences.
        match self.access {
            Access::Read | Access::Snapshot => None,
            Access::Write => Some("runs a query with `writes = true`".to_owned()),
        }
    }

    fn leaves(&self, scope: &Variables) -> bool {
        let Ok(url) = self.url.text(scope) else { return true };
        databases::of_url(&url).map_or(true, Database::leaves)
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<QueryResult, Failure> {
        context.trace(Direction::Sent, || self.in_words(&session.scope));
        let mut answer = self.ask_once(&session.scope, context).await?;
        context.timeline.end();
        answer.took = context.timeline.elapsed();
        Ok(answer)
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.url.text(scope).ok()
    }

    fn reproduce(&self, session: &Session, context: &Context, limit: Duration) -> Option<ShellCommand> {
        let scope = &session.scope;
        let shown = scope.for_people();
        let (url, database) = self.database(scope).ok()?;
        let statement = match &self.statement {
            Some(statement) => Some(database.language().with_literals(statement, &shown).ok()?),
            None => None,
        };
        let reproduction = Reproduction {
            url: &url,
            shown_url: &self.url.text(&shown).ok()?,
            statement: statement.as_deref(),
            access: self.access,
            limit,
            folder: &context.run.suite_dir,
        };
        Some(database.reproduce(&reproduction))
    }
}
