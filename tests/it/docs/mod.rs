//! The documentation is true: it shows what the program does.

mod examples;
mod readme;
mod reference;
