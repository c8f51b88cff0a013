//! The promises of a contract that the catalog decides, without reading the data.

use super::entry::{Came, Test};
use super::lookup::{Found, look_up};
use super::run::Run;
use crate::attempt::Context;
use crate::outcome::Failure;
use crate::probe::database::{Database, DeclaredType, Session, TypeMatch};
use crate::secret::message;

impl Run {
    /// Settles what the catalog decides: objects, columns, types, and the keys and `not null` promises that it proves.
    pub(super) async fn ask_catalog(
        &mut self,
        database: &dyn Database,
        session: &mut dyn Session,
        context: &Context,
    ) -> Result<(), Failure> {
        let is_same_name = database.idioms().is_same_name;
        self.found = look_up(&self.promised.objects, is_same_name, session, context).await?;
        self.tell_where();
        for object in 0..self.promised.objects.len() {
            match &self.found[object] {
                Found::Missing(instead) => {
                    let expected =
                        message!("to exist as `{}`", self.promised.objects[object].physical_name());
                    let came = Came::Failed { expected, actual: instead.clone() };
                    self.settle(Test::Exists, Some(object), came);
                    self.leave(object, &Came::Unchecked { group: "behind a missing table", which: None });
                }
                Found::Ambiguous(which) => {
                    let hint = message!("say in the contract's `physicalName` which schema it is in");
                    self.settle(Test::Exists, Some(object), Came::errored(which.clone(), hint));
                    self.leave(object, &Came::Unchecked { group: "behind a missing table", which: None });
                }
                Found::There { table, is_elsewhere, .. } => {
                    let whereabouts = is_elsewhere.then(|| message!("in schema `{}`", table.schema));
                    let came = if table.is_readable {
                        Came::Passed(whereabouts)
                    } else {
                        Came::errored(
                            message!("permission denied: this user may not read it"),
                            message!(
                                "grant it: `grant select on {}.{} to …`, and `usage` on the schema",
                                table.schema,
                                self.promised.objects[object].table.name
                            ),
                        )
                    };
                    self.settle(Test::Exists, Some(object), came);
                    self.columns(object, is_same_name);
                }
            }
        }
        self.types(session, context).await
    }

    /// Adds a note with the schemas of the objects that were found although no schema was given for them.
    fn tell_where(&mut self) {
        let mut schemas: Vec<&str> = Vec::new();
        for found in &self.found {
            if let Found::There { table, is_elsewhere: true, .. } = found
                && !schemas.contains(&table.schema.as_str())
            {
                schemas.push(&table.schema);
            }
        }
        if !schemas.is_empty() {
            self.notes.push(message!("found in other schemas: {}", schemas.join(", ")));
        }
    }

