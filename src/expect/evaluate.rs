//! Evaluation of values against a matcher.

use std::cmp::Ordering;

use serde_json::Value;

use super::compare::{contains, equal, is_one_of, length, matches, order};
use super::describe::{actual_for, describe, describe_condition, nothing, show, show_all, words};
use super::difference::{Difference, differences};
use super::json_type::JsonType;
use super::matcher::{Condition, Matcher};
use crate::attempt::abandoned::end_if_abandoned;
use crate::language::source::Place;
use crate::language::value::Document;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::secret::Message;

/// The values that a path or selector found.
#[derive(Debug, Clone)]
pub struct Found<'v> {
    pub values: Vec<&'v Value>,
    /// What was there instead, if nothing was found.
    pub surroundings: Message,
}

impl<'v> Found<'v> {
    /// Wraps a single value.
    pub fn one(value: &'v Value) -> Found<'v> {
        Found { values: vec![value], surroundings: Message::new() }
    }
}

/// Values that are derived from what was found, such as the text of a header.
#[derive(Debug, Clone)]
pub struct FoundTexts {
    pub values: Vec<Value>,
    pub surroundings: Message,
}

impl FoundTexts {
    pub fn as_found(&self) -> Found<'_> {
        Found { values: self.values.iter().collect(), surroundings: self.surroundings.clone() }
    }
}

/// The subject of an expectation, and where the suite states it.
#[derive(Debug, Clone)]
pub struct Subject {
    pub what: Message,
    pub place: Place,
}

/// A condition that does not hold.
pub(super) struct Unmet {
    /// What was expected and what came. It may be about one place in the value alone.
    difference: Difference,
    why: Why,
}

/// Why a condition does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Its negation holds.
    Untrue,
    /// The condition does not apply to what was found: nothing, several values, or a value of another type. Its
    /// negation does not hold either.
    Inapplicable,
}

impl Unmet {
    fn new(why: Why, expected: Message, actual: Message) -> Unmet {
        Unmet { difference: Difference { at: Message::new(), expected, actual }, why }
    }

    fn untrue(expected: Message, actual: Message) -> Unmet {
        Unmet::new(Why::Untrue, expected, actual)
    }

    fn senseless(expected: Message, actual: Message) -> Unmet {
        Unmet::new(Why::Inapplicable, expected, actual)
    }

    /// Converts it to the failure of the enclosing matcher.
    fn of(self, whole: &'static str) -> Unmet {
        let Difference { at, expected, actual } = self.difference;
        Unmet { difference: Difference { at, expected: words(whole).then(expected), actual }, why: self.why }
    }
}

/// Why a matcher could not be evaluated: a template in it has no value.
pub type Unjudgeable = String;

/// Returns every condition of `matcher` that does not hold.
///
/// # Errors
/// Fails if a template in the matcher cannot be evaluated.
pub fn judge(
    subject: &Subject,
    matcher: &Matcher,
    found: &Found<'_>,
    scope: &Variables,
) -> Result<Vec<Mismatch>, Unjudgeable> {
    let unmet = unmet_by(matcher, found, scope)?.into_iter().map(|unmet| unmet.difference);
    let mismatch = |Difference { at, expected, actual }| {
        let Subject { what, place } = subject.clone();
        Mismatch { what: what.then(at), expected, actual, place: Some(place) }
    };
    Ok(unmet.map(mismatch).collect())
}

pub(super) fn unmet_by(
    matcher: &Matcher,
    found: &Found<'_>,
    scope: &Variables,
) -> Result<Vec<Unmet>, Unjudgeable> {
    let mut unmet = Vec::new();
    for condition in &matcher.conditions {
        if let (Condition::Equals(wanted), &[value]) = (condition, found.values.as_slice()) {
            let places = differences(&resolve(wanted, scope)?, value);
            if !places.is_empty() {
                unmet.extend(places.into_iter().map(|difference| Unmet { difference, why: Why::Untrue }));
                continue;
            }
        }
        unmet.extend(unmet_condition(condition, found, scope)?);
        // Finding nothing, or several values, fails every plain condition in the same way.
        if !unmet.is_empty() && found.values.len() != 1 {
            break;
        }
    }
    Ok(unmet)
}

/// Returns the condition that decides for the whole matcher: one that is untrue, or otherwise one that does not apply.
fn decisive(matcher: &Matcher, found: &Found<'_>, scope: &Variables) -> Result<Option<Unmet>, Unjudgeable> {
    let unmet = unmet_by(matcher, found, scope)?;
    let at = unmet.iter().position(|unmet| unmet.why == Why::Untrue).unwrap_or(0);
    Ok(unmet.into_iter().nth(at))
}

