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

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use self::ready::Ready;
use self::run::BootRun;
use super::launch::Launch;
use super::request::OverrideUse;
use super::{Afterwards, Check, Running, template_failure};
use crate::attempt::{AfterRed, Context};
use crate::language::diagnostic::Diagnostic;
use crate::language::io_error;
use crate::language::read::{FromTable, FromToml, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::table::ToToml;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault};
use crate::process::{Command, LogFile, StopSignal};
use crate::secret::message;

#[derive(Debug)]
struct Boot {
    launch: Launch,
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
    let launch = Launch::from_table(
        table,
        "command",
        (
            "program and arguments; a relative path starts in `cwd`",
            r#"command = ["./shop", "--port", "{{port}}"]"#,
        ),
    );
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
    let ready = if table.has("ready") { Some(ready?) } else { None };
    Some(Arc::new(Boot { launch: launch?, ready, log_file, stop }))
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
        self.launch.uses(uses);
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
        Some(self.launch.place())
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(BootRun::new(self, scope))
    }
}

impl Boot {
    fn command(&self, scope: &Variables, context: &Context) -> Result<Command, Failure> {
        let command = self.launch.command(scope, context)?;
        // Where it may outlive smoke, it cannot print into a pipe that nobody will read.
        let prints_to = match context.run.after_red {
            AfterRed::Stop => None,
            AfterRed::KeepRunning => {
                let name = format!("smoke-boot-{}.log", uuid::Uuid::new_v4().simple());
                Some(std::env::temp_dir().join(name))
            }
        };
        Ok(Command { prints_to, ..command })
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
}
