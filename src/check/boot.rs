//! It starts.
//!
//! ```toml
//! [[boot]]
//! name = "shop starts"
//! command = ["./target/release/shop", "--port", "8080"]
//! ready = { url = "{{base_url}}/health" }
//! stop = { signal = "TERM", grace = "2s" }
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::process::{Command, Output, Process, StopSignal, TAIL_SHOWN};
use super::step::{judge_http, template_failure};
use super::{Afterwards, Check, Context, Resident, Session};
use crate::deadline::{Deadline, Scope as BudgetScope};
use crate::expect::http::HttpExpectation;
use crate::expect::matcher::StatusSet;
use crate::outcome::{Failure, Phase};
use crate::probe::dial::{self, Target};
use crate::probe::http::{Request, send};
use crate::probe::shell::ShellCommand;
use crate::secret::{Message, Redactor};
use crate::suite::Uses;
use crate::suite::error::Diagnostic;
use crate::suite::read::{FromTable, FromToml, Named, Reading, Table};
use crate::suite::schema::{Definitions, Schema};
use crate::suite::table::{Rule, Written};
use crate::suite::template::Template;
use crate::suite::value::Scalar;
use crate::suite::vars::{Scope, is_secret_name};

/// How often it is asked whether it is ready. A boot is waited for by everything, so this is short.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// How long one question whether it is ready may take.
const ONE_QUESTION: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Boot {
    command: Vec<Template>,
    env: Vec<(Named, Scalar)>,
    cwd: Option<Template>,
    ready: Option<Ready>,
    stop: Stop,
}

/// What says that the process is ready.
#[derive(Debug)]
enum Ready {
    Url { request: Box<Request>, expect: Box<HttpExpectation> },
    Port(Scalar),
    Log(Template),
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
    let command: Option<Vec<Template>> = table.required("command", "the program and its arguments");
    let env = table.optional("env", "environment variables, added to smoke's own").unwrap_or_default();
    let cwd = table.optional("cwd", "the folder it runs in, from the suite's folder");
    let ready: Option<Ready> =
        table.optional("ready", "what says that it is ready: { url }, { port } or { log }");
    let stop = table.optional("stop", "{ signal, grace }: how it is stopped").unwrap_or_default();
    table.filled("command", "the command is empty; its first entry is the program")?;
    let ready = if table.has("ready") { Some(ready?) } else { None };
    let command = command?;
    Some(Arc::new(Boot { command, env, cwd, ready, stop }))
}

impl FromTable for Ready {
    const DEFINITION: &'static str = "ready";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let port: Option<Scalar> = table.optional("port", "it accepts connections on this port of 127.0.0.1");
        let log: Option<Template> = table.optional("log", "its output contains this text");
        let request = Request::from_url(table);
        let expect: Option<HttpExpectation> =
            table.optional("expect", "what the answer of `url` must be like");
        let expect = if table.has("expect") { expect? } else { HttpExpectation::default() };
        let of_the_request = table.asked_but(&["url", "port", "log"]);
        for key in &of_the_request {
            table.obeys(Rule::Needs(key, "url"));
        }
        let one = table.exactly_one(&["url", "port", "log"], "`ready` has one of `url`, `port` and `log`")?;
        if one != "url"
            && let Some(key) = of_the_request.iter().find(|key| table.has(key))
        {
            return table.reject(key, format!("`{key}` belongs to `url`: for `{one}` no request is sent"));
        }
        match one {
            "url" => Some(Ready::Url { request: Box::new(request?), expect: Box::new(expect) }),
            _ => port.map(Ready::Port).or(log.map(Ready::Log)),
        }
    }
}

impl FromTable for Stop {
    const DEFINITION: &'static str = "stop";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let default = Stop::default();
        let signal = table.optional_or("signal", "the signal that asks it to stop", default.signal);
        let grace = table.optional_or("grace", "how long it has before it is killed", default.grace);
        Some(Stop { signal, grace })
    }
}

impl FromToml for StopSignal {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let name = value.get_ref().as_str().unwrap_or_default();
        let name = name.strip_prefix("SIG").unwrap_or(name);
        StopSignal::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, signal)| *signal)
            .or_else(|| reading.expected(value, "one of \"TERM\", \"INT\", \"QUIT\", \"HUP\", \"KILL\""))
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        let short: Vec<&str> = StopSignal::ALL.iter().map(|(name, _)| *name).collect();
        let long: Vec<String> = short.iter().map(|name| format!("SIG{name}")).collect();
        json!({ "anyOf": [{ "enum": short }, { "enum": long }] })
    }
}

