//! The documentation matches the program.

mod examples;
mod generated;
mod pipelines;
mod readme;
mod reference;
mod samples;
