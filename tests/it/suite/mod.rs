//! The suite's language and its files: what is read, what is refused, and what a template comes to.

mod bad_input;
mod includes;
mod misspelt;
mod schema;
mod templates;
mod warnings;
