//! A session: one connection, and one transaction at a time.

use futures_util::future::BoxFuture;

use super::connect::Connection;
use super::transaction::{End, Transaction};
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

pub(super) struct MysqlSession {
    connection: Connection,
    /// Held until the session is closed: if it is dropped earlier, the session was cut off.
    cancellation: CancelGuard,
    transaction: Transaction,
    /// Whether a statement began and did not end, because its future was dropped.
    is_cut: bool,
}

impl MysqlSession {
    pub fn new(connection: Connection, access: Access, context: &Context) -> MysqlSession {
        let cancellation = context.cancellations.on_cut(connection.kill_request(context));
        let transaction = Transaction::new(access, &connection);
        MysqlSession { connection, cancellation, transaction, is_cut: false }
    }

    async fn run(
        &mut self,
        statement: &BoundSql,
        keep: usize,
        context: &Context,
    ) -> Result<QueryResult, Failure> {
        let MysqlSession { connection, transaction, is_cut, .. } = self;
        context.timeline.enter(Phase::Begin);
        *is_cut = true;
        let answer = query::run(&mut connection.wire, transaction, statement, keep, context).await;
        *is_cut = false;
        answer
    }

    async fn end(&mut self, how: End, context: &Context) -> Result<(), Failure> {
        let MysqlSession { connection, transaction, is_cut, .. } = self;
        if connection.wire.is_broken() && how == End::Rollback {
            // The end of the connection has rolled it back.
            return Ok(());
        }
        *is_cut = true;
        let ended = transaction.end(how, &mut connection.wire, context).await;
        *is_cut = false;
        ended
    }
}

impl Session for MysqlSession {
    fn ping<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.timeline.enter(Phase::Begin);
            self.is_cut = true;
            let answer = self.connection.wire.query("select 1", |_, _| ()).await;
            self.is_cut = false;
            match answer.map_err(|error| fault::conversation(&error))?.refusal {
                Some(refusal) => Err(fault::sql(&refusal, context)),
                None => Ok(()),
            }
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
            // Ending a `sleep` is not an error.
            if answer.is_ok() && limit.has_passed() {
                return Err(Failure::timed_out(limit.cut(), Phase::Query));
            }
            answer
        })
    }

    fn describe<'a>(
        &'a mut self,
        tables: &'a [TableName],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<Table>>, Failure>> {
        Box::pin(async move {
            if tables.is_empty() {
                return Ok(Vec::new());
            }
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
            if names.is_empty() {
                return Ok(Vec::new());
            }
            let answer = self.run(&catalog::search(names), usize::MAX, context).await?;
            catalog::found(answer.rows, names.len())
        })
    }

    fn compare_types<'a>(
        &'a mut self,
        columns: &'a [DeclaredType],
        _context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<TypeMatch>, Failure>> {
        Box::pin(async move { Ok(columns.iter().map(types::compare).collect()) })
    }

    fn commit<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.timeline.enter(Phase::Query);
            let committed = self.end(End::Commit, context).await;
            committed.map_err(|failure| while_doing(COMMITTING, failure))
        })
    }

    /// MySQL has no constraints that are checked only at commit, but a table that kept what was written is reported.
    fn rehearse<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            context.timeline.enter(Phase::Query);
            let rehearsed = self.end(End::Rollback, context).await;
            rehearsed.map_err(|failure| while_doing(REHEARSING, failure))
        })
    }

    fn rollback<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // The end of the connection would also undo the changes; this ends the transaction in good order.
            let _ = self.end(End::Rollback, context).await;
        })
    }

    fn close(mut self: Box<Self>, context: &Context) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if self.is_cut {
                return;
            }
            if self.transaction.access() == Access::Write {
                self.rollback(context).await;
            }
            let MysqlSession { connection, cancellation, .. } = *self;
            cancellation.disarm();
            context.timeline.end();
            connection.say_good_bye().await;
        })
    }
}
