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
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::language::diagnostic::Diagnostic;
use crate::language::sql::{BoundSql, Dialect};
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

    /// What the catalog says of each of `tables`, in their order; `None` where there is no such table or view.
    fn describe<'a>(
        &'a mut self,
        tables: &'a [TableName],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<Table>>, Failure>>;

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
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// As the database writes it, with length and precision.
    pub type_name: String,
    /// `false` where the catalog proves that there is no null in it. Of a view's columns it proves nothing.
    pub nullable: bool,
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
}

/// Runs `statement`, or makes one round trip if there is none. What it wrote is checked as a commit would, and rolled back.
///
/// # Errors
/// No connection, no login, an SQL error, or a commit would have failed.
pub async fn ask(
    database: &dyn Database,
    url: &str,
    statement: Option<&BoundSql>,
    access: Access,
    context: &Context,
) -> Result<QueryResult, Failure> {
    let mut session = database.open(url, access, context).await?;
    let answer = match statement {
        Some(statement) => session.query(statement, 1, context).await,
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

/// A failure that came while a transaction was committed, or would have come.
pub(super) fn while_doing(doing: &'static str, failure: Failure) -> Failure {
    match failure {
        Failure::Fault { fault, cause, hint, .. } => {
            Failure::Fault { fault, doing: Message::new().words(doing), cause, hint }
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
