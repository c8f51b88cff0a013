//! The queue of checks that may start, in the suite's order: those whose needs have all passed.

use std::collections::BTreeSet;

use crate::plan::PlannedCheck;

/// The checks that have not started. Each pass is counted once, so the work is linear in the number of checks and
/// needs.
pub(super) struct Queue {
    /// The number of each check's needs that have not passed yet.
    unmet: Vec<usize>,
    /// The checks that need each check, in the suite's order.
    dependents: Vec<Vec<usize>>,
    /// The checks that wait only for a concurrency slot.
    ready: BTreeSet<usize>,
}

impl Queue {
    pub fn new(checks: &[PlannedCheck]) -> Queue {
        let unmet: Vec<usize> = checks.iter().map(|check| check.needs.len()).collect();
        let mut dependents = vec![Vec::new(); checks.len()];
        for (index, check) in checks.iter().enumerate() {
            for need in &check.needs {
                dependents[*need].push(index);
            }
        }
        let ready = (0..checks.len()).filter(|check| unmet[*check] == 0).collect();
        Queue { unmet, dependents, ready }
    }

    /// Records that `check` has passed. Checks that waited only for it may start.
    pub fn passed(&mut self, check: usize) {
        for dependent in &self.dependents[check] {
            self.unmet[*dependent] -= 1;
            if self.unmet[*dependent] == 0 {
                self.ready.insert(*dependent);
            }
        }
    }

    /// Returns the next check that may start. It may have been skipped in the meantime.
    pub fn pop(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    /// Returns the checks that need `check`.
    pub fn dependents(&self, check: usize) -> Vec<usize> {
        self.dependents[check].clone()
    }
}
