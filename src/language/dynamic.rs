//! Conversion of values for expressions, and back.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value as Dynamic, ValueKind};
use serde_json::{Number, Value};

use super::number;

/// Converts a value to text. Anything but strings and numbers becomes JSON.
pub(super) fn as_text(value: &Dynamic) -> String {
    match value.kind() {
        // As the suite writes them. minijinja would write `True` and `None`.
        ValueKind::Map | ValueKind::Seq | ValueKind::Bool | ValueKind::None => to_json(value).to_string(),
        _ => value.to_string(),
    }
}

/// Converts a value to JSON.
pub(super) fn to_json(value: &Dynamic) -> Value {
    if let Some(Exact(number)) = value.downcast_object_ref() {
        return Value::Number(number.clone());
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => match value.as_i64() {
            Some(integer) if value.is_integer() => Value::from(integer),
            _ => value.to_string().parse().map_or(Value::Null, Value::Number),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter().map_or(Value::Null, |items| items.map(|item| to_json(&item)).collect())
        }
        ValueKind::Map => value.try_iter().map_or(Value::Null, |keys| {
            keys.map(|key| (key.to_string(), value.get_item(&key).map_or(Value::Null, |item| to_json(&item))))
                .collect()
        }),
        _ => Value::String(value.to_string()),
    }
}

/// A JSON value for use in expressions.
#[derive(Debug, Clone)]
pub struct Held {
    /// Keeps every digit of its numbers. Used if an expression is the whole string.
    pub written: Dynamic,
    /// Has numbers to compute with. minijinja has no decimal type for `19.90`.
    pub computed: Dynamic,
}

impl Held {
    pub fn new(value: &Value) -> Held {
        let computed = from_json(value, to_compute_with);
        let written =
            if to_json(&computed) == *value { computed.clone() } else { from_json(value, as_written) };
        Held { written, computed }
    }
}

fn from_json(value: &Value, number: fn(&Number) -> Dynamic) -> Dynamic {
    match value {
        Value::Null => Dynamic::from(()),
        Value::Bool(boolean) => Dynamic::from(*boolean),
        Value::Number(digits) => number(digits),
        Value::String(text) => Dynamic::from(text.as_str()),
        Value::Array(items) => items.iter().map(|item| from_json(item, number)).collect(),
        Value::Object(fields) => {
            Dynamic::from_pairs(fields.iter().map(|(key, field)| (key.as_str(), from_json(field, number))))
        }
    }
}

/// Returns the equal number of a minijinja type, if there is one.
fn to_compute_with(number: &Number) -> Dynamic {
    let text = number.to_string();
    if let Ok(integer) = text.parse::<i128>() {
        return i64::try_from(integer).map_or_else(|_| Dynamic::from(integer), Dynamic::from);
    }
    let is_same = |float: &f64| number::compare(&float.to_string(), &text) == Some(Ordering::Equal);
    number.as_f64().filter(is_same).map_or_else(|| as_written(number), Dynamic::from)
}

/// Returns the number with its exact digits, unless a minijinja integer is written the same way.
fn as_written(number: &Number) -> Dynamic {
    match number.as_i64() {
        Some(integer) => Dynamic::from(integer),
        None => Dynamic::from_object(Exact(number.clone())),
    }
}

pub(super) fn is_number(value: &Dynamic) -> bool {
    value.kind() == ValueKind::Number || value.downcast_object_ref::<Exact>().is_some()
}

/// A number with all of its digits. It does not support arithmetic.
#[derive(Debug)]
struct Exact(Number);

impl Object for Exact {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
