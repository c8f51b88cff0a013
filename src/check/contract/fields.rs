//! Reading the fields of a contract document: what nobody asks for is named, and what is wrong has its place.

use super::yaml::{Key, Node, NodeValue};
use crate::language::diagnostic::Diagnostic;
use crate::language::source::Place;

/// What is found while a document is read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The document makes no sense there.
    pub mistakes: Vec<Diagnostic>,
    /// It can be used all the same.
    pub warnings: Vec<Diagnostic>,
    /// The fields that the standard does not have.
    pub unknown: Vec<Unknown>,
}

/// A field that the standard does not have.
#[derive(Debug)]
pub(super) struct Unknown {
    pub name: String,
    pub place: Place,
}

impl Findings {
    pub fn mistake(&mut self, place: Place, message: impl Into<String>) {
        self.mistakes.push(Diagnostic::new(place, message));
    }

    pub fn warn(&mut self, place: Place, message: impl Into<String>) {
        self.warnings.push(Diagnostic::new(place, message));
    }
}

/// Fields of version 2 of the standard, and what they are called now.
const VERSION_2: [(&str, &str); 12] = [
    ("isNullable", "`required` (the opposite)"),
    ("isUnique", "`unique`"),
    ("isPrimary", "`primaryKey`"),
    ("isPrimaryKey", "`primaryKey`"),
    ("dataset", "`schema`"),
    ("table", "`name`"),
    ("columns", "`properties`"),
    ("column", "`name`"),
    ("datasetName", "`schema`"),
    ("uuid", "`id`"),
    ("quantumName", "`dataProduct`"),
    ("mustBeGreaterThanOrEqualTo", "`mustBeGreaterOrEqualTo`"),
];

/// The fields of one mapping.
pub(super) struct Fields<'n> {
    entries: &'n [(Key, Node)],
    place: Place,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The fields of `node`; a mistake if it has none.
    pub fn of(node: &'n Node, what: &str, findings: &mut Findings) -> Option<Fields<'n>> {
        match &node.value {
            NodeValue::Map(entries) => Some(Fields { entries, place: node.place, known: Vec::new() }),
            NodeValue::Scalar { .. } | NodeValue::List(_) => {
                findings.mistake(node.place, format!("expected {what} with fields"));
                None
            }
        }
    }

    /// Where they begin.
    pub fn place(&self) -> Place {
        self.entries.first().map_or(self.place, |(key, _)| key.place)
    }

    pub fn key_place(&self, name: &str) -> Place {
        let found = self.entries.iter().find(|(key, _)| key.name == name);
        found.map_or_else(|| self.place(), |(key, _)| key.place)
    }

    /// A field's value, if it has one.
    pub fn get(&mut self, name: &'static str) -> Option<&'n Node> {
        self.known.push(name);
        let found = self.entries.iter().find(|(key, _)| key.name == name);
        found.map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// A field that is text, or a number or boolean as it is written.
    pub fn text(&mut self, name: &'static str, findings: &mut Findings) -> Option<&'n str> {
        let node = self.get(name)?;
        let text = node.text();
        if text.is_none() {
            findings.mistake(node.place, format!("expected `{name}` to be a string"));
        }
        text
    }

    /// The items of a list. One value stands for a list of it.
    pub fn list(&mut self, name: &'static str, findings: &mut Findings) -> &'n [Node] {
        match self.get(name) {
            None => &[],
            Some(Node { value: NodeValue::List(items), .. }) => items,
            Some(node) => {
                findings.mistake(node.place, format!("expected `{name}` to be a list"));
                &[]
            }
        }
    }

    /// Is it set and true?
    pub fn is_true(&mut self, name: &'static str, findings: &mut Findings) -> bool {
        let Some(node) = self.get(name) else { return false };
        match node.text().map(str::to_lowercase).as_deref() {
            Some("true" | "yes") => true,
            Some("false" | "no") => false,
            Some(_) | None => {
                findings.mistake(node.place, format!("expected `{name}` to be true or false"));
                false
            }
        }
    }

    /// Fields that say nothing that could be checked.
    pub fn ignore(&mut self, names: &[&'static str]) {
        self.known.extend(names);
    }

    /// Names what was not asked for.
    pub fn finish(self, findings: &mut Findings) {
        for (key, _) in self.entries {
            if self.known.contains(&key.name.as_str()) {
                continue;
            }
            let renamed = VERSION_2.iter().find(|(old, _)| *old == key.name);
            let warning =
                Diagnostic::new(key.place, format!("unknown field `{}`: it is not checked", key.name));
            findings.warnings.push(match renamed {
                Some((_, new)) => warning.hint(format!("version 3 of the standard has {new}")),
                None => warning.did_you_mean(&key.name, self.known.iter().copied()),
            });
            findings.unknown.push(Unknown { name: key.name.clone(), place: key.place });
        }
    }
}
