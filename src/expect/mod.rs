//! What an answer is held against.
//!
//! [`Matcher`](matcher::Matcher) is the language's one way to state an expectation; `judge` holds values
//! against it; [`http`] and [`rows`] say which values of an [`answer`] are, and [`capture`] takes values out of one.

pub mod matcher;

mod judge;
mod operand;

pub mod effort;

mod difference;
mod moment;
mod relation;
mod words;

pub mod answer;
pub mod http;
pub mod page;
pub mod rows;
pub mod status;

pub mod capture;
