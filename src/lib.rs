//! smoke: does this build or deploy basically work enough to continue?
//!
//! Data travels one way: `suite → plan → engine → check → probe → outcome → event → report`. Reporters never see the
//! engine, checks do not know which suite they are in, nothing flows back. The modules below are listed from the top
//! layer to the bottom one: a module uses those below it and none above, and a test reads the imports to see that.
//! [`commands`] is where everything is put together; [`demo`] is an application to test, on its own.
//!
//! Invariants:
//! - only [`report`] and `main` print, and the demo shop, which is an application of its own;
//! - only [`deadline`] waits on the clock;
//! - everything that came from outside reaches an output through the one [`secret::Redactor`];
//! - nothing is spawned that can outlive its check, but where a `// Why:` says so;
//! - blocking work (names, `SQLite`, files) cannot delay the exit;
//! - a panic in one check is that check's fault and no other's.

pub mod commands;

pub mod cli;

pub mod demo;

pub mod lint;

pub mod engine;

pub mod plan;

pub mod report;

pub mod suite;

pub mod check;

pub mod expect;

pub mod probe;

pub mod attempt;

pub mod process;

pub mod event;

pub mod exit;

mod runtimes;

pub mod outcome;

pub mod language;

pub mod deadline;

pub mod secret;
