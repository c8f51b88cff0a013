//! The engine in virtual time: order, budgets and outcomes.

mod invariants;
mod outcomes;
mod worst_case;
