//! `SQLite`: opens an existing file, and runs statements that cannot write, or whose writes wait for a commit.
//!
//! SQLite blocks, so a session runs on a thread that nothing waits for. A cut interrupts its statement.

mod fault;
mod file;

mod affinity;
mod catalog;
mod session;
mod statement;
mod url;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;

use self::session::SqliteSession;
use super::database::{Access, Database, Idioms, Reproduction, Session};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::language::diagnostic::Diagnostic;
use crate::language::period::Instant;
use crate::language::sql::{Dialect, STANDARD, quoted_name, quoted_text};
use crate::outcome::Failure;

/// The longest timeout: SQLite stores timeouts as a C `int` of milliseconds, which is 24 days.
const LONGEST_LOCK: Duration = Duration::from_millis(i32::MAX as u64);

/// A file with an SQLite database: `sqlite:shop.db`, `sqlite:///var/lib/shop.db`.
#[derive(Debug)]
pub struct Sqlite;

const SCHEME: &str = "sqlite:";

impl Database for Sqlite {
    fn schemes(&self) -> &'static [&'static str] {
        &[SCHEME]
    }

    fn about(&self) -> &'static str {
        "a SQLite file"
    }

    fn dialect(&self) -> Dialect {
        // As SQLite's own `datetime()` writes it.
        Dialect {
            placeholder: |number| format!("?{number}"),
            identifier: quoted_name,
            text: quoted_text,
            lexis: STANDARD,
            instant: Instant::without_zone,
        }
    }

    fn idioms(&self) -> Idioms {
        Idioms {
            text: |expression| format!("cast({expression} as text)"),
            matches: None,
            clock: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
            is_same_name: |written, stored| written.eq_ignore_ascii_case(stored),
        }
    }

    fn mistake(&self, url: &str) -> Option<Diagnostic> {
        url::mistake(url)
    }

    /// Returns `false`, because operations on a file end with smoke.
    fn leaves(&self) -> bool {
        false
    }

    fn open<'a>(
        &'a self,
        url: &'a str,
        access: Access,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(async move {
            let path = url::path_of(url, &context.run.suite_dir);
            let session: Box<dyn Session> = Box::new(SqliteSession::open(&path, access, context).await?);
            Ok(session)
        })
    }

    fn reproduce(&self, asked: &Reproduction<'_>) -> ShellCommand {
        let statement = asked.statement.unwrap_or("select count(*) from sqlite_schema");
        let shell = ShellCommand::new("sqlite3");
        let (shell, statement) = match asked.access {
            Access::Read | Access::Snapshot => (shell.word("-readonly"), statement.to_owned()),
            Access::Write => {
                (shell, format!("begin; {}; rollback", statement.trim_end().trim_end_matches(';')))
            }
        };
        let wait = format!(".timeout {}", asked.limit.min(LONGEST_LOCK).as_millis());
        let path = plain(&url::path_of(asked.url, asked.folder)).display().to_string();
        shell.words(&["-cmd", &wait, &path, &statement])
    }
}

/// Removes the double slash of `sqlite:////var/lib/shop.db`, which would start the host of a URI.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}
