//! What a query gave back.

use std::time::Duration;

use serde_json::Value;

use crate::attempt::cost;
use crate::secret::Message;

/// What a query gave back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryResult {
    /// Rows returned, or rows a statement without a result changed.
    pub count: u64,
    /// The first row, columns in their order; two columns may have one name.
    pub first: Option<Vec<(String, Value)>>,
    pub took: Duration,
}

impl QueryResult {
    /// How much of it there is to look at, in bytes.
    pub fn size(&self) -> usize {
        let cells = self.first.iter().flatten();
        cells.map(|(column, value)| column.len() + cost::length(value)).sum()
    }

    /// The first row in one line, for under a mismatch.
    pub fn describe(&self) -> Message {
        let count = match self.count {
            1 => "1 row".to_owned(),
            count => format!("{count} rows"),
        };
        match &self.first {
            None => Message::new().words(count),
            Some(row) => {
                let cells: Vec<String> =
                    row.iter().map(|(column, value)| format!("{column} = {value}")).collect();
                Message::new().words(count).words(", the first: ").data(cells.join(", "))
            }
        }
    }
}