fn unmet_condition(
    condition: &Condition,
    found: &Found<'_>,
    scope: &Variables,
) -> Result<Option<Unmet>, Unjudgeable> {
    match condition {
        Condition::Exists(true) if found.values.is_empty() => {
            Ok(Some(Unmet::untrue(words("to exist"), nothing(found))))
        }
        Condition::Exists(false) if !found.values.is_empty() => {
            Ok(Some(Unmet::untrue(words("not to exist"), show_all(&found.values))))
        }
        Condition::Exists(_) => Ok(None),
        Condition::Count(matcher) => {
            let count = Value::from(found.values.len());
            Ok(decisive(matcher, &Found::one(&count), scope)?.map(|unmet| unmet.of("count ")))
        }
        Condition::Not(inner) => match decisive(inner, found, scope)? {
            None => {
                let expected = words("not ").then(describe(inner, scope)?);
                Ok(Some(Unmet::untrue(expected, show_all(&found.values))))
            }
            Some(unmet) => match unmet.why {
                Why::Untrue => Ok(None),
                Why::Inapplicable => Ok(Some(unmet.of("not "))),
            },
        },
        Condition::Each(inner) => unmet_by_each(inner, found, scope),
        Condition::Any(inner) => unmet_by_all(inner, found, scope),
        Condition::Equals(_)
        | Condition::Min(_)
        | Condition::Max(_)
        | Condition::Contains(_)
        | Condition::Matches(_)
        | Condition::OneOf(_)
        | Condition::Type(_)
        | Condition::Number(_)
        | Condition::Length(_) => unmet_by_one(condition, found, scope),
    }
}

fn unmet_by_each(
    inner: &Matcher,
    found: &Found<'_>,
    scope: &Variables,
) -> Result<Option<Unmet>, Unjudgeable> {
    if found.values.is_empty() {
        return Ok(Some(Unmet::senseless(words("each ").then(describe(inner, scope)?), nothing(found))));
    }
    let elements = elements(found);
    let mut senseless = None;
    for (index, value) in elements.iter().enumerate() {
        end_if_abandoned();
        let Some(unmet) = decisive(inner, &Found::one(value), scope)? else { continue };
        let Unmet { difference: Difference { at, expected, actual }, why } = unmet.of("each ");
        let actual = actual.words(format!(" (value {} of {})", index + 1, elements.len()));
        let unmet = Unmet { difference: Difference { at, expected, actual }, why };
        match why {
            Why::Untrue => return Ok(Some(unmet)),
            Why::Inapplicable => _ = senseless.get_or_insert(unmet),
        }
    }
    Ok(senseless)
}

/// Evaluates `any`, which fails if `inner` holds for none of the values.
fn unmet_by_all(inner: &Matcher, found: &Found<'_>, scope: &Variables) -> Result<Option<Unmet>, Unjudgeable> {
    let expected = words("any ").then(describe(inner, scope)?);
    let mut senseless = None;
    for value in elements(found) {
        end_if_abandoned();
        match decisive(inner, &Found::one(value), scope)? {
            None => return Ok(None),
            Some(unmet) if unmet.why == Why::Inapplicable => _ = senseless.get_or_insert(unmet),
            Some(_) => {}
        }
    }
    let actual = if found.values.is_empty() { nothing(found) } else { show_all(&found.values) };
    Ok(Some(match senseless {
        None => Unmet::untrue(expected, actual),
        Some(unmet) => Unmet::senseless(expected, unmet.difference.actual),
    }))
}

