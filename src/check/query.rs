//! Database queries, in a database check or a step of a journey.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::exchange::Question;
use super::{Session, template_failure};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::expect::rows::RowsExpectation;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::source::Place;
use crate::language::statement::QueryLanguage;
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
    ending: Ending,
    /// How many of its rows are kept.
    keep: usize,
}

/// What becomes of what it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    RolledBack,
    Committed,
}

/// The transaction that several queries on one database have in common, in a session that stays open.
#[derive(Default)]
pub(super) struct OpenSnapshot(Mutex<Option<Box<dyn database::Session>>>);

impl OpenSnapshot {
    /// Ends it in good order.
    pub async fn close(&mut self, context: &Context) {
        let open = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(session) = open {
            session.close(context).await;
        }
    }
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
                "one SQL statement, or one command of Redis; variables in it are bound parameters",
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
        let (ending, keep) = (Ending::RolledBack, 1);
        let writes = table.key_place("writes");
        Some((Query { url: url?, statement, access, writes, ending, keep }, expect))
    }

    /// The same that keeps so many rows.
    pub fn keeping(self, keep: usize) -> Query {
        Query { keep, ..self }
    }

    /// The same in the transaction of those before it, if it only reads.
    pub fn in_snapshot(self) -> Query {
        let access = match self.access {
            Access::Read | Access::Snapshot => Access::Snapshot,
            Access::Write => Access::Write,
        };
        Query { access, ..self }
    }

    pub fn is_in_snapshot(&self) -> bool {
        self.access == Access::Snapshot
    }

    /// The same, and what it writes is kept.
    pub fn committed(self) -> Query {
        Query { access: Access::Write, ending: Ending::Committed, ..self }
    }

    /// Where its statement is, if there is one and not only a round trip.
    pub fn statement_place(&self) -> Option<Place> {
        self.statement.as_ref().map(Template::place)
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

    async fn ask_once(&self, session: &mut Session, context: &Context) -> Result<QueryResult, Failure> {
        let scope = &session.scope;
        let (url, database) = self.database(scope)?;
        context.run.redactor.add_address(&url);
        if let Some(mistake) = self.mistakes_for(database).into_iter().next() {
            return Err(unusable("preparing the query", mistake));
        }
        let bound = self.statement.as_ref().map(|statement| database.language().bind(statement, scope));
        let bound = bound.transpose().map_err(template_failure)?;
        match (&bound, self.ending, self.access) {
            (Some(bound), Ending::Committed, _) => {
                database::ask_and_commit(database, &url, bound, context).await
            }
            (Some(bound), Ending::RolledBack, Access::Snapshot) => {
                let (kept, _) = session.keep::<OpenSnapshot>();
                let kept = kept.0.get_mut().unwrap_or_else(PoisonError::into_inner);
                let mut open = match kept.take() {
                    Some(open) => open,
                    None => database.open(&url, self.access, context).await?,
                };
                let answer = open.query(bound, self.keep, context).await;
                // One that was cut, or that failed, is not put back.
                match &answer {
                    Ok(_) => *kept = Some(open),
                    Err(_) => open.close(context).await,
                }
                answer
            }
            (bound, Ending::Committed | Ending::RolledBack, access) => {
                let question = database::Inquiry { statement: bound.as_ref(), access, keep: self.keep };
                database::ask(database, &url, question, context).await
            }
        }
    }
}

/// What is wrong with the URL of a database that has tables, as far as the variables' values say. What a template cannot
/// say yet is said when the query runs.
pub(super) fn url_mistakes(url: &Template, scope: &Variables) -> Vec<Diagnostic> {
    let Ok(text) = url.text(scope) else { return Vec::new() };
    let of_database = |database: &'static dyn Database| match database.language() {
        QueryLanguage::Sql(_) => database.mistake(&text),
        QueryLanguage::Command => Some(
            Diagnostic::new(None, format!("{} has no tables", database.about()))
                .hint("a contract is about tables: ask for a key with a `[[database]]` check"),
        ),
    };
    let mistake = databases::of_url(&text).map_or_else(Some, of_database);
    mistake.map(|mistake| mistake.at(url.place())).into_iter().collect()
}

/// Can a cut leave a query running on the server of this URL?
pub(super) fn can_leave(url: &Template, scope: &Variables) -> bool {
    let Ok(url) = url.text(scope) else { return true };
    databases::of_url(&url).map_or(true, Database::leaves)
}

/// What is wrong with a query, of which only the run could tell.
pub(super) fn unusable(doing: &'static str, mistake: Diagnostic) -> Failure {
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
        // Rolled back, and still it takes locks and draws from sequences.
        match (self.access, self.ending) {
            (Access::Read | Access::Snapshot, _) => None,
            (Access::Write, Ending::RolledBack) => Some("runs a query with `writes = true`".to_owned()),
            (Access::Write, Ending::Committed) => Some("commits a statement".to_owned()),
        }
    }

    fn leaves(&self, scope: &Variables) -> bool {
        can_leave(&self.url, scope)
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<QueryResult, Failure> {
        context.trace(Direction::Sent, || self.in_words(&session.scope));
        let mut answer = self.ask_once(session, context).await?;
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
            run: &context.run,
        };
        Some(database.reproduce(&reproduction))
    }
}
