//! The output of booted processes while something else is checked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Output;
use crate::outcome::Log;
use crate::secret::Redactor;

/// The outputs of the running processes, each with the name of the check that started it.
#[derive(Debug, Default)]
pub struct Outputs {
    running: Mutex<Vec<(Arc<str>, Output)>>,
}

/// The position in each process's output at one moment.
#[derive(Debug)]
pub struct Moment(Vec<(Output, usize)>);

impl Outputs {
    fn running(&self) -> MutexGuard<'_, Vec<(Arc<str>, Output)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, check: &Arc<str>, output: &Output) {
        self.running().push((Arc::clone(check), output.clone()));
    }

    pub fn remove(&self, output: &Output) {
        self.running().retain(|(_, known)| !known.is_same(output));
    }

    pub fn is_empty(&self) -> bool {
        self.running().is_empty()
    }

    /// Returns the current positions.
    pub fn now(&self) -> Moment {
        Moment(self.running().iter().map(|(_, output)| (output.clone(), output.position())).collect())
    }

    /// Returns what each process has printed since then, except the one of `check` itself.
    pub fn since(&self, moment: &Moment, check: &str, redactor: &Redactor) -> Vec<(Arc<str>, Log)> {
        let running = self.running().clone();
        let others = running.into_iter().filter(|(name, _)| **name != *check);
        others
            .filter_map(|(name, output)| {
                let before = moment.0.iter().find(|(known, _)| known.is_same(&output));
                let position = before.map_or(0, |(_, position)| *position);
                Some((name, output.log_since(position, redactor)?))
            })
            .collect()
    }
}
