//! The promises that involve every layer: budgets, read-only, secrets, and nothing left behind.
//!
//! `tests/PROMISES.md` lists them all, and how each was broken.

mod budgets;
mod cancel;
mod faults;
mod hostile;
mod listed;
mod many_secrets;
mod mutated;
mod mysql;
mod read_only;
mod redis;
mod secrets;
mod stuck;
mod unseen;
