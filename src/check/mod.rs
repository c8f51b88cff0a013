//! The kinds of checks, one file per table of the suite.
//!
//! A kind is a type that implements [`Check`], and its row in [`KINDS`]: the parser, the plan, the engine and
//! the reports learn of it from there.

mod boot;
mod database;
mod health;
mod journey;
mod query;
mod verdict;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use cookie_store::CookieStore;
use futures_util::future::BoxFuture;

use crate::attempt::Context;
use crate::deadline::Deadline;
use crate::event::StepReport;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{Named, Table};
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault};
use crate::probe::http::{Clients, Pooling};
use crate::secret::Message;

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
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>);

    /// The captures that it hands to the checks that need it.
    fn shares(&self) -> &[Named] {
        &[]
    }

    /// What is wrong with it once the variables have their values. Nothing is sent.
    fn mistakes(&self, _scope: &Variables) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// The most that may follow its last attempt, with these variables.
    fn afterwards(&self, _scope: &Variables) -> Afterwards {
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

/// What a check gathers from attempt to cleanup: variables, cookies, a process it started.
pub struct Session {
    pub scope: Variables,
    /// The variables before the first attempt, kept by the kinds that capture some.
    pub given: Option<Variables>,
    pub cookies: CookieStore,
    pub clients: Clients,
    pub steps: Vec<StepReport>,
    pub resident: Option<Box<dyn BackgroundProcess>>,
    /// The command that shows the last failure by hand, where the check's own does not.
    pub by_hand: Option<Message>,
}

impl Session {
    pub fn new(scope: Variables) -> Session {
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
pub trait BackgroundProcess: Send + Sync {
    /// Has it ended, though it should not?
    fn has_ended(&mut self) -> bool;

    /// Waits until it ends, though it should not.
    fn ended(&mut self) -> BoxFuture<'_, Failure>;

    /// Ends it and everything it started, by `deadline` at the latest.
    fn stop(self: Box<Self>, deadline: Deadline) -> BoxFuture<'static, ()>;
}

/// A template that has no value here.
fn template_failure(error: String) -> Failure {
    Failure::fault(
        Fault::Template,
        Message::new().words("putting in the variables"),
        Message::new().data(error),
    )
}
