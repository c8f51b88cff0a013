//! The statements sent around those of a transaction.
//!
//! The server undoes a statement that fails, and the transaction goes on. Only a deadlock ends the whole transaction,
//! which is visible in the state sent with the next answer. Nothing is committed automatically: `autocommit` is off,
//! and if a check may only read, a transaction that a statement begins is read-only, too.

use super::connect::Connection;
use super::fault::{self, code};
use super::wire::{Answer, Wire};
use crate::attempt::Context;
use crate::outcome::{Failure, Fault};
use crate::probe::database::Access;
use crate::probe::server_limits::{CutBy, ServerLimits};
use crate::secret::message;

/// A transaction, beginning before its first statement.
#[derive(Debug)]
pub(super) struct Transaction {
    access: Access,
    state: State,
    limit: StatementLimit,
    cut_by: CutBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The session is not set up yet.
    New,
    /// No transaction is open.
    Closed,
    Open,
}

/// The variable that limits the time of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatementLimit {
    /// `max_statement_time`, in seconds, for every statement.
    MariaDb,
    /// `max_execution_time`, in milliseconds, for statements that read.
    Mysql,
    /// Neither exists: the server is something else.
    Missing,
}

/// The way a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Rollback,
}

impl Transaction {
    pub fn new(access: Access, connection: &Connection) -> Transaction {
        let limit = if connection.is_mariadb { StatementLimit::MariaDb } else { StatementLimit::Mysql };
        Transaction { access, state: State::New, limit, cut_by: CutBy::Client }
    }

    /// Sets the side that ends a statement, from now on.
    pub fn set_cut_by(&mut self, cut_by: CutBy) {
        self.cut_by = cut_by;
    }

    pub fn access(&self) -> Access {
        self.access
    }

    /// Ensures that a transaction is open, and that the next statement ends in time.
    ///
    /// # Errors
    /// The server refuses, or a deadlock has ended the transaction.
    pub async fn open(&mut self, wire: &mut Wire, context: &Context) -> Result<(), Failure> {
        if self.state == State::New {
            // A transaction that begins implicitly is read-only, too, no matter which statement ended the one before.
            ask(
                wire,
                match self.access {
                    Access::Read => "set session transaction read only",
                    Access::Snapshot => "set session transaction isolation level repeatable read, read only",
                    Access::Write => "set session transaction read write",
                },
                context,
            )
            .await?;
            self.state = State::Closed;
        }
        self.set_limits(wire, context).await?;
        match self.state {
            State::New | State::Closed => self.begin(wire, context).await,
            State::Open if wire.is_in_transaction() => Ok(()),
            State::Open => Err(lost()),
        }
    }

    async fn begin(&mut self, wire: &mut Wire, context: &Context) -> Result<(), Failure> {
        ask(
            wire,
            match self.access {
                Access::Read => "start transaction read only",
                Access::Snapshot => "start transaction with consistent snapshot, read only",
                Access::Write => "start transaction read write",
            },
            context,
        )
        .await?;
        self.state = State::Open;
        match self.access {
            Access::Read | Access::Snapshot if !wire.is_read_only() => Err(fault::not_run(
                message!("the server did not begin a read-only transaction"),
                "a check only reads where the server sees to it: look at what answers there, such as a proxy",
            )),
            Access::Read | Access::Snapshot | Access::Write => Ok(()),
        }
    }

    async fn set_limits(&mut self, wire: &mut Wire, context: &Context) -> Result<(), Failure> {
        loop {
            let answer = wire.query(&self.limits(context), |_, _| ()).await;
            let refusal = answer.map_err(|error| fault::conversation(&error))?.refusal;
            self.limit = match (refusal, self.limit) {
                (None, _) => return Ok(()),
                // A proxy may identify itself as the other product.
                (Some(refusal), StatementLimit::MariaDb | StatementLimit::Mysql)
                    if refusal.code == code::UNKNOWN_VARIABLE =>
                {
                    match (self.limit, refusal.message.contains("max_statement_time")) {
                        (StatementLimit::MariaDb, true) => StatementLimit::Mysql,
                        _ => StatementLimit::Missing,
                    }
                }
                (Some(refusal), _) => return Err(fault::sql(&refusal, context)),
            };
        }
    }

