//! Service levels: how old the newest data may be.
//!
//! `freshness V` allows an age of V, `latency L` with `frequency F` an age of F + L, and `latency L` alone an age of L.
//! A database can answer no other service level.

use std::time::Duration;

use super::fields::{Fields, Findings};
use super::promise::{Fresh, Promised, Unchecked};
use super::quality::number;
use super::yaml::Node;
use crate::language::diagnostic::Diagnostic;
use crate::language::source::Place;

/// A service level as written in the contract.
struct Level {
    property: String,
    within: Option<Duration>,
    element: Option<(String, Place)>,
    place: Place,
}

pub(super) fn read(nodes: &[Node], element: Option<&Node>, promised: &mut Promised, findings: &mut Findings) {
    let usual = element.and_then(|node| Some((node.text()?.to_owned(), node.place)));
    let levels: Vec<Level> = nodes.iter().filter_map(|node| level(node, usual.as_ref(), findings)).collect();
    let named = |level: &Level, name: &str| level.property.eq_ignore_ascii_case(name);
    let mut used = Vec::new();
    for (index, level) in levels.iter().enumerate() {
        let (within, by) = if named(level, "freshness") {
            (level.within, level.property.clone())
        } else if named(level, "latency") {
            let same = |other: &Level| {
                other.element.as_ref().map(|(name, _)| name) == level.element.as_ref().map(|(name, _)| name)
            };
            let frequency = levels
                .iter()
                .position(|other| named(other, "frequency") && same(other) && other.within.is_some());
            used.extend(frequency);
            let every = frequency.and_then(|frequency| levels[frequency].within);
            match every {
                Some(every) => {
                    (level.within.map(|latency| latency + every), "latency and frequency".to_owned())
                }
                None => (level.within, level.property.clone()),
            }
        } else {
            continue;
        };
        let (Some(within), Some((element, place))) = (within, &level.element) else { continue };
        used.push(index);
        for part in element.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            put(
                part,
                *place,
                Fresh { column: String::new(), within, by: by.clone(), place: level.place },
                promised,
                findings,
            );
        }
    }
    let unused = levels.iter().enumerate().filter(|(index, _)| !used.contains(index));
    promised.unchecked.extend(unused.map(|(_, level)| Unchecked {
        object: None,
        column: None,
        group: "SLA",
        which: Some(level.property.clone()),
        place: level.place,
    }));
}

fn level(node: &Node, usual: Option<&(String, Place)>, findings: &mut Findings) -> Option<Level> {
    let mut fields = Fields::of(node, "a service level", findings)?;
    let Some(property) = fields.text("property", findings) else {
        findings.mistake(fields.place(), "this service level has no `property`");
        return None;
    };
    let unit = fields.text("unit", findings);
    let within = fields.get("value").and_then(|value| duration(value, unit));
    let element = fields.text("element", findings).map(|text| (text.to_owned(), fields.key_place("element")));
    let element = element.or(usual.cloned());
    let is_of_age = ["freshness", "latency"].iter().any(|name| property.eq_ignore_ascii_case(name));
    if is_of_age && within.is_none() {
        findings.warn(fields.place(), format!("the value of `{property}` is no duration: it is not checked"));
    } else if is_of_age && element.is_none() {
        findings.warn(
            fields.place(),
            format!("`{property}` has no `element`, such as `orders.ordered_at`: it is not checked"),
        );
    }
    fields.ignore(&["id", "valueExt", "driver", "description", "scheduler", "schedule"]);
    let place = fields.place();
    fields.finish(findings);
    Some(Level { property: property.to_owned(), within, element, place })
}

/// Attaches the service level to the object that its element names.
fn put(element: &str, place: Place, fresh: Fresh, promised: &mut Promised, findings: &mut Findings) {
    let (object, column) =
        element.rsplit_once('.').map_or((None, element), |(object, column)| (Some(object), column));
    let mut found = promised.objects.iter_mut().filter(|candidate| match object {
        Some(object) => candidate.is_called(object),
        None => candidate.column(column).is_some(),
    });
    let (first, second) = (found.next(), found.next());
    let message = match (first, second) {
        (Some(object), None) => match object.column(column) {
            Some(known) => {
                let column = known.name.clone();
                object.fresh.push(Fresh { column, ..fresh });
                return;
            }
            None => format!("there is no property `{column}` in `{}`", object.name),
        },
        (Some(_), Some(_)) => format!("`{element}` is in several objects"),
        (None, _) => match object {
            Some(object) => {
                // Anything that is not a table is not checked, and has already been reported.
                let is_no_table = promised
                    .unchecked
                    .iter()
                    .any(|other| other.column.is_none() && other.object.as_deref() == Some(object));
                if is_no_table {
                    return;
                }
                format!("there is no object `{object}` in this contract")
            }
            None => format!("there is no property `{column}` in this contract"),
        },
    };
    let mistake = Diagnostic::new(place, message);
    findings
        .mistakes
        .push(mistake.hint("an element is an object and its property, such as `orders.ordered_at`"));
}

/// Parses a value with its unit, or an ISO 8601 duration.
fn duration(value: &Node, unit: Option<&str>) -> Option<Duration> {
    const HOUR: u32 = 3_600;
    let Some(number) = number(value) else {
        let text = value.text()?;
        let span: jiff::SignedDuration = text.parse().ok()?;
        return Duration::try_from(span).ok();
    };
    let second = match unit?.to_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hr" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => 24 * HOUR,
        "w" | "week" | "weeks" => 7 * 24 * HOUR,
        "mo" | "month" | "months" => 30 * 24 * HOUR,
        "y" | "yr" | "year" | "years" => 365 * 24 * HOUR,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * f64::from(second)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    #[test]
    fn a_value_has_a_unit_or_is_a_duration_of_iso_8601() {
        for (value, unit, expected) in [
            ("4", Some("d"), Some(4 * 86_400)),
            ("1.5", Some("hours"), Some(5_400)),
            ("90", Some("MIN"), Some(5_400)),
            ("1", Some("y"), Some(365 * 86_400)),
            ("PT2H", None, Some(7_200)),
            ("2h", None, Some(7_200)),
            ("4", None, None),
            ("4", Some("fortnights"), None),
            ("09:00-08:00", None, None),
            ("true", None, None),
            ("-1", Some("h"), None),
        ] {
            let node = yaml::read(value, 0).unwrap();
            assert_eq!(duration(&node, unit), expected.map(Duration::from_secs), "{value} {unit:?}");
        }
    }
}
