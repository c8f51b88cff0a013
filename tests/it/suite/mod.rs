//! The language of suites and its files: what is accepted, what is refused, and the values of templates.

mod bad_input;
mod defaults;
mod includes;
mod limits;
mod misspelt;
mod schema;
mod settings;
mod templates;
mod undefined;
mod warnings;
