//! It starts.
//!
//! ```toml
//! [[boot]]
//! name = "shop starts"
//! command = ["./target/release/shop", "--port", "8080"]
//! ready = { url = "{{base_url}}/health" }
//! stop = { signal = "TERM", grace = "2s" }
//! ```

mod ready;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use self::ready::Ready;
use super::request::OverrideUse;
use super::{Afterwards, BackgroundProcess, Check, Running, Session, template_failure};
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::attempt::shell::ShellCommand;
use crate::deadline::{BudgetScope, Deadline};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromTable, FromToml, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::table::ToToml;
use crate::language::template::Template;
use crate::language::value::Scalar;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variables, is_secret_name};
use crate::outcome::{Failure, Phase};
use crate::process::{Command, End, Groups, Output, Process, StopSignal, why_it_ended};
use crate::secret::{Message, Redacted, Redactor};

#[derive(Debug)]
struct Boot {
    command: Vec<Template>,
    env: Vec<(Template, Scalar)>,
    cwd: Option<Template>,
    ready: Option<Ready>,
    stop: Stop,
}

/// `stop = { signal = "TERM", grace = "2s" }`.
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
        ("how to tell that the process is ready; by default, it is ready at once", "ready = { port = 8080 }"),
    );
    let stop = table
        .optional("stop", ("how to stop the process", r#"stop = { signal = "INT" }"#))
        .unwrap_or_default();
    table.filled("command", "the command is empty; its first entry is the program")?;
    let ready = if table.has("ready") { Some(ready?) } else { None };
    let command = command?;
    Some(Arc::new(Boot { command, env, cwd, ready, stop }))
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

    // What its program does is the program's matter; what it is asked may change it.
    fn changes(&self) -> Option<String> {
        self.ready.as_ref().and_then(Ready::changes)
    }

    fn target(&self) -> Option<Place> {
        self.command.first().map(Template::place)
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(BootRun { boot: self, session: Session::new(scope), process: None, reproduce: None })
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
        Ok(Command { words: words?, env: env?, cwd })
    }

    /// The command that starts the same.
    fn start_command(&self, scope: &Variables, context: &Context) -> Option<ShellCommand> {
        let Command { words, env, cwd } = self.command(&scope.for_people(), context).ok()?;
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

/// A boot that runs.
struct BootRun {
    boot: Arc<Boot>,
    session: Session,
    /// What the last attempt started.
    process: Option<Box<dyn BackgroundProcess>>,
    /// The command that reproduces the last failure, where the one that starts the process does not.
    reproduce: Option<Message>,
}

impl Attempt for BootRun {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.start(context))
    }
}

impl Running for BootRun {
    fn reproduce(&self, context: &Context) -> Option<Redacted<Message>> {
        let redactor = &context.run.redactor;
        let command = match &self.reproduce {
            Some(command) => command.clone(),
            None => self.boot.start_command(&self.session.scope, context)?.into_message(redactor),
        };
        Some(redactor.redact(command))
    }

    fn background(&mut self) -> Option<Box<dyn BackgroundProcess>> {
        self.process.take()
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.session.scope
    }
}

impl BootRun {
    async fn start(&mut self, context: &Context) -> Result<(), Failure> {
        // A process of an attempt before, if `retry` is set.
        if let Some(before) = self.process.take() {
            before.stop(context.deadline).await;
        }
        self.reproduce = None;
        let boot = Arc::clone(&self.boot);
        let command = boot.command(&self.session.scope, context)?;
        // In clear in the suite, and secret by its name all the same: it may be in what the process prints.
        for (_, value) in command.env.iter().filter(|(name, _)| is_secret_name(name)) {
            context.hide(value);
        }
        if let Some(Ready::Answers(question)) = &boot.ready
            && let Err(failure) = question.ask_before_the_start(&mut self.session, context).await
        {
            let asked = question.reproduce(&self.session, context);
            self.reproduce = asked.map(|asked| asked.into_message(&context.run.redactor));
            return Err(failure);
        }
        let output = match &boot.ready {
            Some(ready) => ready.output(&self.session.scope)?,
            None => Output::default(),
        };
        let process = Process::start(&command, output.clone(), &context.run.shared::<Groups>())?;
        let booted = Booted {
            process,
            output: output.clone(),
            stop: boot.stop,
            redactor: Arc::clone(&context.run.redactor),
        };
        // Kept here at once: it is stopped from here when this is cut.
        let process = self.process.insert(Box::new(booted));
        context.timeline.enter(Phase::Ready);

        let mut last = None;
        let session = &mut self.session;
        let bounded = context.deadline.bound(async {
            tokio::select! {
                // The answer may be somebody else's: what has ended is not ready, whoever answers.
                biased;
                failure = process.ended() => return Err(failure),
                result = wait_until_ready(boot.ready.as_ref(), &output, &mut last, session, context) => result?,
            }
            if process.has_ended() { Err(process.ended().await) } else { Ok(()) }
        });
        let result = Box::pin(bounded).await.unwrap_or_else(|cut| Err(Failure::timed_out(cut, Phase::Ready)));
        context.timeline.end();
        result.map_err(|failure| self.never_ready(failure, last, &output, context))
    }

    /// A cut says what never came, what came instead, and what the process printed.
    fn never_ready(
        &mut self,
        failure: Failure,
        last: Option<Failure>,
        output: &Output,
        context: &Context,
    ) -> Failure {
        let (Failure::TimedOut { cut, phase, .. }, Some(ready)) = (&failure, &self.boot.ready) else {
            return failure;
        };
        let redactor = &context.run.redactor;
        if let Ready::Answers(question) = ready {
            let started = self.boot.start_command(&self.session.scope, context);
            let asked = question.reproduce(&self.session, context);
            self.reproduce = started
                .zip(asked)
                .map(|(started, asked)| started.while_it_runs(cut.budget, &asked, redactor));
        }
        let log = output.log(redactor);
        let printed = if log.is_some() { "" } else { "; it printed nothing" };
        let detail = Some(ready.awaited(&self.session.scope).words(printed));
        let (last, place) = (last.map(Box::new), Some(ready.place()));
        Failure::TimedOut { cut: *cut, phase: *phase, detail, last, log, place }
    }
}

async fn wait_until_ready(
    ready: Option<&Ready>,
    output: &Output,
    last: &mut Option<Failure>,
    session: &mut Session,
    context: &Context,
) -> Result<(), Failure> {
    match ready {
        None => Ok(()),
        Some(ready) => ready.wait(output, last, session, context).await,
    }
}

/// A process that stays for the run.
struct Booted {
    process: Process,
    output: Output,
    stop: Stop,
    redactor: Arc<Redactor>,
}

impl BackgroundProcess for Booted {
    fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    fn ended(&mut self) -> BoxFuture<'_, Failure> {
        Box::pin(async move {
            let end = self.process.ended().await;
            let log = self.output.log(&self.redactor);
            let how = Message::new().words(format!("the process ended: {end}"));
            let Some(log) = log else {
                return Failure::Exited { how: how.words("; it printed nothing"), log: None };
            };
            // Whoever is ended by a signal did not say why.
            let said = match end {
                End::Exit(_) | End::Unknown(_) => why_it_ended(&log.text()),
                End::Signal(_) => None,
            };
            let log = Some(log).filter(|log| said.is_none() || log.has_several_lines());
            let how = match said {
                Some(said) => how.words("; it said: ").data(said),
                None => how,
            };
            Failure::Exited { how, log }
        })
    }

    fn stop(self: Box<Self>, deadline: Deadline) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Booted { process, stop, .. } = *self;
            process.stop(stop.signal, deadline.tighten(stop.grace, BudgetScope::Grace)).await;
        })
    }
}
