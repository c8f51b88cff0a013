//! The tables of keys in the documentation, generated from the documentation of the suite's readers.
//!
//! `keys of A, B without C` lists the keys that the tables `A` and `B` have in common, with the same meaning, and that
//! `C` does not have.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use smoke::commands::{KeyReference, TableReference};

use super::generated::{Part, parts};
use crate::support::pages::{Page, pages};

/// Every table of the language, and its place in the documentation.
pub struct Reference {
    tables: Vec<TableReference>,
    places: BTreeMap<String, Place>,
}

/// A heading of a page.
struct Place {
    page: String,
    anchor: String,
}

/// The keys that a part lists.
struct Selection {
    of: Vec<String>,
    without: Vec<String>,
}

impl Selection {
    /// Parses the selection of `part`, if it lists keys.
    fn of(part: &Part) -> Option<Selection> {
        let names = part.what.strip_prefix("keys of ")?;
        let (of, without) = names.split_once(" without ").unwrap_or((names, ""));
        let names =
            |text: &str| text.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(Selection { of: names(of), without: names(without) })
    }
}

impl Reference {
    pub fn of(pages: &[Page]) -> Reference {
        let mut places: BTreeMap<String, (usize, Place)> = BTreeMap::new();
        for page in pages {
            for part in parts(page) {
                let Some(selection) = Selection::of(&part) else { continue };
                // Prefers the part that is only about this table. Otherwise the first that includes it.
                let count = selection.of.len();
                for name in selection.of {
                    if places.get(&name).is_none_or(|(known, _)| count < *known) {
                        let place = Place { page: page.path.clone(), anchor: part.anchor.clone() };
                        places.insert(name, (count, place));
                    }
                }
            }
        }
        let places = places.into_iter().map(|(name, (_, place))| (name, place)).collect();
        Reference { tables: smoke::commands::reference(), places }
    }

    fn table(&self, name: &str) -> &TableReference {
        let table = self.tables.iter().find(|table| table.name == name);
        table.unwrap_or_else(|| {
            let names: Vec<&str> = self.tables.iter().map(|table| table.name.as_str()).collect();
            panic!("no table is called `{name}`; there are {names:?}")
        })
    }

    /// Returns the selected keys in order, each in the variants of the selected tables.
    fn selected(&self, selection: &Selection) -> Vec<Vec<&KeyReference>> {
        let tables: Vec<&TableReference> = selection.of.iter().map(|name| self.table(name)).collect();
        let others: Vec<&TableReference> = selection.without.iter().map(|name| self.table(name)).collect();
        let find = |table: &&'_ TableReference, key: &KeyReference| {
            table.keys.iter().position(|other| is_same(key, other))
        };
        let keys = tables[0].keys.iter().filter(|key| others.iter().all(|table| find(table, key).is_none()));
        let in_all = keys.filter_map(|key| {
            let found = tables.iter().map(|table| find(table, key).map(|at| &table.keys[at]));
            found.collect::<Option<Vec<&KeyReference>>>()
        });
        in_all.collect()
    }

    /// Renders `part` of `page` as a table of keys, if it lists keys.
    pub fn rows(&self, part: &Part, page: &Page) -> Option<String> {
        let selection = Selection::of(part)?;
        let mut text = "| key | type | default | meaning | example |\n|---|---|---|---|---|\n".to_owned();
        for keys in self.selected(&selection) {
            let key = keys[0];
            let defaults: Vec<(&str, String)> =
                selection.of.iter().map(String::as_str).zip(keys.iter().map(|key| default(key))).collect();
            let example = match &key.example {
                Some(example) => format!("`{}`", cell(&format!("{} = {}", key.name, toml(example)))),
                // The example of a list of tables is its header.
                None => format!("`[[{}]]`", head_of(self.table(&selection.of[0]), key)),
            };
            writeln!(
                text,
                "| `{}` | {} | {} | {} | {example} |",
                key.name,
                self.linked(key, page),
                merged(&defaults),
                cell(&key.meaning)
            )
            .expect("a line");
        }
        Some(text)
    }

    /// Returns the type of a key, with a link to the table of its keys.
    fn linked(&self, key: &KeyReference, page: &Page) -> String {
        let name = cell(&key.type_name);
        for definition in &key.definitions {
            let Some(place) = self.places.get(definition) else { continue };
            let word = if name.contains(definition.as_str()) { definition } else { "table" };
            if let Some(at) = name.find(word) {
                let to =
                    if place.page == page.path { String::new() } else { relative(&page.path, &place.page) };
                let end = at + word.len();
                return format!("{}[{word}]({to}#{}){}", &name[..at], place.anchor, &name[end..]);
            }
        }
        name
    }
}

