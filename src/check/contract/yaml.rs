//! YAML (and JSON, which is nearly a subset of it) with the place of every value.
//!
//! `saphyr-parser` yields one event at a time, each with its place, and needs no stack. The libraries built on it
//! (`saphyr`, `serde-saphyr`) resolve aliases before they can be counted, or keep no places for unrequested values.
//! This module bounds what a file can expand to: its nesting depth, and how much its aliases repeat. Source:
//! <https://yaml.org/spec/1.2.2/>.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

use crate::language::diagnostic::Diagnostic;
use crate::language::source::Place;

/// The maximum nesting depth of a file.
const DEEPEST: usize = 64;

/// The maximum number of values that all aliases together may repeat.
const REPEATED: usize = 100_000;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub place: Place,
    pub value: NodeValue,
}

#[derive(Debug, Clone)]
pub(super) enum NodeValue {
    /// A scalar: quoted text, or plain text that may be a number, a boolean or null.
    Scalar {
        text: String,
        is_plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub name: String,
    pub place: Place,
}

/// Reads the single document in `text`, which is the content of the file with this number.
///
/// # Errors
/// Fails with the first mistake.
pub(super) fn read(text: &str, file: usize) -> Result<Node, Diagnostic> {
    let places = Places::new(text, file);
    let mut builder =
        Builder { places: &places, open: Vec::new(), anchors: HashMap::new(), repeated: 0, root: None };
    let mut parser = Parser::new(StrInput::new(text));
    let mut documents = 0;
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| not_yaml(&error, &places))?;
        if let Event::DocumentStart(_) = event {
            documents += 1;
            if documents > 1 {
                let mistake = Diagnostic::new(places.of(&span), "there is a second document in this file");
                return Err(mistake.hint("write one contract into each file"));
            }
        }
        if let Event::StreamEnd = event {
            break;
        }
        builder.take(event, &span)?;
    }
    builder.root.ok_or_else(|| Diagnostic::new(Place::new(file, 0..0), "the file is empty"))
}

fn not_yaml(error: &ScanError, places: &Places<'_>) -> Diagnostic {
    let at = places.byte(error.marker());
    Diagnostic::new(Place::new(places.file, at..at), format!("this is not YAML: {}", error.info()))
}

/// Converts the parser's character positions to byte offsets.
struct Places<'t> {
    text: &'t str,
    file: usize,
    /// The byte offset of each character, or `None` if the text is ASCII.
    starts: Option<Vec<u32>>,
}

impl<'t> Places<'t> {
    fn new(text: &'t str, file: usize) -> Places<'t> {
        let start = |(at, _): (usize, char)| u32::try_from(at).unwrap_or(u32::MAX);
        let starts = (!text.is_ascii()).then(|| text.char_indices().map(start).collect());
        Places { text, file, starts }
    }

    fn byte(&self, marker: &Marker) -> usize {
        let at = match &self.starts {
            None => marker.index(),
            Some(starts) => starts.get(marker.index()).map_or(self.text.len(), |start| *start as usize),
        };
        at.min(self.text.len())
    }

    fn of(&self, span: &Span) -> Place {
        let (start, end) = (self.byte(&span.start), self.byte(&span.end));
        Place::new(self.file, start..end.max(start))
    }
}

/// A list or map that has begun but not ended.
struct Open {
    anchor: usize,
    node: Node,
    /// The key whose value comes next.
    key: Option<Key>,
    /// The number of values in it.
    size: usize,
}

struct Builder<'p, 't> {
    places: &'p Places<'t>,
    open: Vec<Open>,
    /// The nodes with an anchor, and the number of values in each.
    anchors: HashMap<usize, (Rc<Node>, usize)>,
    repeated: usize,
    root: Option<Node>,
}

impl Builder<'_, '_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Diagnostic> {
        let place = self.places.of(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && !is_string(tag.as_deref());
                let value = NodeValue::Scalar { text: text.into_owned(), is_plain };
                self.put(Node { place, value }, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.begin(place, NodeValue::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.begin(place, NodeValue::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { anchor, node, size, .. }) => self.put(node, anchor, size + 1),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Diagnostic::new(place, "this alias refers to what it is in"));
                };
                self.repeated += size;
                if self.repeated > REPEATED {
                    let mistake = format!("the aliases of this file repeat more than {REPEATED} values");
                    return Err(Diagnostic::new(place, mistake));
                }
                self.put(Node { place, ..(*node).clone() }, 0, size)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, value: NodeValue, anchor: usize) -> Result<(), Diagnostic> {
        if self.open.len() >= DEEPEST {
            return Err(Diagnostic::new(place, format!("this is nested more than {DEEPEST} deep")));
        }
        self.open.push(Open { anchor, node: Node { place, value }, key: None, size: 0 });
        Ok(())
    }

