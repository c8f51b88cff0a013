//! A query on a database: the question of a database check, or of a step of a journey.

use std::time::Duration;

use super::exchange::Question;
use super::{Session, template_failure};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::expect::rows::RowsExpectation;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::sql::Dialect;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Direction, Failure, Fault};
use crate::probe::database::{self, Access, Reproduction};
use crate::probe::databases::{self, DATABASES};
use crate::probe::rows::QueryResult;
use crate::secret::Message;
use crate::secret::placeholder::readable;

/// How much of a statement `--trace` shows, in characters.
const STATEMENT_SHOWN: usize = 2_000;

/// A query on a database, as a `[[database]]` check or a step writes it.
#[derive(Debug)]
pub(super) struct Query {
    url: Template,
    statement: Option<Template>,
    access: Access,
}

impl Query {
    /// Reads the keys, the database's URL under `url_key`: the query, and what is expected of its rows.
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
            if let Some(mistake) = quoted_variable(statement, &url) {
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
        let access = if writes { Access::Write } else { Access::Read };
        Some((Query { url: url?, statement, access }, expect))
    }

    /// What is asked, for people to read.
    fn in_words(&self, scope: &Variables) -> Message {
        let url = self.url.text(scope).unwrap_or_default();
        let dialect = databases::of_url(&url).unwrap_or(DATABASES[0]).dialect();
        let sql = match &self.statement {
            Some(statement) => statement.sql_with_literals(&scope.for_people(), &dialect),
            None => Ok("one round trip".to_owned()),
        };
        Message::new().excerpt(readable(&sql.unwrap_or_else(|error| error)), STATEMENT_SHOWN)
    }

    /// A variable that is bound in another dialect, and is inside a string in this one.
    fn misread(&self, dialect: &Dialect) -> Option<Diagnostic> {
        let statement = self.statement.as_ref()?;
        statement.quotes_an_expression(dialect.lexis).then(|| not_bound(statement))
    }

    async fn ask_once(&self, scope: &Variables, context: &Context) -> Result<QueryResult, Failure> {
        let url = self.url.text(scope).map_err(template_failure)?;
        context.run.redactor.add_address(&url);
        let database = databases::of_url(&url).map_err(unusable)?;
        let dialect = database.dialect();
        if let Some(mistake) = self.misread(&dialect) {
            return Err(hinted(template_failure(mistake.message), mistake.hint));
        }
        let bound = self.statement.as_ref().map(|statement| statement.sql(scope, &dialect));
        let bound = bound.transpose().map_err(template_failure)?;
        database::ask(database, &url, bound.as_ref(), self.access, context).await
    }
}

/// A variable inside a string: in the dialect of the URL, and in every one as long as nobody knows the URL.
fn quoted_variable(statement: &Template, url: &Option<Template>) -> Option<Diagnostic> {
    let database = url.as_ref().and_then(Template::literal).and_then(|url| databases::of_url(url).ok());
    let is_quoted = match database {
        Some(database) => statement.quotes_an_expression(database.dialect().lexis),
        None => DATABASES.iter().all(|one| statement.quotes_an_expression(one.dialect().lexis)),
    };
    is_quoted.then(|| not_bound(statement))
}

fn not_bound(statement: &Template) -> Diagnostic {
    Diagnostic::new(statement.place(), "a variable inside an SQL string literal is not bound")
        .hint("remove the quotes: a variable in SQL is a bound parameter")
}

/// A URL of which only the run could tell that there is no such database.
fn unusable(mistake: Diagnostic) -> Failure {
    let doing = Message::new().words("reading the database URL");
    hinted(Failure::fault(Fault::Template, doing, Message::new().data(mistake.message)), mistake.hint)
}

fn hinted(failure: Failure, hint: Option<String>) -> Failure {
    match hint {
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
        // What a template cannot say yet is said when the query runs.
        let Ok(url) = self.url.text(scope) else { return Vec::new() };
        let database = match databases::of_url(&url) {
            Ok(database) => database,
            Err(mistake) => return vec![mistake.at(self.url.place())],
        };
        let of_url = database.mistake(&url).map(|mistake| mistake.at(self.url.place()));
        of_url.into_iter().chain(self.misread(&database.dialect())).collect()
    }

    fn changes(&self) -> Option<String> {
        // Rolled back, and still it takes locks and draws from sequences.
        match self.access {
            Access::Read | Access::Snapshot => None,
            Access::Write => Some("runs a query with `writes = true`".to_owned()),
        }
    }

    fn leaves(&self, scope: &Variables) -> bool {
        let Ok(url) = self.url.text(scope) else { return true };
        databases::of_url(&url).map_or(true, database::Database::leaves)
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
        let database = databases::of_url(&url).ok()?;
        let statement = match &self.statement {
            Some(statement) => Some(statement.sql_with_literals(&shown, &database.dialect()).ok()?),
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
