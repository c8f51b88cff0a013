//! MySQL and MariaDB: connects, logs in, and runs statements that cannot write, or whose writes await a commit.
//!
//! This module reads the packets itself, with the login methods of `mysql_common`, because a client library would open
//! its own connection and its own TLS. A statement is prepared (a single statement with bound values) inside a
//! read-only transaction, and runs only if the server also accepts it as part of a query, where nothing that writes a
//! file or commits is allowed. A statement that may write runs only if all its targets can be rolled back. A
//! `kill query` on a second connection ends a statement whose budget is spent. If nobody is left to send it, the
//! server's own limit ends the statement.

mod lexis;
mod option_file;
mod settings;
mod url;

mod auth;
mod connect;
mod fault;
mod fields;
mod frames;
mod identity;
mod packets;

mod binary;
mod catalog;
mod client;
mod parameters;
mod query;
mod session;
mod transaction;
mod types;
mod values;
mod wire;
mod words;
mod writes;

use futures_util::future::BoxFuture;

use self::session::MysqlSession;
use self::url::MysqlUrl;
use super::database::{Access, Database, Idioms, Reproduction, Session};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::language::diagnostic::Diagnostic;
use crate::language::sql::Dialect;
use crate::outcome::Failure;

/// A MySQL or MariaDB server.
#[derive(Debug)]
pub struct Mysql;

impl Database for Mysql {
    fn schemes(&self) -> &'static [&'static str] {
        &["mysql://", "mariadb://"]
    }

    fn about(&self) -> &'static str {
        "MySQL and MariaDB"
    }

    fn dialect(&self) -> Dialect {
        lexis::DIALECT
    }

    fn idioms(&self) -> Idioms {
        Idioms {
            text: |expression| format!("cast(({expression}) as char)"),
            // Case-sensitive, which a collation may not be.
            matches: Some(|text, pattern| {
                format!("cast(({text}) as char) collate utf8mb4_bin regexp {pattern}")
            }),
            clock: "date_format(utc_timestamp(6), '%Y-%m-%dT%H:%i:%s.%fZ')",
            is_same_name: |written, stored| written.eq_ignore_ascii_case(stored),
        }
    }

    fn superuser(&self) -> Option<&'static str> {
        Some("root")
    }

    fn mistake(&self, url: &str) -> Option<Diagnostic> {
        MysqlUrl::mistake(url)
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
            let url = MysqlUrl::parse(url)?;
            if !url.password.is_empty() {
                context.hide(&url.password);
            }
            let connection = connect::connect(url, program_name(context), context).await?;
            let session: Box<dyn Session> = Box::new(MysqlSession::new(connection, access, context));
            Ok(session)
        })
    }

    fn reproduce(&self, asked: &Reproduction<'_>) -> ShellCommand {
        client::command(asked)
    }
}

/// Returns the name of the check in the connection attributes on the server: `smoke/SUITE/CHECK`.
fn program_name(context: &Context) -> String {
    let name = format!("smoke/{}/{}", context.run.suite, context.check);
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(63).collect()
}
