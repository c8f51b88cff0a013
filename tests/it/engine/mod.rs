//! The engine on a virtual clock: order, budgets and outcomes.

mod invariants;
mod outcomes;
mod worst_case;
