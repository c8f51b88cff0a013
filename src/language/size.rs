//! The sizes of values, and limits for what templates may produce.

use serde_json::Value;

/// The largest value of a variable that is made of others, in bytes. If each variable contained the previous one twice,
/// thirty of them would exhaust any memory.
pub const LARGEST_VARIABLE: usize = 1 << 20;

/// The largest result of one template or document, in bytes.
pub const LARGEST: usize = 64 << 20;

/// Returns the length of a value, without the punctuation around its parts.
pub fn length(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => text.len() + 1,
        Value::Array(items) => items.iter().map(length).sum::<usize>() + 1,
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| name.len() + length(field)).sum::<usize>() + 1
        }
    }
}

/// The remaining part of [`LARGEST`].
#[derive(Debug)]
pub struct Room(usize);

impl Default for Room {
    fn default() -> Room {
        Room(LARGEST)
    }
}

impl Room {
    /// # Errors
    /// Fails if fewer than `bytes` bytes remain.
    pub fn take(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.0.checked_sub(bytes);
        self.0 = left.ok_or_else(|| format!("this makes more than {} MiB", LARGEST >> 20))?;
        Ok(())
    }
}
