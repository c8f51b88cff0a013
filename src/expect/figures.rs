//! Figures: numbers taken from an answer, to be compared with those of another one.
//!
//! ```toml
//! value = { json = "$.data[0].revenue" }     # one figure
//!
//! rows = "$.data[*]"                         # figures by group
//! columns = { region = "$.region_name", revenue = "$.value" }
//! ```

use std::sync::Arc;

use serde_json::Value;

use super::capture::{Capture, Origin};
use super::evaluate::{Found, Subject, Unjudgeable, judge};
use super::json_path::json_values;
use super::json_path::{JsonQuery, Path};
use super::matcher::Matcher;
use super::response::InspectedResponse;
use super::wanted::Wanted;
use crate::attempt::abandoned::end_if_abandoned;
use crate::attempt::cost::{self, Cost};
use crate::language::diagnostic::Diagnostic;
use crate::language::placed::Placed;
use crate::language::read::{Named, ParseContext, Table};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::probe::program::ProgramResult;
use crate::probe::rows::{Numbers, QueryResult, ResultColumn};
use crate::secret::{Message, message};

/// What to take from an answer.
#[derive(Debug, Clone)]
pub enum Figures {
    /// The first column of the only row.
    First,
    One(Capture),
    /// The rows of a query with all their columns.
    Rows,
    /// Each value found by the first path is a row. The other paths find the columns in each row.
    Paths {
        rows: Path,
        columns: Arc<[(Named, Path)]>,
    },
}

/// The keys that select figures.
#[derive(Debug)]
pub struct FigureKeys {
    value: Option<Placed<Capture>>,
    rows: Option<Placed<Path>>,
    columns: Option<Placed<Vec<(Named, Path)>>>,
}

impl FigureKeys {
    /// Reads the keys. `None` means that a mistake was recorded.
    pub fn from_table(table: &mut Table<'_, '_, '_>) -> Option<FigureKeys> {
        let value = table.placed(
            "value",
            (
                "where the figure is, as in a capture; of a query, by default, the first column of its one row",
                r#"value = { json = "$.revenue" }"#,
            ),
        );
        if table.has("database") {
            for key in ["rows", "columns"] {
                let message =
                    format!("`{key}` is for an answer in JSON; a query has columns: name them with `as`");
                table.refuse(key, message);
            }
            return (!table.has("value") || value.is_some()).then_some(FigureKeys {
                value,
                rows: None,
                columns: None,
            });
        }
        let rows = table.placed(
            "rows",
            ("with `by`: JSONPath that finds the groups in the answer", r#"rows = "$.data[*]""#),
        );
        let columns = table.placed(
            "columns",
            (
                "with `by`: JSONPath of each column, from its row",
                r#"columns = { region = "$.region", revenue = "$.total" }"#,
            ),
        );
        let is_given = |key: &str, is_read: bool| !table.has(key) || is_read;
        let all = is_given("value", value.is_some())
            && is_given("rows", rows.is_some())
            && is_given("columns", columns.is_some());
        all.then_some(FigureKeys { value, rows, columns })
    }

    /// Returns the single figure that the keys select.
    pub fn one(self, asked: Origin, place: Place, parse: &mut ParseContext<'_>) -> Option<Figures> {
        let FigureKeys { value, rows, columns } = self;
        let of_groups = rows.map(|rows| ("rows", rows.place));
        if let Some((key, place)) = of_groups.or(columns.map(|columns| ("columns", columns.place))) {
            let mistake = Diagnostic::new(place, format!("`{key}` is for figures by group"));
            return parse.reject(mistake.hint("say by what they are grouped: `by = [\"region\"]`"));
        }
        match (asked, value) {
            (Origin::Rows, None) => Some(Figures::First),
            (Origin::Rows, Some(Placed { place, value })) if !value.comes_from(asked) => parse.reject(
                Diagnostic::new(place, "rows have `value = true` and `column = \"…\"` to take a figure from"),
            ),
            (Origin::Response | Origin::Program, Some(Placed { place, value }))
                if value.comes_from(Origin::Rows) =>
            {
                let message = "`value` and `column` are taken from rows, and this source is no query";
                parse.reject(Diagnostic::new(place, message))
            }
            (Origin::Response | Origin::Program, Some(Placed { place, value }))
                if !value.comes_from(asked) =>
            {
                parse.reject(Diagnostic::new(place, asked.what_is_captured()))
            }
            (Origin::Response | Origin::Program, None) => {
                let mistake = Diagnostic::new(place, "nothing says where the figure is in the answer");
                parse.reject(mistake.hint("say it as in a capture: value = { json = \"$.revenue\" }"))
            }
            (Origin::Rows | Origin::Response | Origin::Program, Some(value)) => {
                Some(Figures::One(value.value))
            }
        }
    }

    /// Returns the figures by group that the keys select.
    pub fn by_group(
        self,
        by: &[Named],
        asked: Origin,
        place: Place,
        parse: &mut ParseContext<'_>,
    ) -> Option<Figures> {
        let FigureKeys { value, rows, columns } = self;
        if let Some(value) = value {
            let mistake =
                Diagnostic::new(value.place, "`value` is for one figure, and with `by` there are several");
            return parse.reject(mistake.hint(match asked {
                Origin::Rows => "remove it: every column that is not in `by` is a figure",
                Origin::Response | Origin::Program => "say where the groups are with `rows` and `columns`",
            }));
        }
        match (asked, rows, columns) {
            (Origin::Rows, _, _) => Some(Figures::Rows),
            (Origin::Response | Origin::Program, Some(rows), Some(columns)) => {
                let has = |by: &Named| columns.value.iter().any(|(named, _)| named.name == by.name);
                if let Some(missing) = by.iter().find(|by| !has(by)) {
                    let message = format!("`by` has `{}`, and `columns` has not", missing.name);
                    let mistake = Diagnostic::new(columns.place, message);
                    return parse
                        .reject(mistake.hint("say where it is in a row: JSONPaths start there with `$`"));
                }
                if columns.value.len() <= by.len() {
                    return parse
                        .reject(Diagnostic::new(columns.place, "no column is a figure: all are in `by`"));
                }
                Some(Figures::Paths { rows: rows.value, columns: columns.value.into() })
            }
            (Origin::Response | Origin::Program, _, _) => {
                let mistake = Diagnostic::new(place, "nothing says where the groups are in the answer");
                parse.reject(
                    mistake.hint(
                        "say it with `rows = \"$.data[*]\"` and `columns = { region = \"$.region\", … }`",
                    ),
                )
            }
        }
    }
}

impl Figures {
    /// Whether the figures are taken from a body.
    pub fn reads_body(&self) -> bool {
        match self {
            Figures::One(capture) => capture.reads_body(),
            Figures::Paths { .. } => true,
            Figures::First | Figures::Rows => false,
        }
    }