    /// Settles which columns exist, and what the catalog proves about them.
    fn columns(&mut self, object: usize, is_same_name: fn(&str, &str) -> bool) {
        let Found::There { table, .. } = self.found[object].clone() else { return };
        let promised = self.promised.objects[object].clone();
        let stored = |physical: &str| {
            let exact = table.columns.iter().find(|column| column.name == physical);
            exact.or_else(|| table.columns.iter().find(|column| is_same_name(physical, &column.name)))
        };
        let mut missing: Vec<&str> = Vec::new();
        for (number, column) in promised.columns.iter().enumerate() {
            let came = match stored(&column.physical) {
                Some(stored) => {
                    self.promised.objects[object].columns[number].physical.clone_from(&stored.name);
                    if !stored.nullable {
                        self.settle(
                            Test::NotNull(number),
                            Some(object),
                            Came::Passed(Some(message!("by the catalog"))),
                        );
                    }
                    Came::Passed(None)
                }
                None => {
                    missing.push(&column.name);
                    let other =
                        table.columns.iter().find(|other| other.name.eq_ignore_ascii_case(&column.physical));
                    let actual = match other {
                        Some(other) => {
                            message!("no such column; there is `{}`, in another spelling", other.name)
                        }
                        None => message!("no such column"),
                    };
                    Came::Failed { expected: message!("to exist"), actual }
                }
            };
            self.settle(Test::Column(number), Some(object), came);
        }
        for entry in self.about(Some(object)) {
            let is_behind = match entry.test {
                Test::Type(number) | Test::NotNull(number) => {
                    missing.contains(&promised.columns[number].name.as_str())
                }
                Test::Unique(number) => {
                    promised.keys[number].columns.iter().any(|column| missing.contains(&column.as_str()))
                }
                Test::Fresh(number) => missing.contains(&promised.fresh[number].column.as_str()),
                Test::Rule(number) => {
                    promised.quality[number].column.as_deref().is_some_and(|column| missing.contains(&column))
                }
                _ => false,
            };
            if is_behind {
                entry.came = Came::Unchecked { group: "behind a missing column", which: None };
            }
        }
        for (number, key) in promised.keys.iter().enumerate() {
            let columns: Vec<String> = key.columns.iter().map(|name| self.physical(object, name)).collect();
            // Columns that are unique stay unique together with others.
            if table.unique.iter().any(|index| index.iter().all(|column| columns.contains(column))) {
                self.settle(
                    Test::Unique(number),
                    Some(object),
                    Came::Passed(Some(message!("by the catalog"))),
                );
            }
        }
        let is_promised =
            |name: &str| self.promised.objects[object].columns.iter().any(|column| column.physical == name);
        let others: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .filter(|name| !is_promised(name))
            .collect();
        let came = if others.is_empty() {
            Came::Passed(None)
        } else {
            Came::Failed {
                expected: message!("to have no columns that the contract does not name"),
                actual: message!("{}", others.join(", ")),
            }
        };
        self.settle(Test::NoOtherColumns, Some(object), came);
    }

    /// Returns the database's name for the column that the contract calls `name`.
    pub(super) fn physical(&self, object: usize, name: &str) -> String {
        let column = self.promised.objects[object].column(name);
        column.map_or_else(|| name.to_owned(), |column| column.physical.clone())
    }

    /// Compares all declared types in one query. A declared type that the database does not know is compared by its
    /// logical type.
    async fn types(&mut self, session: &mut dyn Session, context: &Context) -> Result<(), Failure> {
        let mut places = Vec::new();
        let mut declared = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let (Test::Type(number), Some(object), Came::NotReached) =
                (entry.test, entry.object, &entry.came)
            else {
                continue;
            };
            let column = &self.promised.objects[object].columns[number];
            let Found::There { table, .. } = &self.found[object] else { continue };
            let Some(stored) = table.columns.iter().find(|stored| stored.name == column.physical) else {
                continue;
            };
            places.push((at, column.logical_type.map(|(logical, _)| logical), stored.clone()));
            declared.push(DeclaredType {
                declared: column.physical_type.as_ref().map(|(text, _)| text.clone()).unwrap_or_default(),
                type_name: stored.type_name.clone(),
            });
        }
        let matches =
            if declared.is_empty() { Vec::new() } else { session.compare_types(&declared, context).await? };
        for (((at, logical, stored), declared), matched) in places.into_iter().zip(declared).zip(matches) {
            let actual = || message!("type `{}`", stored.type_name);
            let unknown = || {
                let which = match declared.declared.as_str() {
                    "" => logical.map(|logical| logical.name().to_owned()),
                    text => Some(text.to_owned()),
                };
                Came::Unchecked { group: "type that the database does not know", which }
            };
            self.entries[at].came = match (matched, logical) {
                (TypeMatch::Same, _) => Came::Passed(None),
                (TypeMatch::Other(known), _) => {
                    let expected = if known == declared.declared.to_lowercase() {
                        message!("to be of type `{}`", declared.declared)
                    } else {
                        message!("to be of type `{}` (`{}` here)", declared.declared, known)
                    };
                    Came::Failed { expected, actual: actual() }
                }
                (TypeMatch::Unknown, Some(logical)) => match logical.covers(stored.family) {
                    Some(true) => Came::Passed(Some(message!("by what the type is about"))),
                    Some(false) => Came::Failed {
                        expected: message!("to be of the logical type `{}`", logical.name()),
                        actual: actual(),
                    },
                    None => unknown(),
                },
                (TypeMatch::Unknown, None) => unknown(),
            };
        }
        Ok(())
    }
}
