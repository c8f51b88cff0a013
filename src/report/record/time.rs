//! Machine-readable times.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::outcome::Phase;

/// A duration as a number of milliseconds, with microsecond precision.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Milliseconds(pub Duration);

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0.as_secs_f64() * 1e6).round() / 1e3)
    }
}

/// Phases by name. The times of a repeated phase are added up.
#[derive(Debug)]
pub(in crate::report) struct Phases<'a>(pub &'a [(Phase, Duration)]);

impl Serialize for Phases<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut spent: Vec<(Phase, Duration)> = Vec::new();
        for (phase, took) in self.0 {
            match spent.iter_mut().find(|(known, _)| known == phase) {
                Some((_, sum)) => *sum += *took,
                None => spent.push((*phase, *took)),
            }
        }
        serializer.collect_map(spent.into_iter().map(|(phase, took)| (key(phase), Milliseconds(took))))
    }
}

/// Returns a phase as a key: `first_byte`.
pub(super) fn key(phase: Phase) -> String {
    phase.name().replace(' ', "_")
}