    /// Whether the figures are kept out of every output.
    pub fn are_secret(&self) -> bool {
        match self {
            Figures::One(capture) => capture.is_secret(VALUE),
            Figures::First | Figures::Rows | Figures::Paths { .. } => false,
        }
    }

    /// Returns every template in the figures.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Figures::First | Figures::Rows => Vec::new(),
            Figures::One(capture) => capture.templates(),
            Figures::Paths { rows, columns } => {
                let columns = columns.iter().map(|(_, path)| path.template());
                std::iter::once(rows.template()).chain(columns).collect()
            }
        }
    }

    /// Returns what to take, with all templates rendered.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated, or if a value is invalid at its position.
    pub fn wanted(&self, scope: &Variables) -> Result<WantedFigures, String> {
        Ok(match self {
            Figures::First => WantedFigures::First,
            Figures::Rows => WantedFigures::Rows,
            Figures::One(capture) => WantedFigures::One(capture.wanted(scope)?),
            Figures::Paths { rows, columns } => {
                let column = |(named, path): &(Named, Path)| Ok((named.clone(), path.query(scope)?));
                let columns = columns.iter().map(column).collect::<Result<_, String>>()?;
                WantedFigures::Paths { place: rows.place, rows: rows.query(scope)?, columns }
            }
        })
    }
}

/// [`Figures`] with all templates rendered.
#[derive(Debug, Clone)]
pub enum WantedFigures {
    First,
    One(Wanted),
    Rows,
    Paths { place: Place, rows: JsonQuery, columns: Vec<(Named, JsonQuery)> },
}

/// The name of the single figure if it is used as a capture.
pub const VALUE: &str = "value";

impl WantedFigures {
    /// Returns the cost of taking the figures from an answer.
    pub fn cost(&self) -> Cost {
        match self {
            WantedFigures::First | WantedFigures::Rows => Cost::Looks(1),
            WantedFigures::One(wanted) => wanted.cost(),
            WantedFigures::Paths { rows, columns, .. } => {
                let columns = columns.iter().map(|(_, query)| cost::of_path(&query.text));
                std::iter::once(cost::of_path(&rows.text)).chain(columns).sum()
            }
        }
    }

    /// Returns the single figure as a capture, if it is one.
    pub fn as_capture(&self) -> Option<(Named, Wanted)> {
        match self {
            WantedFigures::One(wanted) => {
                Some((Named { name: VALUE.to_owned(), place: wanted.place }, wanted.clone()))
            }
            WantedFigures::First | WantedFigures::Rows | WantedFigures::Paths { .. } => None,
        }
    }

