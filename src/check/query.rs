//! A query on a database, with its captures and its expectations: a database check, or a step of a journey.

use std::sync::Arc;

use super::verdict::{Captures, keep};
use super::{Session, template_failure};
use crate::attempt::Context;
use crate::attempt::cost::Cost;
use crate::expect::rows::RowsExpectation;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Direction, Failure, Phase};
use crate::probe::postgres::{self, PostgresUrl, Writes, is_postgres_url};
use crate::probe::rows::QueryResult;
use crate::probe::sqlite;
use crate::secret::placeholder::readable;
use crate::secret::{Message, address};

/// How much of a statement `--trace` shows, in characters.
const STATEMENT_SHOWN: usize = 2_000;

/// A query on a database, as a `[[database]]` check or a step writes it.
#[derive(Debug)]
pub(super) struct Query {
    url: Template,
    statement: Option<Template>,
    writes: Writes,
    expect: Arc<RowsExpectation>,
}

impl Query {
    /// Reads the keys, the database's URL under `url_key`.
    pub fn from_table(table: &mut Table<'_, '_, '_>, url_key: &'static str) -> Option<Query> {
        let url = table.required(
            url_key,
            "database URL; the scheme selects the database, such as `postgres://` or `sqlite:`",
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
                let mistake =
                    Diagnostic::new(place, "a variable in SQL stands inside quotes, where it would be text")
                        .hint("take the quotes away: a variable in SQL is a bound parameter");
                return table.parse.reject(mistake);
            }
            if statement.literal().is_some_and(|text| text.trim().is_empty()) {
                return table.reject("query", "the query is empty");
            }
        } else if writes && !table.has("query") {
            return table.reject("writes", "without a `query` there is nothing that may write");
        } else if expect.needs_a_query() {
            return table.reject("expect", "there are no rows to expect anything of without a `query`");
        }
        let writes = if writes { Writes::RolledBack } else { Writes::Refused };
        Some(Query { url: url?, statement, writes, expect: Arc::new(expect) })
    }

    /// Where it is asked.
    pub fn url(&self) -> &Template {
        &self.url
    }

    /// What the query reads.
    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(&self.url);
        uses.read_all(&self.statement);
        uses.read_all(self.expect.templates());
    }

    /// What is wrong with it once the variables have their values.
    pub fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        match self.url.text(scope) {
            Ok(url) if is_postgres_url(&url) => {
                let mistake = PostgresUrl::mistake(&url)
                    .map(|(message, hint)| Diagnostic { hint, ..Diagnostic::new(self.url.place(), message) });
                mistake.into_iter().collect()
            }
            Ok(url) if sqlite::path_of(&url).is_some() => Vec::new(),
            Err(_) => Vec::new(),
            Ok(url) => {
                // Nothing else of it is shown: a connection string has a password in it.
                let message = match address::scheme(&url) {
                    Some(scheme) => format!("there is no probe for a database at `{scheme}:`"),
                    None => "this is not the URL of a database".to_owned(),
                };
                let hint = "a database's URL starts with postgres://, postgresql:// or sqlite:, such as \
                            `postgres://user:{{password|urlencode}}@host:5432/database`";
                vec![Diagnostic::new(self.url.place(), message).hint(hint)]
            }
        }
    }

    /// Can a cut leave the query running? One on a file ends with smoke.
    pub fn leaves(&self, scope: &Variables) -> bool {
        self.url.text(scope).map_or(true, |url| sqlite::path_of(&url).is_none())
    }

    /// Asks, captures and judges.
    pub async fn run(
        &self,
        captures: &Captures,
        session: &mut Session,
        context: &Context,
    ) -> Result<(), Failure> {
        context.trace(Direction::Sent, || self.in_words(&session.scope));
        let mut answer = self.ask(&session.scope, context).await?;
        context.timeline.end();
        answer.took = context.timeline.elapsed();
        let answer = take(answer, captures, session, context).await?;
        let load = [self.expect.cost(), Cost::TO_READ].into_iter().sum::<Cost>().on(answer.size());
        let (expect, scope) = (Arc::clone(&self.expect), session.scope.clone());
        let judge = move || {
            let mismatches = expect.judge(&answer, &scope).map_err(template_failure)?;
            match mismatches.is_empty() {
                true => Ok(()),
                false => Err(Failure::Mismatch { mismatches, answer: Some(answer.describe()) }),
            }
        };
        context.offload(Phase::Judge, load, judge).await
    }

    /// A command that asks the same by hand.
    pub fn reproduce(&self, scope: &Variables, context: &Context) -> Option<Message> {
        let shown = scope.for_people();
        let url = self.url.text(scope).ok()?;
        let statement = match &self.statement {
            Some(statement) => Some(statement.sql_with_literals(&shown).ok()?),
            None => None,
        };
        let limit = context.deadline.cut().budget;
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
        Some(command.into_message(&context.run.redactor))
    }

    /// What is asked, for people to read.
    fn in_words(&self, scope: &Variables) -> Message {
        let sql = match &self.statement {
            Some(statement) => statement.sql_with_literals(&scope.for_people()),
            None => Ok("one round trip".to_owned()),
        };
        Message::new().excerpt(readable(&sql.unwrap_or_else(|error| error)), STATEMENT_SHOWN)
    }

    async fn ask(&self, scope: &Variables, context: &Context) -> Result<QueryResult, Failure> {
        let url = self.url.text(scope).map_err(template_failure)?;
        context.run.redactor.add_address(&url);
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

/// Takes the captures, and shows the answer where that is wanted.
async fn take(
    answer: QueryResult,
    captures: &Captures,
    session: &mut Session,
    context: &Context,
) -> Result<QueryResult, Failure> {
    let load = Cost::TO_READ.on(answer.size());
    let (captures, keeper, mut scope) = (Arc::clone(captures), context.clone(), session.scope.clone());
    let take = move || {
        let taken = captures.iter().try_for_each(|(named, capture)| {
            let value = capture.take_from_row(&named.name, &answer)?;
            keep(named, capture, &value, &mut scope, &keeper);
            Ok(())
        });
        let told = match &taken {
            Ok(()) => keeper.traced(Direction::Received, || answer.describe()),
            Err(_) => None,
        };
        (scope, told, taken.map(|()| answer))
    };
    let (scope, told, taken) = context.offload(Phase::Judge, load, take).await;
    session.scope = scope;
    context.tell(told);
    taken
}
