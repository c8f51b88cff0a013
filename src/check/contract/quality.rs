//! The quality rules of a contract.

use serde_json::Value;

use super::fields::{Fields, Findings};
use super::operator::{self, Operator};
use super::promise::{Measure, Object, Promised, Rule, Unchecked};
use super::yaml::{Node, NodeValue};
use crate::language::number;
use crate::language::source::Place;

/// The metrics of the standard.
const METRICS: [&str; 5] = ["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"];

/// The rules of version 3.0, each with its metric.
const RULES: [(&str, &str); 10] = [
    ("nullCheck", "nullValues"),
    ("nullCount", "nullValues"),
    ("nullValues", "nullValues"),
    ("missingValues", "missingValues"),
    ("validValues", "invalidValues"),
    ("invalidValues", "invalidValues"),
    ("uniqueCheck", "duplicateValues"),
    ("duplicateCount", "duplicateValues"),
    ("duplicateValues", "duplicateValues"),
    ("rowCount", "rowCount"),
];

/// Severities that warn instead of failing.
const ONLY_WARN: [&str; 4] = ["info", "warning", "low", "minor"];

/// Reads a rule on `column`, or on the whole object.
pub(super) fn read(
    node: &Node,
    column: Option<&str>,
    object: &mut Object,
    promised: &mut Promised,
    findings: &mut Findings,
) {
    let Some(mut fields) = Fields::of(node, "a quality rule", findings) else { return };
    let place = fields.place();
    let mut unchecked = |group, which: Option<&str>, place| {
        promised.unchecked.push(Unchecked {
            object: Some(object.name.clone()),
            column: column.map(str::to_owned),
            group,
            which: which.map(str::to_owned),
            place,
        });
    };
    let has_query = fields.get("query").is_some();
    let kind = fields.text("type", findings).unwrap_or(if has_query { "sql" } else { "library" });
    let name = fields.text("name", findings).map(str::to_owned);
    let severity = fields.text("severity", findings).map(str::to_lowercase);
    let only_warns = severity.as_deref().is_some_and(|severity| ONLY_WARN.contains(&severity));
    let is_percent = fields.text("unit", findings).is_some_and(|unit| matches!(unit, "percent" | "%"));
    let operators = operator::read(&mut fields, findings);
    fields.ignore(&[
        "id",
        "authoritativeDefinitions",
        "businessImpact",
        "customProperties",
        "description",
        "dimension",
        "method",
        "schedule",
        "scheduler",
        "tags",
    ]);
    let measure = match kind {
        "text" => {
            unchecked("text", None, place);
            None
        }
        "custom" => {
            let engine = fields.text("engine", findings);
            fields.ignore(&["implementation"]);
            unchecked("custom", engine, place);
            None
        }
        "sql" => match fields.text("query", findings) {
            Some(query) => Some(Measure::Sql(query.to_owned())),
            None => {
                findings.warn(place, "this rule has no `query`");
                unchecked("sql", Some("no query"), place);
                None
            }
        },
        "library" => {
            let measure = library(&mut fields, column, object, findings);
            if measure.is_none() {
                let metric = fields.text("metric", findings).or(fields.text("rule", findings));
                unchecked("library", Some(metric.unwrap_or("no metric")), place);
            }
            measure
        }
        other => {
            findings.warn(fields.key_place("type"), format!("unknown type of rule `{other}`"));
            unchecked("rule of unknown type", Some(other), place);
            None
        }
    };
    let says_what_must_be = !operators.is_empty();
    let rule = fields.text("rule", findings);
    let is_by_itself = matches!(rule, Some("nullCheck" | "uniqueCheck" | "validValues"));
    fields.finish(findings);
    let Some(measure) = measure else { return };
    if let Some(place) = impossible(&measure, &operators, place) {
        findings.mistake(place, "no value satisfies these operators: they contradict each other");
        return;
    }
    let operators = match says_what_must_be {
        true => operators.into_iter().map(|(operator, _)| operator).collect(),
        false if is_by_itself => vec![Operator::Be(Value::from(0))],
        false => {
            findings.warn(place, "this rule does not say what the value must be");
            promised.unchecked.push(Unchecked {
                object: Some(object.name.clone()),
                column: column.map(str::to_owned),
                group: "rule without an operator",
                which: None,
                place,
            });
            return;
        }
    };
    let column = column.map(str::to_owned);
    object.quality.push(Rule { column, measure, operators, is_percent, only_warns, name, place });
}