impl Written for StopSignal {
    fn written(&self) -> Value {
        let known = StopSignal::ALL.iter().find(|(_, signal)| signal == self);
        known.map_or(Value::Null, |(name, _)| Value::from(*name))
    }
}

impl Check for Boot {
    fn uses<'c>(&'c self, uses: &mut Uses<'c>) {
        uses.read_all(&self.command);
        uses.read_all(self.env.iter().map(|(_, value)| &value.0));
        uses.read_all(&self.cwd);
        match &self.ready {
            None => {}
            Some(Ready::Url { request, expect }) => {
                request.uses(uses);
                uses.read_all(expect.templates());
            }
            Some(Ready::Port(port)) => uses.read(&port.0),
            Some(Ready::Log(text)) => uses.read(text),
        }
    }

    fn mistakes(&self, scope: &Scope) -> Vec<Diagnostic> {
        match &self.ready {
            None | Some(Ready::Log(_)) => Vec::new(),
            Some(Ready::Url { request, .. }) => request.mistakes(scope),
            Some(Ready::Port(port)) => match port.0.text(scope) {
                Ok(text) if !matches!(text.parse::<u16>(), Ok(1..)) => {
                    let mistake = format!("`{text}` is not a port; a port is a number from 1 to 65535");
                    vec![Diagnostic::new(port.0.place(), mistake)]
                }
                Ok(_) | Err(_) => Vec::new(),
            },
        }
    }

    fn afterwards(&self, _: &Scope) -> Afterwards {
        Afterwards { stop: Some(self.stop.grace), ..Afterwards::default() }
    }

    fn run<'a>(
        &'a self,
        session: &'a mut Session,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            // A process of an attempt before, if `retry` is set.
            if let Some(before) = session.resident.take() {
                before.stop(context.deadline).await;
            }
            let command = self.command(session, context)?;
            // In clear in the suite, and secret by its name all the same: it may be in what the process prints.
            for (_, value) in command.env.iter().filter(|(name, _)| is_secret_name(name)) {
                context.hide(value);
            }
            let process = Process::start(&command, &context.run.groups)?;
            let (mut output, log) = (process.output(), process.output());
            let redactor = Arc::clone(&context.run.redactor);
            session.resident = Some(Box::new(Booted { process, stop: self.stop, redactor }));
            context.timeline.enter(Phase::Ready);

            // A session of its own for the questions: the process stays in the check's, where it is stopped from
            // when this is cut.
            let mut asking = Session::new(session.scope.clone());
            let died = async {
                match session.resident.as_mut() {
                    Some(resident) => resident.ended().await,
                    None => std::future::pending().await,
                }
            };
            let ready = Box::pin(self.wait_until_ready(&mut asking, context, &mut output));
            let bounded = context.deadline.bound(async {
                tokio::select! {
                    failure = died => Err(failure),
                    result = ready => result,
                }
            });
            let result = bounded.await.unwrap_or_else(|cut| Err(Failure::timed_out(cut, Phase::Ready)));
            let result = result.map_err(|failure| self.with_output(failure, &log, context));
            context.timeline.end();
            result
        })
    }

    fn reproduce(&self, session: &Session, context: &Context) -> Option<Message> {
        let shown = Session::new(session.scope.for_people());
        let Command { words, env, cwd } = self.command(&shown, context).ok()?;
        let (program, arguments) = words.split_first()?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let command = ShellCommand::new(program).words(&arguments);
        let command = env.iter().fold(command, |command, (name, value)| command.with_env(name, value));
        let folder = cwd.display().to_string();
        let command = match folder.as_str() {
            "" | "." => command,
            folder => command.in_folder(folder),
        };
        Some(command.into_message(&context.run.redactor))
    }
}

