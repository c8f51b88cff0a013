//! `SQLite`: open a file that is there, and run one statement that cannot write.
//!
//! SQLite blocks, so it runs on a thread that nothing waits for; a cut interrupts it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, ErrorCode, InterruptHandle, OpenFlags, Statement};
use serde_json::Value;

use super::postgres::Writes;
use super::rows::QueryResult;
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::attempt::timeline::Timeline;
use crate::deadline::Deadline;
use crate::language::io_error;
use crate::language::template::BoundSql;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::Message;

/// The path of a `sqlite:` URL: `sqlite:shop.db`, `sqlite:///var/lib/shop.db`.
pub fn path_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("sqlite:")?;
    Some(rest.strip_prefix("//").unwrap_or(rest))
}

/// The command that asks the database at `path` the same, for people to repeat by hand.
pub fn as_sqlite3(path: &Path, statement: Option<&str>, writes: Writes, limit: Duration) -> ShellCommand {
    let statement = statement.unwrap_or("select count(*) from sqlite_schema");
    let shell = ShellCommand::new("sqlite3");
    let (shell, statement) = match writes {
        Writes::Refused => (shell.word("-readonly"), statement.to_owned()),
        Writes::RolledBack => {
            (shell, format!("begin; {}; rollback", statement.trim_end().trim_end_matches(';')))
        }
    };
    let wait = format!(".timeout {}", limit.min(LONGEST_LOCK).as_millis());
    shell.words(&["-cmd", &wait, &plain_path(path).display().to_string(), &statement])
}

/// Runs `statement` on the database at `path`, or looks whether it is one if there is none.
///
/// # Errors
/// No database there, or an SQL error.
pub async fn ask(
    path: &Path,
    statement: Option<BoundSql>,
    writes: Writes,
    context: &Context,
) -> Result<QueryResult, Failure> {
    context.timeline.enter(Phase::Connect);
    context.timeline.set_address(&path.display());
    let (handle, interrupt) = tokio::sync::oneshot::channel();
    let job = Job {
        path: plain_path(path),
        statement,
        writes,
        deadline: context.deadline,
        timeline: Arc::clone(&context.timeline),
    };
    // Why: no call of SQLite can be dropped. When the budget cuts this future, the query is interrupted, and the thread
    // ends with it.
    let work = tokio::task::spawn_blocking(move || job.run(handle));
    // Dropped when the budget cuts this future: then the thread's query ends too.
    let _interrupt = interrupt.await.ok().map(InterruptOnDrop);
    work.await.unwrap_or_else(|panic| {
        Err(Failure::fault(
            Fault::Internal,
            Message::new().words("running the query"),
            Message::new().data(panic.to_string()),
        ))
    })
}

/// SQLite keeps its time-outs as a C `int` of milliseconds: 24 days.
const LONGEST_LOCK: Duration = Duration::from_millis(i32::MAX as u64);

/// The path without the doubled slash of `sqlite:////var/lib/shop.db`, which would start a host in an URI.
fn plain_path(path: &Path) -> PathBuf {
    path.components().collect()
}

struct InterruptOnDrop(InterruptHandle);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}

struct Job {
    path: PathBuf,
    statement: Option<BoundSql>,
    writes: Writes,
    deadline: Deadline,
    timeline: Arc<Timeline>,
}

impl Job {
    fn run(self, handle: tokio::sync::oneshot::Sender<InterruptHandle>) -> Result<QueryResult, Failure> {
        let connection = self.open()?;
        self.timeline.enter(Phase::Query);
        let _ = handle.send(connection.get_interrupt_handle());
        self.begin(&connection)?;
        let answer = match &self.statement {
            None => Ok(QueryResult { count: 1, ..QueryResult::default() }),
            Some(statement) => self.query(&connection, statement),
        };
        // Whatever it wrote is undone; a statement that ended the transaction itself leaves nothing to undo.
        let _ = connection.execute_batch("rollback");
        answer
    }

