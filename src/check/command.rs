//! Checks that run a program.
//!
//! ```toml
//! [[command]]
//! name = "migrations are applied"
//! run = ["./manage.py", "migrate", "--check"]
//! env = { DATABASE_URL = "{{db_url}}" }
//! expect.stdout = { contains = "No planned migration operations" }
//! safe = true
//! ```

use std::sync::Arc;

use super::exchange::{AnyExchange, Exchange, OneExchange, OneExchangeRun};
use super::program::Program;
use super::{Afterwards, Check, Running, captures};
use crate::expect::capture::Origin;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{Named, Table};
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;

#[derive(Debug)]
struct Command {
    exchange: Exchange<Program>,
    share: Vec<Named>,
}

/// Reads a `[[command]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let program = Program::from_table(table);
    let captures = captures::from_table(
        table,
        ("values to keep, for `share` to pass on", r#"capture = { version = { json = "$.version" } }"#),
    );
    let share: Vec<Named> = table
        .optional(
            "share",
            (
                "captures passed to the checks that need this command (of a gate: to all that wait for it)",
                r#"share = ["version"]"#,
            ),
        )
        .unwrap_or_default();
    let (captures, (program, expect)) = (captures?, program?);
    captures::all_from(&captures, Origin::Program, table.parse)?;
    let program = program.capturing(&captures);
    let command = Command { exchange: Exchange::new(program, captures, expect), share };
    captures::all_are_captured(&command.share, &command, "nothing", table.parse)?;
    Some(Arc::new(command))
}

impl Check for Command {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.exchange.uses(uses);
    }

    fn shares(&self) -> &[Named] {
        &self.share
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        self.exchange.mistakes(scope)
    }

    fn afterwards(&self, scope: &Variables) -> Afterwards {
        Afterwards { leaves: self.exchange.leaves(scope), ..Afterwards::default() }
    }

    fn changes(&self) -> Option<String> {
        self.exchange.changes()
    }

    fn target(&self) -> Option<Place> {
        Some(self.exchange.url().place())
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(OneExchangeRun::new(self, scope))
    }
}

impl OneExchange for Command {
    fn exchange(&self, _: &Variables) -> Result<&dyn AnyExchange, Failure> {
        Ok(&self.exchange)
    }
}
