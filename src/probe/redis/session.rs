//! A session: one connection, and one command after another.

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::connect::Connection;
use super::fault::{self, Doing};
use super::wire::Answer;
use super::{permission, replication};
use crate::attempt::Context;
use crate::deadline::Deadline;
use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Phase};
use crate::probe::database::{DeclaredType, Session, Table, TableName, TypeMatch};
use crate::probe::rows::QueryResult;
use crate::secret::message;

pub(super) struct RedisSession {
    connection: Connection,
    /// A command was sent, but its future was dropped before the answer was read to its end.
    is_cut: bool,
}

impl RedisSession {
    pub fn new(connection: Connection) -> RedisSession {
        RedisSession { connection, is_cut: false }
    }
}

/// Sends `PING`, and asks a replica for its master.
///
/// # Errors
/// Fails if the server is not ready, or does not let this user ping it.
pub(super) async fn ping(connection: &mut Connection, context: &Context) -> Result<(), Failure> {
    context.timeline.enter(Phase::Query);
    let Connection { wire, place } = connection;
    // Both are sent at once, which saves a round trip.
    wire.ask(&["PING"]);
    wire.ask(&["INFO", "replication"]);
    let broken = |broken| fault::broken(broken, Doing::Ping, place, context);
    if let Answer::Refused(text) = wire.answer().await.map_err(broken)? {
        return Err(fault::refused(&text, Doing::Ping, place));
    }
    match wire.answer().await.map_err(broken)? {
        Answer::Given(Value::String(information)) => {
            replication::fault(&information, place).map_or(Ok(()), Err)
        }
        // The user may only ping, or the server has no replicas.
        Answer::Given(_) | Answer::Refused(_) => Ok(()),
    }
}

impl Session for RedisSession {
    fn ping<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(ping(&mut self.connection, context))
    }

    fn query<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>> {
        Box::pin(async move {
            let text = |word: &Value| word.as_str().unwrap_or_default().to_owned();
            let words: Vec<String> = statement.parameters.iter().map(text).collect();
            if self.is_cut {
                // The next answer would be that of the command that was cut.
                return Err(fault::not_run(
                    message!("the command before it was cut, and its answer is still to come"),
                    message!("give it more time"),
                ));
            }
            context.timeline.enter(Phase::Query);
            self.is_cut = true;
            let permitted = permission::may_run(&mut self.connection, &words, context).await;
            if let Err(refusal) = permitted {
                self.is_cut = false;
                return Err(refusal);
            }
            let Connection { wire, place } = &mut self.connection;
            wire.ask(&words);
            let broken = |broken| fault::broken(broken, Doing::Query, place, context);
            let answer = wire.rows(keep).await.map_err(broken)?;
            self.is_cut = false;
            match answer {
                Answer::Given(result) => Ok(result),
                Answer::Refused(text) => Err(fault::refused(&text, Doing::Query, place)),
            }
        })
    }

    fn query_within<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        limit: Deadline,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>> {
        Box::pin(async move {
            let ran = limit.bound(self.query(statement, keep, context)).await;
            ran.unwrap_or_else(|cut| Err(Failure::timed_out(cut, Phase::Query)))
        })
    }

    fn describe<'a>(
        &'a mut self,
        _tables: &'a [TableName],
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<Table>>, Failure>> {
        no_tables()
    }

    fn find<'a>(
        &'a mut self,
        _names: &'a [String],
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Vec<TableName>>, Failure>> {
        no_tables()
    }

    fn compare_types<'a>(
        &'a mut self,
        _columns: &'a [DeclaredType],
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<TypeMatch>, Failure>> {
        no_tables()
    }

    fn commit<'a>(&'a mut self, _context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        // Nothing was written.
        Box::pin(std::future::ready(Ok(())))
    }

    fn rehearse<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        self.commit(context)
    }

    fn rollback<'a>(&'a mut self, _context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    fn close(self: Box<Self>, context: &Context) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if !self.is_cut {
                context.timeline.end();
                self.connection.close().await;
            }
        })
    }
}

fn no_tables<T: Send + 'static>() -> BoxFuture<'static, Result<T, Failure>> {
    Box::pin(std::future::ready(Err(fault::not_run(
        message!("Redis has no tables to describe"),
        message!("ask for a key with a `[[database]]` check"),
    ))))
}
