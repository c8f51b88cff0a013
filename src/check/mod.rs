//! The kinds of checks, one file per table of the suite.
//!
//! A kind is a type that implements [`Check`], and its row in [`KINDS`]: the parser, the plan, the engine and
//! the reports learn of it from there.

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
    /// The table's name, and the last part of the JUnit class name.
    pub name: &'static str,
    pub about: &'static str,
    /// The budget of a check of this kind, where neither it nor `[defaults]` says one.
    pub budget: Duration,
    /// Is it a gate unless it says otherwise?
    pub gate: bool,
    /// What answers each attempt of it.
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

/// What a kind of check can do.
pub trait Check: Debug + Send + Sync {
    /// The variables it reads and sets, in order.
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>);

    /// The budget that follows from its own keys, where none is said.
    fn budget(&self) -> Option<Duration> {
        None
    }

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

    /// What it would change, in a few words such as `sends POST`; nothing if it only looks. `--read-only` skips it then.
    fn changes(&self) -> Option<String>;

    /// Where the suite says what it asks or starts: a failure that has no place of its own is reported there.
    fn target(&self) -> Option<Place> {
        None
    }

    /// What `resolve` does for all that it asks.
    fn override_uses(&self, _scope: &Variables) -> Vec<OverrideUse> {
        Vec::new()
    }

    /// Something that everyone who reads its line should know.
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

/// A check that runs. What it keeps from its first attempt to its cleanup is its own.
pub trait Running: Attempt {
    /// A command that reproduces the last failure.
    fn reproduce(&self, context: &Context) -> Option<Redacted<Message>>;

    /// What it started that stays for the whole run.
    fn background(&mut self) -> Option<Box<dyn BackgroundProcess>> {
        None
    }

    /// What is done after the last attempt however it ended, inside the suite's grace.
    fn cleanup<'a>(&'a mut self, _context: &'a Context) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }

    /// The steps that have run, in order.
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

/// Something a check started that stays for the whole run.
pub trait BackgroundProcess: Send + Sync {
    /// Has it ended, though it should not?
    fn has_ended(&mut self) -> bool;

    /// Waits until it ends, though it should not.
    fn ended(&mut self) -> BoxFuture<'_, Failure>;

    /// Leaves it running, and says how to stop it.
    fn leave(self: Box<Self>) -> Message;

    /// Ends it and everything it started, by `deadline` at the latest.
    fn stop(self: Box<Self>, deadline: Deadline) -> BoxFuture<'static, ()>;
}

/// A template that has no value here.
fn template_failure(error: impl std::fmt::Display) -> Failure {
    Failure::fault(Fault::Template, message!("rendering the template"), message!("{}", error))
}
