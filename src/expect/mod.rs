//! Expectations on answers, and captures from them.
//!
//! [`Matcher`](matcher::Matcher) is the language's one way to state an expectation; `evaluate` holds values
//! against it. An [`Answer`](answer::Answer) is whatever a probe brought back; [`connection`], [`http`], [`program`]
//! and [`rows`] are what each kind of answer is compared with, and [`capture`] takes values out of one.

pub mod matcher;

mod evaluate;
mod operand;

mod compare;
mod datetime;
mod describe;
mod difference;
mod walk;

pub mod answer;

pub mod header_key;
mod json_path;
mod json_type;
mod selector;

pub mod connection;
pub mod dns;
pub mod document;
pub mod html;
pub mod http;
pub mod program;
pub mod response;
pub mod rows;
pub mod status;

pub mod capture;
pub mod figures;
pub mod wanted;
