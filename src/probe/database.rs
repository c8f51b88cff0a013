//! What a database can do: the traits that each one implements.
//!
//! A database is a [`Session`]. What it is asked runs in a transaction that begins with the first statement and lasts
//! until it is committed or rolled back; a statement that fails leaves the transaction as it was before. A check's one
//! question, [`ask`], is the simplest use: one statement, and whatever it wrote is rolled back.
//!
//! A cut drops the session. What would then go on running on a server is ended by a request that the session keeps
//! among the [`cancellation`](crate::attempt::cancellation) requests of its context.

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::rows::QueryResult;
use crate::attempt::shell::ShellCommand;
use crate::attempt::{Context, RunContext};
use crate::deadline::Deadline;
use crate::language::diagnostic::Diagnostic;
use crate::language::sql::{BoundSql, Dialect};
use crate::language::statement::QueryLanguage;
use crate::outcome::Failure;
use crate::secret::Message;

/// A database that a suite may have.
pub trait Database: Debug + Sync {
    /// How its URLs start, such as `sqlite:`.
    fn schemes(&self) -> &'static [&'static str];

    /// What such a URL names, in a few words.
    fn about(&self) -> &'static str;

    /// How it binds values and quotes names.
    fn dialect(&self) -> Dialect;

    /// What statements that smoke writes itself need of it.
    fn idioms(&self) -> Idioms;

    /// How its statements are written.
    fn language(&self) -> QueryLanguage {
        QueryLanguage::Sql(self.dialect())
    }

    /// Why it can run no statement that writes; `None` if what one writes can be rolled back.
    fn refuses_writes(&self) -> Option<WritesRefused> {
        None
    }

    /// The user that every server has from the start, and whom nothing is kept from.
    fn superuser(&self) -> Option<&'static str> {
        None
    }

    /// What is wrong with `url` wherever it is used. Where it stands in the suite, the caller knows.
    fn mistake(&self, url: &str) -> Option<Diagnostic>;

    /// Can a cut leave a query running on a server?
    fn leaves(&self) -> bool;

    /// Opens a session, ready for its first statement.
    fn open<'a>(
        &'a self,
        url: &'a str,
        access: Access,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>>;

    /// A command that asks the same.
    fn reproduce(&self, asked: &Reproduction<'_>) -> ShellCommand;
}

/// Why a database can run no statement that writes, and what to do instead.
#[derive(Debug, Clone, Copy)]
pub struct WritesRefused {
    pub message: &'static str,
    pub hint: &'static str,
}

/// What the statements of a session may do, and what they see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// They read.
    Read,
    /// They read, and all statements of a transaction see the same state of the database.
    Snapshot,
    /// They may write; only [`Session::commit`] keeps it.
    Write,
}

/// A session on a database, with at most one transaction open.
pub trait Session: Send {
    /// Finds out that the database answers: a round trip to a server, a look into a file.
    fn ping<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;

    /// Runs one statement. All rows are counted, and the first `keep` of them kept.
    fn query<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>>;

    /// The same, ended at `limit` at the latest: on a server by the server itself, so that the session and its
    /// transaction stay usable. The failure is [`Failure::TimedOut`] then, in the phase `Lock` where a lock was waited for.
    fn query_within<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        limit: Deadline,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>>;

    /// What the catalog says of each of `tables`, in their order; `None` where there is no such table or view. It takes
    /// no lock that a migration holds.
    fn describe<'a>(
        &'a mut self,
        tables: &'a [TableName],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<Table>>, Failure>>;

    /// The tables and views with each of `names` in any spelling, in any schema but those of the database itself: those
    /// that a statement finds without a schema come first.
    fn find<'a>(
        &'a mut self,
        names: &'a [String],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Vec<TableName>>, Failure>>;

    /// How the types of `columns` compare with what is declared of them, in their order. What is declared is bound or
    /// looked up, and never a part of a statement.
    fn compare_types<'a>(
        &'a mut self,
        columns: &'a [DeclaredType],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<TypeMatch>, Failure>>;

    /// Keeps what the transaction wrote, and ends it; where that fails, nothing is kept, or the connection broke and
    /// nobody knows.
    fn commit<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;

    /// Checks what a commit would check, such as deferred constraints, then undoes what the transaction wrote, and ends it.
    fn rehearse<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;

    /// Undoes what the transaction wrote, and ends it: the next statement sees the database as it is by then.
    fn rollback<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, ()>;

    /// Rolls back and ends the session in good order. One of which a statement was cut is only dropped.
    fn close(self: Box<Self>, context: &Context) -> BoxFuture<'_, ()>;
}

/// The name of a table or view, exactly as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// Where it is; `None` is wherever the database finds a name without a schema.
    pub schema: Option<String>,
    pub name: String,
}

/// A table or view, as the catalog describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub schema: String,
    pub kind: TableKind,
    /// May this user read it?
    pub is_readable: bool,
    pub columns: Vec<Column>,
    /// Columns of which the catalog proves that no two rows have the same values, but for rows with a null in them: those
    /// of each unique index that is valid, of whole columns and of all rows.
    pub unique: Vec<Vec<String>>,
}

