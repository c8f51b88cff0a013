//! Exact comparison of numbers above 2^53 in filters.
//!
//! The library compares numbers as 64-bit binary floats, which are exact only up to 2^53. Larger numbers are therefore
//! replaced, in the path and in a copy of the document, with numbers of the same order: the smallest becomes the first
//! even number after 2^53, the next one the even number after that.

use std::cmp::Ordering;

use serde_json::Value;

use super::scan;
use crate::language::number::compare;

/// 2^53.
const EXACT: u64 = 9_007_199_254_740_992;

/// The magnitudes of the numbers above 2^53, sorted and without duplicates.
#[derive(Debug, Clone, Default)]
pub(super) struct LargeNumbers(Vec<String>);

impl LargeNumbers {
    /// Collects the large numbers of a path.
    pub fn of_path(path: &str) -> LargeNumbers {
        let mut found = Vec::new();
        for range in scan::numbers(path) {
            found.extend(size(&path[range]).map(str::to_owned));
        }
        LargeNumbers::new(found)
    }

    /// Adds the large numbers of a document.
    pub fn and_of(&self, document: &Value) -> LargeNumbers {
        let mut found = self.0.clone();
        collect(document, &mut found);
        LargeNumbers::new(found)
    }

    fn new(mut sizes: Vec<String>) -> LargeNumbers {
        sizes.sort_by(|a, b| order(a, b));
        sizes.dedup_by(|a, b| order(a, b) == Ordering::Equal);
        LargeNumbers(sizes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the path with its large numbers replaced.
    pub fn in_path(&self, path: &str) -> String {
        let mut out = String::new();
        let mut end = 0;
        for range in scan::numbers(path) {
            let Some(replacement) = self.replacement(&path[range.clone()]) else { continue };
            out.push_str(&path[end..range.start]);
            out.push_str(&replacement);
            end = range.end;
        }
        out.push_str(&path[end..]);
        out
    }

    /// Returns the document with its large numbers replaced.
    pub fn in_document(&self, document: &Value) -> Value {
        match document {
            Value::Number(number) => {
                let replacement = self.replacement(number.as_str()).and_then(|text| text.parse().ok());
                Value::Number(replacement.unwrap_or_else(|| number.clone()))
            }
            Value::Array(items) => items.iter().map(|item| self.in_document(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, field)| (name.clone(), self.in_document(field))).collect()
            }
            Value::Null | Value::Bool(_) | Value::String(_) => document.clone(),
        }
    }

    fn replacement(&self, number: &str) -> Option<String> {
        let size = size(number)?;
        let index = self.0.binary_search_by(|known| order(known, size)).ok()?;
        let sign = if number.starts_with('-') { "-" } else { "" };
        Some(format!("{sign}{}", EXACT + 2 * (u64::try_from(index).ok()? + 1)))
    }
}

fn collect(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::Number(number) => found.extend(size(number.as_str()).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, found)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Returns the number without its sign, if it is above 2^53.
fn size(number: &str) -> Option<&str> {
    let size = number.trim_start_matches('-');
    // A shorter number is small unless it has an exponent.
    let may_be = size.len() > 15 || size.contains(['e', 'E']);
    (may_be && compare(size, &EXACT.to_string()) == Some(Ordering::Greater)).then_some(size)
}

fn order(a: &str, b: &str) -> Ordering {
    compare(a, b).unwrap_or(Ordering::Equal)
}
