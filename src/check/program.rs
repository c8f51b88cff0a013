//! Programs that a `[[command]]`, or a step of a journey, runs.

use std::time::Duration;

use super::exchange::Question;
use super::launch::Launch;
use super::{Session, template_failure};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::expect::capture::Captures;
use crate::expect::program::ProgramExpectation;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Table;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Direction, Failure};
use crate::probe::program::{self, ProgramResult};
use crate::process::{Command, Stream};

/// A program to run to completion, as a `[[command]]` or a step defines it.
#[derive(Debug)]
pub(super) struct Program {
    launch: Launch,
    stdin: Option<Template>,
    safe: bool,
    looked_at: Vec<Stream>,
}

impl Program {
    /// Reads the keys of the program, and the expectation.
    pub fn from_table(table: &mut Table<'_, '_, '_>) -> Option<(Program, ProgramExpectation)> {
        let launch = Launch::from_table(
            table,
            "run",
            (
                "program and arguments, without a shell; a relative path starts in `cwd`",
                r#"run = ["./manage.py", "migrate", "--check"]"#,
            ),
        );
        let stdin = table.optional(
            "stdin",
            ("what the program can read; by default nothing", r#"stdin = "{{order|tojson}}""#),
        );
        let expect: Option<ProgramExpectation> = table.optional(
            "expect",
            (
                "how the program must end; by default, with exit code 0",
                r#"expect = { stdout = { contains = "ok" } }"#,
            ),
        );
        let plugin = table.optional_or(
            "plugin",
            (
                "it is a monitoring plugin: exit code 0 passes, 1 warns (what needs it runs), 2 fails, 3 is an error; its first line is the message",
                "plugin = true",
            ),
            false,
        );
        let safe = table.optional_or(
            "safe",
            ("it changes nothing, so `--read-only` may run it", "safe = true"),
            false,
        );
        let expect = if table.has("expect") { expect? } else { ProgramExpectation::default() };
        if let (true, Some(place)) = (plugin, expect.exit_place()) {
            let mistake = Diagnostic::new(place, "`exit` does not apply to a plugin");
            let hint = "with `plugin = true` the exit code says how it is; remove one of the two";
            return table.parse.reject(mistake.hint(hint));
        }
        let expect = if plugin { expect.of_a_plugin() } else { expect };
        let looked_at = expect.streams();
        Some((Program { launch: launch?, stdin, safe, looked_at }, expect))
    }

    /// Returns the program with stdout collected if there are captures.
    pub fn capturing(self, captures: &Captures) -> Program {
        if captures.is_empty() { self } else { self.with_stdout() }
    }

    /// Returns the program with its stdout collected.
    pub fn with_stdout(mut self) -> Program {
        if !self.looked_at.contains(&Stream::Stdout) {
            self.looked_at.push(Stream::Stdout);
        }
        self
    }

    fn command(&self, scope: &Variables, context: &Context) -> Result<Command, Failure> {
        let stdin = self.stdin.as_ref().map(|stdin| stdin.text(scope).map_err(template_failure));
        Ok(Command { stdin: stdin.transpose()?, ..self.launch.command(scope, context)? })
    }

    fn shell_command(&self, scope: &Variables, context: &Context) -> Option<ShellCommand> {
        let command = self.launch.shell_command(scope, context)?;
        Some(match &self.stdin {
            Some(stdin) => command.with_input(&stdin.text(&scope.for_people()).ok()?),
            None => command.without_input(),
        })
    }
}

impl Question for Program {
    type Answer = ProgramResult;
    type Expectation = ProgramExpectation;

    fn url(&self) -> &Template {
        self.launch.program()
    }

    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.launch.uses(uses);
        uses.read_all(&self.stdin);
    }

    // Whether the program exists is decided when it starts: an earlier one may create it.
    fn mistakes(&self, _: &ProgramExpectation, _: &Variables) -> Vec<Diagnostic> {
        Vec::new()
    }

    fn changes(&self) -> Option<String> {
        (!self.safe).then(|| "runs a program that does not say `safe = true`".to_owned())
    }

    // Processes that a program started and left behind are ended after it.
    fn leaves(&self, _: &Variables) -> bool {
        true
    }

    async fn ask(&self, session: &mut Session, context: &Context) -> Result<ProgramResult, Failure> {
        let command = self.command(&session.scope, context)?;
        context.trace(Direction::Sent, || {
            let shown = self.shell_command(&session.scope, context);
            shown.map(|shown| shown.into_message(&context.run.redactor)).unwrap_or_default()
        });
        program::run(&command, &self.looked_at, context).await
    }

    fn named(&self, scope: &Variables) -> Option<String> {
        self.launch.program().text(scope).ok()
    }

    // The time limit is omitted: not every system has `timeout`.
    fn reproduce(&self, session: &Session, context: &Context, _: Duration) -> Option<ShellCommand> {
        self.shell_command(&session.scope, context)
    }
}
