//! Opens an existing file, without leaving any other file beside it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::fault;
use crate::language::io_error;
use crate::outcome::{Failure, Fault};
use crate::probe::database::Access;
use crate::probe::rows::LARGEST;
use crate::secret::{Message, message};

/// Opens the database at `path`.
///
/// # Errors
/// Fails if the file does not exist, or if SQLite cannot open it.
pub(super) fn open(path: &Path, access: Access) -> Result<Connection, Failure> {
    let doing = || message!("opening `{}`", path.display());
    let found = std::fs::metadata(path).map_err(|error| {
        Failure::fault(Fault::Connect, doing(), message!("{}", io_error::reason(&error))).with_hint(message!(
            "a relative path starts in the suite's folder; smoke never creates a database"
        ))
    })?;
    if !found.is_file() {
        let what = if found.is_dir() { "it is a folder" } else { "it is a device or a pipe" };
        return Err(Failure::fault(Fault::Connect, doing(), Message::new().words(what))
            .with_hint(message!("a SQLite database is a regular file")));
    }
    let mode = match access {
        Access::Read | Access::Snapshot => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let flags = mode | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |error: rusqlite::Error| fault::of(&error, path);
    let rest = Rest::of(path, access);
    let mut connection = Connection::open_with_flags(uri(path, rest), flags).map_err(failed)?;
    if rest == Rest::LeftLog {
        // SQLite then keeps the index of the log in memory, and leaves the log as it is.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
        connection.pragma_update(None, "locking_mode", "exclusive").map_err(failed)?;
    }
    // ATTACH could create a file, and so could VACUUM INTO, which attaches one.
    let no_other_files = |context: AuthContext<'_>| match context.action {
        AuthAction::Attach { .. } => Authorization::Deny,
        _ => Authorization::Allow,
    };
    let largest = i32::try_from(LARGEST).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, largest).map_err(failed)?;
    connection.authorizer(Some(no_other_files)).map_err(failed)?;
    Ok(connection)
}

/// Returns the file as a URI.
fn uri(path: &Path, rest: Rest) -> String {
    let path = path.to_string_lossy();
    let encoded = percent_encoding::utf8_percent_encode(&path, URI_PATH);
    let how = match rest {
        Rest::InUse => "",
        Rest::Closed => "?immutable=1",
        Rest::LeftLog => "?vfs=unix-none",
    };
    format!("file:{encoded}{how}")
}

/// The state of a database before it is opened. Even a reader creates missing files of the write-ahead log, which must
/// be avoided in the last two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It may be in use, has no write-ahead log, or will be written.
    InUse,
    /// Nobody has it open and its log is gone, so nothing will change.
    Closed,
    /// The last process ended without closing it, and its log is still there. Nobody needs to be locked out.
    LeftLog,
}

impl Rest {
    fn of(path: &Path, access: Access) -> Rest {
        if access == Access::Write || !is_wal(path) {
            return Rest::InUse;
        }
        // The log is next to the real file, even if a link led to it.
        let Ok(path) = path.canonicalize() else { return Rest::InUse };
        match (beside(&path, "-wal").exists(), beside(&path, "-shm").exists()) {
            (false, _) => Rest::Closed,
            (true, false) if cfg!(unix) => Rest::LeftLog,
            (true, false | true) => Rest::InUse,
        }
    }
}

/// The characters that would end the path of a URI.
const URI_PATH: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b'?').add(b'#').add(b'%').add(b' ');

/// Whether the header indicates WAL mode. Source: <https://www.sqlite.org/fileformat.html>, offsets 18 and 19.
fn is_wal(path: &Path) -> bool {
    read_start(path).is_ok_and(|header| header[18..20] == [2, 2])
}

/// The first bytes of a file.
///
/// A lock is the process's, and whoever closes the file in any thread lets go of it: another session would write without
/// the lock that it took. So the file stays open. Source: <https://www.sqlite.org/howtocorrupt.html>, section 2.2.
#[cfg(unix)]
fn read_start(path: &Path) -> io::Result<[u8; 20]> {
    use std::collections::hash_map::{Entry, HashMap};
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};
    use std::sync::{LazyLock, Mutex, PoisonError};

    static OPEN: LazyLock<Mutex<HashMap<(u64, u64), File>>> = LazyLock::new(Mutex::default);
    let metadata = std::fs::metadata(path)?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let file = match open.entry((metadata.dev(), metadata.ino())) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => unknown.insert(File::open(path)?),
    };
    let mut start = [0; 20];
    file.read_exact_at(&mut start, 0)?;
    Ok(start)
}

#[cfg(not(unix))]
fn read_start(path: &Path) -> io::Result<[u8; 20]> {
    use std::io::Read as _;
    let mut start = [0; 20];
    File::open(path)?.read_exact(&mut start)?;
    Ok(start)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