    /// Begins the transaction and takes the lock that it keeps to its end.
    ///
    /// The first try does not wait. When it fails, the query waits for a lock, and a cut can say so.
    fn begin(&self, connection: &Connection) -> Result<(), Failure> {
        let sql_failure = |error: rusqlite::Error| failure(&error, &self.path);
        let begin = match self.writes {
            Writes::Refused => "begin",
            Writes::RolledBack => "begin immediate",
        };
        let lock = || match connection.is_autocommit() {
            true => connection.execute_batch(begin).and_then(|()| read_schema(connection)),
            false => read_schema(connection),
        };
        connection.busy_timeout(Duration::ZERO).map_err(sql_failure)?;
        let locked = lock();
        connection.busy_timeout(self.deadline.remaining().min(LONGEST_LOCK)).map_err(sql_failure)?;
        match locked {
            Err(error) if is_busy(&error) => {
                self.timeline.enter(Phase::Lock);
                lock().map_err(|error| match is_busy(&error) {
                    true => Failure::timed_out(self.deadline.cut(), Phase::Lock),
                    false => sql_failure(error),
                })?;
                self.timeline.enter(Phase::Query);
                Ok(())
            }
            locked => locked.map_err(sql_failure),
        }
    }

    fn open(&self) -> Result<Connection, Failure> {
        let doing = || Message::new().words("opening `").data(self.path.display().to_string()).words("`");
        let found = std::fs::metadata(&self.path).map_err(|error| {
            Failure::fault(Fault::Connect, doing(), Message::new().data(io_error::reason(&error))).with_hint(
                Message::new()
                    .words("a relative path starts in the suite's folder; smoke never creates a database"),
            )
        })?;
        if found.is_dir() {
            return Err(Failure::fault(Fault::Connect, doing(), Message::new().words("it is a folder")));
        }
        let access = match self.writes {
            Writes::Refused => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Writes::RolledBack => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let flags = access | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |error: rusqlite::Error| failure(&error, &self.path);
        let rest = Rest::of(&self.path, self.writes);
        let mut connection = Connection::open_with_flags(self.uri(rest), flags).map_err(failed)?;
        if rest == Rest::LeftLog {
            // Then the index of the log is kept in memory, and the log stays as it is.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
            connection.pragma_update(None, "locking_mode", "exclusive").map_err(failed)?;
        }
        // ATTACH could create a file, and so could VACUUM INTO, which attaches.
        let no_other_files = |context: AuthContext<'_>| match context.action {
            AuthAction::Attach { .. } => Authorization::Deny,
            _ => Authorization::Allow,
        };
        connection.authorizer(Some(no_other_files)).map_err(failed)?;
        Ok(connection)
    }

    /// The file as an URI.
    fn uri(&self, rest: Rest) -> String {
        let path = self.path.to_string_lossy();
        let encoded = percent_encoding::utf8_percent_encode(&path, URI_PATH);
        let how = match rest {
            Rest::InUse => "",
            Rest::Closed => "?immutable=1",
            Rest::LeftLog => "?vfs=unix-none",
        };
        format!("file:{encoded}{how}")
    }

    fn query(&self, connection: &Connection, bound: &BoundSql) -> Result<QueryResult, Failure> {
        let sql_failure = |error: rusqlite::Error| failure(&error, &self.path);
        let mut batch = Batch::new(connection, &bound.text);
        let Some(mut statement) = batch.next().map_err(sql_failure)? else {
            return Err(refused("there is no statement in the query", "write one `select`"));
        };
        if batch.next().map_or(true, |second| second.is_some()) {
            return Err(refused(
                "a query is one statement, and here are several",
                "split them over several checks",
            ));
        }
        if self.writes == Writes::Refused && !statement.readonly() {
            let hint = "a check reads; `writes = true` allows a statement that writes, and rolls it back";
            return Err(refused("the statement would write", hint));
        }
        for (index, value) in bound.parameters.iter().enumerate() {
            bind(&mut statement, index + 1, value).map_err(sql_failure)?;
        }
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        if columns.is_empty() && self.writes == Writes::Refused {
            return Err(refused("the statement gives no rows, so it is no query", "ask with `select`"));
        }
        if columns.is_empty() {
            let changed = statement.raw_execute().map_err(sql_failure)?;
            return Ok(QueryResult {
                count: u64::try_from(changed).unwrap_or(u64::MAX),
                ..QueryResult::default()
            });
        }
        let mut answer = QueryResult::default();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(sql_failure)? {
            answer.count += 1;
            if answer.first.is_none() {
                let cells: Result<Vec<(String, Value)>, rusqlite::Error> = columns
                    .iter()
                    .enumerate()
                    .map(|(index, name)| Ok((name.clone(), to_json(row.get_ref(index)?))))
                    .collect();
                answer.first = Some(cells.map_err(sql_failure)?);
            }
        }
        Ok(answer)
    }
}

