//! The comparison operators of the standard's quality rules.

use std::cmp::Ordering;

use serde_json::Value;

use super::fields::{Fields, Findings};
use super::yaml::{Node, NodeValue};
use crate::language::number;
use crate::language::source::Place;

/// The condition that a measured value must satisfy.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operator {
    Be(Value),
    NotBe(Value),
    GreaterThan(String),
    GreaterOrEqualTo(String),
    LessThan(String),
    LessOrEqualTo(String),
    /// Both ends are included.
    Between(String, String),
    NotBetween(String, String),
}

impl Operator {
    pub const NAMES: [&'static str; 8] = [
        "mustBe",
        "mustNotBe",
        "mustBeGreaterThan",
        "mustBeGreaterOrEqualTo",
        "mustBeLessThan",
        "mustBeLessOrEqualTo",
        "mustBeBetween",
        "mustNotBeBetween",
    ];

    /// Whether the value satisfies the operator; `None` if the two cannot be compared. NULL satisfies no operator.
    pub fn holds(&self, actual: &Value) -> Option<bool> {
        let order = |limit: &str| compare(actual, limit);
        Some(match self {
            _ if actual.is_null() => false,
            Operator::Be(wanted) => equals(actual, wanted)?,
            Operator::NotBe(wanted) => !equals(actual, wanted)?,
            Operator::GreaterThan(limit) => order(limit)?.is_gt(),
            Operator::GreaterOrEqualTo(limit) => order(limit)?.is_ge(),
            Operator::LessThan(limit) => order(limit)?.is_lt(),
            Operator::LessOrEqualTo(limit) => order(limit)?.is_le(),
            Operator::Between(least, most) => order(least)?.is_ge() && order(most)?.is_le(),
            Operator::NotBetween(least, most) => order(least)?.is_lt() || order(most)?.is_gt(),
        })
    }

    /// Describes the operator, as in `to be at least 5`.
    pub fn in_words(&self) -> String {
        match self {
            Operator::Be(value) => format!("to be {value}"),
            Operator::NotBe(value) => format!("not to be {value}"),
            Operator::GreaterThan(limit) => format!("to be greater than {limit}"),
            Operator::GreaterOrEqualTo(limit) => format!("to be at least {limit}"),
            Operator::LessThan(limit) => format!("to be less than {limit}"),
            Operator::LessOrEqualTo(limit) => format!("to be at most {limit}"),
            Operator::Between(least, most) => format!("to be between {least} and {most} (both included)"),
            Operator::NotBetween(least, most) => {
                format!("not to be between {least} and {most} (both included)")
            }
        }
    }

    /// Returns the lower and the upper bound, each with whether the bound itself is allowed.
    fn bounds(&self) -> [Option<(&str, bool)>; 2] {
        match self {
            Operator::GreaterThan(limit) => [Some((limit, false)), None],
            Operator::GreaterOrEqualTo(limit) => [Some((limit, true)), None],
            Operator::LessThan(limit) => [None, Some((limit, false))],
            Operator::LessOrEqualTo(limit) => [None, Some((limit, true))],
            Operator::Between(least, most) => [Some((least, true)), Some((most, true))],
            Operator::Be(_) | Operator::NotBe(_) | Operator::NotBetween(..) => [None, None],
        }
    }
}

