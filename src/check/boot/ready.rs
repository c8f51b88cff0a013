//! What says that a booted process is ready.
//!
//! ```toml
//! ready = { url = "{{base_url}}/health" }     # or { port = 8080 } or { log = "listening on" }
//! ```

use std::sync::Arc;
use std::time::Duration;

use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::check::protocol::ByScheme;
use crate::check::request::OverrideUse;
use crate::check::{Session, template_failure};
use crate::deadline::{BudgetScope, Cut, Deadline};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromTable, Table};
use crate::language::source::Place;
use crate::language::table::Rule;
use crate::language::template::Template;
use crate::language::value::Scalar;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault, Phase, Span};
use crate::probe::dial::{self, Target};
use crate::process::Output;
use crate::secret::Message;

/// How often it is asked whether it is ready. A boot is waited for by everything, so this is short.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// How long one question whether it is ready may take.
const ONE_QUESTION: Duration = Duration::from_secs(2);

/// What says that the process is ready.
#[derive(Debug)]
pub(super) enum Ready {
    /// Its output contains this.
    Prints(Template),
    Answers(Question),
}

/// What is asked over the network, where not only the process itself can answer.
#[derive(Debug)]
pub(super) enum Question {
    Url(Box<ByScheme>),
    /// Does it accept connections on this port of 127.0.0.1?
    Port(Scalar),
}

impl FromTable for Ready {
    const DEFINITION: &'static str = "ready";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let port: Option<Scalar> = table
            .optional("port", ("the process accepts connections on this port of 127.0.0.1", "port = 8080"));
        let log: Option<Template> = table
            .optional("log", ("the output of the process contains this text", r#"log = "listening on""#));
        let by_url = ByScheme::from_table(table);
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
            "url" => Some(Ready::Answers(Question::Url(Box::new(by_url?)))),
            _ => port.map(|port| Ready::Answers(Question::Port(port))).or(log.map(Ready::Prints)),
        }
    }
}

impl Ready {
    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        match self {
            Ready::Prints(text) => uses.read(text),
            Ready::Answers(Question::Port(port)) => uses.read(&port.0),
            Ready::Answers(Question::Url(asked)) => asked.uses(uses),
        }
    }

    pub fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        match self {
            Ready::Prints(_) => Vec::new(),
            Ready::Answers(Question::Url(asked)) => asked.mistakes(scope),
            Ready::Answers(Question::Port(port)) => match port.0.text(scope) {
                Ok(text) if !matches!(text.parse::<u16>(), Ok(1..)) => {
                    let mistake = format!("`{text}` is not a port; a port is a number from 1 to 65535");
                    vec![Diagnostic::new(port.0.place(), mistake)]
                }
                Ok(_) | Err(_) => Vec::new(),
            },
        }
    }

    /// What `resolve` does for it.
    pub fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        match self {
            Ready::Answers(Question::Url(asked)) => asked.override_uses(scope),
            Ready::Prints(_) | Ready::Answers(Question::Port(_)) => Vec::new(),
        }
    }

    /// What is asked would change this, in a few words.
    pub fn changes(&self) -> Option<String> {
        match self {
            Ready::Answers(Question::Url(asked)) => asked.changes(),
            Ready::Answers(Question::Port(_)) | Ready::Prints(_) => None,
        }
    }

    /// Where the suite says what is waited for.
    pub fn place(&self) -> Place {
        match self {
            Ready::Prints(text) => text.place(),
            Ready::Answers(Question::Url(asked)) => asked.place(),
            Ready::Answers(Question::Port(port)) => port.0.place(),
        }
    }

    /// Where the process is to print to. What is looked for is known before it prints.
    pub fn output(&self, scope: &Variables) -> Result<Output, Failure> {
        match self {
            Ready::Prints(text) => Ok(Output::looking_for(&text.text(scope).map_err(template_failure)?)),
            Ready::Answers(_) => Ok(Output::default()),
        }
    }

    /// Waits until it is ready. `last` is what the last question came to.
    pub async fn wait(
        &self,
        output: &Output,
        last: &mut Option<Failure>,
        session: &mut Session,
        context: &Context,
    ) -> Result<(), Failure> {
        match self {
            Ready::Prints(_) => {
                output.found().await;
                Ok(())
            }
            Ready::Answers(question) => question.wait(last, session, context).await,
        }
    }

    /// What never came.
    pub fn awaited(&self, scope: &Variables) -> Message {
        match self {
            Ready::Prints(text) => {
                let text = text.text(scope).unwrap_or_default();
                Message::new().words("its output never contained the `ready` text `").data(text).words("`")
            }
            Ready::Answers(question @ Question::Url(_)) => {
                question.named(scope).words(" never gave the expected answer")
            }
            Ready::Answers(question @ Question::Port(_)) => {
                question.named(scope).words(" never accepted a connection")
            }
        }
    }
}

