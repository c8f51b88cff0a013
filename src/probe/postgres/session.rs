//! A session: one connection, with one transaction at a time.

use std::io;

use futures_util::future::BoxFuture;

use super::connect::Connection;
use super::transaction::{End, Transaction};
use super::wire::{Answer, Wire};
use super::{catalog, fault, query, types};
use crate::attempt::Context;
use crate::attempt::cancellation::CancelGuard;
use crate::deadline::Deadline;
use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Phase};
use crate::probe::database::{
    Access, COMMITTING, DeclaredType, REHEARSING, Session, Table, TableName, TypeMatch, while_doing,
};
use crate::probe::rows::QueryResult;
use crate::probe::server_limits::CutBy;

pub(super) struct PostgresSession {
    connection: Connection,
    /// Held until the session is closed. If it is dropped earlier, the session was cut.
    cancellation: CancelGuard,
    transaction: Transaction,
    /// Whether a statement started but did not end, because its future was dropped.
    is_cut: bool,
}

impl PostgresSession {
    pub fn new(connection: Connection, access: Access, context: &Context) -> PostgresSession {
        let cancellation = context.cancellations.on_cut(connection.cancel_request(context));
        let transaction = Transaction::new(access, connection.is_console);
        PostgresSession { connection, cancellation, transaction, is_cut: false }
    }

    async fn run(
        &mut self,
        statement: &BoundSql,
        keep: usize,
        context: &Context,
    ) -> Result<QueryResult, Failure> {
        let PostgresSession { connection: Connection { wire, .. }, transaction, is_cut, .. } = self;
        context.timeline.enter(Phase::Begin);
        *is_cut = true;
        let answer = query::run(wire, transaction, statement, keep, context).await;
        *is_cut = false;
        transaction.after(&answer);
        answer
    }

    async fn compared(
        &mut self,
        columns: &[&DeclaredType],
        context: &Context,
    ) -> Result<Vec<TypeMatch>, Failure> {
        let answer = self.run(&types::question(columns), usize::MAX, context).await?;
        types::read(answer.rows, columns)
    }

    /// Asks by the simple protocol.
    async fn send(&mut self, sql: &str, context: &Context) -> Result<(), Failure> {
        async fn ask(wire: &mut Wire, sql: &str) -> io::Result<Answer> {
            wire.ask_simply(sql)?;
            wire.answer(|_, _| ()).await
        }
        self.is_cut = true;
        let sent = ask(&mut self.connection.wire, sql).await;
        self.is_cut = false;
        match sent.map_err(|error| fault::conversation(&error))?.refusal {
            Some(refusal) => Err(fault::sql(&refusal, None, context)),
            None => Ok(()),
        }
    }

    async fn end(&mut self, how: End, context: &Context) -> Result<(), Failure> {
        let Some(sql) = self.transaction.end(how) else { return Ok(()) };
        if self.connection.wire.is_broken() && how == End::Rollback {
            // The end of the connection has rolled it back.
            return Ok(());
        }
        let ended = self.send(sql, context).await;
        if how == End::Rehearsal && ended.is_err() && !self.connection.wire.is_broken() {
            self.send("rollback", context).await?;
        }
        ended
    }
}

impl Session for PostgresSession {
    fn ping<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.timeline.enter(Phase::Begin);
            // A pooler's console does not support `select`. No transaction is needed.
            self.send(if self.connection.is_console { "show version" } else { "select 1" }, context).await
        })
    }

    fn query<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>> {
        Box::pin(self.run(statement, keep, context))
    }

    fn query_within<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        limit: Deadline,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>> {
        Box::pin(async move {
            self.transaction.set_cut_by(CutBy::Server);
            let answer = self.run(statement, keep, &Context { deadline: limit, ..context.clone() }).await;
            self.transaction.set_cut_by(CutBy::Client);
            answer
        })
    }

    fn describe<'a>(
        &'a mut self,
        tables: &'a [TableName],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<Table>>, Failure>> {
        Box::pin(async move {
            let answer = self.run(&catalog::question(tables), usize::MAX, context).await?;
            catalog::read(answer.rows, tables.len())
        })
    }

    fn find<'a>(
        &'a mut self,
        names: &'a [String],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Vec<TableName>>, Failure>> {
        Box::pin(async move {
            let answer = self.run(&catalog::search(names), usize::MAX, context).await?;
            catalog::found(answer.rows, names.len())
        })
    }

    fn compare_types<'a>(
        &'a mut self,
        columns: &'a [DeclaredType],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<TypeMatch>, Failure>> {
        Box::pin(async move {
            let is_name = |column: &&DeclaredType| types::may_be_a_name(&column.declared);
            let mut names: Vec<&DeclaredType> = columns.iter().filter(is_name).collect();
            let mut all = self.compared(&names, context).await;
            if all.as_ref().is_err_and(types::is_about_the_text) {
                // One of the texts is no name after all. There are few different ones.
                let mut refused: Vec<&str> = Vec::new();
                let mut asked: Vec<&str> = Vec::new();
                for name in &names {
                    if !asked.contains(&name.declared.as_str()) {
                        asked.push(&name.declared);
                        match self.compared(std::slice::from_ref(name), context).await {
                            Err(failure) if types::is_about_the_text(&failure) => {
                                refused.push(&name.declared);
                            }
                            other => drop(other?),
                        }
                    }
                }
                names.retain(|name| !refused.contains(&name.declared.as_str()));
                all = self.compared(&names, context).await;
            }
            let mut compared = names.into_iter().zip(all?).peekable();
            let matches = columns.iter().map(|column| {
                match compared.next_if(|(name, _)| std::ptr::eq(*name, column)) {
                    Some((_, matched)) => matched,
                    None => TypeMatch::Unknown,
                }
            });
            Ok(matches.collect())
        })
    }

    fn commit<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.timeline.enter(Phase::Query);
            let committed = self.end(End::Commit, context).await;
            committed.map_err(|failure| while_doing(COMMITTING, failure))
        })
    }

    fn rehearse<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.timeline.enter(Phase::Query);
            let rehearsed = self.end(End::Rehearsal, context).await;
            rehearsed.map_err(|failure| while_doing(REHEARSING, failure))
        })
    }

    fn rollback<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // The end of the connection would also roll back. This ends the transaction gracefully.
            let _ = self.end(End::Rollback, context).await;
        })
    }

    fn close(mut self: Box<Self>, context: &Context) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if self.is_cut {
                return;
            }
            self.rollback(context).await;
            let PostgresSession { connection, cancellation, .. } = *self;
            cancellation.disarm();
            context.timeline.end();
            connection.say_good_bye().await;
        })
    }
}
