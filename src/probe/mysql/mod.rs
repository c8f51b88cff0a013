//! MySQL and MariaDB: connect, log in, and run statements that cannot write, or whose writes wait for a commit.
//!
//! The packets are read here, and the login methods are `mysql_common`'s: a client library would make its own connection
//! and its own TLS. A statement is prepared (one statement, values bound) inside a read-only transaction, and runs where the
//! server takes it as a part of a query, too: there nothing can stand that writes a file or commits. A statement that may
//! write runs where everything that it writes to can be rolled back. A limit of the server ends it when nobody is left to
//! do it, and before that `kill query` on a second connection.

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
            // With the capitals that are written: a collation may make no difference between them.
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

/// How the server shows the check among the attributes of a connection: `smoke/SUITE/CHECK`.
fn program_name(context: &Context) -> String {
    let name = format!("smoke/{}/{}", context.run.suite, context.check);
    name.chars().map(|c| if c.is_control() { '?' } else { c }).take(63).collect()
}
