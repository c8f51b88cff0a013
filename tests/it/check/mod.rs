//! The kinds of check, each against a real server.

mod boot;
mod cleanup;
mod database;
mod health;
mod journey;
