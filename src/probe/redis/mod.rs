//! Redis, and what speaks its protocol (Valkey, `KeyDB`, Dragonfly): connect, log in, and run one command that only reads.
//!
//! smoke reads and writes the frames itself (`wire`): there are few kinds, and a library's client keeps whole answers
//! of any size, and reads them in its own task, which continues when a check is cut off. The server tells which
//! commands only read (`permission`).

mod url;

mod connect;
mod fault;
mod login;
mod wire;

mod permission;
mod replication;
mod session;

mod cli;

use std::path::Path;

use futures_util::future::BoxFuture;

use self::cli::Asked;
use self::permission::Permitted;
use self::session::RedisSession;
pub use self::url::RedisUrl;
use super::database::{Access, Database, Idioms, Reproduction, Session, WritesRefused};
use super::trust::{TlsOptions, Verify};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::language::diagnostic::Diagnostic;
use crate::language::period::Instant;
use crate::language::sql::{Dialect, STANDARD, quoted_text};
use crate::language::statement::QueryLanguage;
use crate::language::template::Piece;
use crate::language::words;
use crate::outcome::{Direction, Failure};
use crate::secret::message;

/// The schemes of Redis URLs.
pub const SCHEMES: [&str; 3] = ["redis", "rediss", "redis+unix"];

/// The Redis database.
#[derive(Debug)]
pub struct Redis;

const WRITES: WritesRefused = WritesRefused {
    message: "`writes` does not apply to Redis: nothing that a command writes can be rolled back",
    hint: "ask with a command that reads, and write through the application, in a journey",
};

impl Database for Redis {
    fn schemes(&self) -> &'static [&'static str] {
        &["redis://", "rediss://", "redis+unix://"]
    }

    fn about(&self) -> &'static str {
        "Redis"
    }

    fn dialect(&self) -> Dialect {
        Dialect {
            placeholder: |number| format!("${number}"),
            identifier: words::quoted,
            text: quoted_text,
            lexis: STANDARD,
            instant: Instant::with_offset,
        }
    }

    /// Redis has no tables, so smoke writes no statements for it.
    fn idioms(&self) -> Idioms {
        Idioms {
            text: str::to_owned,
            matches: None,
            clock: "",
            is_same_name: |written, stored| written == stored,
        }
    }

    fn language(&self) -> QueryLanguage {
        QueryLanguage::Command
    }

    fn refuses_writes(&self) -> Option<WritesRefused> {
        Some(WRITES)
    }

    fn mistake(&self, url: &str) -> Option<Diagnostic> {
        RedisUrl::parse(url).err()
    }

    /// The server runs one command at a time, and none for a client that has disconnected.
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
            match access {
                Access::Read | Access::Snapshot => {}
                Access::Write => return Err(fault::writes(&WRITES)),
            }
            let url = url::at_run_time(url)?;
            let connection = connect::connect(&url, no_keys(), context).await?;
            let session: Box<dyn Session> = Box::new(RedisSession::new(connection));
            Ok(session)
        })
    }

    fn reproduce(&self, asked: &Reproduction<'_>) -> ShellCommand {
        let words = asked.statement.and_then(|statement| words::split(&[Piece::Text(statement)]).ok());
        let words = match words {
            None => vec!["PING".to_owned()],
            Some(words) if asked.run.shared::<Permitted>().has(&words) => words,
            // Running a command that smoke refused would execute it, so the command shown is the query that smoke sent
            // about it.
            Some(words) => {
                let name = words.into_iter().next().unwrap_or_default();
                vec!["COMMAND".to_owned(), "INFO".to_owned(), name]
            }
        };
        let Reproduction { url, shown_url, limit, run, .. } = *asked;
        cli::command(&Asked { url, shown_url, words: &words, tls: no_keys(), folder: &run.suite_dir, limit })
    }
}

/// Returns the TLS options when the suite has no `tls` key.
fn no_keys() -> TlsOptions {
    TlsOptions { verify: Verify::Full, ca: None, client: None, alpn: Vec::new() }
}

/// Connects, logs in and sends `PING`; a replica must also have its master. `tls` holds the suite's own TLS options.
///
/// # Errors
/// The connection or the login fails, or the server is not ready.
pub async fn ping(url: &str, tls: TlsOptions, context: &Context) -> Result<(), Failure> {
    let url = url::at_run_time(url)?;
    context.trace(Direction::Sent, || match &url.user {
        Some(user) => message!("log in at {} as `{}`, then PING", url.place, user),
        None => message!("log in at {}, then PING", url.place),
    });
    let mut connection = connect::connect(&url, tls, context).await?;
    session::ping(&mut connection, context).await?;
    context.timeline.end();
    connection.close().await;
    Ok(())
}

/// Returns the shell command for [`ping`], for running by hand; relative paths start in `folder`.
pub fn as_redis_cli(
    url: &str,
    shown_url: &str,
    tls: TlsOptions,
    folder: &Path,
    limit: std::time::Duration,
) -> ShellCommand {
    let words = ["PING".to_owned()];
    cli::command(&Asked { url, shown_url, words: &words, tls, folder, limit })
}
