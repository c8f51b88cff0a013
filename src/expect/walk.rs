//! Stepwise evaluation of a `JSONPath` (RFC 9535).
//!
//! The library collects all results before it returns any, and a thread cannot be killed from outside: on a small
//! document, `$..*..*..*` finds more than fits into memory. Here the segments are followed one after the other, which
//! bounds the number of results and stops the search when nobody waits for it any more.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::attempt::abandoned::end_if_abandoned;

/// The most values that are found.
pub(super) const FOUND: usize = 500_000;

/// The path finds more than [`FOUND`] values.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

/// Returns the values that `path` finds in `document`. `whole` is the same path, parsed.
pub(super) fn find<'d>(path: &str, whole: &JsonPath, document: &'d Value) -> Result<Vec<&'d Value>, TooMany> {
    // A path that descends one level per segment finds nothing twice.
    let grows = path.contains("..") || path.contains(',');
    let mut found = Vec::new();
    match segments(path) {
        Some(segments) if grows => follow(&segments, document, &mut found)?,
        Some(_) | None => found = whole.query(document).all(),
    }
    if found.len() > FOUND { Err(TooMany) } else { Ok(found) }
}

/// A segment, as a path of its own.
struct Segment {
    /// Whether it searches all descendants (`..`).
    descends: bool,
    step: JsonPath,
}

fn follow<'d>(segments: &[Segment], value: &'d Value, found: &mut Vec<&'d Value>) -> Result<(), TooMany> {
    end_if_abandoned();
    let Some((segment, rest)) = segments.split_first() else {
        found.push(value);
        return if found.len() > FOUND { Err(TooMany) } else { Ok(()) };
    };
    for child in segment.step.query(value) {
        follow(rest, child, found)?;
    }
    if segment.descends {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| follow(segments, item, found))?,
            Value::Object(fields) => fields.values().try_for_each(|field| follow(segments, field, found))?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

/// Splits a path into segments. `None` if a filter refers to the whole document, which a segment does not know.
fn segments(path: &str) -> Option<Vec<Segment>> {
    let segment = |text: &str| {
        let (descends, rest) = match text.strip_prefix("..") {
            Some(rest) if rest.starts_with('[') => (true, rest.to_owned()),
            Some(rest) => (true, format!(".{rest}")),
            None => (false, text.to_owned()),
        };
        Some(Segment { descends, step: JsonPath::parse(&format!("${rest}")).ok()? })
    };
    split(path)?.into_iter().map(segment).collect()
}

/// Splits a path into the text of its segments.
fn split(path: &str) -> Option<Vec<&str>> {
    let path = path.strip_prefix('$')?;
    let mut starts = Vec::new();
    let (mut depth, mut quote, mut is_escaped, mut before) = (0_usize, None, false, ' ');
    for (at, c) in path.char_indices() {
        match (quote, c) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '$') => return None,
            (None, '[') => {
                // A segment includes the `..` before it.
                if depth == 0 && before != '.' {
                    starts.push(at);
                }
                depth += 1;
            }
            (None, ']') => depth = depth.checked_sub(1)?,
            (None, '.') if depth == 0 && before != '.' => starts.push(at),
            (None, _) => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
    }
    let ends = starts.iter().skip(1).copied().chain([path.len()]);
    Some(starts.iter().zip(ends).map(|(start, end)| path[*start..end].trim_end()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(path: &str, document: &Value) -> Result<Vec<Value>, TooMany> {
        let found = find(path, &JsonPath::parse(path).unwrap(), document)?;
        Ok(found.into_iter().cloned().collect())
    }

    #[test]
    fn segment_by_segment_finds_what_the_whole_path_finds_in_its_order() {
        let document = json!({
            "a": [{"id": 1, "b.c": [1, [2, {"id": 3}]]}, {"id": "x]'", "a": {"id": null}}],
            "$": {"..": [0, 1, 2]}, "ü": {"a": {"a": [true]}},
        });
        for path in [
            "$..id",
            "$..*",
            "$..*..*",
            "$..a..id",
            "$..[0, 1]",
            "$..[0,0][0,0]",
            "$..['b.c', \"..\"][*]",
            "$ ..a [0, 1] .id",
            "$..[?@.id]..*",
            "$.a..[?@.id == \"x]'\"]",
            "$..ü..a",
            "$..[-1:, ::2]",
            "$['$', 'a']..*",
            "$..['..']",
            "$..[?@..id]",
            "$.a, $.b",
            "$..a[?length(@) > 1]",
        ] {
            let Ok(whole) = JsonPath::parse(path) else { continue };
            let all: Vec<Value> = whole.query(&document).all().into_iter().cloned().collect();
            assert!(segments(path).is_some(), "{path}");
            assert_eq!(found(path, &document), Ok(all), "{path}");
        }
        assert!(segments("$..a[?@.id == $.id]").is_none());
    }

    #[test]
    fn what_finds_more_than_there_is_memory_for_is_ended() {
        let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert_eq!(found("$..*..*..*..*..*..*..*..*", &deep), Err(TooMany));
        assert_eq!(
            found(&format!("$.a{}", "[0,0]".repeat(40)), &(0..40).fold(json!(1), |inner, _| json!([inner]))),
            Ok(vec![])
        );
        let lists = (0..40).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(found(&format!("${}", "[0,0]".repeat(40)), &lists), Err(TooMany));
    }
}
