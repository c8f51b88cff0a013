//! Holding values against a matcher.

use std::cmp::Ordering;

use serde_json::Value;

use super::difference::{Difference, differences};
use super::matcher::{Condition, JsonType, Matcher, Pattern, compile};
use super::number;
use super::words::{actual_for, describe, describe_condition, nothing, show, show_all, words};
use crate::outcome::Mismatch;
use crate::secret::Message;
use crate::suite::value::Document;
use crate::suite::vars::Scope;

/// What a path or selector found.
#[derive(Debug, Clone)]
pub struct Found {
    pub values: Vec<Value>,
    /// What was there instead, for when nothing was found.
    pub surroundings: Message,
}

impl Found {
    /// Exactly one value.
    #[must_use]
    pub fn one(value: Value) -> Found {
        Found { values: vec![value], surroundings: Message::new() }
    }
}

/// An unmet condition: what was expected and what came. It may be about one place in the value alone.
type Unmet = Difference;

fn unmet(expected: Message, actual: Message) -> Unmet {
    Difference { at: Message::new(), expected, actual }
}

/// Why a matcher could not be held against anything: a template in it has no value.
pub type Unjudgeable = String;

/// Every condition of `matcher` that does not hold.
///
/// # Errors
/// A template in the matcher cannot be evaluated.
pub fn judge(
    what: &Message,
    matcher: &Matcher,
    found: &Found,
    scope: &Scope,
) -> Result<Vec<Mismatch>, Unjudgeable> {
    let unmet = unmet_by(matcher, found, scope)?;
    Ok(unmet
        .into_iter()
        .map(|Difference { at, expected, actual }| Mismatch { what: what.clone().then(at), expected, actual })
        .collect())
}

fn unmet_by(matcher: &Matcher, found: &Found, scope: &Scope) -> Result<Vec<Unmet>, Unjudgeable> {
    let mut unmet = Vec::new();
    for condition in &matcher.conditions {
        if let (Condition::Equals(wanted), [value]) = (condition, found.values.as_slice()) {
            let places = differences(&resolve(wanted, scope)?, value);
            if !places.is_empty() {
                unmet.extend(places);
                continue;
            }
        }
        unmet.extend(unmet_condition(condition, found, scope)?);
        // That nothing is there, or several, is the same news for every plain condition.
        if !unmet.is_empty() && found.values.len() != 1 {
            break;
        }
    }
    Ok(unmet)
}

fn unmet_condition(
    condition: &Condition,
    found: &Found,
    scope: &Scope,
) -> Result<Option<Unmet>, Unjudgeable> {
    match condition {
        Condition::Exists(true) if found.values.is_empty() => {
            Ok(Some(unmet(words("to be there"), nothing(found))))
        }
        Condition::Exists(false) if !found.values.is_empty() => {
            Ok(Some(unmet(words("not to be there"), show_all(&found.values))))
        }
        Condition::Exists(_) => Ok(None),
        Condition::Count(matcher) => {
            let count = Found::one(Value::from(found.values.len()));
            Ok(first(unmet_by(matcher, &count, scope)?, "count "))
        }
        // `not = { exists = … }` and the like speak of what was found as a whole.
        Condition::Not(inner) => match unmet_by(inner, found, scope)?.is_empty() {
            true => Ok(Some(unmet(words("not ").then(describe(inner, scope)?), show_all(&found.values)))),
            false if found.values.is_empty() && !speaks_of_absence(inner) => {
                Ok(Some(unmet(words("not ").then(describe(inner, scope)?), nothing(found))))
            }
            false => Ok(None),
        },
        Condition::Each(inner) => {
            if found.values.is_empty() {
                return Ok(Some(unmet(words("each ").then(describe(inner, scope)?), nothing(found))));
            }
            for (index, value) in elements(found).iter().enumerate() {
                let first = unmet_by(inner, &Found::one(value.clone()), scope)?.into_iter().next();
                if let Some(Difference { at, expected, actual }) = first {
                    let actual = actual.words(format!(" (value {} of {})", index + 1, elements(found).len()));
                    return Ok(Some(Difference { at, expected: words("each ").then(expected), actual }));
                }
            }
            Ok(None)
        }
        Condition::Any(inner) => {
            for value in elements(found) {
                if unmet_by(inner, &Found::one(value), scope)?.is_empty() {
                    return Ok(None);
                }
            }
            let actual = if found.values.is_empty() { nothing(found) } else { show_all(&found.values) };
            Ok(Some(unmet(words("any ").then(describe(inner, scope)?), actual)))
        }
        Condition::Equals(_)
        | Condition::Min(_)
        | Condition::Max(_)
        | Condition::Contains(_)
        | Condition::Matches(_)
        | Condition::OneOf(_)
        | Condition::Type(_)
        | Condition::Length(_) => unmet_by_one(condition, found, scope),
    }
}

