//! Descriptions of values and conditions for mismatches.

use serde_json::Value;

use super::evaluate::{Found, Unjudgeable, resolve};
use super::json_type::JsonType;
use super::matcher::{Condition, Matcher, Pattern};
use crate::language::value::Document;
use crate::language::variables::Variables;
use crate::secret::{Message, message};

pub(super) fn words(words: &'static str) -> Message {
    Message::new().words(words)
}

/// Says that nothing was found, and what was there instead.
pub(super) fn nothing(found: &Found<'_>) -> Message {
    let nothing = words("nothing");
    if found.surroundings.is_empty() { nothing } else { nothing.words("; ").then(found.surroundings.clone()) }
}

/// Returns a value for a message: text in quotes, everything else as JSON.
pub(super) fn show(value: &Value) -> Message {
    match value {
        // Not escaped as JSON, because people compare it with what they wrote.
        Value::String(text) => words("\"").data(text.as_str()).words("\""),
        other => message!("{}", other),
    }
}

pub(super) fn show_all(values: &[&Value]) -> Message {
    match values {
        [] => words("nothing"),
        [value] => show(value),
        several => {
            let listed: Vec<String> = several.iter().take(5).map(ToString::to_string).collect();
            let more = if several.len() > listed.len() { ", …" } else { "" };
            Message::new().words(format!("{} values: ", several.len())).data(listed.join(", ")).words(more)
        }
    }
}

/// Describes the matcher, with its templates rendered.
pub(super) fn describe(matcher: &Matcher, scope: &Variables) -> Result<Message, Unjudgeable> {
    let mut text = Message::new();
    for (index, condition) in matcher.conditions.iter().enumerate() {
        if index > 0 {
            text = text.words(" and ");
        }
        text = text.then(describe_condition(condition, scope)?);
    }
    Ok(text)
}

/// Describes a condition.
pub(super) fn describe_condition(condition: &Condition, scope: &Variables) -> Result<Message, Unjudgeable> {
    let value = |document: &Document| resolve(document, scope).map(|value| show(&value));
    Ok(match condition {
        Condition::Equals(wanted) => value(wanted)?,
        Condition::Not(inner) => words("not ").then(describe(inner, scope)?),
        Condition::Min(least) => words("at least ").then(value(least)?),
        Condition::Max(most) => words("at most ").then(value(most)?),
        Condition::Contains(part) => words("to contain ").then(value(part)?),
        Condition::Matches(Pattern::Fixed(regex)) => words("to match /").data(regex.as_str()).words("/"),
        Condition::Matches(Pattern::Template(template)) => {
            words("to match /").data(template.text(scope)?).words("/")
        }
        Condition::OneOf(options) | Condition::Number(options) => {
            let mut text = if let [_] = options.as_slice() { Message::new() } else { words("one of ") };
            for (index, option) in options.iter().enumerate() {
                text = text.words(if index > 0 { ", " } else { "" }).then(value(option)?);
            }
            text
        }
        Condition::Exists(true) => words("to exist"),
        Condition::Exists(false) => words("not to exist"),
        Condition::Type(json_type) => Message::new().words(format!("type {}", json_type.name())),
        Condition::Length(inner) => words("length ").then(describe(inner, scope)?),
        Condition::Each(inner) => words("each ").then(describe(inner, scope)?),
        Condition::Any(inner) => words("any ").then(describe(inner, scope)?),
        Condition::Count(inner) => words("count ").then(describe(inner, scope)?),
    })
}

/// Describes the value for which `condition` does not hold. Names its type if that is the difference.
pub(super) fn actual_for(condition: &Condition, value: &Value) -> Message {
    match condition {
        Condition::Equals(Document::Fixed(wanted)) if JsonType::of(wanted) != JsonType::of(value) => {
            show(value).words(format!(" ({})", JsonType::of(value).in_words()))
        }
        Condition::Type(_) if value.is_null() => show(value),
        Condition::Type(_) => Message::new().words(JsonType::of(value).name()).words(" ").then(show(value)),
        Condition::Contains(_) | Condition::Matches(_) => show_start(value),
        _ => show(value),
    }
}

/// Says that a value does not have the type that the condition is about.
pub(super) fn not_a(wanted: &'static str, value: &Value) -> Message {
    match value {
        Value::Null => show(value).words(", not ").words(wanted),
        _ => show(value).words(format!(" ({}, not {wanted})", JsonType::of(value).in_words())),
    }
}

/// Returns a value with only the start of a text, which identifies it. The message shows the whole text further below.
pub(super) fn show_start(value: &Value) -> Message {
    match value {
        Value::String(text) => words("\"").excerpt(text.as_str(), START_SHOWN).words("\""),
        other => show(other),
    }
}

/// The most characters that are shown of a text that lacks something.
const START_SHOWN: usize = 100;
