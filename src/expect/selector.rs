//! CSS selectors, which may contain templates.
//!
//! A value in a selector remains a value. It is escaped inside quotes, is a string after `=`, is a number in
//! parentheses if it is one, and is an identifier anywhere else, as after `.` and `#`.

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::html::HtmlQuery;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromKey, FromToml, Named, ParseContext, Templates};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::template::{Piece, Template};
use crate::language::variables::Variables;

/// The most parentheses, because the library parses nested ones recursively.
const DEEPEST: usize = 32;

/// A CSS selector as the suite writes it.
#[derive(Debug, Clone)]
pub(super) struct Selector(Template);

impl Selector {
    /// Renders the selector as a query.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated, or if the result is not a selector.
    pub fn query(&self, attribute: Option<&str>, scope: &Variables) -> Result<HtmlQuery, String> {
        let selector = match self.0.literal() {
            Some(literal) => literal.to_owned(),
            None => {
                let text = write(&self.0.pieces(scope)?);
                check(&text).map_err(|reason| format!("`{text}` is not a CSS selector: {reason}"))?;
                text
            }
        };
        Ok(HtmlQuery { selector, attribute: attribute.map(str::to_owned) })
    }

    pub fn place(&self) -> Place {
        self.0.place()
    }

    pub fn template(&self) -> &Template {
        &self.0
    }

    fn read(text: &str, place: Place, parse: &mut ParseContext<'_>) -> Option<Selector> {
        let template = Template::at(text, place, parse)?;
        if text.matches('(').count() > DEEPEST {
            let message = format!("this CSS selector has more than {DEEPEST} parentheses");
            return parse.reject(Diagnostic::new(place, message));
        }
        // Tried with a text and with a number, because the values of its templates are unknown.
        let tried = match template.literal() {
            Some(literal) => check(literal),
            None => check(&write(&template.sample(&json!("x"))))
                .or_else(|reason| check(&write(&template.sample(&json!(1)))).map_err(|_| reason)),
        };
        match tried {
            Ok(()) => Some(Selector(template)),
            Err(reason) => {
                parse.reject(Diagnostic::new(place, format!("this CSS selector does not parse: {reason}")))
            }
        }
    }
}

fn check(selector: &str) -> Result<(), String> {
    scraper::Selector::parse(selector).map(|_| ()).map_err(|error| error.to_string())
}

impl FromKey for Selector {
    const TEMPLATES: Templates = Templates::Own;

    fn from_key(named: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        Selector::read(&named.name, named.place, parse)
    }

    fn pattern() -> Option<&'static str> {
        None
    }
}

impl FromToml for Selector {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => Selector::read(text, parse.place(value.span()), parse),
            _ => parse.expected(value, "a string"),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        String::schema(definitions)
    }
}

/// Joins the pieces to a selector.
fn write(pieces: &[Piece<'_>]) -> String {
    let mut writer = Writer::default();
    for piece in pieces {
        match piece {
            Piece::Text(text) => text.chars().for_each(|c| writer.text(c)),
            Piece::Value(value) => writer.value(value),
        }
    }
    writer.selector
}

#[derive(Default)]
struct Writer {
    selector: String,
    quote: Option<char>,
    /// Whether a backslash escapes the next character.
    escapes: bool,
    parentheses: usize,
    /// Whether it is inside an identifier.
    in_name: bool,
    /// The last character that is not a blank.
    before: Option<char>,
}

impl Writer {
    fn text(&mut self, c: char) {
        self.selector.push(c);
        let escaped = std::mem::replace(&mut self.escapes, false);
        match self.quote {
            _ if escaped => self.in_name = self.quote.is_none(),
            Some(_) | None if c == '\\' => self.escapes = true,
            Some(open) if c == open => self.quote = None,
            Some(_) => {}
            None => {
                self.quote = Some(c).filter(|c| ['"', '\''].contains(c));
                match c {
                    '(' => self.parentheses += 1,
                    ')' => self.parentheses = self.parentheses.saturating_sub(1),
                    _ => {}
                }
                self.in_name = is_name_character(c);
            }
        }
        if !c.is_whitespace() {
            self.before = Some(c);
        }
    }

    fn value(&mut self, value: &Value) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if self.quote.is_some() {
            self.selector.push_str(&in_quotes(&text));
        } else if self.before == Some('=') {
            self.selector.push_str(&format!("\"{}\"", in_quotes(&text)));
        } else if is_number && self.parentheses > 0 && !self.in_name {
            self.selector.push_str(&text);
        } else {
            self.selector.push_str(&identifier(&text, self.in_name));
            self.in_name = true;
        }
        self.before = Some('x');
    }
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_' || !c.is_ascii()
}

/// Returns the text as a CSS string.
fn in_quotes(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii_control() => out.push_str(&by_code(c)),
            c => out.push(c),
        }
    }
    out
}

/// Returns the text as an identifier, or as the continuation of one. Source:
/// <https://drafts.csswg.org/cssom/#serialize-an-identifier>.
fn identifier(text: &str, goes_on: bool) -> String {
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        let is_first = index == 0 || (index == 1 && text.starts_with('-'));
        match c {
            c if c.is_ascii_control() => out.push_str(&by_code(c)),
            c if c.is_ascii_digit() && is_first && !goes_on => out.push_str(&by_code(c)),
            '-' if text == "-" && !goes_on => out.push_str("\\-"),
            c if is_name_character(c) => out.push(c),
            c => out.extend(['\\', c]),
        }
    }
    out
}

fn by_code(c: char) -> String {
    format!("\\{:x} ", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(before: &str, value: &Value, after: &str) -> String {
        write(&[Piece::Text(before), Piece::Value(value.clone()), Piece::Text(after)])
    }

    #[test]
    fn a_value_stays_a_value_wherever_it_stands() {
        for (before, value, after, expected) in [
            ("#", json!("a.b c"), " > li", r"#a\.b\ c > li"),
            (".", json!(7), "", r".\37 "),
            ("#order-", json!(7), "", "#order-7"),
            ("", json!("h1, h2"), "", r"h1\,\ h2"),
            ("[data-id=", json!("a\"]"), "]", r#"[data-id="a\"]"]"#),
            ("[data-id=\"", json!("a\"]"), "\"]", r#"[data-id="a\"]"]"#),
            ("[data-id='", json!("a'] b"), "']", r"[data-id='a\'] b']"),
            ("li:nth-child(", json!(2), ")", "li:nth-child(2)"),
            (r"#a\.", json!("b"), "", r"#a\.b"),
        ] {
            let selector = written(before, &value, after);
            assert_eq!(selector, expected);
            assert_eq!(check(&selector), Ok(()), "{selector}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_id_is_found_by_a_selector_that_is_given_it(id in "[^\0]{1,12}") {
            let page = format!("<p id=\"{}\">", id.replace('&', "&amp;").replace('"', "&quot;"));
            let document = scraper::Html::parse_document(&page);
            // The HTML parser normalises line breaks.
            proptest::prop_assume!(!id.contains('\r'));
            for (before, after) in [("#", ""), ("[id='", "']"), ("[id=\"", "\"]"), ("[id=", "]")] {
                let selector = written(before, &json!(id), after);
                let parsed = scraper::Selector::parse(&selector).map_err(|error| {
                    proptest::test_runner::TestCaseError::fail(format!("{selector}: {error}"))
                })?;
                proptest::prop_assert_eq!(document.select(&parsed).count(), 1, "{}", selector);
            }
        }
    }
}
