//! The promises that no single room keeps: budgets, read-only, secrets, and nothing left behind.
//!
//! `tests/PROMISES.md` lists them all, with how each was broken.

mod budgets;
mod cancel;
mod faults;
mod listed;
mod many_secrets;
mod read_only;
mod secrets;
mod stuck;
mod unseen;
