//! The documentation is true: what it shows is what the program does.

mod examples;
mod generated;
mod pipelines;
mod readme;
mod reference;
mod samples;
