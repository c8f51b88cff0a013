//! What is promised, whoever says so: a contract document, or the suite itself.

use std::time::Duration;

use serde_json::Value;

use super::operator::Operator;
use crate::expect::rows::RowCount;
use crate::language::source::Place;
use crate::language::template::Template;
use crate::probe::database::{Family, TableName};

/// All that is promised.
#[derive(Debug, Clone, Default)]
pub(super) struct Promised {
    pub objects: Vec<Object>,
    /// What nothing can check.
    pub unchecked: Vec<Unchecked>,
    /// The document itself, for what the suite expects of it.
    pub document: Option<Value>,
}

/// A table or view.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// As the contract calls it.
    pub name: String,
    /// As the database is meant to call it.
    pub table: TableName,
    /// A schema to look into first, which is no promise.
    pub usual_schema: Option<String>,
    pub place: Place,
    pub columns: Vec<Column>,
    pub keys: Vec<UniqueColumns>,
    /// May it be empty?
    pub may_be_empty: bool,
    pub rows: Option<RowCount>,
    pub fresh: Vec<Fresh>,
    pub quality: Vec<Rule>,
    /// The part of it that scans look at.
    pub slice: Option<Template>,
}

impl Object {
    /// Is this its name? The contract's counts first.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.physical_name() == name || self.table.name == name
    }

    pub fn physical_name(&self) -> String {
        match &self.table.schema {
            Some(schema) => format!("{schema}.{}", self.table.name),
            None => self.table.name.clone(),
        }
    }

    /// The column that the contract, or else the database, calls so.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let by_name = self.columns.iter().find(|column| column.name == name);
        by_name.or_else(|| self.columns.iter().find(|column| column.physical == name))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    /// As the contract calls it.
    pub name: String,
    /// As the database is meant to call it.
    pub physical: String,
    pub place: Place,
    /// The type as a database has it.
    pub physical_type: Option<(String, Place)>,
    pub logical_type: Option<(Logical, Place)>,
    /// Where it says that there is no null in it.
    pub required: Option<Place>,
}

/// The types of the standard.
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

    /// Can a column of this family be one? `None` where the database does not say enough.
    pub fn covers(self, family: Family) -> Option<bool> {
        Some(match (self, family) {
            (_, Family::Unknown) => return None,
            (Logical::String, Family::Text | Family::Other | Family::Object) => true,
            (Logical::Number | Logical::Integer, Family::Number) => true,
            (Logical::Boolean, Family::Boolean) => true,
            // A database without booleans or dates has numbers for them.
            (Logical::Boolean | Logical::Date | Logical::Timestamp | Logical::Time, Family::Number) => {
                return None;
            }
            (Logical::Date | Logical::Timestamp, Family::Date | Family::LocalTime | Family::Instant) => true,
            (Logical::Time, Family::Time) => true,
            // A type of somebody's own is whatever it stands for.
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

/// Columns of which no two rows have the same values.
#[derive(Debug, Clone)]
pub(super) struct UniqueColumns {
    /// As the contract calls them.
    pub columns: Vec<String>,
    pub place: Place,
    pub is_primary: bool,
}

/// The newest value of a column is not older than that.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    /// As the contract calls it.
    pub column: String,
    pub within: Duration,
    /// What says so, such as `freshness`.
    pub by: String,
    pub place: Place,
}

/// A rule on the quality of data.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub column: Option<String>,
    pub measure: Measure,
    pub operators: Vec<Operator>,
    pub is_percent: bool,
    /// Does it only report?
    pub only_warns: bool,
    /// What it is called.
    pub name: Option<String>,
    pub place: Place,
}

/// What a rule measures.
#[derive(Debug, Clone)]
pub(super) enum Measure {
    Rows,
    Nulls,
    /// Nulls, and these values.
    Missing(Vec<Value>),
    /// What is none of these values, or does not match.
    Invalid {
        values: Option<Vec<Value>>,
        pattern: Option<String>,
    },
    /// Values, of these columns together, that are there more than once.
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

/// Something that a contract says and nothing can check.
#[derive(Debug, Clone)]
pub(super) struct Unchecked {
    pub object: Option<String>,
    pub column: Option<String>,
    /// Of what kind it is: what is counted together.
    pub group: &'static str,
    /// Which one of the group, such as the engine of a custom rule.
    pub which: Option<String>,
    pub place: Place,
}
