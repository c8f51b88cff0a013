//! What is sent around the statements of a transaction.
//!
//! The first statement's begin and a later one's savepoint are sent ahead of it without waiting for the answer, so
//! that neither takes a round trip. A statement that fails spoils the transaction on the server: what puts it right goes
//! ahead of the next one.

use std::io::Result as IoResult;
use std::time::Duration;

use super::wire::{Cell, Refusal, Wire};
use crate::attempt::Context;
use crate::probe::database::Access;

/// The server ends a statement by itself this long after the budget did: late enough that a cut is told as what
/// it is, early enough that nothing runs on.
const SERVER_TIMEOUT_SLACK: Duration = Duration::from_millis(100);

/// The same of a statement that the server itself ends in time: only so late that its word comes after the end.
const ROUNDING: Duration = Duration::from_millis(2);

/// A lock that is not granted this long before the budget ends is given up, so that the lock can be named: a fifth
/// of what is left, and no more than this. The server's word must still come, from a busy machine too.
pub(super) const LOCK_TIMEOUT_LEAD: Duration = Duration::from_millis(250);

/// A transaction, from before its first statement.
#[derive(Debug)]
pub(super) struct Transaction {
    access: Access,
    state: State,
    /// It runs on a pooler's console, which has no transactions.
    is_needless: bool,
    own_limits: OwnLimits,
    cut_by: CutBy,
}

/// Who ends a statement that takes too long?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutBy {
    /// Whoever asked, with a cancel request; the server, if nobody is left.
    Client,
    /// The server. The session stays usable.
    Server,
}

/// The limits of the session itself, by the URL's `options` or by the role: they are never loosened.
#[derive(Debug, Clone, Copy, Default)]
struct OwnLimits {
    statement: Option<u128>,
    lock: Option<u128>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has been sent of it.
    Unsent,
    /// It was begun, and its first statement failed: nothing was done in it.
    Void,
    /// One statement has run.
    Open,
    /// Several have, the last of them after a savepoint.
    Saved,
    /// The one after the savepoint failed.
    Spoilt,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Rollback,
    /// A commit's checks, and then a rollback.
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

    /// From now on.
    pub fn set_cut_by(&mut self, cut_by: CutBy) {
        self.cut_by = cut_by;
    }

    pub fn is_needless(&self) -> bool {
        self.is_needless
    }

    pub fn access(&self) -> Access {
        self.access
    }

    /// What goes ahead of the next statement.
    pub fn opening(&self, context: &Context) -> String {
        let left = context.deadline.remaining();
        let lead = LOCK_TIMEOUT_LEAD.min(left / 5);
        let statement = milliseconds(match self.cut_by {
            CutBy::Client => left + SERVER_TIMEOUT_SLACK,
            CutBy::Server => left + ROUNDING,
        });
        let lock = milliseconds(left.saturating_sub(lead));
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

    /// The answer to [`opening`](Transaction::opening): why it was refused, if it was.
    pub async fn opened(&mut self, wire: &mut Wire) -> IoResult<Option<Refusal>> {
        let own_limits = &mut self.own_limits;
        let mut learn = |cells: Vec<Cell>| {
            let number = |cell: Option<&Cell>| cell?.as_ref()?.parse().ok();
            *own_limits = OwnLimits { statement: number(cells.first()), lock: number(cells.get(1)) };
        };
        Ok(wire.answer(|_, cells| learn(cells)).await?.refusal)
    }

    /// What came of the statement after [`opening`](Transaction::opening).
    pub fn after<T, E>(&mut self, answer: &Result<T, E>) {
        self.state = match (answer, self.state) {
            (Ok(_), State::Unsent | State::Void) => State::Open,
            (Ok(_), State::Open | State::Saved | State::Spoilt) => State::Saved,
            (Err(_), State::Unsent | State::Void) => State::Void,
            (Err(_), State::Open | State::Saved | State::Spoilt) => State::Spoilt,
        };
    }

    /// What ends it, if it was begun.
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

/// Sets limits in milliseconds, where those of the session itself are not smaller, and tells those. As a query it takes
/// the snapshot: from then on the transaction cannot be made writable.
fn limit(statement: u128, lock: u128) -> String {
    // Zero is none. The brackets are kept apart from the rest by the `offset`, or the settings would be read after they are set.
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

/// A time-out as PostgreSQL takes it; zero would switch it off.
pub(super) fn milliseconds(span: Duration) -> u128 {
    span.as_millis().clamp(1, i32::MAX as u128)
}
