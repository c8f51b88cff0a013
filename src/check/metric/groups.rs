//! Figures by group: the rows of a source, indexed by key.

use std::collections::HashMap;

use serde_json::Value;

use super::figure::Figure;
use crate::language::number::Decimal;
use crate::language::read::Named;
use crate::outcome::{Failure, Fault};
use crate::probe::rows::{Numbers, QueryResult, ResultColumn};
use crate::secret::{Message, message};

/// The maximum number of groups. With more, the check compares a table rather than a figure.
pub(super) const MOST_GROUPS: usize = 1_000;

/// The key of a group. Numbers are compared by value, anything else exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Number(String),
    Other(Value),
}

/// The groups of a source.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the groups of the groups of one source")]
pub(super) struct Groups {
    /// The names of the figures.
    pub figures: Vec<String>,
    /// The groups in the order of their rows.
    pub groups: Vec<Group>,
    index: HashMap<Key, usize>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub key: Key,
    /// The key in words, such as `region = EU`.
    pub name: String,
    pub figures: Vec<Figure>,
}

/// Returns which of the columns in `by` hold numbers in any of the sources. These are compared by value.
pub(super) fn numeric(by: &[Named], results: &[QueryResult]) -> Vec<bool> {
    let is_number = |name: &str| {
        let cells = results.iter().flat_map(|result| &result.rows).flatten();
        cells.into_iter().any(|(column, value)| column == name && value.is_number())
    };
    by.iter().map(|by| is_number(&by.name)).collect()
}

impl Groups {
    /// Reads the rows of the source named `source`.
    ///
    /// # Errors
    /// Fails if there are too many groups, if two have the same key, or if a column is missing.
    pub fn read(
        source: &str,
        by: &[Named],
        numeric: &[bool],
        result: &QueryResult,
    ) -> Result<Groups, Failure> {
        if result.count > MOST_GROUPS as u64 {
            let cause = message!("`{}` has {} groups, and 1000 are compared at most", source, result.count);
            return Err(unusable(cause, "group by less, or select fewer rows"));
        }
        let columns = columns_of(result);
        let position = |name: &str| columns.iter().position(|column| column.name == name);
        let names = || columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ");
        for column in &columns {
            if columns.iter().filter(|other| other.name == column.name).count() > 1 {
                let cause = message!("`{}` has two columns called `{}`", source, column.name);
                return Err(unusable(cause, "columns are found by name: give one of them another"));
            }
        }
        let mut keys = Vec::new();
        for by in by {
            match position(&by.name) {
                Some(column) => keys.push(column),
                None if columns.is_empty() => {}
                None => {
                    let cause =
                        message!("`{}` has no column `{}`; its columns are {}", source, by.name, names());
                    return Err(unusable(cause, "each source has the columns in `by`, by these names"));
                }
            }
        }
        let figures: Vec<usize> = (0..columns.len()).filter(|column| !keys.contains(column)).collect();
        if figures.is_empty() && !columns.is_empty() {
            let cause = message!("`{}` has no figure: its columns are {}", source, names());
            return Err(unusable(cause, "every column that is not in `by` is a figure"));
        }
        let mut groups = Groups {
            figures: figures.iter().map(|column| columns[*column].name.clone()).collect(),
            groups: Vec::with_capacity(result.rows.len()),
            index: HashMap::with_capacity(result.rows.len()),
        };
        for row in &result.rows {
            let parts = keys.iter().zip(numeric).map(|(column, numeric)| part(&row[*column].1, *numeric));
            let key = Key(parts.collect());
            let name = keys.iter().map(|column| named(&columns[*column].name, &row[*column].1));
            let name = name.collect::<Vec<_>>().join(", ");
            let figure = |column: &usize| Figure::of(&row[*column].1, columns[*column].numbers);
            if groups.index.insert(key.clone(), groups.groups.len()).is_some() {
                let cause = message!("`{}` has the group {} twice", source, name);
                return Err(unusable(cause, "each group is one row: group by all columns in `by`"));
            }
            groups.groups.push(Group { key, name, figures: figures.iter().map(figure).collect() });
        }
        Ok(groups)
    }

    pub fn get(&self, key: &Key) -> Option<&Group> {
        self.index.get(key).map(|index| &self.groups[*index])
    }
}

/// Returns the columns of a result, taken from its first row if the result does not describe them.
pub(super) fn columns_of(result: &QueryResult) -> Vec<ResultColumn> {
    if !result.columns.is_empty() {
        return result.columns.clone();
    }
    let first = result.first().into_iter().flatten();
    first.map(|(name, _)| ResultColumn { name: name.clone(), numbers: Numbers::AsWritten }).collect()
}

fn part(value: &Value, numeric: bool) -> Part {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) if numeric => text.clone(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Part::Other(value.clone());
        }
    };
    match Decimal::parse(&text) {
        Some(number) => Part::Number(format!("{number:e}")),
        None => Part::Other(value.clone()),
    }
}

fn named(column: &str, value: &Value) -> String {
    match value {
        Value::String(text) => format!("{column} = {text}"),
        other => format!("{column} = {other}"),
    }
}

/// Builds the failure for a source whose result holds no figure that can be compared.
pub(super) fn unusable(cause: Message, hint: &'static str) -> Failure {
    let failure = Failure::fault(Fault::Measurement, message!("comparing the figures"), cause);
    failure.with_hint(Message::new().words(hint))
}
