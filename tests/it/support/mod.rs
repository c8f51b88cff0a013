//! Support for the tests: real servers, faulty servers, and a runner for the binary.
//!
//! Nothing here outlives the tests. The server of a single test is a value, and dropping it stops it. What all tests
//! share (the folder, PostgreSQL) is a static, which Rust never drops, so a [`guard`] process cleans it up as soon as
//! this process ends, for any reason.

pub mod guard;
pub mod scratch;

pub mod background;
pub mod certificates;

pub mod balancer;
pub mod deploys;
pub mod dns;
pub mod fault;
pub mod haproxy;
pub mod http;
pub mod large_contract;
pub mod mariadb;
pub mod mysql_stand_in;
pub mod names;
pub mod plugins;
pub mod postgres;
pub mod psql;
pub mod raw;
pub mod redis;
pub mod schema;
pub mod stalled_dns;

pub mod ask;
pub mod corpus;
pub mod hostile;
pub mod journeys;
pub mod junit;
pub mod outputs;
pub mod pages;
pub mod rust_code;
pub mod script;
pub mod seeded;
pub mod smoke;
pub mod sources;
pub mod terminal;
pub mod verdicts;

pub mod thorough;
pub mod wait;