/// What kind of table or view it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    Table,
    Partitioned,
    View,
    MaterializedView,
    Foreign,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// As the database writes it, with length and precision.
    pub type_name: String,
    /// `false` where the catalog proves that there is no null in it. Of a view's columns it proves nothing.
    pub nullable: bool,
    pub family: Family,
}

/// What a column's type is about, where more than its name is needed. That of a domain is that of the type behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Text,
    Number,
    Boolean,
    Date,
    /// A time of day.
    Time,
    /// A date and a time without a zone: when that is depends on where.
    LocalTime,
    /// A point in time. Where it is written without an offset, it is UTC.
    Instant,
    Array,
    /// JSON, a composite type.
    Object,
    /// Something that most people keep as text, such as a UUID or an address.
    Other,
    /// The database does not say.
    Unknown,
}

/// What somebody declares of a column, and the column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredType {
    /// As it was written: of whichever database, or no type at all.
    pub declared: String,
    /// [`Column::type_name`].
    pub type_name: String,
}

/// How a column's type compares with the declared one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeMatch {
    /// The same, or a domain over it. Length and precision count only where they are declared.
    Same,
    /// The declared type is another one, which the database calls this.
    Other(String),
    /// The database knows no type of that name.
    Unknown,
}

/// What databases write differently in statements that smoke writes itself.
#[derive(Debug, Clone, Copy)]
pub struct Idioms {
    /// An expression as text.
    pub text: fn(&str) -> String,
    /// A condition that a text matches a regular expression, both as expressions; `None` if it has no regular expressions.
    pub matches: Option<fn(&str, &str) -> String>,
    /// An expression for the server's own clock at that moment, as `2026-11-29T08:00:00.000Z`.
    pub clock: &'static str,
    /// Does a name as people write it, without quotes, mean the one that the catalog has?
    pub is_same_name: fn(written: &str, stored: &str) -> bool,
}

/// What a session was asked, for people to ask again.
#[derive(Debug, Clone, Copy)]
pub struct Reproduction<'q> {
    pub url: &'q str,
    /// The same with stand-ins for its secrets.
    pub shown_url: &'q str,
    pub statement: Option<&'q str>,
    pub access: Access,
    pub limit: Duration,
    /// Where a relative path starts.
    pub folder: &'q Path,
    /// The run that asked.
    pub run: &'q RunContext,
}

/// One question of a session of its own.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'q> {
    /// One round trip, if there is none.
    pub statement: Option<&'q BoundSql>,
    pub access: Access,
    /// How many of its rows are kept.
    pub keep: usize,
}

/// Runs a statement, or makes one round trip. What it wrote is checked as a commit would, and rolled back.
///
/// # Errors
/// No connection, no login, an SQL error, or a commit would have failed.
pub async fn ask(
    database: &dyn Database,
    url: &str,
    asked: Inquiry<'_>,
    context: &Context,
) -> Result<QueryResult, Failure> {
    let Inquiry { statement, access, keep } = asked;
    let mut session = database.open(url, access, context).await?;
    let answer = match statement {
        Some(statement) => session.query(statement, keep, context).await,
        None => {
            let answered = session.ping(context).await;
            answered.map(|()| QueryResult { count: 1, ..QueryResult::default() })
        }
    };
    let answer = match (answer, access) {
        (Ok(answer), Access::Write) => session.rehearse(context).await.map(|()| answer),
        (answer, _) => answer,
    };
    session.close(context).await;
    answer
}

/// Runs `statement`, and keeps what it wrote.
///
/// # Errors
/// No connection, no login or an SQL error: nothing is kept. Where the commit failed, nothing is kept either, or the
/// connection broke and nobody knows.
pub async fn ask_and_commit(
    database: &dyn Database,
    url: &str,
    statement: &BoundSql,
    context: &Context,
) -> Result<QueryResult, Failure> {
    let mut session = database.open(url, Access::Write, context).await?;
    let answer = match session.query(statement, 1, context).await {
        Ok(answer) => session.commit(context).await.map(|()| answer),
        Err(failure) => Err(failure),
    };
    session.close(context).await;
    answer
}

/// A failure that came while a transaction was committed, or would have come.
pub(super) fn while_doing(doing: &'static str, failure: Failure) -> Failure {
    match failure {
        Failure::Fault { fault, cause, hint, place, .. } => {
            Failure::Fault { fault, doing: Message::new().words(doing), cause, hint, place }
        }
        other @ (Failure::Mismatch { .. }
        | Failure::TimedOut { .. }
        | Failure::Exited { .. }
        | Failure::Plugin { .. }
        | Failure::Step { .. }) => other,
    }
}

pub(super) const COMMITTING: &str = "committing";
pub(super) const REHEARSING: &str = "checking what a commit would check";
