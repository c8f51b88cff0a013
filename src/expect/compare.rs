//! Comparison of two values, as the conditions define it.

use std::cmp::Ordering;

use serde_json::Value;

use super::datetime::Moment;
use super::describe::{not_a, show, show_start};
use super::evaluate::Unjudgeable;
use super::matcher::Pattern;
use crate::language::number;
use crate::language::variables::Variables;
use crate::secret::Message;

/// Whether two values are equal: numbers by value and dates by instant, also inside arrays and objects.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            number::compare(&a.to_string(), &b.to_string()) == Some(Ordering::Equal)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (Value::String(a), Value::String(b)) => {
            let is_same = || Some(Moment::parse(a)?.is_same(&Moment::parse(b)?));
            a == b || is_same() == Some(true)
        }
        _ => a == b,
    }
}

/// Whether a condition holds, or the value and the reason why the condition does not apply.
pub(super) type Holds<T = bool> = Result<T, Message>;

/// Compares a value with a limit: two numbers, or two dates. Text that is a number counts as one, because headers and
/// HTML contain only text.
pub(super) fn order(value: &Value, limit: &Value) -> Holds<Ordering> {
    let moment = |value: &Value| value.as_str().and_then(Moment::parse);
    match (number_text(limit), moment(limit)) {
        (Some(limit), _) => number_text(value)
            .and_then(|value| number::compare(&value, &limit))
            .ok_or_else(|| not_a("a number", value)),
        (None, Some(limit)) => moment(value)
            .ok_or_else(|| not_a("a date", value))?
            .order(&limit)
            .ok_or_else(|| show(value).words("; only one of them says its offset from UTC")),
        (None, None) => {
            Err(show_start(value).words("; ").then(show(limit)).words(" is neither a number nor a date"))
        }
    }
}

fn number_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    number::compare(&text, &text).map(|_| text)
}

pub(super) fn is_one_of(value: &Value, numbers: &[Value]) -> Holds {
    for number in numbers {
        if number_text(number).is_none() {
            return Err(show(value).words("; ").then(show(number)).words(" is not a number"));
        }
        if order(value, number)? == Ordering::Equal {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn contains(value: &Value, part: &Value) -> Holds {
    match (value, part) {
        (Value::String(text), Value::String(part)) => Ok(text.contains(part.as_str())),
        (Value::String(text), Value::Number(part)) => Ok(text.contains(&part.to_string())),
        (Value::Array(items), part) => Ok(items.iter().any(|item| equal(item, part))),
        (Value::String(_), _) => Err(show_start(value).words("; text can only contain text")),
        _ => Err(not_a("a text or an array", value)),
    }
}

pub(super) fn matches(pattern: &Pattern, value: &Value, scope: &Variables) -> Result<Holds, Unjudgeable> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Number(number) => number.as_str(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Ok(Err(not_a("a text", value)));
        }
    };
    Ok(Ok(pattern.regex(scope)?.is_match(text)))
}

pub(super) fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(fields) => Some(fields.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
