//! The language of suite files. All higher layers use it, and it does not know any kind of check.
//!
//! A file is read table by table. Every key has a reader, and the readers are the only list of keys: the [`schema`],
//! the "did you mean" hints and the reference documentation derive from what they ask for ([`table`]). Values may be
//! [`template`]s, which are filled in from [`variables`] when a check runs.

pub mod diagnostic;
pub mod source;

pub mod read;
pub mod schema;
pub mod table;
pub mod to_toml;

pub mod alternatives;
pub mod placed;
pub mod setting;

pub mod name;
pub mod number;
pub mod period;
pub mod printable;
pub mod raw;
pub mod repeat;
pub mod severity;
pub mod size;
pub mod value;

mod dynamic;
pub mod expression;
pub mod sql;
pub mod statement;
pub mod template;
pub mod variable_usage;
pub mod variables;
pub mod words;

pub mod io_error;
pub mod regular_file;