/// Returns the place where the operators contradict each other or the possible values of the measure: no count is below
/// zero.
fn impossible(measure: &Measure, operators: &[(Operator, Place)], place: Place) -> Option<Place> {
    let mut all = operators.to_vec();
    match measure {
        Measure::Sql(_) => {}
        Measure::Rows
        | Measure::Nulls
        | Measure::Missing(_)
        | Measure::Invalid { .. }
        | Measure::Duplicates(_) => {
            all.insert(0, (Operator::GreaterOrEqualTo("0".to_owned()), place));
        }
    }
    operator::contradiction(&all)
}

fn library(
    fields: &mut Fields<'_>,
    column: Option<&str>,
    object: &Object,
    findings: &mut Findings,
) -> Option<Measure> {
    let metric = fields.text("metric", findings);
    let rule = fields.text("rule", findings);
    let place = fields.key_place(if metric.is_some() { "metric" } else { "rule" });
    let named = match (metric, rule) {
        (Some(metric), _) => METRICS.iter().find(|known| **known == metric).copied(),
        (None, Some(rule)) => RULES.iter().find(|(known, _)| *known == rule).map(|(_, metric)| *metric),
        (None, None) => {
            findings.warn(fields.place(), "this rule has no `metric`");
            return None;
        }
    };
    let Some(named) = named else {
        let given = metric.or(rule).unwrap_or_default();
        let warning =
            crate::language::diagnostic::Diagnostic::new(place, format!("unknown metric `{given}`"));
        findings.warnings.push(warning.did_you_mean(given, METRICS));
        return None;
    };
    let valid = list(fields.get("validValues"));
    let mut arguments = Arguments { valid, ..Arguments::default() };
    if let Some(node) = fields.get("arguments")
        && let Some(mut given) = Fields::of(node, "arguments", findings)
    {
        arguments.valid = list(given.get("validValues")).or(arguments.valid);
        arguments.missing = list(given.get("missingValues"));
        arguments.pattern = given.text("pattern", findings).map(str::to_owned);
        arguments.properties = list(given.get("properties")).map(|names| {
            names.iter().map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned)).collect()
        });
        given.finish(findings);
    }
    if column.is_none() && !matches!(named, "rowCount" | "duplicateValues") {
        findings.warn(place, format!("`{named}` is about a property, and this is the object"));
        return None;
    }
    measure(named, arguments, column, object, place, findings)
}

#[derive(Default)]
struct Arguments {
    valid: Option<Vec<Value>>,
    missing: Option<Vec<Value>>,
    pattern: Option<String>,
    properties: Option<Vec<String>>,
}

fn measure(
    named: &str,
    arguments: Arguments,
    column: Option<&str>,
    object: &Object,
    place: Place,
    findings: &mut Findings,
) -> Option<Measure> {
    let Arguments { valid, missing, pattern, properties } = arguments;
    Some(match named {
        "rowCount" => Measure::Rows,
        "nullValues" => Measure::Nulls,
        "missingValues" => Measure::Missing(missing.unwrap_or_default()),
        "invalidValues" if valid.is_none() && pattern.is_none() => {
            findings.warn(
                place,
                "this rule does not say what is valid: `arguments` has no `validValues` and no `pattern`",
            );
            return None;
        }
        "invalidValues" => Measure::Invalid { values: valid, pattern },
        _ => {
            let columns = properties.or(column.map(|column| vec![column.to_owned()]));
            let Some(columns) = columns else {
                findings.warn(place, "this rule does not say which `properties` may not be there twice");
                return None;
            };
            // Columns that a column-level rule refers to may be declared after it.
            let is_known = |name: &String| column.is_some() || object.column(name).is_some();
            if let Some(unknown) = columns.iter().find(|name| !is_known(name)) {
                findings.mistake(place, format!("there is no property `{unknown}` in this object"));
                return None;
            }
            Measure::Duplicates(columns)
        }
    })
}

fn list(node: Option<&Node>) -> Option<Vec<Value>> {
    match &node?.value {
        NodeValue::List(items) => Some(items.iter().map(Node::to_json).collect()),
        NodeValue::Scalar { .. } | NodeValue::Map(_) => None,
    }
}

/// Returns a number as written in the contract, or `None` if it is not one.
pub(super) fn number(node: &Node) -> Option<&str> {
    node.text().filter(|text| number::compare(text, text).is_some())
}
