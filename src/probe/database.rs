//! The traits that every database implements.
//!
//! A database is used through a [`Session`]. Statements run in a transaction that begins with the first one and lasts
//! until it is committed or rolled back. A statement that fails leaves the transaction as it was before. The simplest
//! use is [`ask`], the question of a check: it runs one statement and rolls back its writes.
//!
//! A cut drops the session. If a query would go on running on the server, the session has registered a request that
//! cancels it among the [`cancellation`](crate::attempt::cancellation) requests of its context.

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

/// A kind of database that a suite can use.
pub trait Database: Debug + Sync {
    /// Returns the prefixes of its URLs, such as `sqlite:`.
    fn schemes(&self) -> &'static [&'static str];

    /// Describes what such a URL names.
    fn about(&self) -> &'static str;

    /// Returns how it binds values and quotes names.
    fn dialect(&self) -> Dialect;

    /// Returns the idioms for statements that smoke generates.
    fn idioms(&self) -> Idioms;

    /// Returns the language of its statements.
    fn language(&self) -> QueryLanguage {
        QueryLanguage::Sql(self.dialect())
    }

    /// Returns why it cannot run statements that write, or `None` if writes can be rolled back.
    fn refuses_writes(&self) -> Option<WritesRefused> {
        None
    }

    /// The user that every server has from the start, and whom nothing is kept from.
    fn superuser(&self) -> Option<&'static str> {
        None
    }

    /// What is wrong with `url` wherever it is used. Where it stands in the suite, the caller knows.
    fn mistake(&self, url: &str) -> Option<Diagnostic>;

    /// Whether a cut may leave a query running on a server.
    fn leaves(&self) -> bool;

    /// Opens a session, ready for its first statement.
    fn open<'a>(
        &'a self,
        url: &'a str,
        access: Access,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>>;

    /// Returns a command that asks the same.
    fn reproduce(&self, asked: &Reproduction<'_>) -> ShellCommand;
}

/// Why a database cannot run statements that write, and what to do instead.
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
    /// They may write. Only [`Session::commit`] keeps the changes.
    Write,
}

/// A session on a database, with at most one open transaction.
pub trait Session: Send {
    /// Checks that the database responds: a round trip to a server, or a read of the file.
    fn ping<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;

    /// Runs one statement. Counts all rows, and keeps the first `keep` of them.
    fn query<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>>;

    /// Runs one statement, which ends by `limit`. On a server, the server itself ends it, so the session and its
    /// transaction stay usable. The failure is then [`Failure::TimedOut`], in the phase `Lock` if it waited for a lock.
    fn query_within<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        limit: Deadline,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>>;

    /// Returns what the catalog says about each of `tables`, in order, or `None` for one that is not a table or view.
    /// Takes no lock that conflicts with a migration.
    fn describe<'a>(
        &'a mut self,
        tables: &'a [TableName],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<Table>>, Failure>>;

    /// Finds the tables and views named like each of `names`, ignoring case, in any schema except those of the database
    /// itself. Those that a statement finds without a schema come first.
    fn find<'a>(
        &'a mut self,
        names: &'a [String],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Vec<TableName>>, Failure>>;

    /// Compares the types of `columns` with their declarations, in order. Declarations are bound or looked up, and
    /// never become part of a statement.
    fn compare_types<'a>(
        &'a mut self,
        columns: &'a [DeclaredType],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<TypeMatch>, Failure>>;

    /// Commits the transaction. If that fails, nothing is kept, or the connection broke and the outcome is unknown.
    fn commit<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;

    /// Checks what a commit would check, such as deferred constraints, and rolls the transaction back.
    fn rehearse<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;

    /// Rolls the transaction back. The next statement sees the current state of the database.
    fn rollback<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, ()>;

    /// Rolls back and closes the session gracefully. A session with a cut statement is only dropped.
    fn close(self: Box<Self>, context: &Context) -> BoxFuture<'_, ()>;
}

/// The name of a table or view, exactly as the database stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// The schema, or `None` for wherever the database finds an unqualified name.
    pub schema: Option<String>,
    pub name: String,
}

/// A table or view, as the catalog describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub schema: String,
    pub kind: TableKind,
    /// Whether this user may read it.
    pub is_readable: bool,
    pub columns: Vec<Column>,
    /// Column sets that the catalog proves to be unique, except for rows that contain a null in them: those of each
    /// valid unique index over whole columns and all rows.
    pub unique: Vec<Vec<String>>,
}

/// The kind of a table or view.
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
    /// The type as the database writes it, with length and precision.
    pub type_name: String,
    /// `false` if the catalog proves that the column contains no null. It proves nothing about the columns of a view.
    pub nullable: bool,
    pub family: Family,
}

/// The kind of values in a column, for code that needs more than the type's name. A domain has the family of its base
/// type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Text,
    Number,
    Boolean,
    Date,
    /// A time of day.
    Time,
    /// A date and time without a time zone, so its instant depends on the location.
    LocalTime,
    /// A point in time. Without an offset, it is UTC.
    Instant,
    Array,
    /// JSON or a composite type.
    Object,
    /// A value that is commonly kept as text, such as a UUID or an address.
    Other,
    /// The database does not specify it.
    Unknown,
}

/// The declared type of a column, and its actual type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredType {
    /// As written. It may be a type of any database, or no type at all.
    pub declared: String,
    /// [`Column::type_name`].
    pub type_name: String,
}

/// The result of comparing a column's type with the declared one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeMatch {
    /// The same type, or a domain over it. Length and precision count only if they are declared.
    Same,
    /// A different type. Holds the database's name of the declared one.
    Other(String),
    /// The database has no type of that name.
    Unknown,
}

/// The syntax in which databases differ, for statements that smoke generates.
#[derive(Debug, Clone, Copy)]
pub struct Idioms {
    /// Converts an expression to text.
    pub text: fn(&str) -> String,
    /// A condition that a text matches a regular expression, given both as expressions. `None` without regular
    /// expressions.
    pub matches: Option<fn(&str, &str) -> String>,
    /// An expression for the current time of the server, as `2026-11-29T08:00:00.000Z`.
    pub clock: &'static str,
    /// Whether a name written without quotes means the name in the catalog.
    pub is_same_name: fn(written: &str, stored: &str) -> bool,
}

/// What a session was asked, for people to reproduce.
#[derive(Debug, Clone, Copy)]
pub struct Reproduction<'q> {
    pub url: &'q str,
    /// The same URL with placeholders for its secrets.
    pub shown_url: &'q str,
    pub statement: Option<&'q str>,
    pub access: Access,
    pub limit: Duration,
    /// The base of relative paths.
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
/// Fails if there is no connection, if the login or the statement fails, or if a commit would fail.
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
