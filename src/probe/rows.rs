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

/// The result of a query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryResult {
    /// The number of rows returned, or changed by a statement without a result.
    pub count: u64,
    /// The first rows, up to the number to keep.
    pub rows: Vec<Row>,
    pub took: Duration,
}

impl QueryResult {
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