    /// Takes the figures from an HTTP answer.
    ///
    /// # Errors
    /// Fails if nothing was found, or if several values were found for a single figure.
    pub(super) fn take_from_response(&self, answer: &InspectedResponse) -> Result<QueryResult, Mismatch> {
        match self {
            WantedFigures::First | WantedFigures::Rows => Err(no_rows()),
            WantedFigures::One(wanted) => Ok(one_value(wanted.take_from_response(VALUE, answer)?)),
            WantedFigures::Paths { place, rows, columns } => {
                by_path(&answer.json_values(rows, *place)?, columns)
            }
        }
    }

    /// Takes the figures from what a program printed.
    ///
    /// # Errors
    /// Fails if nothing was found, or if several values were found for a single figure.
    pub(super) fn take_from_program(&self, answer: &ProgramResult) -> Result<QueryResult, Mismatch> {
        match self {
            WantedFigures::First | WantedFigures::Rows => Err(no_rows()),
            WantedFigures::One(wanted) => Ok(one_value(wanted.take_from_program(VALUE, answer)?)),
            WantedFigures::Paths { place, rows, columns } => {
                let stdout = ("stdout", answer.stdout.as_str());
                by_path(&json_values(answer.json(), stdout, rows, *place)?, columns)
            }
        }
    }

    /// Takes the figures from the rows of a query.
    ///
    /// # Errors
    /// Fails if there is no such column.
    pub(super) fn take_from_rows(&self, answer: &QueryResult) -> Result<QueryResult, Mismatch> {
        match self {
            WantedFigures::First | WantedFigures::Rows => Ok(answer.clone()),
            // A wrong number of rows is reported before a missing column.
            WantedFigures::One(_) if answer.count != 1 => Ok(answer.clone()),
            WantedFigures::One(wanted) => {
                let value = wanted.take_from_row(VALUE, answer)?;
                let index = wanted
                    .column()
                    .and_then(|name| answer.columns.iter().position(|column| column.name == name));
                let columns = answer.columns.get(index.unwrap_or(0)).cloned().into_iter().collect();
                Ok(QueryResult { columns, ..one_value(value) })
            }
            WantedFigures::Paths { .. } => Err(no_rows()),
        }
    }
}

/// Compares a figure with its expectation and returns the mismatches.
///
/// # Errors
/// Fails if a template in the matcher cannot be evaluated.
pub fn judge_figure(
    expect: &Placed<Matcher>,
    what: Message,
    figure: &Value,
    scope: &Variables,
) -> Result<Vec<Mismatch>, Unjudgeable> {
    judge(&Subject { what, place: expect.place }, &expect.value, &Found::one(figure), scope)
}

/// Returns a result of one row with one value.
pub(super) fn one_value(value: Value) -> QueryResult {
    QueryResult { count: 1, rows: vec![vec![(VALUE.to_owned(), value)]], ..QueryResult::default() }
}

/// Builds the mismatch for an answer that has no rows.
pub(super) fn no_rows() -> Mismatch {
    let (what, expected) = (message!("the answer"), message!("to have rows"));
    Mismatch { what, expected, actual: message!("an answer of another kind"), place: None }
}

/// Returns a row for each value that was found in a document, with its columns.
fn by_path(found: &Found<'_>, columns: &[(Named, JsonQuery)]) -> Result<QueryResult, Mismatch> {
    let names = columns.iter().map(|(named, _)| named.name.clone());
    let columns_found: Vec<ResultColumn> =
        names.map(|name| ResultColumn { name, numbers: Numbers::AsWritten }).collect();
    let mut result = QueryResult { columns: columns_found, ..QueryResult::default() };
    for row in &found.values {
        end_if_abandoned();
        result.count += 1;
        let cell = |(named, query): &(Named, JsonQuery)| {
            Ok((named.name.clone(), cell_of(row, named, query, result.count)?))
        };
        result.rows.push(columns.iter().map(cell).collect::<Result<_, Mismatch>>()?);
    }
    Ok(result)
}

fn cell_of(row: &Value, named: &Named, query: &JsonQuery, number: u64) -> Result<Value, Mismatch> {
    let missed = |actual: Message| Mismatch {
        what: Message::new().words(format!("row {number}")),
        expected: message!("to have one value for the column {} at {}", named.name, query.text),
        actual,
        place: Some(named.place),
    };
    let found = query.find(row).map_err(|_| missed(message!("too many values")))?;
    match found.as_slice() {
        &[value] => Ok(value.clone()),
        [] => Err(missed(message!("nothing; the row is {}", row))),
        several => Err(missed(message!("{} values", several.len()))),
    }
}
