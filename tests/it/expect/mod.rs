//! Expectations and captures, on real responses.

mod both_ways;
mod judging;
mod matchers;