impl Boot {
    fn command(&self, session: &Session, context: &Context) -> Result<Command, Failure> {
        let text = |template: &Template| template.text(&session.scope).map_err(template_failure);
        let words: Result<Vec<String>, Failure> = self.command.iter().map(text).collect();
        let env: Result<Vec<(String, String)>, Failure> =
            self.env.iter().map(|(named, value)| Ok((named.name.clone(), text(&value.0)?))).collect();
        let dir = &context.run.suite_dir;
        let cwd: PathBuf = match &self.cwd {
            Some(cwd) => dir.join(text(cwd)?),
            None => dir.clone(),
        };
        Ok(Command { words: words?, env: env?, cwd })
    }

    /// A cut says what never came, and what the process said instead.
    fn with_output(&self, failure: Failure, log: &Output, context: &Context) -> Failure {
        match failure {
            Failure::TimedOut { cut, phase, detail: None, last } => {
                let tail = log.tail(&context.run.redactor);
                let said = match tail.trim().is_empty() {
                    true => Message::new().words("; it printed nothing"),
                    false => Message::new().words("; its last output:\n").excerpt(tail, TAIL_SHOWN),
                };
                Failure::TimedOut { cut, phase, detail: Some(self.awaited().then(said)), last }
            }
            other => other,
        }
    }

    fn awaited(&self) -> Message {
        match &self.ready {
            None => Message::new().words("it was started"),
            Some(Ready::Url { .. }) => Message::new().words("its `ready` URL never gave the expected answer"),
            Some(Ready::Port(_)) => Message::new().words("its `ready` port never accepted a connection"),
            Some(Ready::Log(_)) => Message::new().words("its output never contained the `ready` text"),
        }
    }

    async fn wait_until_ready(
        &self,
        session: &mut Session,
        context: &Context,
        output: &mut Output,
    ) -> Result<(), Failure> {
        match &self.ready {
            None => Ok(()),
            Some(Ready::Log(text)) => {
                let text = text.text(&session.scope).map_err(template_failure)?;
                output.wait_for(&text).await;
                Ok(())
            }
            Some(Ready::Port(port)) => {
                let port = port.0.text(&session.scope).map_err(template_failure)?;
                let port = port.parse().map_err(|_| template_failure(format!("`{port}` is not a port")))?;
                let target = Target { host: "127.0.0.1".to_owned(), port };
                loop {
                    // On a timeline of its own: that nobody listened yet is not where the boot's time went.
                    let question = context.aside(context.deadline);
                    let asked = dial::connect(&target, &question);
                    if Arc::clone(&question.timeline).observe(asked).await.is_ok() {
                        return Ok(());
                    }
                    Self::pause(context).await?;
                }
            }
            Some(Ready::Url { request, expect }) => loop {
                let question = context.aside(context.deadline.tighten(ONE_QUESTION, BudgetScope::Step));
                let mut cookies = cookie_store::CookieStore::default();
                let asked = send(request, &context.run.clients, &mut cookies, &session.scope, &question);
                // On a timeline of its own: that nobody listened yet is not where the boot's time went.
                let asked = Arc::clone(&question.timeline).observe(asked);
                if let Ok(Ok(mut answer)) = question.deadline.bound(asked).await {
                    answer.read_page(expect.html_queries().collect()).await;
                    if judge_http(&answer, expect, &StatusSet::success(), &[], session, &question).is_ok() {
                        return Ok(());
                    }
                }
                Self::pause(context).await?;
            },
        }
    }

    async fn pause(context: &Context) -> Result<(), Failure> {
        context.deadline.pause(ASK_EVERY).await.map_err(|cut| Failure::timed_out(cut, Phase::Ready))
    }
}

/// A process that stays for the run.
struct Booted {
    process: Process,
    stop: Stop,
    redactor: Arc<Redactor>,
}

impl Resident for Booted {
    fn has_ended(&mut self) -> bool {
        self.process.has_ended()
    }

    fn ended(&mut self) -> BoxFuture<'_, Failure> {
        Box::pin(async move {
            let how = self.process.ended().await;
            let tail = self.process.output().tail(&self.redactor);
            let how = Message::new().words("the process ended: ").words(how);
            // The cause is most often what it said last, and a trace before that may be long.
            let how = match tail.lines().rev().find(|line| !line.trim().is_empty()) {
                Some(last) => how.words("; it last said: ").data(last.trim()),
                None => how.words("; it printed nothing"),
            };
            let log = (tail.trim().lines().count() > 1).then(|| Message::new().excerpt(tail, TAIL_SHOWN));
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