/// Evaluates a condition on one value.
fn unmet_by_one(
    condition: &Condition,
    found: &Found<'_>,
    scope: &Variables,
) -> Result<Option<Unmet>, Unjudgeable> {
    let expected = describe_condition(condition, scope)?;
    let value = match found.values.as_slice() {
        &[value] => value,
        [] => return Ok(Some(Unmet::senseless(expected, nothing(found)))),
        several => {
            let actual = show_all(several).words("; use `each`, `any` or `count` where several are found");
            return Ok(Some(Unmet::senseless(expected, actual)));
        }
    };
    let resolved = |options: &[Document]| -> Result<Vec<Value>, Unjudgeable> {
        options.iter().map(|option| resolve(option, scope)).collect()
    };
    let holds = match condition {
        Condition::Equals(wanted) => Ok(equal(&resolve(wanted, scope)?, value)),
        Condition::Min(least) => order(value, &resolve(least, scope)?).map(Ordering::is_ge),
        Condition::Max(most) => order(value, &resolve(most, scope)?).map(Ordering::is_le),
        Condition::Contains(part) => contains(value, &resolve(part, scope)?),
        Condition::Matches(pattern) => matches(pattern, value, scope)?,
        Condition::OneOf(options) => Ok(resolved(options)?.iter().any(|option| equal(option, value))),
        Condition::Type(json_type) => Ok(JsonType::of(value) == *json_type),
        Condition::Number(options) => is_one_of(value, &resolved(options)?),
        Condition::Length(matcher) => {
            let Some(length) = length(value) else {
                let actual = show(value).words(", which has no length");
                return Ok(Some(Unmet::senseless(expected, actual)));
            };
            let length = Value::from(length);
            return Ok(decisive(matcher, &Found::one(&length), scope)?.map(|unmet| unmet.of("length ")));
        }
        Condition::Not(_)
        | Condition::Exists(_)
        | Condition::Each(_)
        | Condition::Any(_)
        | Condition::Count(_) => Ok(true),
    };
    Ok(match holds {
        Ok(true) => None,
        Ok(false) => Some(Unmet::untrue(expected, actual_for(condition, value))),
        Err(actual) => Some(Unmet::senseless(expected, actual)),
    })
}

/// Returns what `each` and `any` iterate over: the values found, or the elements of a single array.
fn elements<'v>(found: &Found<'v>) -> Vec<&'v Value> {
    match found.values.as_slice() {
        [Value::Array(items)] => items.iter().collect(),
        values => values.to_vec(),
    }
}

pub(super) fn resolve(document: &Document, scope: &Variables) -> Result<Value, Unjudgeable> {
    document.value(scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::expression;
    use crate::language::read::{FromToml, ParseContext};
    use serde_json::json;
    use toml::de::DeTable;

    /// Parses `m = <toml>` and returns what it reports about `values`.
    fn complaints(matcher: &str, values: &[Value]) -> Vec<String> {
        let environment = expression::environment();
        let text = format!("m = {matcher}");
        let document = DeTable::parse(&text).unwrap();
        let mut parse = ParseContext::new(0, &environment);
        let matcher = Matcher::from_toml(document.get_ref().get("m").unwrap(), &mut parse)
            .unwrap_or_else(|| panic!("{:?}", parse.diagnostics));
        let mut scope = Variables::empty(std::sync::Arc::default());
        scope.set("sha", &json!("abc"));
        let found = Found { values: values.iter().collect(), surroundings: words("the keys there are a, b") };
        let subject = Subject { what: words("it"), place: Place::new(0, 0..1) };
        judge(&subject, &matcher, &found, &scope).unwrap().iter().map(Mismatch::to_string).collect()
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
            assert_eq!(
                complaints(matcher, std::slice::from_ref(&good)),
                Vec::<String>::new(),
                "{matcher} on {good}"
            );
            assert_eq!(complaints(matcher, std::slice::from_ref(&bad)).len(), 1, "{matcher} on {bad}");
        }
    }

    #[test]
    fn a_path_that_finds_nothing_fails_and_says_what_was_there() {
        assert_eq!(complaints("1", &[]), ["expected it 1, got nothing; the keys there are a, b"]);
        assert_eq!(
            complaints("{ not = 1 }", &[]),
            ["expected it not 1, got nothing; the keys there are a, b"]
        );
        assert_eq!(complaints("{ exists = false }", &[]), Vec::<String>::new());
        assert_eq!(complaints("{ count = 0 }", &[]), Vec::<String>::new());
        assert_eq!(complaints("{ exists = false }", &[json!(1)]).len(), 1);
        assert_eq!(complaints("{ each = 1 }", &[]).len(), 1);
    }

    #[test]
    fn a_plain_matcher_on_several_values_fails_and_says_so() {
        let several = vec![json!(1), json!(1)];
        assert_eq!(
            complaints("1", &several),
            ["expected it 1, got 2 values: 1, 1; use `each`, `any` or `count` where several are found"]
        );
        assert_eq!(complaints("{ each = 1 }", &several), Vec::<String>::new());
        assert_eq!(complaints("{ count = { min = 3 } }", &several), ["expected it count at least 3, got 2"]);
    }

    #[test]
    fn a_difference_of_type_only_is_named() {
        assert_eq!(complaints("1", &[json!("1")]), ["expected it 1, got \"1\" (a string)"]);
    }
}
