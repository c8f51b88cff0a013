//! SQLite types: the name of a type determines the affinity of its column, and nothing else.
//!
//! Source: <https://www.sqlite.org/datatype3.html#determination_of_column_affinity>.

use crate::probe::database::{DeclaredType, Family, TypeMatch};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Affinity {
    fn of(type_name: &str) -> Affinity {
        let name = type_name.to_lowercase();
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        if has(&["int"]) {
            Affinity::Integer
        } else if has(&["char", "clob", "text"]) {
            Affinity::Text
        } else if name.is_empty() || has(&["blob"]) {
            Affinity::Blob
        } else if has(&["real", "floa", "doub"]) {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }

    fn name(self) -> &'static str {
        match self {
            Affinity::Integer => "integer",
            Affinity::Text => "text",
            Affinity::Blob => "blob",
            Affinity::Real => "real",
            Affinity::Numeric => "numeric",
        }
    }
}

/// SQLite treats every unknown name as `numeric`. These names are intended as types.
const NUMERIC: [&str; 7] = ["numeric", "decimal", "number", "bool", "date", "time", "money"];

fn is_known(type_name: &str) -> bool {
    let name = type_name.to_lowercase();
    Affinity::of(type_name) != Affinity::Numeric || NUMERIC.iter().any(|known| name.starts_with(known))
}

pub(super) fn compare(DeclaredType { declared, type_name }: &DeclaredType) -> TypeMatch {
    let (wanted, actual) = (Affinity::of(declared), Affinity::of(type_name));
    if declared.trim().eq_ignore_ascii_case(type_name.trim()) {
        TypeMatch::Same
    } else if declared.trim().is_empty() || !is_known(declared) {
        TypeMatch::Unknown
    } else if wanted == actual {
        TypeMatch::Same
    } else {
        TypeMatch::Other(format!("{} ({} affinity)", declared.trim(), wanted.name()))
    }
}

/// Returns the family of a column's values, as far as its type determines it.
pub(super) fn family(type_name: &str) -> Family {
    let name = type_name.to_lowercase();
    match Affinity::of(type_name) {
        Affinity::Integer | Affinity::Real => Family::Number,
        // Dates and times are text in SQLite, and so is JSON.
        Affinity::Text | Affinity::Blob => Family::Unknown,
        Affinity::Numeric if name.starts_with("bool") => Family::Boolean,
        Affinity::Numeric if name == "date" => Family::Date,
        Affinity::Numeric if name.starts_with("datetime") || name.starts_with("timestamp") => {
            Family::LocalTime
        }
        Affinity::Numeric if name.starts_with("time") => Family::Time,
        Affinity::Numeric if is_known(type_name) => Family::Number,
        Affinity::Numeric => Family::Unknown,
    }
}
