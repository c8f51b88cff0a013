//! Insertion of values into a `JSONPath`.

use serde_json::Value;

use super::scan::{Scanner, Within, is_name};
use crate::language::template::Piece;

/// Joins the pieces to a path.
///
/// # Errors
/// Fails if a value is not valid at its position.
pub(super) fn path(pieces: &[Piece<'_>]) -> Result<String, String> {
    let mut writer = Writer::default();
    for piece in pieces {
        match piece {
            Piece::Text(text) => text.chars().for_each(|c| writer.text(c)),
            Piece::Value(value) => writer.value(value)?,
        }
    }
    writer.end_name();
    Ok(writer.path)
}

#[derive(Default)]
struct Writer {
    path: String,
    scanner: Scanner,
    /// The name after a `.`. Whether it is valid there is known only at its end.
    name: String,
    /// Whether the name contains a value.
    is_of_values: bool,
}

impl Writer {
    fn text(&mut self, c: char) {
        let was_name = self.scanner.within == Within::Name;
        self.scanner.read(c);
        // `..` continues after its second dot.
        if was_name && self.scanner.within == Within::Name && c != '.' {
            return self.name.push(c);
        }
        self.end_name();
        self.path.push(c);
    }

    fn value(&mut self, value: &Value) -> Result<(), String> {
        match self.scanner.within {
            Within::Quotes(quote) => self.path.push_str(&escaped(&text_of(value), quote)),
            Within::Name => {
                let (Value::String(_) | Value::Number(_) | Value::Bool(_)) = value else {
                    return Err(format!("expected a name after `{}`, found {value}", self.path));
                };
                self.name.push_str(&text_of(value));
                self.is_of_values = true;
            }
            Within::Code => match value {
                Value::Array(_) | Value::Object(_) => {
                    return Err(format!("a JSONPath compares with single values, and {value} is none"));
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    self.path.push_str(&value.to_string());
                }
            },
        }
        Ok(())
    }

    fn end_name(&mut self) {
        let name = std::mem::take(&mut self.name);
        let is_of_values = std::mem::take(&mut self.is_of_values);
        if !is_of_values || is_name(&name) {
            return self.path.push_str(&name);
        }
        // `$.name` becomes `$['…']`, and `$..name` becomes `$..['…']`.
        if !self.path.ends_with("..") {
            self.path.pop();
        }
        self.path.push_str(&format!("['{}']", escaped(&name, '\'')));
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Escapes the text for a string in these quotes (RFC 9535, section 2.3.1.1).
fn escaped(text: &str, quote: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json_path::JsonPath;

    use super::*;

    fn written(before: &str, value: &Value, after: &str) -> String {
        path(&[Piece::Text(before), Piece::Value(value.clone()), Piece::Text(after)]).unwrap()
    }

    #[test]
    fn a_value_stays_a_value_wherever_it_stands() {
        let awkward = json!("a'] \"b\\\n");
        for (before, value, after, expected) in [
            ("$[?@ == '", awkward.clone(), "']", r#"$[?@ == 'a\'] "b\\\u000a']"#),
            ("$[?@ == \"", awkward.clone(), "\"]", r#"$[?@ == "a'] \"b\\\u000a"]"#),
            ("$[?@ == ", awkward.clone(), "]", r#"$[?@ == "a'] \"b\\\n"]"#),
            ("$[?@ == ", json!(7), "]", "$[?@ == 7]"),
            ("$[?@ == ", json!(null), "]", "$[?@ == null]"),
            ("$[", json!("a b"), "]", "$[\"a b\"]"),
            ("$.", json!("name"), ".x", "$.name.x"),
            ("$.", json!("a b"), ".x", "$['a b'].x"),
            ("$.", json!("*"), "", "$['*']"),
            ("$..", json!("a.b"), "[0]", "$..['a.b'][0]"),
            ("$.item_", json!(7), "", "$.item_7"),
            ("$.item_", json!("7-8"), "_x.y", "$['item_7-8_x'].y"),
            ("$.", json!(7), "", "$['7']"),
        ] {
            let path = written(before, &value, after);
            assert_eq!(path, expected);
            JsonPath::parse(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
        assert!(path(&[Piece::Text("$[?@ == "), Piece::Value(json!([1])), Piece::Text("]")]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_found_by_a_path_that_is_given_it(text in proptest::prelude::any::<String>()) {
            let document = json!({ "items": [{ "name": text }], "of": { text.as_str(): 1 } });
            let value = json!(text);
            for (before, after) in [
                ("$.items[?@.name == '", "']"),
                ("$.items[?@.name == \"", "\"]"),
                ("$.items[?@.name == ", "]"),
                ("$.of['", "']"),
                ("$.of[", "]"),
                ("$.of.", ""),
            ] {
                let path = written(before, &value, after);
                let parsed = JsonPath::parse(&path).map_err(|error| {
                    proptest::test_runner::TestCaseError::fail(format!("{path}: {error}"))
                })?;
                proptest::prop_assert_eq!(parsed.query(&document).len(), 1, "{}", path);
            }
        }
    }
}