/// The conditions that speak of one value.
fn unmet_by_one(condition: &Condition, found: &Found, scope: &Scope) -> Result<Option<Unmet>, Unjudgeable> {
    let expected = describe_condition(condition, scope)?;
    let value = match found.values.as_slice() {
        [value] => value,
        [] => return Ok(Some(unmet(expected, nothing(found)))),
        several => {
            let actual = show_all(several).words("; use `each`, `any` or `count` where several are found");
            return Ok(Some(unmet(expected, actual)));
        }
    };
    let holds = match condition {
        Condition::Equals(wanted) => equal(&resolve(wanted, scope)?, value),
        Condition::Min(least) => ordering(value, &resolve(least, scope)?).is_some_and(Ordering::is_ge),
        Condition::Max(most) => ordering(value, &resolve(most, scope)?).is_some_and(Ordering::is_le),
        Condition::Contains(part) => contains(value, &resolve(part, scope)?),
        Condition::Matches(pattern) => matches(pattern, value, scope)?,
        Condition::OneOf(options) => {
            let options: Result<Vec<Value>, _> =
                options.iter().map(|option| resolve(option, scope)).collect();
            options?.iter().any(|option| equal(option, value))
        }
        Condition::Type(json_type) => JsonType::of(value) == *json_type,
        Condition::Length(matcher) => {
            let Some(length) = length(value) else {
                return Ok(Some(unmet(expected, show(value).words(", which has no length"))));
            };
            return Ok(first(unmet_by(matcher, &Found::one(Value::from(length)), scope)?, "length "));
        }
        Condition::Not(_)
        | Condition::Exists(_)
        | Condition::Each(_)
        | Condition::Any(_)
        | Condition::Count(_) => true,
    };
    Ok((!holds).then(|| unmet(expected, actual_for(condition, value))))
}

fn first(unmet: Vec<Unmet>, of: &'static str) -> Option<Unmet> {
    let first = unmet.into_iter().next();
    first.map(|Difference { at, expected, actual }| Difference {
        at,
        expected: words(of).then(expected),
        actual,
    })
}

/// Does the matcher itself say something of a value that is not there?
fn speaks_of_absence(matcher: &Matcher) -> bool {
    matcher.conditions.iter().any(|condition| {
        matches!(
            condition,
            Condition::Exists(_) | Condition::Count(_) | Condition::Each(_) | Condition::Any(_)
        )
    })
}

/// What `each` and `any` go through: the values found, or the elements of the one array that was found.
fn elements(found: &Found) -> Vec<Value> {
    match found.values.as_slice() {
        [Value::Array(items)] => items.clone(),
        values => values.to_vec(),
    }
}

pub(super) fn resolve(document: &Document, scope: &Scope) -> Result<Value, Unjudgeable> {
    document.value(scope)
}

/// Equality as people mean it: numbers by value, also inside arrays and objects.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            number::compare(&a.to_string(), &b.to_string()) == Some(Ordering::Equal)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// The order of two numbers; text that is a number counts as one, because headers and HTML have only text.
pub(super) fn ordering(a: &Value, b: &Value) -> Option<Ordering> {
    let text = |value: &Value| match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number::compare(&text(a)?, &text(b)?)
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::String(text), Value::Number(part)) => text.contains(&part.to_string()),
        (Value::Array(items), part) => items.iter().any(|item| equal(item, part)),
        _ => false,
    }
}

