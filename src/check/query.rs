//! A query on a database: the question of a database check, or of a step of a journey.

use std::time::Duration;

use serde_json::Value;

use super::exchange::Question;
use super::{Session, template_failure};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::expect::rows::RowsExpectation;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variables, hide_url_password};
use crate::outcome::{Direction, Failure};
use crate::probe::postgres::{self, PostgresUrl, Writes, is_postgres_url};
use crate::probe::rows::QueryResult;
use crate::probe::sqlite;
use crate::secret::Message;
use crate::secret::stand_in::readable;

/// How much of a statement `--trace` shows, in characters.
const STATEMENT_SHOWN: usize = 2_000;

/// A query on a database, as a `[[database]]` check or a step writes it.
#[derive(Debug)]
pub(super) struct Query {
    url: Template,
    statement: Option<Template>,
    writes: Writes,
}

impl Query {
    /// Reads the keys, the database's URL under `url_key`: the query, and what is expected of its rows.
    pub fn from_table(
        table: &mut Table<'_, '_, '_>,
        url_key: &'static str,
    ) -> Option<(Query, RowsExpectation)> {
        let example = if url_key == "url" { r#"url = "{{db_url}}""# } else { r#"database = "{{db_url}}""# };
        let url = table.required(
            url_key,
            ("database URL; the scheme selects the database, such as `postgres://` or `sqlite:`", example),
        );
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
            if statement.quotes_an_expression() {
                let place = statement.place();
                let mistake = Diagnostic::new(place, "a variable inside an SQL string literal is not bound")
                    .hint("remove the quotes: a variable in SQL is a bound parameter");
                return table.parse.reject(mistake);
            }
            if statement.literal().is_some_and(|text| text.trim().is_empty()) {
                return table.reject("query", "the query is empty");
            }
        } else if writes && !table.has("query") {
            return table.reject("writes", "`writes` needs a `query`");
        } else if expect.needs_a_query() {
            return table.reject("expect", "`expect` needs a `query` to have rows");
        }
        let writes = if writes { Writes::RolledBack } else { Writes::Refused };
        Some((Query { url: url?, statement, writes }, expect))
    }

    /// What is asked, for people to read.
    fn in_words(&self, scope: &Variables) -> Message {
        let sql = match &self.statement {
            Some(statement) => statement.sql_with_literals(&scope.for_people()),
            None => Ok("one round trip".to_owned()),
        };
        Message::new().excerpt(readable(&sql.unwrap_or_else(|error| error)), STATEMENT_SHOWN)
    }

    async fn ask_once(&self, scope: &Variables, context: &Context) -> Result<QueryResult, Failure> {
        let url = self.url.text(scope).map_err(template_failure)?;
        hide_url_password(&Value::from(url.as_str()), &context.run.redactor);
        let bind = |placeholder: fn(usize) -> String| {
            self.statement
                .as_ref()
                .map(|sql| sql.sql(scope, placeholder))
                .transpose()
                .map_err(template_failure)
        };
        match sqlite::path_of(&url) {
            Some(path) => {
                let statement = bind(|number| format!("?{number}"))?;
                sqlite::ask(&context.run.suite_dir.join(path), statement, self.writes, context).await
            }
            None => {
                let statement = bind(|number| format!("${number}"))?;
                let url = PostgresUrl::parse(&url, &context.application_name())?;
                postgres::ask(&url, statement.as_ref(), self.writes, context).await
            }
        }
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
        match self.url.text(scope) {
            Ok(url) if is_postgres_url(&url) => {
                let mistake = PostgresUrl::mistake(&url).map(|(message, hint)| {
                    let mistake = Diagnostic::new(self.url.place(), message);
                    match hint {
                        Some(hint) => mistake.hint(hint),
                        None => mistake,
                    }
                });
                mistake.into_iter().collect()
            }
            Ok(url) if sqlite::path_of(&url).is_some() => Vec::new(),
            Err(_) => Vec::new(),
            Ok(url) => {
                let scheme = url.split(':').next().unwrap_or_default();
                vec![
                    Diagnostic::new(self.url.place(), format!("unsupported database scheme `{scheme}`"))
                        .hint("a database's URL starts with postgres://, postgresql:// or sqlite:"),
                ]
            }
        }
    }

    fn changes(&self) -> Option<String> {
        // Rolled back, and still it takes locks and draws from sequences.
        match self.writes {
            Writes::Refused => None,
            Writes::RolledBack => Some("runs a query with `writes = true`".to_owned()),
        }
    }

    // One on a file ends with smoke.
    fn leaves(&self, scope: &Variables) -> bool {
        self.url.text(scope).map_or(true, |url| sqlite::path_of(&url).is_none())
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
        let url = self.url.text(scope).ok()?;
        let statement = match &self.statement {
            Some(statement) => Some(statement.sql_with_literals(&shown).ok()?),
            None => None,
        };
        let command = match sqlite::path_of(&url) {
            Some(path) => {
                let path = context.run.suite_dir.join(path);
                sqlite::as_sqlite3(&path, statement.as_deref(), self.writes, limit)
            }
            None => {
                let urls = postgres::Urls { real: &url, shown: &self.url.text(&shown).ok()? };
                postgres::as_psql(urls, statement.as_deref(), self.writes, limit)
            }
        };
        Some(command)
    }
}
