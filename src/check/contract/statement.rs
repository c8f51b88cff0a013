//! The statements that check a contract's promises, in the dialect of each database.

use serde_json::Value;

use super::promise::{Measure, Object};
use crate::language::sql::{BoundSql, Dialect, Scanner, Within, literal, statement};
use crate::language::template::{Piece, Template};
use crate::language::variables::Variables;
use crate::probe::database::Idioms;

/// A statement in parts: its text and its bound values.
#[derive(Debug, Clone, Default)]
pub(super) struct Sql {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Value(Value),
    /// A condition from the suite.
    Condition(Template),
}

impl Sql {
    fn text(mut self, text: impl Into<String>) -> Sql {
        self.parts.push(Part::Text(text.into()));
        self
    }

    fn value(mut self, value: &Value) -> Sql {
        // The value is compared with text.
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.parts.push(Part::Value(Value::from(text)));
        self
    }

    fn values(self, values: &[Value]) -> Sql {
        values.iter().enumerate().fold(self, |sql, (index, value)| {
            let sql = if index == 0 { sql } else { sql.text(", ") };
            sql.value(value)
        })
    }

    fn then(mut self, other: Sql) -> Sql {
        self.parts.extend(other.parts);
        self
    }

    /// Returns the statement as sent.
    ///
    /// # Errors
    /// A template in a condition cannot be evaluated.
    pub fn bound(&self, scope: &Variables, dialect: &Dialect) -> Result<BoundSql, String> {
        let mut parameters = Vec::new();
        let text = self.write(scope, |value| {
            parameters.push(value);
            (dialect.placeholder)(parameters.len())
        })?;
        Ok(BoundSql { text, parameters })
    }

    /// Returns the statement with literals, for running by hand.
    ///
    /// # Errors
    /// A template in a condition cannot be evaluated.
    pub fn readable(&self, scope: &Variables, dialect: &Dialect) -> Result<String, String> {
        self.write(&scope.for_people(), |value| literal(&value, dialect))
    }

    fn write(&self, scope: &Variables, mut write: impl FnMut(Value) -> String) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Value(value) => text.push_str(&write(value.clone())),
                Part::Condition(template) => {
                    for piece in template.pieces(scope)? {
                        match piece {
                            Piece::Text(piece) => text.push_str(piece),
                            Piece::Value(value) => text.push_str(&write(value)),
                        }
                    }
                }
            }
        }
        Ok(text)
    }
}

/// Writes the statements about one object in the dialect of a database.
pub(super) struct Writer<'w> {
    pub dialect: Dialect,
    pub idioms: Idioms,
    pub object: &'w Object,
    pub schema: &'w str,
    pub table: &'w str,
}

