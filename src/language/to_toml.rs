//! Values as a suite would write them.

use serde_json::Value;

/// Converts a value to its notation in a suite, for the defaults in the schema.
pub trait ToToml {
    fn to_toml(&self) -> Value;
}

impl ToToml for bool {
    fn to_toml(&self) -> Value {
        Value::from(*self)
    }
}

impl ToToml for u32 {
    fn to_toml(&self) -> Value {
        Value::from(*self)
    }
}

impl ToToml for std::num::NonZeroU32 {
    fn to_toml(&self) -> Value {
        Value::from(self.get())
    }
}

impl ToToml for String {
    fn to_toml(&self) -> Value {
        Value::from(self.as_str())
    }
}
