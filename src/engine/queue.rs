//! Which checks may start: those whose needs have all passed, in the suite's order.

use std::collections::BTreeSet;

use crate::plan::PlannedCheck;

/// The checks that have not started. Every pass is counted once, so that a thousand checks cost a thousand steps.
pub(super) struct Queue {
    /// How many of each check's needs have not passed yet.
    unmet: Vec<usize>,
    /// The checks that need each check, in the suite's order.
    dependents: Vec<Vec<usize>>,
    /// Those that wait for nothing but a place.
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

    /// `check` has passed: what waited for nothing else may start.
    pub fn passed(&mut self, check: usize) {
        for dependent in &self.dependents[check] {
            self.unmet[*dependent] -= 1;
            if self.unmet[*dependent] == 0 {
                self.ready.insert(*dependent);
            }
        }
    }

    /// The next check that nothing keeps from starting, unless it was skipped meanwhile.
    pub fn pop(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    /// The checks that need `check`.
    pub fn dependents(&self, check: usize) -> Vec<usize> {
        self.dependents[check].clone()
    }
}
