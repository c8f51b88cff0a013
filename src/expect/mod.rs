//! Expectations on answers, and captures from them.
//!
//! [`Matcher`](matcher::Matcher) is the language's only way to state an expectation, and `evaluate` applies it to
//! values. An [`Answer`](answer::Answer) is the result of a probe. [`connection`], [`http`] and [`rows`] contain the
//! expectations on each kind of answer, and [`capture`] extracts values from one.

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
mod selector;

pub mod connection;
pub mod html;
pub mod http;
pub mod response;
pub mod rows;
pub mod status;

pub mod capture;
pub mod wanted;