/// What is known of a database before it is opened. Even a reader creates the files of the write-ahead log where
/// they are not: that is what the last two keep it from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It may be in use, or it has no such log, or the check may write.
    InUse,
    /// Nobody has it open and its log has gone: nothing will change.
    Closed,
    /// Whoever had it open has gone without closing it, and its log is still there: nobody needs to be locked out.
    LeftLog,
}

impl Rest {
    fn of(path: &Path, writes: Writes) -> Rest {
        if writes == Writes::RolledBack || !is_wal(path) {
            return Rest::InUse;
        }
        // The log lies beside the file itself, whatever link led there.
        let Ok(path) = path.canonicalize() else { return Rest::InUse };
        match (beside(&path, "-wal").exists(), beside(&path, "-shm").exists()) {
            (false, _) => Rest::Closed,
            (true, false) if cfg!(unix) => Rest::LeftLog,
            (true, false | true) => Rest::InUse,
        }
    }
}

/// What would end the path part of an URI.
const URI_PATH: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b'?').add(b'#').add(b'%').add(b' ');

/// Does the header say WAL? Source: <https://www.sqlite.org/fileformat.html>, offsets 18 and 19.
fn is_wal(path: &Path) -> bool {
    use std::io::Read as _;
    let mut header = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18..20] == [2, 2]
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn bind(statement: &mut Statement<'_>, index: usize, value: &Value) -> rusqlite::Result<()> {
    match value {
        Value::Null => statement.raw_bind_parameter(index, rusqlite::types::Null),
        Value::Bool(truth) => statement.raw_bind_parameter(index, truth),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => statement.raw_bind_parameter(index, integer),
            (None, Some(float)) => statement.raw_bind_parameter(index, float),
            (None, None) => statement.raw_bind_parameter(index, number.to_string()),
        },
        Value::String(text) => statement.raw_bind_parameter(index, text),
        Value::Array(_) | Value::Object(_) => statement.raw_bind_parameter(index, value.to_string()),
    }
}

fn to_json(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::from(number),
        ValueRef::Real(number) => Value::from(number),
        ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => Value::from(format!("{} bytes of binary data", bytes.len())),
    }
}

/// Reads the first page, which takes a reader's lock. A file that is no database is found out here.
fn read_schema(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("select count(*) from sqlite_master", [], |_| Ok(()))
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn refused(cause: &'static str, hint: &'static str) -> Failure {
    Failure::fault(Fault::Sql, Message::new().words("running the query"), Message::new().words(cause))
        .with_hint(Message::new().words(hint))
}

fn failure(error: &rusqlite::Error, path: &Path) -> Failure {
    let code = error.sqlite_error_code();
    if code == Some(ErrorCode::CannotOpen) && io_error::is_out_of_descriptors() {
        let doing = Message::new().words("opening `").data(path.display().to_string()).words("`");
        return Failure::shortage(doing, io_error::TOO_MANY_FILES);
    }
    let (fault, hint) = match code {
        Some(ErrorCode::NotADatabase) => {
            (Fault::Connect, Some("the file is there, and is no SQLite database"))
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            (Fault::Connect, Some("check that this user may read the file and its folder"))
        }
        Some(ErrorCode::ReadOnly) => (
            Fault::Sql,
            Some("a check reads; `writes = true` allows a statement that writes, and rolls it back"),
        ),
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            (Fault::Sql, Some("a check works on the database of its URL; it cannot open another file"))
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Fault::Sql, Some("another process holds the lock"))
        }
        _ => (Fault::Sql, None),
    };
    let doing = match fault {
        Fault::Connect => Message::new().words("opening `").data(path.display().to_string()).words("`"),
        _ => Message::new().words("running the query"),
    };
    let cause = match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    let failure = Failure::fault(fault, doing, Message::new().data(cause));
    match hint {
        Some(hint) => failure.with_hint(Message::new().words(hint)),
        None => failure,
    }
}