fn matches(pattern: &Pattern, value: &Value, scope: &Scope) -> Result<bool, Unjudgeable> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Ok(false),
    };
    match pattern {
        Pattern::Fixed(regex) => Ok(regex.is_match(&text)),
        Pattern::Template(template) => Ok(compile(&template.text(scope)?)?.is_match(&text)),
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(fields) => Some(fields.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::expression;
    use crate::suite::read::{FromToml, Reading};
    use serde_json::json;
    use toml::de::DeTable;

    /// Reads `m = <toml>` and says what it finds wrong with `values`.
    fn complaints(matcher: &str, values: Vec<Value>) -> Vec<String> {
        let environment = expression::environment();
        let text = format!("m = {matcher}");
        let document = DeTable::parse(&text).unwrap();
        let mut reading = Reading::new(0, &environment);
        let matcher = Matcher::from_toml(document.get_ref().get("m").unwrap(), &mut reading)
            .unwrap_or_else(|| panic!("{:?}", reading.diagnostics));
        let mut scope = Scope::empty(std::sync::Arc::default());
        scope.set("sha", &json!("abc"));
        let found = Found { values, surroundings: words("the keys there are a, b") };
        judge(&words("it"), &matcher, &found, &scope).unwrap().iter().map(Mismatch::to_string).collect()
    }

    #[test]
    fn each_matcher_holds_and_fails() {
        let cases: Vec<(&str, Value, Value)> = vec![
            ("1", json!(1.0), json!(2)),
            ("0.1", serde_json::from_str("0.10").unwrap(), json!("0.1")),
            ("true", json!(true), json!("true")),
            ("\"ok\"", json!("ok"), json!("OK")),
            ("\"{{sha}}\"", json!("abc"), json!("{{sha}}")),
            ("{ equals = { a = [1, 2] } }", json!({"a": [1.0, 2]}), json!({"a": [1]})),
            ("{ not = \"x\" }", json!("y"), json!("x")),
            ("{ not = { contains = \"x\" } }", json!("y"), json!("axb")),
            ("{ min = 2 }", json!(2), json!(1.99)),
            ("{ max = 2 }", json!("2"), json!(3)),
            ("{ min = 1, max = 2 }", json!(1), json!(3)),
            ("{ contains = \"el\" }", json!("hello"), json!("hallo")),
            ("{ contains = 2 }", json!([1, 2.0]), json!([1])),
            ("{ matches = \"^v[0-9]+$\" }", json!("v12"), json!("v")),
            ("{ matches = \"^{{sha}}$\" }", json!("abc"), json!("abcd")),
            ("{ one-of = [\"a\", 1] }", json!(1), json!("b")),
            ("{ type = \"null\" }", json!(null), json!(0)),
            ("{ type = \"number\" }", json!(1), json!("1")),
            ("{ length = 2 }", json!("né"), json!([1])),
            ("{ length = { min = 1 } }", json!({"a": 1}), json!({})),
            ("{ each = { min = 1 } }", json!([1, 2]), json!([1, 0])),
            ("{ any = \"b\" }", json!(["a", "b"]), json!(["a"])),
            ("{ exists = true, type = \"string\" }", json!("x"), json!(1)),
        ];
        for (matcher, good, bad) in cases {
            assert_eq!(complaints(matcher, vec![good.clone()]), Vec::<String>::new(), "{matcher} on {good}");
            assert_eq!(complaints(matcher, vec![bad.clone()]).len(), 1, "{matcher} on {bad}");
        }
    }

    #[test]
    fn a_path_that_finds_nothing_fails_and_says_what_was_there() {
        assert_eq!(complaints("1", vec![]), ["expected it 1, got nothing; the keys there are a, b"]);
        assert_eq!(
            complaints("{ not = 1 }", vec![]),
            ["expected it not 1, got nothing; the keys there are a, b"]
        );
        assert_eq!(complaints("{ exists = false }", vec![]), Vec::<String>::new());
        assert_eq!(complaints("{ count = 0 }", vec![]), Vec::<String>::new());
        assert_eq!(complaints("{ exists = false }", vec![json!(1)]).len(), 1);
        assert_eq!(complaints("{ each = 1 }", vec![]).len(), 1);
    }

    #[test]
    fn a_plain_matcher_on_several_values_fails_and_says_so() {
        let several = vec![json!(1), json!(1)];
        assert_eq!(
            complaints("1", several.clone()),
            ["expected it 1, got 2 values: 1, 1; use `each`, `any` or `count` where several are found"]
        );
        assert_eq!(complaints("{ each = 1 }", several.clone()), Vec::<String>::new());
        assert_eq!(complaints("{ count = { min = 3 } }", several), ["expected it count at least 3, got 2"]);
    }

    #[test]
    fn a_difference_of_type_only_is_named() {
        assert_eq!(complaints("1", vec![json!("1")]), ["expected it 1, got \"1\" (a string)"]);
    }
}
