//! Reading the fields of a contract document: unread fields are reported, and every mistake has a place.

use super::yaml::{Key, Node, NodeValue};
use crate::language::diagnostic::Diagnostic;
use crate::language::source::Place;

/// The findings made while reading a document.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Places where the document is invalid.
    pub mistakes: Vec<Diagnostic>,
    /// Findings that do not prevent using the document.
    pub warnings: Vec<Diagnostic>,
    /// Fields that are not part of the standard.
    pub unknown: Vec<Unknown>,
}

/// A field that is not part of the standard.
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

/// Fields of version 2 of the standard, with their current names.
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
    /// Returns the fields of `node`, and records a mistake if it is not a mapping.
    pub fn of(node: &'n Node, what: &str, findings: &mut Findings) -> Option<Fields<'n>> {
        match &node.value {
            NodeValue::Map(entries) => Some(Fields { entries, place: node.place, known: Vec::new() }),
            NodeValue::Scalar { .. } | NodeValue::List(_) => {
                findings.mistake(node.place, format!("expected {what} with fields"));
                None
            }
        }
    }

    /// Returns the place of the first field, or of the mapping if it is empty.
    pub fn place(&self) -> Place {
        self.entries.first().map_or(self.place, |(key, _)| key.place)
    }

    pub fn key_place(&self, name: &str) -> Place {
        let found = self.entries.iter().find(|(key, _)| key.name == name);
        found.map_or_else(|| self.place(), |(key, _)| key.place)
    }

    /// Returns the value of a field, or `None` if it is missing or null.
    pub fn get(&mut self, name: &'static str) -> Option<&'n Node> {
        self.known.push(name);
        let found = self.entries.iter().find(|(key, _)| key.name == name);
        found.map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// Returns a string field; numbers and booleans are returned as written.
    pub fn text(&mut self, name: &'static str, findings: &mut Findings) -> Option<&'n str> {
        let node = self.get(name)?;
        let text = node.text();
        if text.is_none() {
            findings.mistake(node.place, format!("expected `{name}` to be a string"));
        }
        text
    }

    /// Returns the items of a list. A missing field is an empty list; any other value is a mistake.
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

    /// Whether the field is set and true.
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

    /// Marks fields as known that contain nothing to check.
    pub fn ignore(&mut self, names: &[&'static str]) {
        self.known.extend(names);
    }

    /// Reports the fields that were not read.
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
