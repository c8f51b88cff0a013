//! `JSONPath`s (RFC 9535), which may contain templates.
//!
//! A value in a path remains a value and cannot change the query, whatever it contains. It is escaped inside quotes, is
//! a name after a `.`, and is a JSON literal anywhere else.

mod exact;
mod scan;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use serde_json_path::JsonPath;
use toml::Spanned;
use toml::de::DeValue;

use self::exact::LargeNumbers;
use super::evaluate::Found;
use super::walk::{self, TooMany};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromKey, FromToml, Named, ParseContext, Templates};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::secret::{Message, message};

/// The deepest nesting of brackets and parentheses, which the library parses recursively.
const DEEPEST: usize = 12;

/// A path as the suite writes it.
#[derive(Debug, Clone)]
pub struct Path {
    pub place: Place,
    template: Template,
    /// The parsed path, if it contains no templates.
    fixed: Option<JsonQuery>,
}

/// A rendered path.
#[derive(Debug, Clone)]
pub struct JsonQuery {
    pub text: String,
    parsed: Arc<JsonPath>,
    /// The large numbers in the path.
    large_numbers: LargeNumbers,
}

impl Path {
    /// Renders the path.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated, or if its value is not valid at its position.
    pub fn query(&self, scope: &Variables) -> Result<JsonQuery, String> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        let text = write::path(&self.template.pieces(scope)?)?;
        JsonQuery::parse(&text, |text| JsonPath::parse(text).map(Arc::new))
            .map_err(|error| format!("`{text}` is not a JSONPath: {}", reason(&error)))
    }

    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Returns the path as the suite writes it.
    pub fn written(&self) -> String {
        self.template.written()
    }

    fn read(text: &str, place: Place, parse: &mut ParseContext<'_>) -> Option<Path> {
        let template = Template::at(text, place, parse)?;
        if scan::depth(text) > DEEPEST {
            let message = format!("this JSONPath is nested more than {DEEPEST} deep");
            return parse.reject(Diagnostic::new(place, message));
        }
        let mut once = |text: &str| {
            JsonQuery::parse(text, |text| parse.paths.once(text, |text| JsonPath::parse(text).map(Arc::new)))
        };
        let (fixed, error) = match template.literal() {
            Some(text) => match once(text) {
                Ok(query) => (Some(query), None),
                Err(error) => (None, Some(reason(&error))),
            },
            None => (None, no_path_for_any_value(&template, once)),
        };
        let Some(reason) = error else { return Some(Path { place, template, fixed }) };
        let message = format!("this JSONPath does not parse: {reason}");
        let hint = if text.starts_with('$') {
            "JSONPath is RFC 9535: $.items[0].id, $['a key'], $..id, $.items[?@.id == 1]".to_owned()
        } else {
            format!("a JSONPath starts with `$`: write \"$.{text}\"")
        };
        parse.reject(Diagnostic::new(place, message).hint(hint))
    }
}

/// Returns why the path does not parse for any value of its templates. It is tried with a number and with a text.
fn no_path_for_any_value(
    template: &Template,
    mut parse: impl FnMut(&str) -> Result<JsonQuery, serde_json_path::ParseError>,
) -> Option<String> {
    let mut tried = [json!(1), json!("x")].into_iter().map(|value| {
        let text = write::path(&template.sample(&value))?;
        parse(&text).map_err(|error| reason(&error))
    });
    let first = tried.next()?.err()?;
    (!tried.any(|tried| tried.is_ok())).then_some(first)
}

/// Returns why the path does not parse. The library rarely reports more than that it does not.
fn reason(error: &serde_json_path::ParseError) -> String {
    match error.message() {
        "parser error" => format!("at character {}", error.position() + 1),
        reason => reason.to_owned(),
    }
}

/// What the path finds in the document that the text is, if it is one. `place` is where the suite asks for it.
///
/// # Errors
/// It is no JSON, or there are too many values.
pub(super) fn json_values<'d>(
    document: Result<&'d Value, &str>,
    (what, text): (&'static str, &str),
    query: &JsonQuery,
    place: Place,
) -> Result<Found<'d>, Mismatch> {
    match document {
        // What the document is instead is shown once, with the answer.
        Ok(document) => {
            let values = query.find(document).map_err(|TooMany| Mismatch {
                what: message!("json {}", query.text),
                expected: Message::new().words(format!("to find at most {} values", walk::FOUND)),
                actual: message!("more: write a path that finds fewer"),
                place: Some(place),
            })?;
            Ok(Found { values, surroundings: Message::new() })
        }
        Err(error) => {
            let start = text.trim();
            let actual = match start.is_empty() {
                true => Message::new().words(format!("an empty {what}")),
                // Where it stops being JSON is not of interest: it never was.
                false if start.starts_with('<') => message!("HTML or XML: ").excerpt(start, 120),
                false => message!("something else ({}): ", error).excerpt(start, 120),
            };
            Err(Mismatch {
                what: Message::new().words(what),
                expected: message!("to be JSON"),
                actual,
                place: Some(place),
            })
        }
    }
}

