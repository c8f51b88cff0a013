//! The result of a query.

use std::time::Duration;

use serde_json::Value;

use crate::attempt::cost;
use crate::secret::Message;

/// The largest row and the largest sum of kept rows, in bytes. The same as the default limit of a body.
pub const LARGEST: usize = 1 << 20;

/// The hint for a row that is too large.
pub const TOO_LARGE: &str = "select fewer columns, or the `length` of one";

/// A row, with its columns in order. Names may repeat.
pub type Row = Vec<(String, Value)>;

/// What is known of the numbers in a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Numbers {
    /// Nothing but how each is written.
    #[default]
    AsWritten,
    /// They are integers or decimals.
    Exact,
    /// They are binary floats: a sum of them depends on the order of its parts.
    Float,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultColumn {
    pub name: String,
    pub numbers: Numbers,
}

/// What a query gave back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryResult {
    /// The columns of its rows, if that is known.
    pub columns: Vec<ResultColumn>,
    /// Rows returned, or rows a statement without a result changed.
    pub count: u64,
    /// The first rows, up to the number to keep.
    pub rows: Vec<Row>,
    pub took: Duration,
}

impl QueryResult {
    /// Counts a row, and keeps it while there are fewer than `keep`.
    pub fn add(&mut self, row: Row, keep: usize) {
        self.count += 1;
        if self.rows.len() < keep {
            self.rows.push(row);
        }
    }

    /// The first row.
    pub fn first(&self) -> Option<&Row> {
        self.rows.first()
    }

    /// Returns the number of bytes to inspect.
    pub fn size(&self) -> usize {
        let cells = self.rows.iter().flatten();
        cells.map(|(column, value)| column.len() + cost::length(value)).sum()
    }

    /// Describes the first row on one line, to be shown below a mismatch.
    pub fn describe(&self) -> Message {
        let count = match self.count {
            1 => "1 row".to_owned(),
            count => format!("{count} rows"),
        };
        match self.first() {
            None => Message::new().words(count),
            Some(row) => {
                let cells: Vec<String> =
                    row.iter().map(|(column, value)| format!("{column} = {value}")).collect();
                Message::new().words(count).words(", the first: ").data(cells.join(", "))
            }
        }
    }
}
