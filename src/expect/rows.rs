//! Expectations on the rows of a query.

use std::time::Duration;

use serde_json::Value;

use super::evaluate::{Found, Unjudgeable, judge};
use super::http::too_slow;
use super::matcher::{ByName, Matcher, assert_something};
use super::operand::Amount;
use crate::attempt::cost::Cost;
use crate::language::read::{FromTable, Named, Table};
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::probe::rows::QueryResult;
use crate::secret::Message;

/// `expect` of a database check or step.
#[derive(Debug, Clone, Default)]
pub struct RowsExpectation {
    rows: Option<Matcher>,
    value: Option<Matcher>,
    row: Vec<(Named, Matcher)>,
    within: Option<Duration>,
}

impl FromTable for RowsExpectation {
    const DEFINITION: &'static str = "rows-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let asserts = assert_something(table);
        let rows = table
            .optional("rows", ("the number of rows", "rows = { min = 1 }"))
            .map(|Amount(matcher)| matcher);
        let value = table.optional("value", ("the first column of the first row", "value = 42"));
        let row = table.optional(
            "row",
            ("columns of the first row, by name", r#"row = { status = "new", n = { min = 1 } }"#),
        );
        let row = row.map(|ByName(matchers)| matchers).unwrap_or_default();
        let within = table.optional(
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
        by_column.chain(&self.rows).chain(&self.value)
    }

    /// Every template in the matchers.
    pub fn templates(&self) -> Vec<&Template> {
        self.matchers().flat_map(Matcher::templates).collect()
    }

    /// What [`judge`](RowsExpectation::judge) does with an answer.
    pub fn cost(&self) -> Cost {
        self.matchers().map(Matcher::cost).sum()
    }

    /// Does it look at anything but the time?
    pub fn needs_a_query(&self) -> bool {
        self.rows.is_some() || self.value.is_some() || !self.row.is_empty()
    }

    /// Every expectation that the answer does not meet.
    ///
    /// # Errors
    /// A template in a matcher cannot be evaluated.
    pub fn judge(&self, answer: &QueryResult, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable> {
        let mut unmet = Vec::new();
        let words = |words: &'static str| Message::new().words(words);
        if let Some(matcher) = &self.rows {
            unmet.extend(judge(&words("rows"), matcher, &Found::one(Value::from(answer.count)), scope)?);
        }
        let first = answer.first.as_deref();
        let no_row = words("the query found no row");
        if let Some(matcher) = &self.value {
            let found = Found {
                values: first
                    .and_then(|row| row.first())
                    .map(|(_, value)| value.clone())
                    .into_iter()
                    .collect(),
                surroundings: no_row.clone(),
            };
            unmet.extend(judge(&words("value"), matcher, &found, scope)?);
        }
        for (named, matcher) in &self.row {
            let cell = first.and_then(|row| row.iter().find(|(column, _)| *column == named.name));
            let surroundings = match first {
                None => no_row.clone(),
                Some(row) => {
                    let columns: Vec<&str> = row.iter().map(|(column, _)| column.as_str()).collect();
                    words("the columns are ").data(columns.join(", "))
                }
            };
            let found =
                Found { values: cell.map(|(_, value)| value.clone()).into_iter().collect(), surroundings };
            unmet.extend(judge(&words("column ").data(named.name.as_str()), matcher, &found, scope)?);
        }
        unmet.extend(too_slow(self.within, answer.took));
        Ok(unmet)
    }
}
