//! The variables that a check reads and sets, in order.

use std::collections::BTreeSet;

use super::source::Place;
use super::template::Template;
use super::variables::first_part;

/// The variable accesses of a check, in execution order.
#[derive(Debug, Default)]
pub struct VariableUsage<'c> {
    events: Vec<Use<'c>>,
}

#[derive(Debug)]
enum Use<'c> {
    Reads { name: &'c str, place: Place },
    Sets { name: &'c str },
}

impl<'c> VariableUsage<'c> {
    /// Records that the check reads the variables of `template`.
    pub fn read(&mut self, template: &'c Template) {
        self.events.extend(template.reads_at().map(|(name, place)| Use::Reads { name, place }));
    }

    /// Records that the check reads the variables of several templates.
    pub fn read_all(&mut self, templates: impl IntoIterator<Item = &'c Template>) {
        templates.into_iter().for_each(|template| self.read(template));
    }

    /// Records that the check captures a variable with this name.
    pub fn set(&mut self, name: &'c str) {
        self.events.push(Use::Sets { name });
    }

    /// Returns the names that the check reads before it sets them itself, with the place of each read.
    pub fn from_outside(&self) -> Vec<(&'c str, Place)> {
        let mut own = BTreeSet::new();
        let mut outside = Vec::new();
        for event in &self.events {
            match event {
                Use::Sets { name } => {
                    own.insert(*name);
                }
                Use::Reads { name, place } if !own.contains(first_part(name)) => {
                    outside.push((*name, *place));
                }
                Use::Reads { .. } => {}
            }
        }
        outside
    }

    /// Returns every name that the check sets.
    pub fn sets(&self) -> impl Iterator<Item = &'c str> {
        self.events.iter().filter_map(|event| match event {
            Use::Sets { name } => Some(*name),
            Use::Reads { .. } => None,
        })
    }
}
