//! What says that a booted process is ready.
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

/// How often it is asked at first whether it is ready. A boot is waited for by everything, so this is short.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// How often it is asked in the end: every question stands in the log of the process.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// What says that the process is ready: all of it, at once.
#[derive(Debug)]
pub(super) struct Ready {
    log: Option<AwaitedLog>,
    /// What is asked over the network, where not only the process itself can answer.
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
        // The port first: it says in a moment what a request may wait for.
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

    /// What the process is to print. It is known before it prints.
    pub fn wanted(&self, scope: &Variables) -> Result<Option<Wanted>, Failure> {
        self.log.as_ref().map(|log| log.wanted(scope)).transpose()
    }

    /// What `resolve` does for it.
    pub fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.questions.iter().flat_map(|question| question.override_uses(scope)).collect()
    }

    /// What is asked would change this, in a few words.
    pub fn changes(&self) -> Option<String> {
        self.questions.iter().find_map(Question::changes)
    }

    /// Begins to wait for the process: to be called before it is started. Who answers then is not the process, and would
    /// be taken for it.
    ///
    /// # Errors
    /// Something answers already, or a variable has no value. The question is the one that was answered.
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
    /// What the last question came to.
    pub last: Option<Failure>,
    /// For each question who listened before the start.
    stale: Vec<super::question::Before>,
    /// Which question was not answered as expected; the output, if none was asked yet.
    unmet: Option<&'r Question>,
}

impl Waiting<'_> {
    /// Waits until it is ready.
    ///
    /// # Errors
    /// A variable has no value, or the budget ended. `last` says what the last question came to.
    pub async fn wait(
        &mut self,
        output: &Output,
        session: &mut Session,
        context: &Context,
    ) -> Result<(), Failure> {
        // What has been printed stays printed, so that the questions alone must hold at the same time.
        output.found().await;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ask_all(session, context).await {
                Ok(()) => return Ok(()),
                Err(failure) if is_of_a_template(&failure) => return Err(failure),
                // One that was cut by the end of the budget says less than the one before.
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

    /// Where the suite says what never came.
    pub fn place(&self) -> Option<Place> {
        match (self.unmet, &self.ready.log) {
            (Some(question), _) => Some(question.place()),
            (None, log) => log.as_ref().map(AwaitedLog::place),
        }
    }

    /// What never came.
    pub fn awaited(&self, output: &Output, scope: &Variables) -> Message {
        match (self.unmet, &self.ready.log) {
            (Some(question), _) => question.awaited(scope),
            (None, Some(log)) => log.awaited(output, scope),
            (None, None) => message!("it was never asked"),
        }
    }

    /// The command that asks the same.
    pub fn reproduce(&self, session: &Session, context: &Context) -> Option<ShellCommand> {
        self.unmet?.reproduce(session, context)
    }
}