    /// Adds a complete node to the innermost open list or map.
    fn put(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Diagnostic> {
        if anchor > 0 {
            self.anchors.insert(anchor, (Rc::new(node.clone()), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.size += size;
        match &mut open.node.value {
            NodeValue::List(items) => items.push(node),
            NodeValue::Map(entries) => match (open.key.take(), node.value) {
                (None, NodeValue::Scalar { text, .. }) => {
                    open.key = Some(Key { name: text, place: node.place });
                }
                (None, NodeValue::List(_) | NodeValue::Map(_)) => {
                    return Err(Diagnostic::new(node.place, "the name of a key is text"));
                }
                // A merged key does not override a key that is already present.
                (Some(key), NodeValue::Map(merged)) if key.name == "<<" => {
                    for (key, node) in merged {
                        if entries.iter().all(|(known, _)| known.name != key.name) {
                            entries.push((key, node));
                        }
                    }
                }
                (Some(key), value) => {
                    if entries.iter().any(|(known, _)| known.name == key.name) {
                        return Err(Diagnostic::new(key.place, format!("`{}` is here twice", key.name)));
                    }
                    entries.push((key, Node { place: node.place, value }));
                }
            },
            NodeValue::Scalar { .. } => {}
        }
        Ok(())
    }
}

fn is_string(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.suffix == "str")
}

impl Node {
    /// Converts the value to JSON by YAML's core schema.
    pub fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Scalar { text, is_plain: false } => Value::from(text.as_str()),
            NodeValue::Scalar { text, is_plain: true } => plain(text),
            NodeValue::List(items) => items.iter().map(Node::to_json).collect(),
            NodeValue::Map(entries) => {
                let entries = entries.iter().map(|(key, node)| (key.name.clone(), node.to_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// Whether the value is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar { text, is_plain: true } if is_null(text))
    }

    /// Returns the text of a scalar, whatever its type.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Scalar { text, .. } => Some(text),
            NodeValue::List(_) | NodeValue::Map(_) => None,
        }
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn plain(text: &str) -> Value {
    match text {
        text if is_null(text) => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => number(text).map_or_else(|| Value::from(text), Value::Number),
    }
}

/// Parses plain text as a number, if JSON has that number, too.
fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok().map(Number::from);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let digits = if digits.starts_with('.') { format!("0{digits}") } else { digits.to_owned() };
    // `007` is a number in YAML but not in JSON.
    let trimmed = digits.trim_start_matches('0');
    let digits = if trimmed.starts_with(|c: char| c.is_ascii_digit()) {
        trimmed.to_owned()
    } else {
        format!("0{trimmed}")
    };
    let digits = digits.strip_suffix('.').unwrap_or(&digits);
    let starts_as_one = text.trim_start_matches(['-', '.']).starts_with(|c: char| c.is_ascii_digit());
    starts_as_one.then(|| serde_json::from_str(&format!("{sign}{digits}")).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        read(text, 0).unwrap().to_json()
    }

    fn mistake(text: &str) -> (String, usize) {
        let mistake = read(text, 0).unwrap_err();
        (mistake.message, mistake.place.unwrap().start)
    }

    #[test]
    fn values_have_the_types_of_the_core_schema() {
        let text = "a: 1\nb: -0.50\nc: 'true'\nd: true\ne: ~\nf: 1.0.0\ng: 0x1F\nh: [1e3, x, '', \"\\u00e9\"]\n\
                    i: !!str 5\nj: 09:00-08:00\nk: 12345678901234567.89\nl: 007\nm: .5\nn: '-'\no: 0\n";
        // Numbers keep their digits.
        let expected: Value = serde_json::from_str(
            r#"{"a": 1, "b": -0.50, "c": "true", "d": true, "e": null, "f": "1.0.0", "g": 31,
                "h": [1e3, "x", "", "é"], "i": "5", "j": "09:00-08:00", "l": 7, "m": 0.5, "n": "-", "o": 0}"#,
        )
        .unwrap();
        let found = json(text);
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(found[key].to_string(), value.to_string(), "{key}");
        }
        assert_eq!(found["k"].to_string(), "12345678901234567.89");
        assert_eq!(
            json(r#"{"a": [1, {"b": null}], "c/d": "e"}"#).to_string(),
            r#"{"a":[1,{"b":null}],"c/d":"e"}"#
        );
    }

    #[test]
    fn everything_has_its_place_in_bytes() {
        let text = "ä: ö\nb:\n  - ünd: x\n";
        let NodeValue::Map(entries) = read(text, 3).unwrap().value else { panic!("a map") };
        let shown = |place: Place| &text[place.start..place.end];
        assert_eq!((shown(entries[0].0.place), shown(entries[0].1.place)), ("ä", "ö"));
        let NodeValue::List(items) = &entries[1].1.value else { panic!("a list") };
        let NodeValue::Map(inner) = &items[0].value else { panic!("a map") };
        assert_eq!((shown(inner[0].0.place), shown(inner[0].1.place)), ("ünd", "x"));
        assert_eq!(inner[0].0.place.file, 3);
    }

    #[test]
    fn anchors_are_taken_as_they_are_and_merged() {
        let text = "a: &a {x: 1, y: 2}\nb: *a\nc:\n  y: 3\n  <<: *a\n";
        assert_eq!(json(text).to_string(), r#"{"a":{"x":1,"y":2},"b":{"x":1,"y":2},"c":{"y":3,"x":1}}"#);
    }

    #[test]
    fn what_grows_or_is_no_yaml_is_a_mistake_at_its_place() {
        let bomb: String = std::iter::once("a0: &a0 [1,1,1,1,1,1,1,1,1]\n".to_owned())
            .chain((1..9).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(","))))
            .collect();
        assert_eq!(mistake(&bomb).0, "the aliases of this file repeat more than 100000 values");
        assert_eq!(mistake(&"[".repeat(100)).0, "this is nested more than 64 deep");
        assert_eq!(mistake("a: 1\na: 2\n"), ("`a` is here twice".to_owned(), 5));
        assert_eq!(mistake("a: &a [*a]\n").0, "this alias refers to what it is in");
        assert_eq!(mistake("a: 1\n---\nb: 2\n").0, "there is a second document in this file");
        assert_eq!(mistake("").0, "the file is empty");
        assert!(mistake("a: [1, 2\nb: 3\n").0.starts_with("this is not YAML: "));
        assert!(mistake("a: \"x\n").0.starts_with("this is not YAML: "));
    }
}