fn compare(actual: &Value, limit: &str) -> Option<Ordering> {
    match actual {
        Value::Number(number) => number::compare(&number.to_string(), limit),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn equals(actual: &Value, wanted: &Value) -> Option<bool> {
    match (actual, wanted) {
        (Value::Number(_), Value::Number(limit)) => compare(actual, &limit.to_string()).map(Ordering::is_eq),
        (Value::String(_), Value::String(_)) | (Value::Bool(_), Value::Bool(_)) => Some(actual == wanted),
        // Some databases have no booleans.
        (Value::Number(_), Value::Bool(wanted)) => {
            compare(actual, if *wanted { "1" } else { "0" }).map(Ordering::is_eq)
        }
        _ => None,
    }
}

/// Reads the operators of a rule, each with its place.
pub(super) fn read(fields: &mut Fields<'_>, findings: &mut Findings) -> Vec<(Operator, Place)> {
    let mut operators = Vec::new();
    for name in Operator::NAMES {
        let Some(node) = fields.get(name) else { continue };
        match read_one(name, node) {
            Some(operator) => operators.push((operator, fields.key_place(name))),
            None => {
                let expected = if name.ends_with("Between") { "a list of two numbers" } else { "a number" };
                findings.mistake(node.place, format!("expected `{name}` to be {expected}"));
            }
        }
    }
    operators
}

fn read_one(name: &str, node: &Node) -> Option<Operator> {
    let number =
        |node: &Node| node.text().filter(|text| number::compare(text, text).is_some()).map(str::to_owned);
    let pair = || match &node.value {
        NodeValue::List(items) => match items.as_slice() {
            [least, most] => Some((number(least)?, number(most)?)),
            _ => None,
        },
        NodeValue::Scalar { .. } | NodeValue::Map(_) => None,
    };
    let value = || match node.to_json() {
        Value::Array(_) | Value::Object(_) | Value::Null => None,
        value @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => Some(value),
    };
    Some(match name {
        "mustBe" => Operator::Be(value()?),
        "mustNotBe" => Operator::NotBe(value()?),
        "mustBeGreaterThan" => Operator::GreaterThan(number(node)?),
        "mustBeGreaterOrEqualTo" => Operator::GreaterOrEqualTo(number(node)?),
        "mustBeLessThan" => Operator::LessThan(number(node)?),
        "mustBeLessOrEqualTo" => Operator::LessOrEqualTo(number(node)?),
        "mustBeBetween" => pair().map(|(least, most)| Operator::Between(least, most))?,
        _ => pair().map(|(least, most)| Operator::NotBetween(least, most))?,
    })
}

/// Returns the place of an operator that contradicts the others: no value satisfies them all.
pub(super) fn contradiction(operators: &[(Operator, Place)]) -> Option<Place> {
    let mut least: Option<(&str, bool)> = None;
    let mut most: Option<(&str, bool)> = None;
    for (operator, place) in operators {
        let tighter = |bound: (&str, bool), than: Option<(&str, bool)>, tight: Ordering| {
            than.is_none_or(|(limit, is_in)| match number::compare(bound.0, limit) {
                Some(Ordering::Equal) => is_in && !bound.1,
                order => order == Some(tight),
            })
        };
        let [lower, upper] = operator.bounds();
        least = lower.filter(|bound| tighter(*bound, least, Ordering::Greater)).or(least);
        most = upper.filter(|bound| tighter(*bound, most, Ordering::Less)).or(most);
        if let (Some((least, with_least)), Some((most, with_most))) = (least, most) {
            match number::compare(least, most) {
                Some(Ordering::Greater) => return Some(*place),
                Some(Ordering::Equal) if !(with_least && with_most) => return Some(*place),
                _ => {}
            }
        }
    }
    let fixed = operators.iter().find_map(|(operator, _)| match operator {
        Operator::Be(value) => Some(value),
        _ => None,
    })?;
    let other = operators.iter().find(|(operator, _)| operator.holds(fixed) == Some(false));
    other.map(|(_, place)| *place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_operator_holds_for_what_it_says_and_null_satisfies_none() {
        let text = str::to_owned;
        for (operator, holds, does_not) in [
            (Operator::Be(json!(5)), vec!["5", "5.0"], vec!["6", "null"]),
            (Operator::NotBe(json!(5)), vec!["6"], vec!["5", "5.0", "null"]),
            (Operator::GreaterThan(text("5")), vec!["5.1", "6"], vec!["5", "null"]),
            (Operator::GreaterOrEqualTo(text("5")), vec!["5", "6"], vec!["4.9", "null"]),
            (Operator::LessThan(text("5")), vec!["4"], vec!["5", "null"]),
            (Operator::LessOrEqualTo(text("5")), vec!["5"], vec!["5.0001", "null"]),
            (Operator::Between(text("1"), text("5")), vec!["1", "3", "5"], vec!["0.9", "5.1", "null"]),
            (Operator::NotBetween(text("1"), text("5")), vec!["0", "6"], vec!["1", "5", "null"]),
        ] {
            for (values, expected) in [(holds, true), (does_not, false)] {
                for value in values {
                    let actual: Value = serde_json::from_str(value).unwrap();
                    assert_eq!(operator.holds(&actual), Some(expected), "{operator:?} {value}");
                }
            }
            assert_eq!(operator.holds(&json!("x")), None, "{operator:?}");
        }
        assert_eq!(Operator::Be(json!("ok")).holds(&json!("ok")), Some(true));
        assert_eq!(Operator::Be(json!(true)).holds(&json!(1)), Some(true));
    }

    #[test]
    fn operators_that_no_value_satisfies_contradict_each_other() {
        let text = str::to_owned;
        let at = |number: usize| Place::new(0, number..number);
        let of = |operators: Vec<Operator>| {
            let placed: Vec<_> =
                operators.into_iter().enumerate().map(|(index, operator)| (operator, at(index))).collect();
            contradiction(&placed).map(|place| place.start)
        };
        assert_eq!(of(vec![Operator::GreaterThan(text("5")), Operator::LessThan(text("5"))]), Some(1));
        assert_eq!(of(vec![Operator::GreaterThan(text("5")), Operator::LessOrEqualTo(text("4"))]), Some(1));
        assert_eq!(of(vec![Operator::Between(text("5"), text("1"))]), Some(0));
        assert_eq!(of(vec![Operator::Be(json!(3)), Operator::GreaterThan(text("5"))]), Some(1));
        assert_eq!(of(vec![Operator::Be(json!(3)), Operator::NotBe(json!(3.0))]), Some(1));
        assert_eq!(
            of(vec![Operator::GreaterOrEqualTo(text("5")), Operator::LessOrEqualTo(text("5.0"))]),
            None
        );
        assert_eq!(of(vec![Operator::GreaterThan(text("1")), Operator::LessThan(text("5"))]), None);
    }
}
