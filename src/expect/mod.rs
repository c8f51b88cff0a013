//! What an answer is held against.
//!
//! [`Matcher`](matcher::Matcher) is the language's one way to state an expectation; `evaluate` holds values
//! against it; [`http`] and [`rows`] say which values of an answer are, and [`capture`] takes values out of one.

pub mod matcher;

mod evaluate;
mod operand;

mod compare;
mod datetime;
mod describe;
mod difference;

pub mod html;
pub mod http;
pub mod response;
pub mod rows;
pub mod status;

pub mod capture;
