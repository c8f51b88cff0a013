//! smoke: does this build or deploy basically work enough to continue?
//!
//! One direction: `suite → plan → engine → check → probe → outcome → event → report`. Reporters never see the
//! engine, checks do not know which suite they are in, nothing flows back.
//!
//! [`run`] is where they are put together: one run of a suite; [`again`] has several, [`inspect`] the commands that send
//! nothing, [`about`] what smoke says of itself. [`demo`] is an application to test.
//!
//! Invariants:
//! - only `report` and `main` print, and the demo shop, which is an application of its own;
//! - only [`deadline`] waits on the clock;
//! - everything that came from outside reaches an output through the one [`secret::Redactor`];
//! - nothing is spawned that can outlive its check, but where a `// Why:` says so;
//! - blocking work (names, `SQLite`, files) cannot delay the exit;
//! - there is no global state, and a panic in one check is that check's fault and no other's.

pub mod cli;
pub mod commands;

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
pub mod outcome;

pub mod language;

pub mod deadline;
mod runtimes;
pub mod secret;

pub mod demo;
