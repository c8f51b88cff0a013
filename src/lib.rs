//! smoke: does this build or deploy basically work enough to continue?
//!
//! Data travels one way: `suite → plan → engine → check → probe → outcome → event → report`. Reporters never see the
//! engine, checks do not know which suite they are in, nothing flows back. The modules below are listed from the top
//! layer to the bottom one: a module uses those below it and none above, and a test checks the imports.
//! [`commands`] is the composition root. [`demo`] is a separate application to test.
//!
//! Invariants:
//! - only [`report`] and `main` print, and the demo shop, which is a separate application;
//! - only [`deadline`] waits on the clock;
//! - all external data reaches an output through the one [`secret::Redactor`];
//! - nothing is spawned that can outlive its check, unless a `// Why:` comment explains it;
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
