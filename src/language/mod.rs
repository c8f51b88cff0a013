//! The language that a suite is written in. Everything above uses it, and it knows no kind of check.
//!
//! A file is read table by table. Each key has a reader, and the readers are the one list of keys there is: the
//! [`schema`], the "did you mean" and the reference documentation are what they ask for ([`table`]). Values may be
//! [`template`]s, which [`variables`] fill in when a check runs.

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
