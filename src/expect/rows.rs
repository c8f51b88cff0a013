//! Expectations on the rows of a query.

use std::time::Duration;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::answer::{Answer, Expectation, Unjudgeable};
use super::connection::too_slow;
use super::describe::describe;
use super::evaluate::{Found, Subject, judge};
use super::figures::WantedFigures;
use super::matcher::{ByName, Matcher, assert_something};
use super::operand::Amount;
use super::wanted::Wanted;
use crate::attempt::cost::Cost;
use crate::language::placed::Placed;
use crate::language::read::{FromTable, FromToml, ParseContext, Table, Templates};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::probe::rows::QueryResult;
use crate::secret::Message;

/// The `expect` table of a database check or step.
#[derive(Debug, Clone, Default)]
pub struct RowsExpectation {
    rows: Option<Placed<Matcher>>,
    value: Option<Placed<Matcher>>,
    row: Vec<(Template, Matcher)>,
    within: Option<Placed<Duration>>,
}

impl FromTable for RowsExpectation {
    const DEFINITION: &'static str = "rows-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let asserts = assert_something(table);
        let rows = table
            .placed("rows", ("the number of rows", "rows = { min = 1 }"))
            .map(|rows| rows.map(|Amount(matcher)| matcher));
        let value = table.placed("value", ("the first column of the first row", "value = 42"));
        let row = table.optional(
            "row",
            ("columns of the first row, by name", r#"row = { status = "new", n = { min = 1 } }"#),
        );
        let row = row.map(|ByName(matchers)| matchers).unwrap_or_default();
        let within = table.placed(
            "within",
            ("longest time that the query may take, connecting included", r#"within = "300ms""#),
        );
        asserts?;
        Some(RowsExpectation { rows, value, row, within })
    }
}

impl RowsExpectation {
    fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        let by_column = self.row.iter().map(|(_, matcher)| matcher);
        by_column.chain(self.rows.iter().chain(&self.value).map(|expected| &expected.value))
    }

    /// The same, and one row where it says nothing of their number; `place` says so.
    pub fn or_one_row(self, place: Place) -> RowsExpectation {
        let one = || Placed { place, value: Matcher::equals(Value::from(1)) };
        RowsExpectation { rows: Some(self.rows.unwrap_or_else(one)), ..self }
    }

    /// Does it look at anything but the time?
    pub fn needs_a_query(&self) -> bool {
        self.rows.is_some() || self.value.is_some() || !self.row.is_empty()
    }
}

impl Expectation<QueryResult> for RowsExpectation {
    fn templates(&self) -> Vec<&Template> {
        let columns = self.row.iter().map(|(column, _)| column);
        columns.chain(self.matchers().flat_map(Matcher::templates)).collect()
    }

    fn cost(&self) -> Cost {
        self.matchers().map(Matcher::cost).sum()
    }

    fn judge(&self, answer: &QueryResult, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable> {
        let mut unmet = Vec::new();
        let words = |words: &'static str| Message::new().words(words);
        if let Some(Placed { place, value: matcher }) = &self.rows {
            let subject = Subject { what: words("rows"), place: *place };
            unmet.extend(judge(&subject, matcher, &Found::one(&Value::from(answer.count)), scope)?);
        }
        let first = answer.first();
        let no_row = words("the query found no row");
        if let Some(Placed { place, value: matcher }) = &self.value {
            let found = Found {
                values: first.and_then(|row| row.first()).map(|(_, value)| value).into_iter().collect(),
                surroundings: no_row.clone(),
            };
            let subject = Subject { what: words("value"), place: *place };
            unmet.extend(judge(&subject, matcher, &found, scope)?);
        }
        for (column, matcher) in &self.row {
            let name = column.text(scope)?;
            let cell = first.and_then(|row| row.iter().find(|(column, _)| *column == name));
            let surroundings = match first {
                None => no_row.clone(),
                Some(row) => {
                    let columns: Vec<&str> = row.iter().map(|(column, _)| column.as_str()).collect();
                    words("the columns are ").data(columns.join(", "))
                }
            };
            let found = Found { values: cell.map(|(_, value)| value).into_iter().collect(), surroundings };
            let subject = Subject { what: words("column ").data(name), place: column.place() };
            unmet.extend(judge(&subject, matcher, &found, scope)?);
        }
        unmet.extend(too_slow(self.within.as_ref(), answer.took));
        Ok(unmet)
    }
}

/// How many rows something has.
#[derive(Debug, Clone)]
pub struct RowCount {
    place: Place,
    matcher: Matcher,
}

impl FromToml for RowCount {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let place = parse.place(value.span());
        Amount::from_toml(value, parse).map(|Amount(matcher)| RowCount { place, matcher })
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Amount::schema(definitions)
    }
}

impl RowCount {
    pub fn place(&self) -> Place {
        self.place
    }

    pub fn templates(&self) -> Vec<&Template> {
        self.matcher.templates()
    }

    /// What of `count` is not as expected.
    ///
    /// # Errors
    /// A template in the matcher cannot be evaluated.
    pub fn judge(&self, count: &Value, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable> {
        let subject = Subject { what: Message::new().words("rows"), place: self.place };
        judge(&subject, &self.matcher, &Found::one(count), scope)
    }

    /// What is expected, in words.
    ///
    /// # Errors
    /// A template in the matcher cannot be evaluated.
    pub fn in_words(&self, scope: &Variables) -> Result<Message, Unjudgeable> {
        describe(&self.matcher, scope)
    }
}

impl Answer for QueryResult {
    fn size(&self) -> usize {
        QueryResult::size(self)
    }

    fn describe(&self) -> Option<Message> {
        Some(QueryResult::describe(self))
    }

    fn trace(&self) -> Message {
        QueryResult::describe(self)
    }

    fn take(&self, name: &str, wanted: &Wanted) -> Result<Value, Mismatch> {
        wanted.take_from_row(name, self)
    }

    fn figures(&self, wanted: &WantedFigures) -> Result<QueryResult, Mismatch> {
        wanted.take_from_rows(self)
    }
}
