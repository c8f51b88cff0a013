//! The engine on a virtual clock: order, budgets and outcomes.

pub mod invariants;
mod worst_case;