impl JsonQuery {
    fn parse<E>(text: &str, parse: impl FnOnce(&str) -> Result<Arc<JsonPath>, E>) -> Result<JsonQuery, E> {
        let large_numbers = LargeNumbers::of_path(text);
        let parsed = parse(&large_numbers.in_path(text))?;
        Ok(JsonQuery { text: text.to_owned(), parsed, large_numbers })
    }

    /// Returns the values that the path finds. Filters compare numbers of any size exactly.
    pub fn find<'d>(&self, document: &'d Value) -> Result<Vec<&'d Value>, TooMany> {
        let has_filter = self.text.contains('?');
        let large = if has_filter { self.large_numbers.and_of(document) } else { LargeNumbers::default() };
        if large.is_empty() {
            return walk::find(&self.text, &self.parsed, document);
        }
        let text = large.in_path(&self.text);
        let Ok(path) = JsonPath::parse(&text) else {
            unreachable!("it parsed with other numbers in their place");
        };
        let comparable = large.in_document(document);
        let mut originals = HashMap::new();
        pair(&comparable, document, &mut originals);
        let found = walk::find(&text, &path, &comparable)?;
        Ok(found.into_iter().filter_map(|copy| originals.get(&std::ptr::from_ref(copy)).copied()).collect())
    }
}

/// Maps each value of a copy to its original.
fn pair<'d>(copy: &Value, original: &'d Value, originals: &mut HashMap<*const Value, &'d Value>) {
    originals.insert(copy, original);
    match (copy, original) {
        (Value::Array(copies), Value::Array(items)) => {
            copies.iter().zip(items).for_each(|(copy, item)| pair(copy, item, originals));
        }
        (Value::Object(copies), Value::Object(fields)) => {
            copies.values().zip(fields.values()).for_each(|(copy, field)| pair(copy, field, originals));
        }
        _ => {}
    }
}

impl FromKey for Path {
    const TEMPLATES: Templates = Templates::Own;

    fn from_key(named: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        Path::read(&named.name, named.place, parse)
    }

    fn pattern() -> Option<&'static str> {
        Some(r"^\$")
    }
}

impl FromToml for Path {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => Path::read(text, parse.place(value.span()), parse),
            _ => parse.expected(value, "a string"),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string", "pattern": <Path as FromKey>::pattern() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str, document: &str) -> Vec<String> {
        let query = JsonQuery::parse(path, |text| JsonPath::parse(text).map(Arc::new)).unwrap();
        let document: Value = serde_json::from_str(document).unwrap();
        query.find(&document).unwrap().into_iter().map(Value::to_string).collect()
    }

    #[test]
    fn filters_compare_large_numbers_exactly() {
        let orders = r#"[{"id":1610521604143693811},{"id":1610521604143693813},{"id":-1610521604143693813},{"id":5},{"id":1e400}]"#;
        for (path, found) in [
            ("$[?@.id == 1610521604143693812].id", vec![]),
            ("$[?@.id == 1610521604143693811].id", vec!["1610521604143693811"]),
            ("$[?@.id == 1.610521604143693811e18].id", vec!["1610521604143693811"]),
            ("$[?@.id > 1610521604143693811].id", vec!["1610521604143693813", "1e+400"]),
            ("$[?@.id < -1610521604143693812].id", vec!["-1610521604143693813"]),
            ("$[?@.id < 9007199254740993 && @.id > 0].id", vec!["5"]),
            ("$[?@.id == $[1].id].id", vec!["1610521604143693813"]),
            ("$[?@.id != '1610521604143693811'][?@ > 1e399]", vec!["1e+400"]),
        ] {
            assert_eq!(find(path, orders), found, "{path}");
        }
        assert_eq!(
            find(
                "$.a9007199254740993['9007199254740993']",
                r#"{"a9007199254740993":{"9007199254740993":1}}"#
            ),
            ["1"]
        );
    }

    #[test]
    fn strings_are_matched_by_regular_expressions() {
        let items = r#"["tea-1","mug","a tea-22 b"]"#;
        assert_eq!(find("$[?match(@, 'tea-[0-9]+')]", items), ["\"tea-1\""]);
        assert_eq!(find("$[?search(@, 'tea-[0-9]+')]", items), ["\"tea-1\"", "\"a tea-22 b\""]);
    }
}
