//! Restrictions on statements that may write: nothing may remain after a rollback.
//!
//! MySQL commits implicitly before and after many statements (DDL, for instance), and has tables without transactions.
//! The former are recognized by their first word. For the latter, the catalog is queried: the tables that a statement
//! names, the tables behind a view, and the tables that triggers and functions name.
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html>.

use serde_json::Value;

use super::fault;
use super::values::from_columns;
use super::wire::Wire;
use super::words::{self, Name, Names};
use crate::attempt::Context;
use crate::outcome::Failure;
use crate::probe::rows::Row;
use crate::secret::message;

/// How deep views of views, and functions that call functions, are followed.
const DEEPEST: usize = 16;

const TABLE: &str = "\
select 'table', found.table_schema, found.table_name, found.table_type, found.engine, engines.transactions
from information_schema.tables as found left join information_schema.engines as engines on engines.engine = found.engine
where found.table_schema = ifnull(?, database()) and found.table_name = ?";

const VIEW: &str = "\
select 'text', table_schema, table_name, 'view', view_definition, null
from information_schema.views where table_schema = ifnull(?, database()) and table_name = ?";

/// The same for a view that is read.
const READ_VIEW: &str = "\
select 'query', table_schema, table_name, 'view', view_definition, null
from information_schema.views where table_schema = ifnull(?, database()) and table_name = ?";

const TRIGGER: &str = "\
select 'text', trigger_schema, trigger_name, 'trigger', action_statement, null
from information_schema.triggers where event_object_schema = ifnull(?, database()) and event_object_table = ?";

const ROUTINE: &str = "\
select 'text', routine_schema, routine_name, 'function', routine_definition, null
from information_schema.routines where routine_schema = ifnull(?, database()) and routine_name = ?";

/// Returns the failure of a statement that no rollback undoes, by its first word.
pub(super) fn not_rolled_back(word: &str) -> Failure {
    const COMMITS: [&str; 20] = [
        "alter",
        "analyze",
        "begin",
        "cache",
        "check",
        "commit",
        "create",
        "drop",
        "flush",
        "grant",
        "install",
        "load",
        "lock",
        "optimize",
        "rename",
        "repair",
        "revoke",
        "start",
        "truncate",
        "uninstall",
    ];
    let word = word.to_ascii_lowercase();
    let cause = message!("`{}", word);
    let cause = match word.as_str() {
        "" => message!("there is no statement in the query"),
        "call" => cause.words("` may commit, and what it then wrote cannot be rolled back"),
        word if COMMITS.contains(&word) => cause.words("` commits implicitly, and cannot be rolled back"),
        _ => cause.words("` cannot be rolled back"),
    };
    fault::not_run(cause, "write with `insert`, `update`, `delete` or `replace`, which are rolled back")
}

/// Checks that a rollback undoes everything that `statement` may write.
///
/// # Errors
/// A rollback does not undo everything, or that cannot be determined.
pub(super) async fn can_be_rolled_back(
    statement: &str,
    wire: &mut Wire,
    context: &Context,
) -> Result<(), Failure> {
    let mut seen = Names::default();
    let mut next = words::of_statement(statement);
    for _ in 0..DEEPEST {
        let fresh = next.without(&mut seen);
        if fresh == Names::default() {
            return Ok(());
        }
        next = Names::default();
        for row in look_up(&fresh, wire, context).await? {
            let cells: Vec<Value> = row.into_iter().map(|(_, value)| value).collect();
            let cells: Vec<Option<&str>> = cells.iter().map(Value::as_str).collect();
            let [Some(what), Some(schema), Some(name), Some(kind), text, transactions] = cells.as_slice()
            else {
                return Err(unexpected());
            };
            match (*what, *text) {
                ("table", engine) => has_transactions(name, kind, engine, *transactions)?,
                (_, None) => return Err(unreadable(kind, name)),
                ("query", Some(text)) => next.extend(words::of_query(text, schema)),
                (_, Some(text)) => next.extend(words::of_body(text, schema)),
            }
        }
    }
    Err(fault::not_run(
        message!("the views, triggers and functions behind the statement are nested too deep"),
        ELSEWHERE,
    ))
}

const ELSEWHERE: &str = "write to a table of an engine with transactions, such as InnoDB";

fn has_transactions(
    name: &str,
    kind: &str,
    engine: Option<&str>,
    transactions: Option<&str>,
) -> Result<(), Failure> {
    let table = || message!("`{}", name);
    match (kind, engine, transactions) {
        ("SEQUENCE", ..) => {
            let cause = table().words("` is a sequence, which cannot be rolled back");
            Err(fault::not_run(cause, ELSEWHERE))
        }
        // A view: its own tables are checked.
        (_, None, _) | (_, _, Some("YES")) => Ok(()),
        (_, Some(engine), _) => {
            let cause = table().words("` is a ").data(engine).words(" table, which cannot be rolled back");
            Err(fault::not_run(cause, ELSEWHERE))
        }
    }
}

async fn look_up(names: &Names, wire: &mut Wire, context: &Context) -> Result<Vec<Row>, Failure> {
    let mut parts = Vec::new();
    let mut values = Vec::new();
    let mut ask = |part: &'static str, name: &Name| {
        parts.push(part);
        values.extend([Value::from(name.schema.clone()), Value::from(name.name.as_str())]);
    };
    for name in &names.written {
        for part in [TABLE, VIEW, TRIGGER] {
            ask(part, name);
        }
    }
    names.read.iter().for_each(|name| ask(READ_VIEW, name));
    names.routines.iter().for_each(|name| ask(ROUTINE, name));
    let broken = |error: std::io::Error| fault::conversation(&error);
    let prepared = wire.prepare(&parts.join("\nunion all ")).await.map_err(broken)?;
    let prepared = prepared.map_err(|refusal| fault::sql(&refusal, context))?;
    let mut rows = Vec::new();
    let answer =
        wire.execute(prepared, &values, |columns, cells| rows.push(from_columns(columns, cells))).await;
    wire.forget(prepared);
    match answer.map_err(broken)?.refusal {
        None => Ok(rows),
        Some(refusal) => Err(fault::sql(&refusal, context)),
    }
}

fn unreadable(kind: &str, name: &str) -> Failure {
    let cause = message!(
        "the statement uses the {} `{}`, whose text the user may not read: nobody can tell what it writes to",
        kind,
        name
    );
    fault::not_run(cause, "let the user read it (`show_routine` in MySQL, `show create routine` in MariaDB)")
}

fn unexpected() -> Failure {
    fault::not_run(
        message!("the answer is not that of MySQL's catalog"),
        "look at the server: what speaks its protocol may lack its catalog",
    )
}
