//! Promises, whether they come from a contract document or from the suite itself.

use std::time::Duration;

use serde_json::Value;

use super::operator::Operator;
use crate::expect::rows::RowCount;
use crate::language::source::Place;
use crate::language::template::Template;
use crate::probe::database::{Family, TableName};

/// All promises of a contract.
#[derive(Debug, Clone, Default)]
pub(super) struct Promised {
    pub objects: Vec<Object>,
    /// Promises that cannot be checked.
    pub unchecked: Vec<Unchecked>,
    /// The document itself, for the suite's own expectations of it.
    pub document: Option<Value>,
}

/// A table or view.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// The contract's name.
    pub name: String,
    /// The name expected in the database.
    pub table: TableName,
    /// A schema to search first; it is not a promise.
    pub usual_schema: Option<String>,
    pub place: Place,
    pub columns: Vec<Column>,
    pub keys: Vec<UniqueColumns>,
    /// Whether the object may have no rows.
    pub may_be_empty: bool,
    pub rows: Option<RowCount>,
    pub fresh: Vec<Fresh>,
    pub quality: Vec<Rule>,
    /// A condition for the rows that scans read.
    pub slice: Option<Template>,
}

impl Object {
    /// Whether the object has this name: the contract's, or the one expected in the database.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.physical_name() == name || self.table.name == name
    }

    pub fn physical_name(&self) -> String {
        match &self.table.schema {
            Some(schema) => format!("{schema}.{}", self.table.name),
            None => self.table.name.clone(),
        }
    }

    /// Returns the column with this name in the contract, or else in the database.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let by_name = self.columns.iter().find(|column| column.name == name);
        by_name.or_else(|| self.columns.iter().find(|column| column.physical == name))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    /// The contract's name.
    pub name: String,
    /// The name expected in the database.
    pub physical: String,
    pub place: Place,
    /// The type as a database names it.
    pub physical_type: Option<(String, Place)>,
    pub logical_type: Option<(Logical, Place)>,
    /// The place that promises that the column has no nulls.
    pub required: Option<Place>,
}

/// The logical types of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logical {
    String,
    Number,
    Integer,
    Boolean,
    Date,
    Timestamp,
    Time,
    Object,
    Array,
}

impl Logical {
    const ALL: [(Logical, &'static str); 9] = [
        (Logical::String, "string"),
        (Logical::Number, "number"),
        (Logical::Integer, "integer"),
        (Logical::Boolean, "boolean"),
        (Logical::Date, "date"),
        (Logical::Timestamp, "timestamp"),
        (Logical::Time, "time"),
        (Logical::Object, "object"),
        (Logical::Array, "array"),
    ];

    pub fn parse(text: &str) -> Option<Logical> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(logical, _)| *logical)
    }

    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|(_, name)| *name)
    }

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(logical, _)| *logical == self).map_or("", |(_, name)| name)
    }

    /// Whether a column of this family can have the logical type; `None` if the database does not reveal enough.
    pub fn covers(self, family: Family) -> Option<bool> {
        Some(match (self, family) {
            (_, Family::Unknown) => return None,
            (Logical::String, Family::Text | Family::Other | Family::Object) => true,
            (Logical::Number | Logical::Integer, Family::Number) => true,
            (Logical::Boolean, Family::Boolean) => true,
            // A database without booleans or dates stores them as numbers.
            (Logical::Boolean | Logical::Date | Logical::Timestamp | Logical::Time, Family::Number) => {
                return None;
            }
            (Logical::Date | Logical::Timestamp, Family::Date | Family::LocalTime | Family::Instant) => true,
            (Logical::Time, Family::Time) => true,
            // A user-defined type can represent anything.
            (Logical::Object, _) => return None,
            (Logical::Array, Family::Array | Family::Object) => true,
            (_, Family::Other) => return None,
            (
                Logical::String
                | Logical::Number
                | Logical::Integer
                | Logical::Boolean
                | Logical::Date
                | Logical::Timestamp
                | Logical::Time
                | Logical::Array,
                Family::Text
                | Family::Number
                | Family::Boolean
                | Family::Date
                | Family::Time
                | Family::LocalTime
                | Family::Instant
                | Family::Array
                | Family::Object,
            ) => false,
        })
    }
}

/// Columns in which no two rows have the same values.
#[derive(Debug, Clone)]
pub(super) struct UniqueColumns {
    /// The contract's names.
    pub columns: Vec<String>,
    pub place: Place,
    pub is_primary: bool,
}

/// A promise that the newest value of a column is no older than `within`.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    /// The contract's name.
    pub column: String,
    pub within: Duration,
    /// The key that promises it, such as `freshness`.
    pub by: String,
    pub place: Place,
}

/// A data quality rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub column: Option<String>,
    pub measure: Measure,
    pub operators: Vec<Operator>,
    pub is_percent: bool,
    /// Whether a violation only warns.
    pub only_warns: bool,
    /// The name of the rule.
    pub name: Option<String>,
    pub place: Place,
}

/// The quantity that a rule measures.
#[derive(Debug, Clone)]
pub(super) enum Measure {
    Rows,
    Nulls,
    /// Nulls and these values.
    Missing(Vec<Value>),
    /// Values other than these, or values that do not match the pattern.
    Invalid {
        values: Option<Vec<Value>>,
        pattern: Option<String>,
    },
    /// Combined values of these columns that occur more than once.
    Duplicates(Vec<String>),
    Sql(String),
}

impl Measure {
    pub fn name(&self) -> &'static str {
        match self {
            Measure::Rows => "rowCount",
            Measure::Nulls => "nullValues",
            Measure::Missing(_) => "missingValues",
            Measure::Invalid { .. } => "invalidValues",
            Measure::Duplicates(_) => "duplicateValues",
            Measure::Sql(_) => "sql",
        }
    }
}

/// A statement of a contract that cannot be checked.
#[derive(Debug, Clone)]
pub(super) struct Unchecked {
    pub object: Option<String>,
    pub column: Option<String>,
    /// The kind, by which such statements are counted.
    pub group: &'static str,
    /// Which item of the group it is, such as the engine of a custom rule.
    pub which: Option<String>,
    pub place: Place,
}
