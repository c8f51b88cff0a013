//! The kinds of checks, one file per table of the suite.
//!
//! A kind is a type that implements [`Check`], and its row in [`KINDS`]. The parser, the plan, the engine and the
//! reports use only the row.

mod boot;
mod canary;
mod command;
pub mod contract;
mod database;
mod health;
mod journey;
mod metric;

mod addresses;
mod captures;
mod exchange;
mod launch;
mod program;
pub mod protocol;
mod query;
pub mod request;
mod session;
mod step_run;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use self::request::OverrideUse;
pub use self::session::Session;
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::deadline::Deadline;
use crate::event::StepReport;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{Named, Table};
use crate::language::repeat::Connections;
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault, Promises};
use crate::secret::{Message, Redacted, message};

/// A kind of check: a table of the suite and the type that reads it.
#[derive(Debug)]
pub struct Kind {
    /// The table's name, which is also the last part of the JUnit class name.
    pub name: &'static str,
    pub about: &'static str,
    /// The default budget, if neither the check nor `[defaults]` sets one.
    pub budget: Duration,
    /// Whether checks of this kind are gates by default.
    pub gate: bool,
    /// Whether its attempts use new connections.
    pub connections: Connections,
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
        connections: Connections::MayBeKept,
        read: boot::read,
    },
    Kind {
        name: "health",
        about: "it is up: one request or connection",
        budget: Duration::from_secs(5),
        gate: false,
        connections: Connections::New,
        read: health::read,
    },
    Kind {
        name: "database",
        about: "it answers: one read-only query",
        budget: Duration::from_secs(5),
        gate: false,
        connections: Connections::MayBeKept,
        read: database::read,
    },
    Kind {
        name: "command",
        about: "it exits with 0: a program that runs to its end, or a monitoring plugin",
        budget: Duration::from_secs(10),
        gate: false,
        connections: Connections::MayBeKept,
        read: command::read,
    },
    Kind {
        name: "contract",
        about: "a data product keeps its contract: columns, types, keys, freshness and quality",
        budget: Duration::from_secs(8),
        gate: false,
        connections: Connections::MayBeKept,
        read: contract::read,
    },
    Kind {
        name: "journey",
        about: "the core flow works: several steps with cookies, captures and cleanup",
        budget: Duration::from_secs(15),
        gate: false,
        connections: Connections::MayBeKept,
        read: journey::read,
    },
    Kind {
        name: "metric",
        about: "consumers see the same figure: several sources, compared",
        budget: Duration::from_secs(10),
        gate: false,
        connections: Connections::MayBeKept,
        read: metric::read,
    },
    Kind {
        name: "canary",
        about: "what goes in comes out, in time: one send, arrivals at every consumer, cleanup",
        budget: Duration::from_secs(35),
        gate: false,
        connections: Connections::Once,
        read: canary::read,
    },
];

/// The operations of a kind of check.
pub trait Check: Debug + Send + Sync {
    /// Records the variables that it reads and sets, in order.
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>);

    /// The budget that follows from its own keys, where none is said.
    fn budget(&self) -> Option<Duration> {
        None
    }

    /// The captures that it hands to the checks that need it.
    fn shares(&self) -> &[Named] {
        &[]
    }

    /// Returns its mistakes, with the variables resolved. Sends nothing.
    fn mistakes(&self, _scope: &Variables) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Returns the longest work that may follow its last attempt, with these variables.
    fn afterwards(&self, _scope: &Variables) -> Afterwards {
        Afterwards::default()
    }

    /// Describes what it would change, such as `sends POST`, so that `--read-only` skips it. `None` if it only reads.
    fn changes(&self) -> Option<String>;

    /// Returns where the suite states its request or command. Failures without a place of their own are reported there.
    fn target(&self) -> Option<Place> {
        None
    }

    /// Returns how `resolve` affects its requests.
    fn override_uses(&self, _scope: &Variables) -> Vec<OverrideUse> {
        Vec::new()
    }

    /// Returns a remark that belongs next to the check on every screen.
    fn remark(&self, _scope: &Variables) -> Option<&'static str> {
        None
    }

    /// The checks that its table stands for, if it stands for several, each with what is added to the table's name.
    fn split(self: Arc<Self>) -> Vec<(String, Arc<dyn Check>)> {
        Vec::new()
    }

    /// The check as it runs once, with the variables it starts from.
    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running>;
}

/// A running check. It owns its state from the first attempt to its cleanup.
pub trait Running: Attempt {
    /// Returns a command that reproduces the last failure.
    fn reproduce(&self, context: &Context) -> Option<Redacted<Message>>;

    /// Returns the background process that it started for the whole run.
    fn background(&mut self) -> Option<Box<dyn BackgroundProcess>> {
        None
    }

    /// Cleans up after the last attempt, however it ended, within the suite's grace.
    fn cleanup<'a>(&'a mut self, _context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Returns the reports of the steps that have run, in order.
    fn steps(&mut self) -> Vec<StepReport> {
        Vec::new()
    }

    /// What was promised, and what came of each promise.
    fn promises(&mut self) -> Option<Promises> {
        None
    }

    /// What everyone should know of it, also where it passes.
    fn notes(&mut self) -> Vec<Message> {
        Vec::new()
    }

    /// The variables as it leaves them.
    fn into_scope(self: Box<Self>) -> Variables;
}

/// The work that may follow a check's last attempt, each part within the suite's grace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Afterwards {
    /// Whether a cut may leave something on a server that must be cancelled there.
    pub leaves: bool,
    /// The longest duration of cleanup.
    pub cleanup: Duration,
    /// How long what it started may take to stop.
    pub stop: Option<Duration>,
}

/// A process that a check started for the whole run.
pub trait BackgroundProcess: Send + Sync {
    /// Whether it has ended, although it should not.
    fn has_ended(&mut self) -> bool;

    /// Waits until it ends, although it should not.
    fn ended(&mut self) -> BoxFuture<'_, Failure>;

    /// Leaves it running, and describes how to stop it.
    fn leave(self: Box<Self>) -> Message;

    /// Stops it and everything it started, by `deadline` at the latest.
    fn stop(self: Box<Self>, deadline: Deadline) -> BoxFuture<'static, ()>;
}

/// Returns the failure of a template that cannot be rendered.
fn template_failure(error: impl std::fmt::Display) -> Failure {
    Failure::fault(Fault::Template, message!("rendering the template"), message!("{}", error))
}
