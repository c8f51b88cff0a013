//! Comparison of declared types with those of columns, by MySQL's own names and their synonyms.
//!
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/data-types.html>. The server has no function that parses the name
//! of a type.

use crate::probe::database::{DeclaredType, Family, TypeMatch};

/// The types with their synonyms.
const TYPES: [(&str, &[&str]); 34] = [
    ("tinyint", &["int1"]),
    ("smallint", &["int2"]),
    ("mediumint", &["int3", "middleint"]),
    ("int", &["integer", "int4"]),
    ("bigint", &["int8"]),
    ("decimal", &["numeric", "dec", "fixed"]),
    ("float", &["float4"]),
    ("double", &["double precision", "float8", "real"]),
    ("bit", &[]),
    ("date", &[]),
    ("time", &[]),
    ("datetime", &[]),
    ("timestamp", &[]),
    ("year", &[]),
    ("char", &["character", "nchar"]),
    ("varchar", &["character varying", "varcharacter", "char varying", "nvarchar"]),
    ("tinytext", &[]),
    ("text", &[]),
    ("mediumtext", &["long", "long varchar"]),
    ("longtext", &[]),
    ("binary", &[]),
    ("varbinary", &["char byte"]),
    ("tinyblob", &[]),
    ("blob", &[]),
    ("mediumblob", &["long varbinary"]),
    ("longblob", &[]),
    ("enum", &[]),
    ("set", &[]),
    ("json", &[]),
    ("uuid", &[]),
    ("inet4", &[]),
    ("inet6", &[]),
    ("geometry", &[]),
    ("point", &[]),
];

/// Types whose number in brackets is only a display width.
const SHOWN_WIDTH: [&str; 7] = ["tinyint", "smallint", "mediumint", "int", "bigint", "year", "double"];

/// A parsed type.
#[derive(Debug, PartialEq, Eq)]
struct Type {
    name: &'static str,
    size: Option<String>,
    is_unsigned: bool,
}

fn read(text: &str) -> Option<Type> {
    let text = text.trim().to_lowercase();
    match text.as_str() {
        "bool" | "boolean" => return Some(Type { name: "tinyint", size: None, is_unsigned: false }),
        "serial" => return Some(Type { name: "bigint", size: None, is_unsigned: true }),
        _ => {}
    }
    // `varchar[50]` means a length.
    let text = text.replace('[', "(").replace(']', ")");
    let (before, size, after) = match text.split_once('(') {
        Some((before, rest)) => {
            let (size, after) = rest.rsplit_once(')')?;
            (before, Some(size), after)
        }
        None => (text.as_str(), None, ""),
    };
    let words: Vec<&str> = before.split_whitespace().chain(after.split_whitespace()).collect();
    let is_unsigned = words.iter().any(|word| matches!(*word, "unsigned" | "zerofill"));
    let words: Vec<&str> = words
        .into_iter()
        .take_while(|word| !matches!(*word, "unsigned" | "signed" | "zerofill" | "charset" | "collate"))
        .collect();
    let called = words.join(" ");
    let (name, _) =
        TYPES.iter().find(|(name, others)| *name == called || others.contains(&called.as_str()))?;
    let size = size.map(|size| size.chars().filter(|c| !c.is_whitespace()).collect());
    Some(Type { name, size: size.filter(|_| !SHOWN_WIDTH.contains(name)), is_unsigned })
}

pub(super) fn compare(DeclaredType { declared, type_name }: &DeclaredType) -> TypeMatch {
    let (Some(wanted), Some(actual)) = (read(declared), read(type_name)) else {
        let is_same = !declared.trim().is_empty() && declared.trim().eq_ignore_ascii_case(type_name.trim());
        return if is_same { TypeMatch::Same } else { TypeMatch::Unknown };
    };
    // JSON in MariaDB is an alias of `longtext`.
    let is_same = wanted.name == actual.name || (wanted.name, actual.name) == ("json", "longtext");
    let has_size = match (&wanted.size, &actual.size) {
        // `decimal(10)` is the same as `decimal(10,0)`.
        (Some(wanted), Some(actual)) => wanted == actual || actual.strip_suffix(",0") == Some(wanted),
        (Some(_), None) => false,
        (None, _) => true,
    };
    if is_same && has_size && (actual.is_unsigned || !wanted.is_unsigned) {
        return TypeMatch::Same;
    }
    let size = wanted.size.map(|size| format!("({size})")).unwrap_or_default();
    let unsigned = if wanted.is_unsigned { " unsigned" } else { "" };
    TypeMatch::Other(format!("{}{size}{unsigned}", wanted.name))
}

/// Returns the family of a column's values.
pub(super) fn family(type_name: &str) -> Family {
    if type_name.starts_with("tinyint(1)") {
        return Family::Boolean;
    }
    match read(type_name).map(|read| read.name) {
        Some(
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "bit"
            | "year",
        ) => Family::Number,
        Some("date") => Family::Date,
        Some("time") => Family::Time,
        Some("datetime") => Family::LocalTime,
        Some("timestamp") => Family::Instant,
        Some("char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set") => {
            Family::Text
        }
        Some("json") => Family::Object,
        Some(_) => Family::Other,
        None => Family::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_type_is_compared_by_what_mysql_makes_of_it() {
        let told = |declared: &str, actual: &str| {
            compare(&DeclaredType { declared: declared.to_owned(), type_name: actual.to_owned() })
        };
        let other = |name: &str| TypeMatch::Other(name.to_owned());
        for (declared, actual, expected) in [
            ("INTEGER", "int(11)", TypeMatch::Same),
            ("int(10) unsigned", "int unsigned", TypeMatch::Same),
            ("bigint unsigned", "bigint(20)", other("bigint unsigned")),
            ("int", "bigint(20)", other("int")),
            ("boolean", "tinyint(1)", TypeMatch::Same),
            ("numeric(10)", "decimal(10,0)", TypeMatch::Same),
            ("numeric", "decimal(10,2)", TypeMatch::Same),
            ("decimal(10, 4)", "decimal(10,2)", other("decimal(10,4)")),
            ("varchar[50]", "varchar(50)", TypeMatch::Same),
            ("varchar(20)", "varchar(50)", other("varchar(20)")),
            ("json", "longtext", TypeMatch::Same),
            ("enum('a','b')", "enum('a','b')", TypeMatch::Same),
            ("string", "varchar(50)", TypeMatch::Unknown),
            ("", "", TypeMatch::Unknown),
        ] {
            assert_eq!(told(declared, actual), expected, "{declared} {actual}");
        }
        assert_eq!(family("datetime(6)"), Family::LocalTime);
        assert_eq!(family("decimal(10,2) unsigned"), Family::Number);
        assert_eq!(family("geometrycollection"), Family::Unknown);
    }
}
