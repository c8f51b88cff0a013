//! The suite language and its files: what is accepted, what is rejected, and the values of templates.

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
