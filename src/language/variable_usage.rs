//! Which variables a check reads and sets, in order.

use std::collections::BTreeSet;

use super::source::Place;
use super::template::Template;
use super::variables::first_part;

/// What a check does with variables, in the order in which it happens.
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
    /// The check reads what `template` reads.
    pub fn read(&mut self, template: &'c Template) {
        self.events.extend(template.reads_at().map(|(name, place)| Use::Reads { name, place }));
    }

    /// The same for several templates.
    pub fn read_all(&mut self, templates: impl IntoIterator<Item = &'c Template>) {
        templates.into_iter().for_each(|template| self.read(template));
    }

    /// The check captures a variable of this name.
    pub fn set(&mut self, name: &'c str) {
        self.events.push(Use::Sets { name });
    }

    /// The names the check reads before it sets them itself, with the place where each is read.
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

    /// The names the check sets at any time.
    pub fn sets(&self) -> impl Iterator<Item = &'c str> {
        self.events.iter().filter_map(|event| match event {
            Use::Sets { name } => Some(*name),
            Use::Reads { .. } => None,
        })
    }
}
