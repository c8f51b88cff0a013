//! The documentation is true: it shows what the program does.

mod examples;
mod generated;
mod pipelines;
mod readme;
mod reference;
mod samples;
