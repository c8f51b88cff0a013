//! A session: an open file on a thread of its own, which works off what is asked of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use futures_util::future::BoxFuture;
use rusqlite::{Connection, InterruptHandle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::fault::LOCK_LEAD;
use super::{LONGEST_LOCK, catalog, fault, file, plain, statement};
use crate::attempt::Context;
use crate::deadline::Deadline;
use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::database::{Access, Session, Table, TableName, committing};
use crate::probe::rows::QueryResult;
use crate::secret::Message;

pub(super) struct SqliteSession {
    /// Dropped with the session: then the thread rolls back, closes the file and ends.
    jobs: mpsc::Sender<Job>,
    /// Until its end was seen.
    thread: Option<JoinHandle<()>>,
    interrupt: Arc<InterruptHandle>,
}

type Job = Box<dyn FnOnce(&mut OpenFile) + Send>;

/// What the thread works on.
struct OpenFile {
    path: PathBuf,
    access: Access,
    connection: Connection,
    has_begun: bool,
}

/// Ends the statement that runs, if the one who waits for it is cut.
struct InterruptOnDrop(Option<Arc<InterruptHandle>>);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            handle.interrupt();
        }
    }
}

impl SqliteSession {
    pub async fn open(path: &Path, access: Access, context: &Context) -> Result<SqliteSession, Failure> {
        context.timeline.enter(Phase::Connect);
        context.timeline.set_address(&path.display());
        let (path, deadline) = (plain(path), context.deadline);
        let (jobs, to_do) = mpsc::channel::<Job>();
        let (ready, opened) = oneshot::channel();
        // Why: nothing can end a look at a file. Nobody waits for the thread but a session that is closed, and it ends
        // with the session.
        let thread = tokio::task::spawn_blocking(move || {
            let mut file = match OpenFile::open(path, access, deadline) {
                Ok(file) => file,
                Err(failure) => {
                    let _ = ready.send(Err(failure));
                    return;
                }
            };
            if ready.send(Ok(file.connection.get_interrupt_handle())).is_ok() {
                to_do.into_iter().for_each(|job| job(&mut file));
                file.rollback();
            }
        });
        match opened.await {
            Ok(Ok(interrupt)) => {
                Ok(SqliteSession { jobs, thread: Some(thread), interrupt: Arc::new(interrupt) })
            }
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(died(Some(thread)).await),
        }
    }

    /// Has `work` done on the thread.
    async fn run<T: Send + 'static>(
        &mut self,
        context: &Context,
        work: impl FnOnce(&mut OpenFile, Deadline) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        context.timeline.enter(Phase::Query);
        let deadline = context.deadline;
        let (done, answer) = oneshot::channel();
        let job = move |file: &mut OpenFile| {
            // What was cut before its turn came is not begun.
            if !done.is_closed() {
                let _ = done.send(work(file, deadline));
            }
        };
        // A thread that has died does not take it, and then there is no answer.
        let _ = self.jobs.send(Box::new(job));
        let mut interrupt = InterruptOnDrop(Some(Arc::clone(&self.interrupt)));
        let answer = answer.await;
        interrupt.0 = None;
        let answer = match answer {
            Ok(answer) => answer,
            Err(_) => Err(died(self.thread.take()).await),
        };
        if let Err(Failure::TimedOut { phase, .. }) = &answer {
            context.timeline.enter(*phase);
        }
        answer
    }
}

/// Why the thread ended before its work was done.
async fn died(thread: Option<JoinHandle<()>>) -> Failure {
    let panic = match thread {
        Some(thread) => thread.await.err().map(|panic| panic.to_string()),
        None => None,
    };
    let cause = panic.unwrap_or_else(|| "its thread has ended".to_owned());
    Failure::fault(Fault::Internal, Message::new().words("running the query"), Message::new().data(cause))
}

impl Session for SqliteSession {
    /// Reads the first page: a file that is no database is found out here.
    fn begin<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.run(context, |file, deadline| {
            file.begin(deadline)?;
            let looked = file.connection.query_row("select count(*) from sqlite_master", [], |_| Ok(()));
            looked.map_err(|error| file.failure(&error, deadline))
        }))
    }

    fn query<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>> {
        let statement = statement.clone();
        Box::pin(self.run(context, move |file, deadline| {
            file.begin(deadline)?;
            let failed = |error: rusqlite::Error| file.failure(&error, deadline);
            statement::run(&file.connection, &statement, keep, file.access, failed)
        }))
    }

    fn describe<'a>(
        &'a mut self,
        tables: &'a [TableName],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<Table>>, Failure>> {
        let tables = tables.to_vec();
        Box::pin(self.run(context, move |file, deadline| {
            file.begin(deadline)?;
            let described = tables.iter().map(|table| catalog::describe(&file.connection, table));
            described.collect::<Result<_, _>>().map_err(|error| file.failure(&error, deadline))
        }))
    }

    fn commit<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.run(context, OpenFile::commit).await.map_err(committing) })
    }

    fn rollback<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let rolled_back = self.run(context, |file, _| {
                file.rollback();
                Ok(())
            });
            // It fails only where the thread has died, and the next statement says so.
            let _ = rolled_back.await;
        })
    }

    fn close<'a>(self: Box<Self>, _: &'a Context) -> BoxFuture<'a, ()> {
        let SqliteSession { jobs, thread, .. } = *self;
        drop(jobs);
        Box::pin(async move {
            if let Some(thread) = thread {
                let _ = thread.await;
            }
        })
    }
}

impl OpenFile {
    fn open(path: PathBuf, access: Access, deadline: Deadline) -> Result<OpenFile, Failure> {
        let connection = file::open(&path, access, deadline)?;
        Ok(OpenFile { path, access, connection, has_begun: false })
    }

    fn failure(&self, error: &rusqlite::Error, deadline: Deadline) -> Failure {
        fault::of(error, &self.path, deadline)
    }

    /// From now on a lock is waited for until shortly before `deadline`.
    fn wait_for_locks(&self, deadline: Deadline) -> Result<(), Failure> {
        let left = deadline.remaining();
        let timeout = left.saturating_sub(LOCK_LEAD.min(left / 2)).min(LONGEST_LOCK);
        self.connection.busy_timeout(timeout).map_err(|error| self.failure(&error, deadline))
    }

    /// Opens the transaction, if none is open.
    fn begin(&mut self, deadline: Deadline) -> Result<(), Failure> {
        self.wait_for_locks(deadline)?;
        if self.has_begun {
            // Without its transaction a statement would be committed by itself.
            return match self.connection.is_autocommit() {
                false => Ok(()),
                true => Err(fault::refused(
                    "the transaction has ended",
                    "an I/O error ended it, or a statement before this one did",
                )),
            };
        }
        let begin = match self.access {
            Access::Read | Access::Snapshot => "begin",
            Access::Write => "begin immediate",
        };
        self.connection.execute_batch(begin).map_err(|error| self.failure(&error, deadline))?;
        self.has_begun = true;
        Ok(())
    }

    fn commit(&mut self, deadline: Deadline) -> Result<(), Failure> {
        if !std::mem::take(&mut self.has_begun) {
            return Ok(());
        }
        self.wait_for_locks(deadline)?;
        self.connection.execute_batch("commit").map_err(|error| {
            let failure = self.failure(&error, deadline);
            // One that could not be had leaves it open.
            let _ = self.connection.execute_batch("rollback");
            failure
        })
    }

    fn rollback(&mut self) {
        if std::mem::take(&mut self.has_begun) {
            // A statement that ended the transaction itself leaves nothing to undo.
            let _ = self.connection.execute_batch("rollback");
        }
    }
}
