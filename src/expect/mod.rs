//! What an answer is held against.
//!
//! [`Matcher`](matcher::Matcher) is the language's one way to state an expectation; [`judge`] holds values
//! against it; [`http`] and [`rows`] say which values an answer has, and [`capture`] takes values out of one.

pub mod capture;
mod difference;
pub mod http;
mod judge;
pub mod matcher;
mod number;
pub mod rows;

pub use self::judge::{Found, Unjudgeable, judge, show};
