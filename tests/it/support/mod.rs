//! What the tests stand on: real servers, faulty servers, and a way to run the binary.
//!
//! Nothing here outlives the tests. A server that belongs to one test is a value, and its drop
//! ends it. What all tests share (the folder, Postgres) is a static, which Rust never drops, so
//! a [`guard`] process watches over it and cleans up as soon as this process is gone, however
//! that came about.

pub mod guard;
pub mod scratch;

pub mod background;
pub mod certificates;

pub mod fault;
pub mod http;
pub mod postgres;
pub mod psql;
pub mod schema;
pub mod stalled_dns;

pub mod ask;
pub mod corpus;
pub mod hostile;
pub mod journeys;
pub mod junit;
pub mod outputs;
pub mod script;
pub mod seeded;
pub mod smoke;
pub mod sources;
pub mod terminal;
pub mod verdicts;

pub mod thorough;
pub mod wait;
