//! The commands around the statements of a transaction.
//!
//! The `begin` of the first statement and the savepoint of a later one are sent ahead of it without waiting for the
//! response, so neither costs a round trip. A failed statement aborts the transaction on the server, so the commands
//! that recover from it are sent ahead of the next one.

use std::io::Result as IoResult;
use std::time::Duration;

use super::wire::{Cell, Refusal, Wire};
use crate::attempt::Context;
use crate::probe::database::Access;
use crate::probe::server_limits::{CutBy, ServerLimits};

/// A transaction, from before its first statement.
#[derive(Debug)]
pub(super) struct Transaction {
    access: Access,
    state: State,
    /// Whether it runs on a pooler's console, which has no transactions.
    is_needless: bool,
    own_limits: OwnLimits,
    cut_by: CutBy,
}

/// The limits that the URL's `options` or the role set for the session. They are never relaxed.
#[derive(Debug, Clone, Copy, Default)]
struct OwnLimits {
    statement: Option<u128>,
    lock: Option<u128>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No command has been sent.
    Unsent,
    /// It has begun, but its first statement failed, so nothing was done in it.
    Void,
    /// One statement has run.
    Open,
    /// Several statements have run, the last one after a savepoint.
    Saved,
    /// The statement after the savepoint failed.
    Spoilt,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Rollback,
    /// The checks of a commit, followed by a rollback.
    Rehearsal,
}

impl Transaction {
    pub fn new(access: Access, is_needless: bool) -> Transaction {
        Transaction {
            access,
            state: State::Unsent,
            is_needless,
            own_limits: OwnLimits::default(),
            cut_by: CutBy::Client,
        }
    }

    /// Sets who ends the following statements.
    pub fn set_cut_by(&mut self, cut_by: CutBy) {
        self.cut_by = cut_by;
    }

    pub fn is_needless(&self) -> bool {
        self.is_needless
    }

    pub fn access(&self) -> Access {
        self.access
    }

    /// Returns the commands that precede the next statement.
    pub fn opening(&self, context: &Context) -> String {
        let ServerLimits { statement, lock } = ServerLimits::of(context.deadline.remaining(), self.cut_by);
        let (statement, lock) = (milliseconds(statement), milliseconds(lock));
        let mode = match self.access {
            Access::Read => "read only",
            Access::Snapshot => "isolation level repeatable read, read only",
            Access::Write => "read write",
        };
        let begin = || format!("begin transaction {mode}; {}", limit(statement, lock));
        let smaller = |own: Option<u128>, limit: u128| own.map_or(limit, |own| own.min(limit));
        let limits = || {
            format!(
                "set local statement_timeout = {}; set local lock_timeout = {}",
                smaller(self.own_limits.statement, statement),
                smaller(self.own_limits.lock, lock),
            )
        };
        match self.state {
            State::Unsent => begin(),
            State::Void => format!("rollback; {}", begin()),
            State::Open => format!("savepoint smoke_query; {}", limits()),
            State::Saved => format!("release savepoint smoke_query; savepoint smoke_query; {}", limits()),
            State::Spoilt => format!("rollback to savepoint smoke_query; {}", limits()),
        }
    }

    /// Reads the response to [`opening`](Transaction::opening). Returns why it was refused, if it was.
    pub async fn opened(&mut self, wire: &mut Wire) -> IoResult<Option<Refusal>> {
        let own_limits = &mut self.own_limits;
        let mut learn = |cells: Vec<Cell>| {
            let number = |cell: Option<&Cell>| cell?.as_ref()?.parse().ok();
            *own_limits = OwnLimits { statement: number(cells.first()), lock: number(cells.get(1)) };
        };
        Ok(wire.answer(|_, cells| learn(cells)).await?.refusal)
    }

    /// Records the result of the statement after [`opening`](Transaction::opening).
    pub fn after<T, E>(&mut self, answer: &Result<T, E>) {
        self.state = match (answer, self.state) {
            (Ok(_), State::Unsent | State::Void) => State::Open,
            (Ok(_), State::Open | State::Saved | State::Spoilt) => State::Saved,
            (Err(_), State::Unsent | State::Void) => State::Void,
            (Err(_), State::Open | State::Saved | State::Spoilt) => State::Spoilt,
        };
    }

    /// Returns the command that ends the transaction, if it has begun.
    pub fn end(&mut self, how: End) -> Option<&'static str> {
        let state = std::mem::replace(&mut self.state, State::Unsent);
        match (how, state) {
            (_, State::Unsent) => None,
            (End::Rollback, State::Void | State::Open | State::Saved | State::Spoilt)
            | (End::Commit, State::Void) => Some("rollback"),
            (End::Commit, State::Open | State::Saved) => Some("commit"),
            (End::Commit, State::Spoilt) => Some("rollback to savepoint smoke_query; commit"),
            (End::Rehearsal, State::Open | State::Saved) => Some("set constraints all immediate; rollback"),
            (End::Rehearsal, State::Void | State::Spoilt) => Some("rollback"),
        }
    }
}

/// Returns a query that sets limits in milliseconds, unless the session's own are smaller, and returns the session's
/// own. As a query it takes the snapshot, so the transaction cannot be made writable afterwards.
fn limit(statement: u128, lock: u128) -> String {
    // Zero means no limit. The `offset` keeps the subquery separate. Otherwise the settings would be read after they
    // are set.
    let own = |setting: &str| {
        format!(
            "nullif(extract(epoch from pg_catalog.current_setting('{setting}')::interval) * 1000, 0)::bigint"
        )
    };
    format!(
        "select own.statement, own.lock, \
         pg_catalog.set_config('statement_timeout', least(own.statement, {statement})::text, true), \
         pg_catalog.set_config('lock_timeout', least(own.lock, {lock})::text, true) \
         from (select {} as statement, {} as lock offset 0) as own",
        own("statement_timeout"),
        own("lock_timeout"),
    )
}

/// Returns a timeout as PostgreSQL expects it. Zero would disable it.
pub(super) fn milliseconds(span: Duration) -> u128 {
    span.as_millis().clamp(1, i32::MAX as u128)
}
