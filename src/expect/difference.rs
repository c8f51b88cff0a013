//! The differences between two documents or two texts, as places instead of the whole of both.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::compare::equal;
use super::describe::show;
use crate::attempt::abandoned::end_if_abandoned;
use crate::secret::{Message, message};

/// Further differences are only counted.
const SHOWN: usize = 5;

/// Documents up to this many bytes are easily compared by eye.
const SHORT: usize = 60;

/// A difference between the expected and the actual value.
#[derive(Debug)]
pub(super) struct Difference {
    /// The place, appended to the name of the whole: `.build.version`, `[1]`, ` line 2`.
    pub at: Message,
    pub expected: Message,
    pub actual: Message,
}

/// Returns the differences if both values are documents or texts of several lines. Single values have no places to
/// differ in.
pub(super) fn differences(expected: &Value, actual: &Value) -> Vec<Difference> {
    let mut found = Found::default();
    let is_long = |value: &Value| value.to_string().len() > SHORT;
    match (expected, actual) {
        (Value::Object(_), Value::Object(_)) | (Value::Array(_), Value::Array(_))
            if is_long(expected) || is_long(actual) =>
        {
            in_documents(&Message::new(), expected, actual, &mut found);
        }
        (Value::String(expected), Value::String(actual))
            if expected.trim_end().contains('\n') && actual.trim_end().contains('\n') =>
        {
            in_lines(expected, actual, &mut found);
        }
        _ => {}
    }
    let Found { mut shown, more } = found;
    if let Some(last) = shown.last_mut().filter(|_| more > 0) {
        last.actual = std::mem::take(&mut last.actual).words(format!("; {more} more places differ"));
    }
    shown
}

/// The first differences, and the number of others.
#[derive(Default)]
struct Found {
    shown: Vec<Difference>,
    more: usize,
}

impl Found {
    fn push(&mut self, difference: impl FnOnce() -> Difference) {
        if self.shown.len() < SHOWN { self.shown.push(difference()) } else { self.more += 1 }
    }
}

fn in_documents(at: &Message, expected: &Value, actual: &Value, found: &mut Found) {
    match (expected, actual) {
        (Value::Object(wanted), Value::Object(given)) => {
            for (key, expected) in wanted {
                end_if_abandoned();
                let at = at.clone().then(member(key));
                match given.get(key) {
                    Some(actual) => in_documents(&at, expected, actual, found),
                    None => found.push(|| Difference { at, expected: show(expected), actual: nothing() }),
                }
            }
            for (key, actual) in given.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
                let at = at.clone().then(member(key));
                found.push(|| Difference { at, expected: not_there(), actual: show(actual) });
            }
        }
        (Value::Array(wanted), Value::Array(given)) => {
            for index in 0..wanted.len().max(given.len()) {
                end_if_abandoned();
                let at = at.clone().words(format!("[{index}]"));
                match (wanted.get(index), given.get(index)) {
                    (Some(expected), Some(actual)) => in_documents(&at, expected, actual, found),
                    (Some(expected), None) => {
                        found.push(|| Difference { at, expected: show(expected), actual: nothing() });
                    }
                    (None, Some(actual)) => {
                        found.push(|| Difference { at, expected: not_there(), actual: show(actual) });
                    }
                    (None, None) => {}
                }
            }
        }
        _ if equal(expected, actual) => {}
        _ => found.push(|| Difference { at: at.clone(), expected: show(expected), actual: show(actual) }),
    }
}

fn in_lines(expected: &str, actual: &str, found: &mut Found) {
    // Shown as ranges of the whole text, because a secret may span several lines.
    let (expected, actual): (Arc<str>, Arc<str>) = (expected.into(), actual.into());
    let show = |whole: &Arc<str>, line: Option<Range<usize>>| match line {
        Some(line) => message!("\"").range(whole, line).words("\""),
        None => message!("no such line"),
    };
    let (mut wanted, mut given) = (lines(&expected), lines(&actual));
    for number in 1.. {
        match (wanted.next(), given.next()) {
            (None, None) => break,
            (Some(wanted), Some(given)) if expected[wanted.clone()] == actual[given.clone()] => {}
            (wanted, given) => found.push(|| Difference {
                at: Message::new().words(format!(" line {number}")),
                expected: show(&expected, wanted),
                actual: show(&actual, given),
            }),
        }
    }
}

/// Returns the range of each line, without its line break.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split('\n').map(move |line| {
        let range = start..start + line.len();
        start = range.end + 1;
        range
    })
}

fn nothing() -> Message {
    message!("nothing")
}

fn not_there() -> Message {
    message!("not to exist")
}

/// Returns a member in `JSONPath` notation (RFC 9535). Its name comes from the server and may be a secret, so it is
/// escaped as in JSON only, which is a form in which secrets are found.
fn member(key: &str) -> Message {
    let is_name = key.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && !key.is_empty();
    let message = Message::new();
    match is_name {
        true => message.words(".").data(key),
        false if key.contains(['\'', '\\']) || key.contains(char::is_control) => {
            message.words("[").data(Value::from(key).to_string()).words("]")
        }
        false => message.words("['").data(key).words("']"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(expected: &Value, actual: &Value) -> Vec<String> {
        differences(expected, actual)
            .iter()
            .map(|Difference { at, expected, actual }| format!("{at}: {expected} / {actual}"))
            .collect()
    }

    #[test]
    fn documents_differ_in_their_parts() {
        let same = "the same in both, and long enough for nobody to see the difference";
        let expected = json!({"a": {"b": 1, "c d": [1, 2]}, "gone": true, "same": same});
        let actual = json!({"a": {"b": 1.0, "c d": [1, 3, 4]}, "new": null, "same": same});
        let differences = [
            ".a['c d'][1]: 2 / 3",
            ".a['c d'][2]: not to exist / 4",
            ".gone: true / nothing",
            ".new: not to exist / null",
        ];
        assert_eq!(shown(&expected, &actual), differences);
    }

    #[test]
    fn texts_differ_in_their_lines() {
        assert_eq!(
            shown(&json!("a\nb\nc"), &json!("a\nB\nc\nd")),
            [" line 2: \"b\" / \"B\"", " line 4: no such line / \"d\""]
        );
        assert!(shown(&json!("a"), &json!("b")).is_empty(), "one line has no places in it");
    }

    #[test]
    fn what_is_short_is_shown_whole() {
        assert!(shown(&json!(["a", "b"]), &json!(["b", "a"])).is_empty());
    }

    #[test]
    fn many_differences_are_counted() {
        let (expected, actual): (Value, Value) = ((0..30).collect(), (1..31).collect());
        let shown = shown(&expected, &actual);
        assert_eq!((shown.len(), shown[4].as_str()), (5, "[4]: 4 / 5; 25 more places differ"));
    }
}
