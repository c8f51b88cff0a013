//! The kinds of checks, one file per table of the suite.
//!
//! A kind is a type that implements [`Check`], and its row in [`KINDS`]: the parser, the plan, the engine and
//! the reports learn of it from there.

mod boot;
mod database;
mod health;
mod journey;
mod process;
mod repeat;
mod step;
mod verdict;

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cookie_store::CookieStore;
use futures_util::future::BoxFuture;
use tokio::task::JoinError;

pub use self::process::{AFTER_KILL, LAST_WORDS};
pub use self::repeat::{Next, Tried, Tries};
use crate::deadline::Deadline;
use crate::event::{StepName, StepReport};
use crate::expect::answer::HttpAnswer;
use crate::expect::effort::Load;
use crate::outcome::{Direction, Failure, Phase, Trace};
use crate::probe::http::{Clients, Pooling, Tokens};
use crate::probe::leftovers::Leftovers;
use crate::probe::timeline::Timeline;
use crate::probe::trust::Trust;
use crate::secret::{Message, Redacted, Redactor};
use crate::suite::Uses;
use crate::suite::error::Diagnostic;
use crate::suite::read::{Named, Table};
use crate::suite::vars::Scope;

/// A kind of check: a table of the suite and the type that reads it.
#[derive(Debug)]
pub struct Kind {
    /// The table's name, and the last part of the JUnit class name.
    pub name: &'static str,
    pub about: &'static str,
    /// The budget of a check of this kind, where neither it nor `[defaults]` says one.
    pub budget: Duration,
    /// Is it a gate unless it says otherwise?
    pub gate: bool,
    /// Reads the kind's own keys.
    pub read: fn(&mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>>,
}

/// The table of kinds.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "boot",
        about: "it starts: a process that runs for the whole suite",
        budget: Duration::from_secs(30),
        gate: true,
        read: boot::read,
    },
    Kind {
        name: "health",
        about: "it is up: one request or connection",
        budget: Duration::from_secs(5),
        gate: false,
        read: health::read,
    },
    Kind {
        name: "database",
        about: "it answers: one read-only query",
        budget: Duration::from_secs(5),
        gate: false,
        read: database::read,
    },
    Kind {
        name: "journey",
        about: "the core flow works: several steps with cookies, captures and cleanup",
        budget: Duration::from_secs(15),
        gate: false,
        read: journey::read,
    },
];

/// What a kind of check can do.
pub trait Check: Debug + Send + Sync {
    /// The variables it reads and sets, in order.
    fn uses<'c>(&'c self, uses: &mut Uses<'c>);

    /// The captures that it hands to the checks that need it.
    fn shares(&self) -> &[Named] {
        &[]
    }

    /// What is wrong with it once the variables have their values. Nothing is sent.
    fn mistakes(&self, _scope: &Scope) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// The most that may follow its last attempt, with these variables.
    fn afterwards(&self, _scope: &Scope) -> Afterwards {
        Afterwards::default()
    }

    /// Something that everyone who reads its line should know.
    fn remark(&self) -> Option<&'static str> {
        None
    }

    /// One attempt. It is dropped when its budget ends or the run is cancelled.
    fn run<'a>(
        &'a self,
        session: &'a mut Session,
        context: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// A command that shows the same failure again by hand.
    fn reproduce(&self, _session: &Session, _context: &Context) -> Option<Message> {
        None
    }

    /// What is done after the last attempt however it ended, inside the suite's grace.
    fn cleanup<'a>(&'a self, _session: &'a mut Session, _context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What may follow a check's last attempt, each part inside the suite's grace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Afterwards {
    /// Can a cut leave something on a server that must be ended there?
    pub leaves: bool,
    /// The longest that cleanup takes.
    pub cleanup: Duration,
    /// How long what it started is given to stop.
    pub stop: Option<Duration>,
}

/// What all checks of a run share.
#[derive(Debug)]
pub struct RunContext {
    /// The suite's name, for servers that are told who asks.
    pub suite: String,
    /// Relative paths start here.
    pub suite_dir: PathBuf,
    pub trust: Trust,
    pub clients: Clients,
    pub tokens: Tokens,
    pub redactor: Arc<Redactor>,
    pub tracing: Tracing,
    /// The processes that were booted.
    pub groups: Arc<process::Groups>,
}

impl RunContext {
    #[must_use]
    pub fn new(suite: String, suite_dir: PathBuf, redactor: Arc<Redactor>, tracing: Tracing) -> RunContext {
        RunContext {
            suite,
            suite_dir,
            trust: Trust::default(),
            clients: Clients::new(Pooling::FreshConnections),
            tokens: Tokens::default(),
            redactor,
            tracing,
            groups: Arc::default(),
        }
    }
}

/// Is every request and answer told?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    Off,
    On,
}

/// What one attempt works with.
#[derive(Debug, Clone)]
pub struct Context {
    pub run: Arc<RunContext>,
    /// The check's name, for servers that are told who asks.
    pub check: Arc<str>,
    pub deadline: Deadline,
    pub timeline: Arc<Timeline>,
    pub leftovers: Leftovers,
    pub teller: Teller,
}

