//! A session: an open file on its own thread, which executes jobs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rusqlite::{Connection, InterruptHandle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{LONGEST_LOCK, affinity, catalog, fault, file, plain, statement};
use crate::attempt::Context;
use crate::attempt::timeline::Timeline;
use crate::deadline::Deadline;
use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::database::{
    Access, COMMITTING, DeclaredType, REHEARSING, Session, Table, TableName, TypeMatch, while_doing,
};
use crate::probe::rows::QueryResult;
use crate::secret::message;

pub(super) struct SqliteSession {
    /// Dropped with the session. The thread then rolls back, closes the file and ends.
    jobs: mpsc::Sender<Job>,
    /// `None` once its end was observed.
    thread: Option<JoinHandle<()>>,
    interrupt: Arc<InterruptHandle>,
}

type Job = Box<dyn FnOnce(&mut OpenFile) + Send>;

/// The state of the thread.
struct OpenFile {
    path: PathBuf,
    access: Access,
    connection: Connection,
    has_begun: bool,
}

/// The context of a job.
struct Attempt {
    deadline: Deadline,
    timeline: Arc<Timeline>,
}

/// Interrupts the running statement if the task that waits for it is cut.
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
        let path = plain(path);
        let (jobs, to_do) = mpsc::channel::<Job>();
        let (ready, opened) = oneshot::channel();
        // Why: a file operation cannot be cancelled. Only a closing session waits for the thread, which ends with the
        // session.
        let thread = tokio::task::spawn_blocking(move || {
            let mut file = match OpenFile::open(path, access) {
                Ok(file) => file,
                Err(failure) => {
                    let _ = ready.send(Err(failure));
                    return;
                }
            };
            if ready.send(Ok(file.connection.get_interrupt_handle())).is_ok() {
                for job in to_do {
                    job(&mut file);
                }
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

    /// Runs `work` on the thread.
    async fn run<T: Send + 'static>(
        &mut self,
        context: &Context,
        work: impl FnOnce(&mut OpenFile, &Attempt) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        context.timeline.enter(Phase::Query);
        let attempt = Attempt { deadline: context.deadline, timeline: Arc::clone(&context.timeline) };
        let (done, answer) = oneshot::channel();
        let job = move |file: &mut OpenFile| {
            // Work that was cut before its turn is not started.
            if !done.is_closed() {
                let _ = done.send(work(file, &attempt));
            }
        };
        // If the thread has died, the job is dropped and there is no response.
        let _ = self.jobs.send(Box::new(job));
        let mut interrupt = InterruptOnDrop(Some(Arc::clone(&self.interrupt)));
        let answer = answer.await;
        interrupt.0 = None;
        match answer {
            Ok(answer) => answer,
            Err(_) => Err(died(self.thread.take()).await),
        }
    }
}

/// Returns why the thread ended before its work was done.
async fn died(thread: Option<JoinHandle<()>>) -> Failure {
    let panic = match thread {
        Some(thread) => thread.await.err().map(|panic| panic.to_string()),
        None => None,
    };
    let cause = panic.unwrap_or_else(|| "its thread has ended".to_owned());
    Failure::fault(Fault::Internal, message!("running the query"), message!("{}", cause))
}

impl Session for SqliteSession {
    fn ping<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.run(context, OpenFile::begin))
    }

    fn query<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>> {
        let statement = statement.clone();
        Box::pin(self.run(context, move |file, attempt| {
            file.begin(attempt)?;
            let failed = |error: rusqlite::Error| file.failure(&error);
            statement::run(&file.connection, &statement, keep, file.access, failed)
        }))
    }

    fn query_within<'a>(
        &'a mut self,
        statement: &'a BoundSql,
        keep: usize,
        limit: Deadline,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<QueryResult, Failure>> {
        Box::pin(async move {
            let context = Context { deadline: limit, ..context.clone() };
            match limit.bound(self.query(statement, keep, &context)).await {
                Ok(answer) => answer,
                Err(cut) => Err(Failure::timed_out(cut, context.timeline.phase())),
            }
        })
    }

    fn describe<'a>(
        &'a mut self,
        tables: &'a [TableName],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<Table>>, Failure>> {
        let tables = tables.to_vec();
        Box::pin(self.run(context, move |file, attempt| {
            file.begin(attempt)?;
            let described = tables.iter().map(|table| catalog::describe(&file.connection, table));
            described.collect::<Result<_, _>>().map_err(|error| file.failure(&error))
        }))
    }

    fn find<'a>(
        &'a mut self,
        names: &'a [String],
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Vec<TableName>>, Failure>> {
        let names = names.to_vec();
        Box::pin(self.run(context, move |file, attempt| {
            file.begin(attempt)?;
            let found = names.iter().map(|name| catalog::find(&file.connection, name));
            found.collect::<Result<_, _>>().map_err(|error| file.failure(&error))
        }))
    }

    fn compare_types<'a>(
        &'a mut self,
        columns: &'a [DeclaredType],
        _: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<TypeMatch>, Failure>> {
        let matches = columns.iter().map(affinity::compare).collect();
        Box::pin(std::future::ready(Ok(matches)))
    }

    fn commit<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let committed = self.run(context, OpenFile::commit).await;
            committed.map_err(|failure| while_doing(COMMITTING, failure))
        })
    }

    fn rehearse<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let rehearsed = self.run(context, |file, _| file.rehearse()).await;
            rehearsed.map_err(|failure| while_doing(REHEARSING, failure))
        })
    }

    fn rollback<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let rolled_back = self.run(context, |file, _| {
                file.rollback();
                Ok(())
            });
            // This fails only if the thread has died, which the next statement reports.
            let _ = rolled_back.await;
        })
    }

    fn close(self: Box<Self>, _: &Context) -> BoxFuture<'_, ()> {
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
    fn open(path: PathBuf, access: Access) -> Result<OpenFile, Failure> {
        let connection = file::open(&path, access)?;
        Ok(OpenFile { path, access, connection, has_begun: false })
    }

    fn failure(&self, error: &rusqlite::Error) -> Failure {
        fault::of(error, &self.path)
    }

    /// Makes the following statements wait at most `wait` for a lock.
    fn wait_for_locks(&self, wait: Duration) -> Result<(), Failure> {
        self.connection.busy_timeout(wait.min(LONGEST_LOCK)).map_err(|error| self.failure(&error))
    }

    /// Runs an operation that takes a lock.
    ///
    /// The first try does not wait. If it fails, the query waits for a lock, and a cut can report that.
    fn locking(&self, attempt: &Attempt, lock: impl Fn() -> rusqlite::Result<()>) -> Result<(), Failure> {
        self.wait_for_locks(Duration::ZERO)?;
        let locked = lock();
        self.wait_for_locks(attempt.deadline.remaining())?;
        match locked {
            Err(error) if fault::is_busy(&error) => {
                attempt.timeline.enter(Phase::Lock);
                lock().map_err(|error| {
                    if fault::is_busy(&error) {
                        Failure::timed_out(attempt.deadline.cut(), Phase::Lock)
                    } else {
                        self.failure(&error)
                    }
                })?;
                attempt.timeline.enter(Phase::Query);
                Ok(())
            }
            locked => locked.map_err(|error| self.failure(&error)),
        }
    }

    /// Opens a transaction unless one is open, and takes the lock that it holds to its end.
    fn begin(&mut self, attempt: &Attempt) -> Result<(), Failure> {
        if self.has_begun {
            self.wait_for_locks(attempt.deadline.remaining())?;
            // Outside its transaction, a statement would be committed by itself.
            return if self.connection.is_autocommit() {
                Err(fault::refused(
                    "the transaction has ended",
                    "an I/O error ended it, or a statement before this one did",
                ))
            } else {
                Ok(())
            };
        }
        let begin = match self.access {
            Access::Read | Access::Snapshot => "begin",
            Access::Write => "begin immediate",
        };
        self.locking(attempt, || {
            if self.connection.is_autocommit() {
                self.connection.execute_batch(begin).and_then(|()| read_schema(&self.connection))
            } else {
                read_schema(&self.connection)
            }
        })?;
        self.has_begun = true;
        if self.is_empty()? { Err(fault::empty(&self.path)) } else { Ok(()) }
    }

    /// Whether the file is empty. SQLite treats such a file as a database without tables.
    fn is_empty(&self) -> Result<bool, Failure> {
        let pages =
            self.connection.query_row("select page_count from pragma_page_count", [], |row| row.get(0));
        pages.map(|pages: i64| pages == 0).map_err(|error| self.failure(&error))
    }

    fn commit(&mut self, attempt: &Attempt) -> Result<(), Failure> {
        if !std::mem::take(&mut self.has_begun) {
            return Ok(());
        }
        self.locking(attempt, || self.connection.execute_batch("commit")).inspect_err(|_| {
            // A failed commit leaves the transaction open.
            let _ = self.connection.execute_batch("rollback");
        })
    }

    /// Rehearses a commit, which checks the counter of deferred violations before it takes locks. A hook refuses this
    /// one afterwards.
    fn rehearse(&mut self) -> Result<(), Failure> {
        if !std::mem::take(&mut self.has_begun) {
            return Ok(());
        }
        self.wait_for_locks(Duration::ZERO)?;
        self.connection.commit_hook(Some(|| true)).map_err(|error| self.failure(&error))?;
        let refused = self.connection.execute_batch("commit");
        self.connection.commit_hook(None::<fn() -> bool>).map_err(|error| self.failure(&error))?;
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("rollback").map_err(|error| self.failure(&error))?;
        }
        match refused {
            Err(error) if fault::is_violation(&error) => Err(self.failure(&error)),
            // Refused by the hook, or by the lock of a reader.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn rollback(&mut self) {
        if std::mem::take(&mut self.has_begun) {
            // A statement that ended the transaction itself leaves nothing to roll back.
            let _ = self.connection.execute_batch("rollback");
        }
    }
}

/// Reads the first page, which takes a reader's lock. This also detects a file that is not a database.
fn read_schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("select count(*) from sqlite_master", [], |_| Ok(()))
}
