//! Expectations and captures, on real answers.

mod both_ways;
mod judging;
mod matchers;
