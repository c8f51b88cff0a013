//! The `[[boot]]` check: the application starts.
//!
//! ```toml
//! [[boot]]
//! name = "shop starts"
//! command = ["./target/release/shop", "--port", "8080"]
//! ready = { url = "{{base_url}}/health" }
//! stop = { signal = "TERM", grace = "2s" }
//! ```

mod booted;
mod log;
mod question;
mod ready;
mod run;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use self::ready::Ready;
use self::run::BootRun;
use super::request::OverrideUse;
use super::{Afterwards, Check, Running, template_failure};
use crate::attempt::shell::ShellCommand;
use crate::attempt::{AfterRed, Context};
use crate::language::diagnostic::Diagnostic;
use crate::language::io_error;
use crate::language::read::{FromTable, FromToml, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::table::ToToml;
use crate::language::template::Template;
use crate::language::value::Scalar;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault};
use crate::process::{Command, LogFile, StopSignal};
use crate::secret::message;

#[derive(Debug)]
struct Boot {
    command: Vec<Template>,
    env: Vec<(Template, Scalar)>,
    cwd: Option<Template>,
    ready: Option<Ready>,
    log_file: Option<Template>,
    stop: Stop,
}

/// The key `stop = { signal = "TERM", grace = "2s" }`.
#[derive(Debug, Clone, Copy)]
struct Stop {
    signal: StopSignal,
    grace: Duration,
}

impl Default for Stop {
    fn default() -> Self {
        Stop { signal: StopSignal::Term, grace: Duration::from_secs(2) }
    }
}

/// Reads a `[[boot]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let command: Option<Vec<Template>> = table.required(
        "command",
        (
            "program and arguments; a relative path starts in `cwd`",
            r#"command = ["./shop", "--port", "{{port}}"]"#,
        ),
    );
    let env = table
        .optional(
            "env",
            ("environment variables, added to those of smoke", r#"env = { DATABASE_URL = "{{db_url}}" }"#),
        )
        .unwrap_or_default();
    let cwd =
        table.optional("cwd", ("working directory; by default, the suite's folder", r#"cwd = "server""#));
    let ready: Option<Ready> = table.optional(
        "ready",
        (
            "how to tell that the process is ready; by default, it is ready if it does not end at once",
            "ready = { port = 8080 }",
        ),
    );
    let log_file = table.optional(
        "log-file",
        (
            "file that gets all that the process prints, without secrets; begun anew, in the suite's folder",
            r#"log-file = "shop.log""#,
        ),
    );
    let stop = table
        .optional("stop", ("how to stop the process", r#"stop = { signal = "INT" }"#))
        .unwrap_or_default();
    table.filled("command", "the command is empty; its first entry is the program")?;
    let ready = if table.has("ready") { Some(ready?) } else { None };
    let command = command?;
    Some(Arc::new(Boot { command, env, cwd, ready, log_file, stop }))
}

impl FromTable for Stop {
    const DEFINITION: &'static str = "stop";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let default = Stop::default();
        let signal = table.optional_or(
            "signal",
            ("signal that asks the process to stop", r#"signal = "INT""#),
            default.signal,
        );
        let grace = table.optional_or(
            "grace",
            ("time to stop before it is killed, with everything it started", r#"grace = "5s""#),
            default.grace,
        );
        Some(Stop { signal, grace })
    }
}

impl FromToml for StopSignal {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let name = value.get_ref().as_str().unwrap_or_default();
        let name = name.strip_prefix("SIG").unwrap_or(name);
        StopSignal::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, signal)| *signal)
            .or_else(|| parse.expected(value, "one of \"TERM\", \"INT\", \"QUIT\", \"HUP\", \"KILL\""))
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        let short: Vec<&str> = StopSignal::ALL.iter().map(|(name, _)| *name).collect();
        let long: Vec<String> = short.iter().map(|name| format!("SIG{name}")).collect();
        json!({ "anyOf": [{ "enum": short }, { "enum": long }] })
    }
}

impl ToToml for StopSignal {
    fn to_toml(&self) -> Value {
        let known = StopSignal::ALL.iter().find(|(_, signal)| signal == self);
        known.map_or(Value::Null, |(name, _)| Value::from(*name))
    }
}

impl Check for Boot {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read_all(&self.command);
        uses.read_all(self.env.iter().flat_map(|(name, value)| [name, &value.0]));
        uses.read_all(&self.cwd);
        uses.read_all(&self.log_file);
        if let Some(ready) = &self.ready {
            ready.uses(uses);
        }
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        self.ready.as_ref().map(|ready| ready.mistakes(scope)).unwrap_or_default()
    }

    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.ready.as_ref().map(|ready| ready.override_uses(scope)).unwrap_or_default()
    }

    fn afterwards(&self, _: &Variables) -> Afterwards {
        Afterwards { stop: Some(self.stop.grace), ..Afterwards::default() }
    }

    // The effects of the started program are its own responsibility, but a readiness request may change something.
    fn changes(&self) -> Option<String> {
        self.ready.as_ref().and_then(Ready::changes)
    }

    fn target(&self) -> Option<Place> {
        self.command.first().map(Template::place)
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(BootRun::new(self, scope))
    }
}

impl Boot {
    fn command(&self, scope: &Variables, context: &Context) -> Result<Command, Failure> {
        let text = |template: &Template| template.text(scope).map_err(template_failure);
        let words: Result<Vec<String>, Failure> = self.command.iter().map(text).collect();
        let env: Result<Vec<(String, String)>, Failure> =
            self.env.iter().map(|(name, value)| Ok((text(name)?, text(&value.0)?))).collect();
        let dir = &context.run.suite_dir;
        let cwd: PathBuf = match &self.cwd {
            Some(cwd) => dir.join(text(cwd)?),
            None => dir.clone(),
        };
        // A process that may outlive smoke must not print into a pipe that nobody will read.
        let prints_to = match context.run.after_red {
            AfterRed::Stop => None,
            AfterRed::KeepRunning => {
                let name = format!("smoke-boot-{}.log", uuid::Uuid::new_v4().simple());
                Some(std::env::temp_dir().join(name))
            }
        };
        Ok(Command { words: words?, env: env?, cwd, prints_to })
    }

    /// Creates or truncates the file that receives its output.
    fn log_file(&self, scope: &Variables, context: &Context) -> Result<Option<LogFile>, Failure> {
        let Some(file) = &self.log_file else { return Ok(None) };
        let path = context.run.suite_dir.join(file.text(scope).map_err(template_failure)?);
        let created = LogFile::create(&path, Arc::clone(&context.run.redactor));
        created.map(Some).map_err(|error| {
            let doing = message!("writing `log-file` to `{}`", path.display());
            Failure::fault(Fault::Local, doing, message!("{}", io_error::reason(&error)))
        })
    }

    /// Returns the command that starts the same process.
    fn start_command(&self, scope: &Variables, context: &Context) -> Option<ShellCommand> {
        let Command { words, env, cwd, .. } = self.command(&scope.for_people(), context).ok()?;
        let (program, arguments) = words.split_first()?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let command = ShellCommand::new(program).words(&arguments);
        let command = env.iter().fold(command, |command, (name, value)| command.with_env(name, value));
        let folder = cwd.display().to_string();
        Some(match folder.as_str() {
            "" | "." => command,
            folder => command.in_folder(folder),
        })
    }
}
