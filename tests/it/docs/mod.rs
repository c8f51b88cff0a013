//! The documentation is true: what it shows is what the program does.

mod examples;
mod readme;
mod reference;