impl Question {
    /// Asks before the process is started: who answers then is not the process, and would be taken for it.
    ///
    /// # Errors
    /// Something answers already, or a variable has no value.
    pub async fn ask_before_the_start(
        &self,
        session: &mut Session,
        context: &Context,
    ) -> Result<(), Failure> {
        // An answer that takes longer than half of what is left would come too late afterwards, too.
        let limit = ONE_QUESTION.min(context.deadline.remaining() / 2);
        match self.ask(context.deadline.tighten(limit, BudgetScope::Step), session, context).await {
            Ok(()) => Err(self.is_answered_already(session, context)),
            Err(failure) if is_of_a_template(&failure) => Err(failure),
            Err(_) => Ok(()),
        }
    }

    fn is_answered_already(&self, session: &Session, context: &Context) -> Failure {
        let asked = self.named(&session.scope);
        let something_else = Message::new().words("something else already ");
        let cause = match self {
            Question::Url(_) => something_else.words("answers ").then(asked).words(" as expected"),
            Question::Port(_) => something_else.words("accepts connections on ").then(asked),
        };
        let cause = cause.words(", so it was not started");
        let leave_out = ShellCommand::new("--skip").word(&globset::escape(&context.check));
        let hint = Message::new()
            .words("stop what listens there, or take a free port; to test what runs there, leave this out: `")
            .then(leave_out.into_message(&context.run.redactor))
            .words("`");
        Failure::fault(Fault::Local, Message::new().words("starting it"), cause).with_hint(hint)
    }

    async fn wait(
        &self,
        last: &mut Option<Failure>,
        session: &mut Session,
        context: &Context,
    ) -> Result<(), Failure> {
        loop {
            let limit = context.deadline.tighten(ONE_QUESTION, BudgetScope::Step);
            match self.ask(limit, session, context).await {
                Ok(()) => return Ok(()),
                Err(failure) if is_of_a_template(&failure) => return Err(failure),
                // One that was cut by the end of the budget says less than the one before.
                Err(_) if context.deadline.has_passed() && last.is_some() => {}
                Err(failure) => *last = Some(failure),
            }
            let pause = context.deadline.pause(ASK_EVERY).await;
            pause.map_err(|cut| Failure::timed_out(cut, Phase::Ready))?;
        }
    }

    /// Asks once.
    async fn ask(&self, limit: Deadline, session: &mut Session, context: &Context) -> Result<(), Failure> {
        // On a timeline of its own: that nobody listened yet is not where the boot's time went.
        let question = context.aside(limit);
        let asked = Arc::clone(&question.timeline).observe(Box::pin(self.answer(session, &question)));
        let bounded = limit.bound(asked).await;
        bounded.unwrap_or_else(|cut| Err(no_answer(cut, question.timeline.phase())))
    }

    async fn answer(&self, session: &mut Session, context: &Context) -> Result<(), Failure> {
        match self {
            Question::Port(port) => dial::connect(&target(port, &session.scope)?, context).await.map(drop),
            Question::Url(asked) => asked.choose(&session.scope)?.run(session, context).await,
        }
    }

    /// What is asked, for people.
    fn named(&self, scope: &Variables) -> Message {
        match self {
            Question::Url(asked) => {
                let shown = scope.for_people();
                let named = asked.choose(&shown).ok().and_then(|asked| asked.named(&shown));
                let named = named.unwrap_or_else(|| "its `ready` URL".to_owned());
                Message::new().words("`").data(named).words("`")
            }
            Question::Port(port) => {
                Message::new().words("127.0.0.1:").data(port.0.text(scope).unwrap_or_default())
            }
        }
    }

    /// The command that asks the same.
    pub fn reproduce(&self, session: &Session, context: &Context) -> Option<ShellCommand> {
        match self {
            Question::Port(port) => Some(dial::as_curl(&target(port, &session.scope).ok()?, ONE_QUESTION)),
            Question::Url(asked) => asked.reproduce(session, context, ONE_QUESTION),
        }
    }
}

fn target(port: &Scalar, scope: &Variables) -> Result<Target, Failure> {
    let port = port.0.text(scope).map_err(template_failure)?;
    let port = port.parse().map_err(|_| template_failure(format!("`{port}` is not a port")))?;
    Ok(Target { host: "127.0.0.1".to_owned(), port })
}

/// No later answer can be another one.
fn is_of_a_template(failure: &Failure) -> bool {
    matches!(failure, Failure::Fault { fault: Fault::Template, .. })
}

fn no_answer(cut: Cut, phase: Phase) -> Failure {
    let within = match cut.scope {
        BudgetScope::Step => format!(" within {}", Span(cut.budget)),
        // When it was asked, the budget had begun long before.
        BudgetScope::Suite | BudgetScope::Check | BudgetScope::Grace => String::new(),
    };
    let cause = Message::new().words(format!("no answer{within}, {}", phase.doing()));
    Failure::fault(Fault::Connect, Message::new().words("asking whether it is ready"), cause)
}
