//! Readiness probes over the network, and the servers that listened on the same address before the start.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::check::protocol::ByScheme;
use crate::check::request::OverrideUse;
use crate::check::{Session, template_failure};
use crate::deadline::{BudgetScope, Cut, Deadline};
use crate::language::diagnostic::Diagnostic;
use crate::language::source::Place;
use crate::language::value::Scalar;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault, Phase, Span};
use crate::probe::dial::{self, Target};
use crate::probe::url::parse_absolute_url;
use crate::process::{Listeners, ListeningOn};
use crate::secret::{Message, message};

/// The longest that a readiness probe may take.
const ONE_QUESTION: Duration = Duration::from_secs(2);

/// This machine, in both address families.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// A readiness probe over the network.
#[derive(Debug)]
pub(super) struct Question(QuestionKind);

#[derive(Debug)]
pub(super) enum QuestionKind {
    Url(Box<ByScheme>),
    /// Connects to this port over IPv4 or IPv6.
    Port(Scalar),
}

/// The servers that listened before the start, if the system reveals them.
pub(super) struct Before {
    listening_on: Option<ListeningOn>,
    listeners: Listeners,
}

impl Question {
    pub fn new(kind: QuestionKind) -> Question {
        Question(kind)
    }

    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        match &self.0 {
            QuestionKind::Port(port) => uses.read(&port.0),
            QuestionKind::Url(asked) => asked.uses(uses),
        }
    }

    pub fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        match &self.0 {
            QuestionKind::Url(asked) => asked.mistakes(scope),
            QuestionKind::Port(port) => match port.0.text(scope) {
                Ok(text) if !matches!(text.parse::<u16>(), Ok(1..)) => {
                    let mistake = format!("`{text}` is not a port; a port is a number from 1 to 65535");
                    vec![Diagnostic::new(port.0.place(), mistake)]
                }
                Ok(_) | Err(_) => Vec::new(),
            },
        }
    }

    /// Returns how `resolve` affects it.
    pub fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        match &self.0 {
            QuestionKind::Url(asked) => asked.override_uses(scope),
            QuestionKind::Port(_) => Vec::new(),
        }
    }

    /// Describes what the request would change.
    pub fn changes(&self) -> Option<String> {
        match &self.0 {
            QuestionKind::Url(asked) => asked.changes(),
            QuestionKind::Port(_) => None,
        }
    }

    /// Returns where the suite states the probe.
    pub fn place(&self) -> Place {
        match &self.0 {
            QuestionKind::Url(asked) => asked.place(),
            QuestionKind::Port(port) => port.0.place(),
        }
    }

    /// Probes before the process is started. A server that responds now is not the process, and would be mistaken for
    /// it.
    ///
    /// # Errors
    /// Fails if something already responds, or if a variable has no value.
    pub async fn ask_before_the_start(
        &self,
        session: &mut Session,
        context: &Context,
    ) -> Result<Before, Failure> {
        // A server that needs more than half of the remaining time would respond too late after the start as well.
        let limit = ONE_QUESTION.min(context.deadline.remaining() / 2);
        let limit = context.deadline.tighten(limit, BudgetScope::Step);
        let listening_on = limit.bound(self.listening_on(&session.scope)).await.ok().flatten();
        let listeners = listening_on.as_ref().map(Listeners::now).unwrap_or_default();
        match self.ask(limit, session, context).await {
            Ok(()) => Err(self.is_answered_already(&listeners, session, context)),
            Err(failure) if is_of_a_template(&failure) => Err(failure),
            Err(_) => Ok(Before { listening_on, listeners }),
        }
    }

    fn is_answered_already(&self, listeners: &Listeners, session: &Session, context: &Context) -> Failure {
        let asked = self.named(&session.scope);
        let something_else = match listeners.holder() {
            Some(holder) => message!("something else, {}, already ", holder),
            None => message!("something else already "),
        };
        let cause = match &self.0 {
            QuestionKind::Url(_) => something_else.words("answers ").then(asked).words(" as expected"),
            QuestionKind::Port(_) => something_else.words("accepts connections on ").then(asked),
        };
        let cause = cause.words(", so it was not started");
        let leave_out = ShellCommand::new("--skip").word(&globset::escape(&context.check));
        let hint = message!(
            "stop what listens there, or take a free port; to test what runs there, leave this out: `"
        )
        .then(leave_out.into_message(&context.run.redactor))
        .words("`");
        Failure::fault(Fault::Local, message!("starting it"), cause).with_hint(hint)
    }

    /// Probes after the process was started.
    ///
    /// # Errors
    /// Fails if the response is not as expected.
    pub async fn ask_in_time(&self, session: &mut Session, context: &Context) -> Result<(), Failure> {
        self.ask(context.deadline.tighten(ONE_QUESTION, BudgetScope::Step), session, context).await
    }

    async fn ask(&self, limit: Deadline, session: &mut Session, context: &Context) -> Result<(), Failure> {
        // Uses a separate timeline, because the boot's time was not spent in probes that nobody answered.
        let question = context.aside(limit);
        let asked = Arc::clone(&question.timeline).observe(Box::pin(self.answer(session, &question)));
        let bounded = limit.bound(asked).await;
        bounded.unwrap_or_else(|cut| Err(no_answer(cut, question.timeline.phase())))
    }

    async fn answer(&self, session: &mut Session, context: &Context) -> Result<(), Failure> {
        match &self.0 {
            QuestionKind::Port(port) => connect(port_of(port, &session.scope)?).await,
            QuestionKind::Url(asked) => asked.choose(&session.scope)?.run(session, context).await,
        }
    }

    /// Returns the listening address that would serve the probe, or `None` if it is not on this machine.
    async fn listening_on(&self, scope: &Variables) -> Option<ListeningOn> {
        match &self.0 {
            QuestionKind::Port(port) => {
                Some(ListeningOn { port: port_of(port, scope).ok()?, addresses: LOOPBACK.to_vec() })
            }
            QuestionKind::Url(asked) => {
                let url = parse_absolute_url(&asked.url(scope)?).ok()?;
                let port = url.port_or_known_default()?;
                let addresses = match url.host()? {
                    url::Host::Ipv4(address) => vec![address.into()],
                    url::Host::Ipv6(address) => vec![address.into()],
                    url::Host::Domain("localhost") => LOOPBACK.to_vec(),
                    url::Host::Domain(host) => {
                        let found = dial::look_up(&Target { host: host.to_owned(), port }).await.ok()?;
                        found.into_iter().map(|address| address.ip()).collect()
                    }
                };
                let addresses: Vec<IpAddr> = addresses.into_iter().filter(is_of_this_machine).collect();
                (!addresses.is_empty()).then_some(ListeningOn { port, addresses })
            }
        }
    }

    /// Describes the response that never came.
    pub fn awaited(&self, scope: &Variables) -> Message {
        match &self.0 {
            QuestionKind::Url(_) => self.named(scope).words(" never gave the expected answer"),
            QuestionKind::Port(_) => self.named(scope).words(" never accepted a connection"),
        }
    }

    /// Describes the probe for people.
    fn named(&self, scope: &Variables) -> Message {
        match &self.0 {
            QuestionKind::Url(asked) => {
                let shown = scope.for_people();
                let named = asked.choose(&shown).ok().and_then(|asked| asked.named(&shown));
                let named = named.unwrap_or_else(|| "its `ready` URL".to_owned());
                message!("`{}`", named)
            }
            QuestionKind::Port(port) => {
                message!("port {}", port.0.text(scope).unwrap_or_default())
            }
        }
    }

    /// Returns a command that sends the same probe.
    pub fn reproduce(&self, session: &Session, context: &Context) -> Option<ShellCommand> {
        match &self.0 {
            QuestionKind::Port(port) => {
                let port = port_of(port, &session.scope).ok()?;
                Some(dial::as_curl(&Target { host: "localhost".to_owned(), port }, ONE_QUESTION))
            }
            QuestionKind::Url(asked) => asked.reproduce(session, context, ONE_QUESTION),
        }
    }
}