impl Context {
    /// The same with a timeline of its own and a tighter deadline.
    #[must_use]
    pub fn within(&self, deadline: Deadline) -> Context {
        Context { deadline, timeline: Timeline::start(), ..self.clone() }
    }

    /// The same for what is done on the side, of which nothing is told.
    #[must_use]
    pub fn aside(&self, deadline: Deadline) -> Context {
        Context { teller: Teller::to_nobody(), ..self.within(deadline) }
    }

    /// Tells what goes over the wire, where that is wanted.
    pub fn trace(&self, direction: Direction, text: impl FnOnce() -> Message) {
        self.tell(self.traced(direction, text));
    }

    /// What goes over the wire as it is told, where that is wanted: for when it is made on a thread, which may still be
    /// at it when nobody is to be told any more.
    #[must_use]
    pub fn traced(&self, direction: Direction, text: impl FnOnce() -> Message) -> Option<Told> {
        match self.run.tracing {
            Tracing::Off => None,
            Tracing::On => Some(Told::Traced(self.run.redactor.redact(Trace { direction, text: text() }))),
        }
    }

    /// Tells what there is to tell.
    pub fn tell(&self, told: Option<Told>) {
        if let Some(told) = told {
            self.teller.tell(told);
        }
    }

    /// Does work on what a server sent: here if it is quick for certain, and otherwise on a thread, so that no budget,
    /// no signal and no other check waits for it. Where it is cut, `phase` is what was going on.
    pub async fn work<T: Send + 'static>(
        &self,
        phase: Phase,
        load: Load,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if load.is_quick() {
            return work();
        }
        self.timeline.enter(phase);
        // Why: nothing can end it before it is done, but nobody waits for it either, and it changes nothing.
        match tokio::task::spawn_blocking(work).await.map_err(JoinError::try_into_panic) {
            Ok(done) => done,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime ends, and this with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// The answer in words, for under a failure.
    pub async fn describe(&self, answer: HttpAnswer) -> Message {
        let load = HttpAnswer::DESCRIBING.on(answer.size());
        self.work(Phase::Judge, load, move || answer.describe()).await
    }

    /// Keeps a value out of every output, if it is long enough to be told from ordinary text.
    pub fn hide(&self, secret: &str) {
        let _ = self.run.redactor.add(secret);
    }

    /// The same for a value with everything in it.
    pub fn hide_value(&self, secret: &serde_json::Value) {
        let _ = self.run.redactor.add_value(secret);
    }

    /// How a database server sees this check: `smoke/SUITE/CHECK`, in the 63 bytes that PostgreSQL keeps.
    #[must_use]
    pub fn application_name(&self) -> String {
        let name = format!("smoke/{}/{}", self.run.suite, self.check);
        let printable = name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' });
        printable.take(63).collect()
    }
}

/// What a check gathers from attempt to cleanup: variables, cookies, a process it started.
pub struct Session {
    pub scope: Scope,
    /// The variables before the first attempt, kept by the kinds that capture some.
    pub given: Option<Scope>,
    pub cookies: CookieStore,
    pub clients: Clients,
    pub steps: Vec<StepReport>,
    pub resident: Option<Box<dyn Resident>>,
    /// The command that shows the last failure by hand, where the check's own does not.
    pub by_hand: Option<Message>,
}

impl Session {
    #[must_use]
    pub fn new(scope: Scope) -> Session {
        Session {
            scope,
            given: None,
            cookies: CookieStore::default(),
            clients: Clients::new(Pooling::KeepAlive),
            steps: Vec::new(),
            resident: None,
            by_hand: None,
        }
    }
}

/// Something a check started that stays for the whole run.
pub trait Resident: Send + Sync {
    /// Has it ended, though it should not?
    fn has_ended(&mut self) -> bool;

    /// Waits until it ends, though it should not.
    fn ended(&mut self) -> BoxFuture<'_, Failure>;

    /// Ends it and everything it started, by `deadline` at the latest.
    fn stop(self: Box<Self>, deadline: Deadline) -> BoxFuture<'static, ()>;
}

/// What a check tells while it runs.
#[derive(Debug, Clone)]
pub enum Told {
    AttemptFailed { step: Option<StepName>, attempt: u32, failure: Redacted<Failure> },
    StepFinished(Box<StepReport>),
    Traced(Redacted<Trace>),
}

/// The way from a check to the engine: in order, and never in the way.
#[derive(Debug, Clone)]
pub struct Teller {
    index: usize,
    channel: tokio::sync::mpsc::UnboundedSender<(usize, Told)>,
}

impl Teller {
    #[must_use]
    pub fn new(index: usize, channel: tokio::sync::mpsc::UnboundedSender<(usize, Told)>) -> Teller {
        Teller { index, channel }
    }

    /// The way to nobody, for what is done on the side.
    #[must_use]
    pub fn to_nobody() -> Teller {
        let (channel, _) = tokio::sync::mpsc::unbounded_channel();
        Teller { index: 0, channel }
    }

    pub fn tell(&self, told: Told) {
        // Nobody listens any more only when the run is over.
        let _ = self.channel.send((self.index, told));
    }
}
