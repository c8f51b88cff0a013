//! A session: one connection, one transaction at a time.

use futures_util::future::BoxFuture;

use super::catalog;
use super::connect::{Link, beside};
use super::fault;
use super::query;
use super::transaction::{End, Transaction};
use crate::attempt::Context;
use crate::attempt::cancellation::CancelGuard;
use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Phase};
use crate::probe::database::{Access, Session, Table, TableName, committing};
use crate::probe::rows::QueryResult;

pub(super) struct PostgresSession {
    link: Link,
    /// Kept until the session is closed: what is dropped before that was cut.
    cancellation: CancelGuard,
    transaction: Transaction,
    /// A statement began and did not end: its future was dropped.
    is_cut: bool,
}

impl PostgresSession {
    pub fn new(link: Link, access: Access, context: &Context) -> PostgresSession {
        let cancellation = context.cancellations.on_cut(link.connection.cancel_request(context));
        PostgresSession { link, cancellation, transaction: Transaction::new(access), is_cut: false }
    }

    async fn run(
        &mut self,
        statement: &BoundSql,
        keep: usize,
        context: &Context,
    ) -> Result<QueryResult, Failure> {
        let PostgresSession { link: Link { connection, io }, transaction, is_cut, .. } = self;
        context.timeline.enter(Phase::Query);
        *is_cut = true;
        let answer = beside(io, query::run(&connection.client, transaction, statement, keep, context)).await;
        *is_cut = false;
        transaction.after(&answer);
        answer
    }

    /// Sends what [`Transaction`] says.
    async fn send(&mut self, sql: &str, context: &Context) -> Result<(), Failure> {
        let Link { connection, io } = &mut self.link;
        self.is_cut = true;
        let sending = async {
            connection.client.batch_execute(sql).await.map_err(|error| fault::sql(&error, None, context))
        };
        let sent = beside(io, sending).await;
        self.is_cut = false;
        sent
    }

    async fn end(&mut self, how: End, context: &Context) -> Result<(), Failure> {
        let Some(sql) = self.transaction.end(how) else { return Ok(()) };
        if self.link.connection.client.is_closed() && how == End::Rollback {
            // The end of the connection has undone it.
            return Ok(());
        }
        self.send(sql, context).await
    }
}

impl Session for PostgresSession {
    fn begin<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.timeline.enter(Phase::Query);
            let begin = self.transaction.opening(context);
            let begun = self.send(&begin, context).await;
            self.transaction.after(&begun);
            begun
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

    fn commit<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.timeline.enter(Phase::Query);
            self.end(End::Commit, context).await.map_err(committing)
        })
    }

    fn rollback<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // What was done is undone by the end of the connection too; this ends it in good order.
            let _ = self.end(End::Rollback, context).await;
        })
    }

    fn close(mut self: Box<Self>, context: &Context) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if self.is_cut {
                return;
            }
            self.rollback(context).await;
            let PostgresSession { link, cancellation, .. } = *self;
            cancellation.disarm();
            context.timeline.end();
            link.say_good_bye().await;
        })
    }
}