/// Connects over IPv4 or IPv6, whichever accepts.
async fn connect(port: u16) -> Result<(), Failure> {
    let [four, six] = LOOPBACK.map(|address| Target { host: address.to_string(), port });
    let four = Box::pin(dial::connect(&four));
    let six = Box::pin(dial::connect(&six));
    // If both are refused, reports the IPv4 failure. The other one is the same, or says that there is no IPv6.
    match select(four, six).await {
        Either::Left((Ok(_), _)) | Either::Right((Ok(_), _)) => Ok(()),
        Either::Left((Err(failure), six)) => six.await.map_or(Err(failure), |_| Ok(())),
        Either::Right((Err(_), four)) => four.await.map(drop),
    }
}

fn port_of(port: &Scalar, scope: &Variables) -> Result<u16, Failure> {
    let port = port.0.text(scope).map_err(template_failure)?;
    port.parse().map_err(|_| template_failure(format!("`{port}` is not a port")))
}

/// Whether the address belongs to this machine. Only such an address can be bound.
fn is_of_this_machine(address: &IpAddr) -> bool {
    UdpSocket::bind((*address, 0)).is_ok()
}

/// Whether a template failed, in which case no later probe can succeed.
pub(super) fn is_of_a_template(failure: &Failure) -> bool {
    matches!(failure, Failure::Fault { fault: Fault::Template, .. })
}

fn no_answer(cut: Cut, phase: Phase) -> Failure {
    let within = match cut.scope {
        BudgetScope::Step => format!(" within {}", Span(cut.budget)),
        // The budget began long before the probe, so its length is not the time that the probe took.
        BudgetScope::Suite | BudgetScope::Check | BudgetScope::Grace => String::new(),
    };
    let cause = Message::new().words(format!("no answer{within}, {}", phase.doing()));
    Failure::fault(Fault::Connect, message!("asking whether it is ready"), cause)
}

impl Before {
    /// Checks that every server that listened before the start is gone, so that the response comes from the process.
    ///
    /// # Errors
    /// Fails if one of them still listens.
    pub fn is_gone(&self) -> Result<(), Failure> {
        let Before { listening_on: Some(listening_on), listeners } = self else { return Ok(()) };
        let left = listeners.that_are_left(listening_on);
        if left.is_empty() {
            return Ok(());
        }
        let holder = left.holder().unwrap_or_else(|| "something else".to_owned());
        let cause = message!("{}", holder)
            .words(format!(" has listened on port {} since before the start", listening_on.port))
            .words(", so the answer may not be from this build");
        let hint =
            "stop what listens there; if it is a proxy, give `ready` the address of the process itself";
        let doing = message!("finding out who answers");
        Err(Failure::fault(Fault::Local, doing, cause).with_hint(Message::new().words(hint)))
    }
}
