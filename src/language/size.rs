//! How large values are, and how large templates may make them.

use serde_json::Value;

/// The most that a variable may have that is made of others, in bytes: with each variable twice in the next, thirty of
/// them would fill any memory.
pub const LARGEST_VARIABLE: usize = 1 << 20;

/// The most that one template or document may make, in bytes.
pub const LARGEST: usize = 64 << 20;

/// How long a value is, without the signs around its parts.
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

/// What is left of the [`LARGEST`] size.
#[derive(Debug)]
pub struct Room(usize);

impl Default for Room {
    fn default() -> Room {
        Room(LARGEST)
    }
}

impl Room {
    /// # Errors
    /// There is no room for so many bytes.
    pub fn take(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.0.checked_sub(bytes);
        self.0 = left.ok_or_else(|| format!("this makes more than {} MiB", LARGEST >> 20))?;
        Ok(())
    }
}
