//! PostgreSQL: connects, logs in, and runs statements that cannot write, or whose writes wait for a commit.
//!
//! A statement uses the extended protocol (one statement, bound values) in a transaction. A reading transaction is
//! read-only and has already taken its snapshot, so it cannot be made writable any more. A query is wrapped as a common
//! table expression and returns JSON text. This needs no parser, keeps decimals exact, and allows nothing but queries
//! (no `COPY`, `DO` or `LOCK`). `statement_timeout` ends a statement on the server if nobody is left to cancel it.

mod config;
mod hosts;
mod identity;
mod parameters;
mod password_file;

mod connect;
mod fault;
mod loan;
mod superuser;
mod target;

mod catalog;
mod psql;
mod query;
mod session;
mod transaction;
mod types;
mod values;
mod wire;

use futures_util::future::BoxFuture;

use self::config::PostgresUrl;
use self::session::PostgresSession;
use super::database::{Access, Database, Idioms, Reproduction, Session};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::language::diagnostic::Diagnostic;
use crate::language::period::Instant;
use crate::language::sql::{Dialect, STANDARD, quoted_name, quoted_text};
use crate::outcome::Failure;

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres;

impl Database for Postgres {
    fn schemes(&self) -> &'static [&'static str] {
        &["postgres://", "postgresql://"]
    }

    fn about(&self) -> &'static str {
        "PostgreSQL"
    }

    fn dialect(&self) -> Dialect {
        // A `date` takes the day of it, which is that of its zone.
        Dialect {
            placeholder: |number| format!("${number}"),
            identifier: quoted_name,
            text: quoted_text,
            lexis: STANDARD,
            instant: Instant::with_offset,
        }
    }

    fn idioms(&self) -> Idioms {
        Idioms {
            text: |expression| format!("({expression})::text"),
            matches: Some(|text, pattern| format!("{text} ~ {pattern}")),
            clock: r#"pg_catalog.to_char(pg_catalog.clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#,
            is_same_name: |written, stored| written == stored || written.to_lowercase() == stored,
        }
    }

    fn superuser(&self) -> Option<&'static str> {
        Some("postgres")
    }

    fn mistake(&self, url: &str) -> Option<Diagnostic> {
        PostgresUrl::mistake(url)
    }

    fn leaves(&self) -> bool {
        true
    }

    fn open<'a>(
        &'a self,
        url: &'a str,
        access: Access,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, Failure>> {
        Box::pin(async move {
            let url = PostgresUrl::parse(url, &application_name(context))?;
            if let Some(password) = url.password() {
                context.hide(&password);
            }
            let connection = connect::connect(&url, context).await?;
            let session: Box<dyn Session> = Box::new(PostgresSession::new(connection, access, context));
            Ok(session)
        })
    }

    fn reproduce(&self, asked: &Reproduction<'_>) -> ShellCommand {
        psql::command(asked)
    }
}

/// Returns the name of the check for the server: `smoke/SUITE/CHECK`, cut to the 63 bytes that it keeps.
fn application_name(context: &Context) -> String {
    let name = format!("smoke/{}/{}", context.run.suite, context.check);
    let printable = name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' });
    printable.take(63).collect()
}