    /// Returns the statement that sets the limits. A smaller limit of the session's own applies instead: its original
    /// limits are kept in user variables.
    fn limits(&self, context: &Context) -> String {
        let limits = ServerLimits::of(context.deadline.remaining(), self.cut_by);
        let lock = limits.lock.as_secs().clamp(1, 31_536_000);
        let statement = limits.statement.as_millis().clamp(1, i32::MAX as u128);
        // A user variable has no declared type.
        let limited = |variable: &str, own: &dyn Fn(&str) -> String, limit: &str| {
            let kept = format!("ifnull(@smoke_{variable}, @@{variable})");
            let own = own(&kept);
            format!(
                ", @smoke_{variable} = {kept}, {variable} = if({own} > 0 and {own} < {limit}, {own}, {limit})"
            )
        };
        let whole = |kept: &str| format!("cast({kept} as unsigned)");
        let statement = match self.limit {
            StatementLimit::MariaDb => limited(
                "max_statement_time",
                &|kept| format!("0e0 + {kept}"),
                &format!("{}.{:03}", statement / 1000, statement % 1000),
            ),
            StatementLimit::Mysql => limited("max_execution_time", &whole, &statement.to_string()),
            StatementLimit::Missing => String::new(),
        };
        let locks = ["innodb_lock_wait_timeout", "lock_wait_timeout"];
        let locks: String =
            locks.iter().map(|variable| limited(variable, &whole, &lock.to_string())).collect();
        // Values compared with another source must be points in time.
        let zone = match self.access {
            Access::Snapshot => ", time_zone = '+00:00'",
            Access::Read | Access::Write => "",
        };
        format!("set autocommit = 0{zone}{statement}{locks}")
    }

    /// Ends the transaction, if one is open.
    ///
    /// # Errors
    /// The server refuses, a deadlock has already ended the transaction, or what was written cannot be undone.
    pub async fn end(&mut self, how: End, wire: &mut Wire, context: &Context) -> Result<(), Failure> {
        if self.state != State::Open {
            return Ok(());
        }
        self.state = State::Closed;
        match how {
            End::Commit => {
                // The known state is that of the last answer, and an error comes without one.
                ask(wire, "do 0", context).await?;
                if !wire.is_in_transaction() {
                    return Err(lost());
                }
                ask(wire, "commit", context).await.map(|_| ())
            }
            End::Rollback => {
                let answer = ask(wire, "rollback", context).await?;
                if answer.warnings == 0 { Ok(()) } else { all_is_undone(wire).await }
            }
        }
    }
}

/// Checks the warnings after a rollback: the server warns if a table could not be rolled back.
async fn all_is_undone(wire: &mut Wire) -> Result<(), Failure> {
    const NOT_ROLLED_BACK: &[u8] = b"1196";
    let mut is_left = false;
    let asked = wire
        .query("show warnings", |_, cells| {
            is_left |= cells.get(1).is_some_and(|code| code.as_deref() == Some(NOT_ROLLED_BACK));
        })
        .await;
    asked.map_err(|error| fault::conversation(&error))?;
    if is_left {
        Err(fault::not_run(
            message!(
                "the statement wrote to a table that cannot be rolled back: what it wrote is still there"
            ),
            "look at what it wrote, and write to tables of an engine with transactions, such as InnoDB",
        ))
    } else {
        Ok(())
    }
}

async fn ask(wire: &mut Wire, sql: &str, context: &Context) -> Result<Answer, Failure> {
    let mut answer = wire.query(sql, |_, _| ()).await.map_err(|error| fault::conversation(&error))?;
    match answer.refusal.take() {
        Some(refusal) => Err(fault::sql(&refusal, context)),
        None => Ok(answer),
    }
}

fn lost() -> Failure {
    Failure::fault(
        Fault::Sql,
        message!("running the query"),
        message!("the server has rolled the transaction back"),
    )
    .with_hint(message!("that is what a deadlock does: look at `show engine innodb status`"))
}
