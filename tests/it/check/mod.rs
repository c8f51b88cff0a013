//! The kinds of check, each against a real server.

mod addresses;
mod boot;
mod canary;
mod cleanup;
mod command;
mod contract;
mod database;
mod health;
mod journey;
mod metric;
mod rollout;
