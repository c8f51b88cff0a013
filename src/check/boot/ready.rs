//! The conditions for a booted process to be ready.
//!
//! ```toml
//! ready = { url = "{{base_url}}/health", log = { matches = "accept connections", count = 2 } }
//! ```

use std::time::Duration;

use super::log::AwaitedLog;
use super::question::{Question, QuestionKind, is_of_a_template};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::check::Session;
use crate::check::protocol::ByScheme;
use crate::check::request::OverrideUse;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromTable, Table};
use crate::language::source::Place;
use crate::language::table::Rule;
use crate::language::value::Scalar;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Phase};
use crate::process::{Output, Wanted};
use crate::secret::{Message, message};

/// The initial pause between probes. Short, because everything waits for a boot.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// The longest pause between probes. Each probe appears in the log of the process.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The conditions for readiness, which must all hold at once.
#[derive(Debug)]
pub(super) struct Ready {
    log: Option<AwaitedLog>,
    /// The probes over the network, which a process other than the booted one may answer.
    questions: Vec<Question>,
}

impl FromTable for Ready {
    const DEFINITION: &'static str = "ready";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let port: Option<Scalar> = table.optional(
            "port",
            ("the process accepts connections on this port, over IPv4 or IPv6", "port = 8080"),
        );
        let log: Option<AwaitedLog> = table.optional(
            "log",
            ("the output of the process has this text, or lines that match", r#"log = "listening on""#),
        );
        let by_url = ByScheme::from_table(table);
        let of_the_request = table.asked_but(&["url", "port", "log"]);
        for key in &of_the_request {
            table.obeys(Rule::Needs(key, "url"));
        }
        table.obeys(Rule::AtLeastOne(&["url", "port", "log"]));
        if !["url", "port", "log"].iter().any(|key| table.has(key)) {
            let mistake = Diagnostic::new(table.place(), "`ready` needs `url`, `port` or `log`");
            return table.lacks(mistake);
        }
        if !table.has("url")
            && let Some(key) = of_the_request.iter().find(|key| table.has(key))
        {
            return table.reject(key, format!("`{key}` belongs to `url`: without it, no request is sent"));
        }
        let port = if table.has("port") { Some(port?) } else { None };
        let log = if table.has("log") { Some(log?) } else { None };
        let url = if table.has("url") { Some(by_url?) } else { None };
        // The port goes first: its result is immediate, while a request may have to wait.
        let questions = port.map(QuestionKind::Port).into_iter();
        let questions = questions.chain(url.map(|url| QuestionKind::Url(Box::new(url))));
        Some(Ready { log, questions: questions.map(Question::new).collect() })
    }
}

impl Ready {
    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        if let Some(log) = &self.log {
            log.uses(uses);
        }
        self.questions.iter().for_each(|question| question.uses(uses));
    }

    pub fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        let of_log = self.log.iter().flat_map(|log| log.mistakes(scope));
        of_log.chain(self.questions.iter().flat_map(|question| question.mistakes(scope))).collect()
    }

    /// Returns the awaited output, which must be known before the process prints.
    pub fn wanted(&self, scope: &Variables) -> Result<Option<Wanted>, Failure> {
        self.log.as_ref().map(|log| log.wanted(scope)).transpose()
    }

    /// Returns how `resolve` affects the probes.
    pub fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.questions.iter().flat_map(|question| question.override_uses(scope)).collect()
    }

    /// Describes what the probes would change.
    pub fn changes(&self) -> Option<String> {
        self.questions.iter().find_map(Question::changes)
    }

    /// Prepares to wait for the process. Call this before it is started: a server that responds now is not the process,
    /// and would be mistaken for it.
    ///
    /// # Errors
    /// Fails if something already responds, or if a variable has no value. Also returns the probe that was answered.
    pub async fn before_the_start(
        &self,
        session: &mut Session,
        context: &Context,
    ) -> Result<Waiting<'_>, (Failure, Option<&Question>)> {
        let mut waiting = Waiting { ready: self, last: None, stale: Vec::new(), unmet: None };
        for question in &self.questions {
            let asked = question.ask_before_the_start(session, context).await;
            waiting.stale.push(asked.map_err(|failure| (failure, Some(question)))?);
        }
        Ok(waiting)
    }
}

/// A process that is not ready yet.
pub(super) struct Waiting<'r> {
    ready: &'r Ready,
    /// The failure of the last probe.
    pub last: Option<Failure>,
    /// For each probe, the servers that listened before the start.
    stale: Vec<super::question::Before>,
    /// The probe that failed, or `None` for the output if no probe was sent yet.
    unmet: Option<&'r Question>,
}

impl Waiting<'_> {
    /// Waits until the process is ready.
    ///
    /// # Errors
    /// Fails if a variable has no value, or if the budget ends. `last` holds the failure of the last probe.
    pub async fn wait(
        &mut self,
        output: &Output,
        session: &mut Session,
        context: &Context,
    ) -> Result<(), Failure> {
        // Printed output cannot change any more, so only the probes must succeed at the same time.
        output.found().await;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ask_all(session, context).await {
                Ok(()) => return Ok(()),
                Err(failure) if is_of_a_template(&failure) => return Err(failure),
                // A probe that the end of the budget cut explains less than the one before it.
                Err(_) if context.deadline.has_passed() && self.last.is_some() => {}
                Err(failure) => self.last = Some(failure),
            }
            let paused = context.deadline.pause(pause).await;
            paused.map_err(|cut| Failure::timed_out(cut, Phase::Ready))?;
            pause = (pause * 5 / 4).min(LONGEST_PAUSE);
        }
    }

    async fn ask_all(&mut self, session: &mut Session, context: &Context) -> Result<(), Failure> {
        for (question, before) in self.ready.questions.iter().zip(&self.stale) {
            self.unmet = Some(question);
            question.ask_in_time(session, context).await?;
            before.is_gone()?;
        }
        Ok(())
    }

    /// Returns where the suite states the condition that was not met.
    pub fn place(&self) -> Option<Place> {
        match (self.unmet, &self.ready.log) {
            (Some(question), _) => Some(question.place()),
            (None, log) => log.as_ref().map(AwaitedLog::place),
        }
    }

    /// Describes the condition that was not met.
    pub fn awaited(&self, output: &Output, scope: &Variables) -> Message {
        match (self.unmet, &self.ready.log) {
            (Some(question), _) => question.awaited(scope),
            (None, Some(log)) => log.awaited(output, scope),
            (None, None) => message!("it was never asked"),
        }
    }

    /// Returns a command that sends the failed probe.
    pub fn reproduce(&self, session: &Session, context: &Context) -> Option<ShellCommand> {
        self.unmet?.reproduce(session, context)
    }
}
