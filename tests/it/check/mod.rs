//! The kinds of check, each against the real thing.

mod boot;
mod cleanup;
mod database;
mod health;
mod journey;