/// Returns the path of the table header for a key that holds a list of tables.
fn head_of(table: &TableReference, key: &KeyReference) -> String {
    match table.path.as_str() {
        "" => key.name.clone(),
        path => format!("{path}.{}", key.name),
    }
}

/// Whether both tables have the same key, even with different defaults.
fn is_same(one: &KeyReference, other: &KeyReference) -> bool {
    (&one.name, &one.meaning, &one.type_name) == (&other.name, &other.meaning, &other.type_name)
}

fn default(key: &KeyReference) -> String {
    match &key.default {
        _ if key.is_required => "required".to_owned(),
        Some(default) => format!("`{}`", toml(default)),
        None => "–".to_owned(),
    }
}

/// Merges the defaults of several tables: the most frequent one, then the others with their tables.
fn merged(defaults: &[(&str, String)]) -> String {
    let count = |default: &str| defaults.iter().filter(|(_, other)| other == default).count();
    let (_, usual) = defaults.iter().max_by_key(|(_, default)| count(default)).expect("a table");
    let others: Vec<String> = defaults
        .iter()
        .filter(|(_, default)| default != usual)
        .map(|(name, default)| format!("{name} {default}"))
        .collect();
    if others.is_empty() { usual.clone() } else { format!("{usual}; {}", others.join(", ")) }
}

/// Escapes text for a table cell.
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Formats a value as in a suite.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| format!("{} = {}", bare(key), toml(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn bare(key: &str) -> String {
    if key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}

/// Returns the relative path from one page to another.
fn relative(from: &str, to: &str) -> String {
    let folders = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (folders(from), folders(to));
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = "../".repeat(from.len() - 1 - common);
    format!("{up}{}", to[common..].join("/"))
}

#[test]
fn every_key_of_the_language_is_in_one_table_of_the_documentation() {
    let pages = pages();
    let reference = Reference::of(&pages);
    let mut places: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    let selections: Vec<(String, Selection)> = pages
        .iter()
        .flat_map(|page| parts(page).into_iter().map(move |part| (page, part)))
        .filter_map(|(page, part)| Some((format!("{}#{}", page.path, part.anchor), Selection::of(&part)?)))
        .collect();
    for (place, selection) in &selections {
        for keys in reference.selected(selection) {
            for name in &selection.of {
                places.entry((name, &keys[0].name)).or_default().push(place.clone());
            }
        }
    }
    let mut wrong = Vec::new();
    let mut count = 0;
    for table in &reference.tables {
        for key in &table.keys {
            count += 1;
            let found = places.get(&(table.name.as_str(), key.name.as_str())).map_or(&[][..], Vec::as_slice);
            if found.len() != 1 {
                wrong.push(format!("`{}` of `{}` is in these: {found:?}", key.name, table.name));
            }
        }
    }
    assert!(count > 150, "{count}");
    assert!(wrong.is_empty(), "mend the parts `keys of …` of the documentation:\n{}", wrong.join("\n"));
}

#[test]
fn every_key_has_a_meaning_and_an_example_that_is_valid() {
    let mut wrong = Vec::new();
    for table in smoke::commands::reference() {
        for key in &table.keys {
            if key.meaning.len() < 5 {
                wrong.push(format!("`{}` of `{}` means `{}`", key.name, table.name, key.meaning));
            }
            // The example of a list of tables is its header: `[[health]]`.
            if key.example.is_none() && key.type_name != "list of table" {
                wrong.push(format!("`{}` of `{}` has no example", key.name, table.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let root = crate::support::schema::schema();
    let mut checked = 0;
    crate::support::schema::each_example(&root, &mut |property, example| {
        checked += 1;
        let mut alone = property.clone();
        alone["$defs"] = root["$defs"].clone();
        let validator = jsonschema::draft202012::new(&alone).expect("a schema");
        let error = validator.iter_errors(example).next().map(|error| error.to_string());
        assert_eq!(error, None, "{example}");
    });
    assert!(checked > 150, "{checked}");
}
