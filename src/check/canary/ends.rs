//! The ends of a canary that write: what sends it, and what removes it. Each is a request, a program, or a committed
//! statement.

use std::time::Duration;

use crate::check::captures;
use crate::check::exchange::AnyExchange;
use crate::check::journey::Action;
use crate::expect::capture::Captures;
use crate::language::diagnostic::Diagnostic;
use crate::language::name::CheckName;
use crate::language::read::{FromTable, Table};
use crate::outcome::Phase;

/// `[canary.send]`
#[derive(Debug)]
pub(super) struct Send {
    pub exchange: Box<dyn AnyExchange>,
    /// The phase in which the check awaits the answer.
    pub phase: Phase,
}

/// `[[canary.cleanup]]`
#[derive(Debug)]
pub(super) struct Cleanup {
    pub name: String,
    pub budget: Option<Duration>,
    pub exchange: Box<dyn AnyExchange>,
}

impl FromTable for Send {
    const DEFINITION: &'static str = "canary-send";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        refuse_repeats(table, "a canary is sent once: twice would be two");
        let captures = captures::from_table(table, CAPTURE);
        let action = writing(table, "a statement that is rolled back sends nothing")?;
        let captures = captures?;
        captures::all_from(&captures, action.origin(), table.parse)?;
        let phase = action.phase();
        Some(Send { exchange: action.into_exchange(captures), phase })
    }
}

impl FromTable for Cleanup {
    const DEFINITION: &'static str = "canary-cleanup";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        refuse_repeats(table, "it does not go with a canary");
        let name: Option<CheckName> =
            table.optional("name", ("name of the step, for the reports", r#"name = "remove it""#));
        let budget = table
            .optional("budget", ("hard limit on the step, within the suite's `grace`", r#"budget = "1s""#));
        let has_name = table.has("name");
        let action = writing(table, "a statement that is rolled back removes nothing")?;
        let name = match name {
            Some(CheckName(named)) => named.name,
            None if has_name => return None,
            None => String::new(),
        };
        Some(Cleanup { name, budget, exchange: action.into_exchange(Captures::default()) })
    }
}

/// Returns the steps with a name for each: `cleanup`, `cleanup 2` and so on where the suite gives none.
pub(super) fn numbered(cleanup: Vec<Cleanup>) -> Vec<Cleanup> {
    let named = |(index, step): (usize, Cleanup)| match (step.name.as_str(), index) {
        ("", 0) => Cleanup { name: "cleanup".to_owned(), ..step },
        ("", _) => Cleanup { name: format!("cleanup {}", index + 1), ..step },
        _ => step,
    };
    cleanup.into_iter().enumerate().map(named).collect()
}

/// Reads an end that writes: a request, a program, or a statement that the suite explicitly commits.
fn writing(table: &mut Table<'_, '_, '_>, rolled_back: &'static str) -> Option<Action> {
    let commit: Option<bool> = if table.has("database") {
        table.optional(
            "commit",
            (
                "what the statement writes stays; without it a statement is rolled back, so it is required",
                "commit = true",
            ),
        )
    } else {
        table.refuse("commit", "`commit` is for a statement on a database");
        None
    };
    let action = Action::from_table(table)?;
    match (action.statement(), commit) {
        (None, _) if table.has("database") => table.reject("database", "there is no `query` to run on it"),
        (None, _) => Some(action),
        (Some(_), Some(true)) => Some(action.committed()),
        (Some(place), _) => {
            let mistake = Diagnostic::new(place, rolled_back);
            table.parse.reject(
                mistake.hint("say `commit = true`: smoke commits a statement only where the suite says so"),
            )
        }
    }
}

pub(super) fn refuse_repeats(table: &mut Table<'_, '_, '_>, why: &'static str) {
    for key in ["retry", "poll"] {
        table.refuse(key, format!("`{key}`: {why}"));
    }
}

/// The documentation of the key `capture` at an end.
pub(super) const CAPTURE: (&str, &str) =
    ("values to keep for what comes after it", r#"capture = { order = { json = "$.id" } }"#);