impl Writer<'_> {
    fn name(&self, name: &str) -> String {
        (self.dialect.identifier)(name)
    }

    fn whole(&self) -> String {
        format!("{}.{}", self.name(self.schema), self.name(self.table))
    }

    /// Returns the object, or the slice of it that scans read.
    fn from(&self) -> Sql {
        match &self.object.slice {
            None => Sql::default().text(self.whole()),
            Some(slice) => Sql {
                parts: vec![
                    Part::Text(format!("(select * from {} where (\n", self.whole())),
                    Part::Condition(slice.clone()),
                    // The condition may end with a comment.
                    Part::Text("\n)) as smoke_slice".to_owned()),
                ],
            },
        }
    }

    pub fn is_filled(&self) -> Sql {
        Sql::default().text(format!("select exists (select 1 from {}) as found", self.whole()))
    }

    /// Counts all rows, regardless of the slice.
    pub fn count_all(&self) -> Sql {
        Sql::default().text(format!("select count(*) as n from {}", self.whole()))
    }

    pub fn count(&self) -> Sql {
        Sql::default().text("select count(*) as n from ").then(self.from())
    }

    /// Selects the newest value and the server's clock. The column is not wrapped in an expression, so that an index
    /// can be used.
    pub fn newest(&self, column: &str) -> Sql {
        let (column, clock) = (self.name(column), self.idioms.clock);
        let newest = format!("select max({column}) from {}", self.whole());
        Sql::default().text(format!("select ({newest}) as newest, {clock} as now"))
    }

    pub fn a_null(&self, column: &str) -> Sql {
        let end = format!(" where {} is null limit 1", self.name(column));
        Sql::default().text("select 1 as found from ").then(self.from()).text(end)
    }

    pub fn a_duplicate(&self, columns: &[String]) -> Sql {
        Sql::default()
            .text("select 1 as found from ")
            .then(self.from())
            .text(self.duplicates(columns))
            .text(" limit 1")
    }

    fn duplicates(&self, columns: &[String]) -> String {
        let columns: Vec<String> = columns.iter().map(|column| self.name(column)).collect();
        let there: Vec<String> = columns.iter().map(|column| format!("{column} is not null")).collect();
        format!(" where {} group by {} having count(*) > 1", there.join(" and "), columns.join(", "))
    }

    /// Selects the quantity that a rule measures; `columns` are the rule's columns under the database's names.
    ///
    /// # Errors
    /// The database cannot measure it.
    pub fn measure(&self, measure: &Measure, columns: &[String]) -> Result<Sql, &'static str> {
        let counted = || self.count().text(" where ");
        let column = columns.first().map(|column| self.name(column)).unwrap_or_default();
        let as_text = (self.idioms.text)(&column);
        Ok(match measure {
            Measure::Rows => self.count(),
            Measure::Nulls => counted().text(format!("{column} is null")),
            Measure::Missing(values) => {
                let values: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
                let sql = counted().text(format!("{column} is null"));
                if values.is_empty() {
                    sql
                } else {
                    sql.text(format!(" or {as_text} in (")).values(&values).text(")")
                }
            }
            Measure::Invalid { values, pattern } => {
                let mut sql = counted().text(format!("{column} is not null and ("));
                if let Some(values) = values {
                    let values: Vec<Value> =
                        values.iter().filter(|value| !value.is_null()).cloned().collect();
                    sql = if values.is_empty() {
                        sql.text("1 = 1")
                    } else {
                        sql.text(format!("{as_text} not in (")).values(&values).text(")")
                    };
                }
                if let Some(pattern) = pattern {
                    let matches = self.idioms.matches.ok_or("this database has no regular expressions")?;
                    let or = if values.is_some() { " or " } else { "" };
                    // The pattern is bound, so the database's text around it is split at the place of the pattern.
                    let around = matches(&as_text, MARK);
                    let (before, after) = around.split_once(MARK).unwrap_or((&around, ""));
                    let pattern = Value::from(pattern.as_str());
                    sql = sql.text(format!("{or}not ({before}")).value(&pattern).text(format!("{after})"));
                }
                sql.text(")")
            }
            Measure::Duplicates(_) => Sql::default()
                .text("select count(*) as n from (select 1 as found from ")
                .then(self.from())
                .text(self.duplicates(columns))
                .text(") as smoke_groups"),
            Measure::Sql(query) => Sql::default().text(self.filled_in(query, &column)),
        })
    }

    /// Returns a contract's query with its placeholders filled in, without comments around the statement and without
    /// semicolons after it.
    fn filled_in(&self, query: &str, column: &str) -> String {
        let mut text = String::new();
        let mut scanner = Scanner::new(self.dialect.lexis);
        let mut rest = statement(query, self.dialect.lexis);
        while let Some((before, name, after)) = next_placeholder(rest) {
            scanner.read(before);
            text.push_str(before);
            let is_bare =
                text.ends_with('`') || matches!(scanner.within(), Within::Name(_) | Within::Text { .. });
            let plain_column = self.plain_column(column);
            let name = match (name, is_bare) {
                ("schema", true) => self.schema.to_owned(),
                ("schema", false) => self.name(self.schema),
                ("property" | "column" | "field", true) => plain_column,
                ("property" | "column" | "field", false) => column.to_owned(),
                (_, true) => self.table.to_owned(),
                // The schema is already written before it.
                (_, false) if text.ends_with('.') => self.name(self.table),
                (_, false) => self.whole(),
            };
            scanner.read(&name);
            text.push_str(&name);
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn plain_column(&self, quoted: &str) -> String {
        let plain = |column: &&super::promise::Column| self.name(&column.physical) == quoted;
        self.object
            .columns
            .iter()
            .find(plain)
            .map_or_else(|| quoted.to_owned(), |column| column.physical.clone())
    }
}

/// Marks the place of a bound value.
const MARK: &str = "\u{1}";

const PLACEHOLDERS: [&str; 7] = ["object", "table", "model", "schema", "property", "column", "field"];

/// Returns the text before the first placeholder, its name, and the text after it: `{table}` or `${table}`.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find('{').map(|at| from + at) {
        let end = text[at..].find('}').map(|end| at + end)?;
        let name = text[at + 1..end].trim();
        if PLACEHOLDERS.contains(&name) {
            let before = text[..at].strip_suffix('$').unwrap_or(&text[..at]);
            return Some((before, name, &text[end + 1..]));
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_with_a_dollar_and_without() {
        assert_eq!(next_placeholder("select ${column} from x"), Some(("select ", "column", " from x")));
        assert_eq!(
            next_placeholder("select '{\"a\": 1}', {object}"),
            Some(("select '{\"a\": 1}', ", "object", ""))
        );
        assert_eq!(next_placeholder("select '{1,2}'"), None);
        assert_eq!(next_placeholder("{"), None);
    }
}
