//! Strings that contain `{{ … }}`.
//!
//! The braces contain a minijinja expression (names, filters, calls). Statements (`{% … %}`) are not part of the
//! language, so SQL and regular expressions need no escaping. Splitting the string here keeps the place of every
//! expression for error messages, lets a lone expression keep its type, and lets SQL bind a value instead of inserting
//! it as text.

use std::sync::Arc;

use minijinja::Environment;
use serde_json::Value;

use super::diagnostic::Diagnostic;
use super::dynamic::{as_text, to_json};
use super::expression::{Expression, FUNCTIONS, variables_in};
use super::period::Instant;
use super::read::ParseContext;
use super::size::Room;
use super::source::Place;
use super::sql::{BoundSql, Dialect, Lexis, Scanner, Within};
use super::variables::Variables;

/// A string of the suite, split at its expressions. Shared, because every check has a copy of `[defaults]`.
#[derive(Debug, Clone)]
pub struct Template {
    segments: Arc<[Segment]>,
    place: Place,
}

#[derive(Debug, Clone)]
enum Segment {
    Text(String),
    Expression(Expression),
}

/// A piece of a template whose expressions are evaluated.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece<'t> {
    /// Text as the suite writes it.
    Text(&'t str),
    Value(Value),
}

/// A malformed template, with a byte range in the string.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    pub message: String,
    pub range: std::ops::Range<usize>,
}

impl Template {
    /// Splits `text` and compiles its expressions.
    ///
    /// # Errors
    /// Fails if a `{{` has no `}}`, or if an expression does not compile.
    pub fn parse(text: &str, place: Place, environment: &Environment<'_>) -> Result<Template, Malformed> {
        if !text.contains("{{") {
            // Most strings contain no expression, and a suite has thousands of them.
            return Ok(Template { segments: Arc::new([Segment::Text(text.to_owned())]), place });
        }
        let mut segments = Vec::new();
        let mut at = 0;
        while let Some(open) = text[at..].find("{{").map(|found| at + found) {
            if open > at {
                segments.push(Segment::Text(text[at..open].to_owned()));
            }
            let inner = open + 2;
            let Some(close) = closing_braces(&text[inner..]).map(|found| inner + found) else {
                let message = "`{{` without a closing `}}`".to_owned();
                return Err(Malformed { message, range: open..open + 2 });
            };
            let source = text[inner..close].trim().to_owned();
            let reads = variables_in(&source, environment)
                .map_err(|message| Malformed { message, range: open..close + 2 })?;
            let place = part_of(place, text, open..close + 2).unwrap_or(place);
            segments.push(Segment::Expression(Expression { source, place, reads }));
            at = close + 2;
        }
        if at < text.len() {
            segments.push(Segment::Text(text[at..].to_owned()));
        }
        Ok(Template { segments: segments.into(), place })
    }

    /// Parses the template `text`, which is at `place`. `None` means that a mistake was recorded.
    pub fn at(text: &str, place: Place, parse: &mut ParseContext<'_>) -> Option<Template> {
        match Template::parse(text, place, parse.environment) {
            Ok(template) => Some(template),
            Err(malformed) => {
                let at = part_of(place, text, malformed.range).unwrap_or(place);
                let message = format!("this template does not parse: {}", malformed.message);
                parse.reject(Diagnostic::new(at, message))
            }
        }
    }

    pub fn place(&self) -> Place {
        self.place
    }

    /// Returns the text as the suite writes it, without the blanks inside the braces.
    pub fn written(&self) -> String {
        let pieces = self.segments.iter().map(|segment| match segment {
            Segment::Text(text) => text.clone(),
            Segment::Expression(expression) => format!("{{{{{}}}}}", expression.source),
        });
        pieces.collect()
    }

    /// Returns the text, if it contains no expression.
    pub fn literal(&self) -> Option<&str> {
        match &*self.segments {
            [Segment::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the text before the first expression.
    pub fn leading_text(&self) -> &str {
        match self.segments.first() {
            Some(Segment::Text(text)) => text,
            Some(Segment::Expression(_)) | None => "",
        }
    }

    /// Returns every variable that the template reads, such as `order` or `run.id`.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.reads_at().map(|(name, _)| name)
    }

    /// Returns every variable that the template reads, with the place of its expression.
    pub fn reads_at(&self) -> impl Iterator<Item = (&str, Place)> {
        let expressions = self.segments.iter().filter_map(|segment| match segment {
            Segment::Text(_) => None,
            Segment::Expression(expression) => Some(expression),
        });
        expressions
            .flat_map(|expression| expression.reads.iter().map(|name| (name.as_str(), expression.place)))
    }

    /// Returns the functions that its expressions call, with the place of the expression.
    pub(super) fn calls_at(&self) -> impl Iterator<Item = (&'static str, Place)> {
        let expressions = self.segments.iter().filter_map(|segment| match segment {
            Segment::Text(_) => None,
            Segment::Expression(expression) => Some(expression),
        });
        expressions.flat_map(|expression| {
            let called = FUNCTIONS.into_iter().filter(|name| expression.source.contains(&format!("{name}(")));
            called.map(|name| (name, expression.place))
        })
    }

    /// Renders the template as text.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated.
    pub fn text(&self, scope: &Variables) -> Result<String, String> {
        let mut out = String::new();
        let mut room = Room::default();
        for segment in &*self.segments {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Expression(expression) => {
                    let value = as_text(&expression.eval(scope)?);
                    room.take(value.len())?;
                    out.push_str(&value);
                }
            }
        }
        Ok(out)
    }

    /// Returns the value of a lone expression with its type, or otherwise the rendered text.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated.
    pub fn value(&self, scope: &Variables) -> Result<Value, String> {
        match &*self.segments {
            [Segment::Expression(expression)] => Ok(to_json(&expression.eval(scope)?)),
            _ => self.text(scope).map(Value::from),
        }
    }

    /// Returns the pieces, for a language with its own notation for values.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated.
    pub fn pieces(&self, scope: &Variables) -> Result<Vec<Piece<'_>>, String> {
        let pieces = self.segments.iter().map(|segment| match segment {
            Segment::Text(text) => Ok(Piece::Text(text)),
            Segment::Expression(expression) => Ok(Piece::Value(to_json(&expression.eval(scope)?))),
        });
        pieces.collect()
    }

    /// Returns the pieces with `value` in place of every expression.
    pub fn sample(&self, value: &Value) -> Vec<Piece<'_>> {
        let pieces = self.segments.iter().map(|segment| match segment {
            Segment::Text(text) => Piece::Text(text),
            Segment::Expression(_) => Piece::Value(value.clone()),
        });
        pieces.collect()
    }

    /// The text as SQL: each expression becomes the placeholder that the dialect has for its number, and its value a
    /// parameter. One in a comment is part of the comment.
    ///
    /// # Errors
    /// An expression that cannot be evaluated.
    pub fn sql(&self, scope: &Variables, dialect: &Dialect) -> Result<BoundSql, String> {
        let mut parameters = Vec::new();
        let text = self.sql_with(scope, dialect, |value| {
            parameters.push(value);
            (dialect.placeholder)(parameters.len())
        })?;
        Ok(BoundSql { text, parameters })
    }

    /// Renders the template as SQL with inline values, for commands that people run.
    ///
    /// # Errors
    /// An expression that cannot be evaluated.
    pub fn sql_with_literals(&self, scope: &Variables, dialect: &Dialect) -> Result<String, String> {
        self.sql_with(scope, dialect, |value| super::sql::literal(&value, dialect))
    }

    fn sql_with(
        &self,
        scope: &Variables,
        dialect: &Dialect,
        mut write: impl FnMut(Value) -> String,
    ) -> Result<String, String> {
        let mut sql = String::new();
        let mut scanner = Scanner::new(dialect.lexis);
        for segment in &*self.segments {
            match segment {
                Segment::Text(text) => {
                    scanner.read(text);
                    sql.push_str(text);
                }
                Segment::Expression(_)
                    if matches!(scanner.within(), Within::LineComment | Within::BlockComment(_)) => {}
                Segment::Expression(expression) => {
                    scanner.skip_value();
                    let value = expression.eval(scope)?;
                    let at = Instant::of(&value).map(|at| Value::from((dialect.instant)(&at)));
                    sql.push_str(&write(at.unwrap_or_else(|| to_json(&value))));
                }
            }
        }
        Ok(sql)
    }

    /// Is an expression inside a quoted SQL string or name? There it would be text, not a parameter.
    pub fn quotes_an_expression(&self, lexis: Lexis) -> bool {
        let mut scanner = Scanner::new(lexis);
        self.segments.iter().any(|segment| match segment {
            Segment::Text(text) => {
                scanner.read(text);
                false
            }
            Segment::Expression(_) => {
                let quoted = match scanner.within() {
                    Within::Text { .. } | Within::Name(_) | Within::Dollars(_) => true,
                    Within::Code | Within::LineComment | Within::BlockComment(_) => false,
                };
                scanner.skip_value();
                quoted
            }
        })
    }
}

/// Returns the place of a range of `text`, which was read from `place` with its quotes. `None` if escapes shifted it.
pub(super) fn part_of(place: Place, text: &str, range: std::ops::Range<usize>) -> Option<Place> {
    let before = match (place.end - place.start).checked_sub(text.len())? {
        // One quote on each side, three quotes, or three quotes and a line break that is not part of the text.
        2 => 1,
        6 => 3,
        7 => 4,
        _ => return None,
    };
    let start = place.start + before;
    Some(Place { file: place.file, start: start + range.start, end: start + range.end })
}

/// Returns where `}}` closes an expression, ignoring braces in quotes.
fn closing_braces(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut previous = '\0';
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open && previous != '\\' => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '}' && text[at..].starts_with("}}") => return Some(at),
            None => {}
        }
        previous = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::expression::environment;
    use crate::language::sql::{DIALECT, STANDARD};
    use crate::language::variables::first_part;

    fn parse(text: &str) -> Result<Template, Malformed> {
        Template::parse(text, Place::new(0, 0..text.len()), &environment())
    }

    fn scope() -> Variables {
        let mut scope = Variables::empty(Arc::default());
        scope.set("order", &Value::from(5));
        scope.set("name", &Value::from("O'Neill & \"co\""));
        scope.set("big", &serde_json::from_str("12345678901234567890.10").unwrap());
        scope
    }

    #[test]
    fn a_lone_expression_keeps_its_type_and_text_does_not() {
        assert_eq!(parse("{{order}}").unwrap().value(&scope()).unwrap(), Value::from(5));
        assert_eq!(parse("no {{order}}").unwrap().value(&scope()).unwrap(), Value::from("no 5"));
        assert_eq!(parse("{{big}}").unwrap().text(&scope()).unwrap(), "12345678901234567890.10");
        assert_eq!(parse("{{order == 5}} {{none}}").unwrap().text(&scope()).unwrap(), "true null");
    }

    #[test]
    fn sql_binds_values_and_never_pastes_them() {
        let bound = parse("select {{name}}, {{order + 1}}").unwrap().sql(&scope(), &DIALECT).unwrap();
        assert_eq!(bound.text, "select $1, $2");
        assert_eq!(bound.parameters, [Value::from("O'Neill & \"co\""), Value::from(6)]);
        assert!(parse("where a = '{{name}}'").unwrap().quotes_an_expression(STANDARD));
        for apart in [
            "where a = 'x' -- don't\n and b = {{name}}",
            "/* don't */ select {{name}}",
            "select \"o'c\", {{name}}",
        ] {
            assert!(!parse(apart).unwrap().quotes_an_expression(STANDARD), "{apart}");
        }
        let commented = parse("select {{order}} -- not {{name}}\n + {{order}}").unwrap();
        let bound = commented.sql(&scope(), &DIALECT).unwrap();
        assert_eq!(bound.text, "select $1 -- not \n + $2");
    }

    #[test]
    fn braces_inside_quotes_and_statement_signs_are_text() {
        assert_eq!(parse("{{ '}}' }}").unwrap().text(&scope()).unwrap(), "}}");
        assert_eq!(parse("like 'a{%'").unwrap().text(&scope()).unwrap(), "like 'a{%'");
        assert_eq!(
            parse("{{name|urlencode}}").unwrap().text(&scope()).unwrap(),
            "O%27Neill%20%26%20%22co%22"
        );
    }

    #[test]
    fn mistakes_have_a_range() {
        assert_eq!(parse("a {{b").unwrap_err().range, 2..4);
        assert_eq!(parse("a {{ b ~ }} c").unwrap_err().range, 2..11);
        assert_eq!(
            parse("{{run.id}}{{x|upper}}{{uuid()}}").unwrap().reads().collect::<Vec<_>>(),
            ["run.id", "x"]
        );
    }

    #[test]
    fn every_name_that_an_expression_reads_is_known() {
        for expression in [
            "x|upper",
            "y.x or x.y",
            "f(x)",
            "[x]",
            "'a' ~ x",
            "x is string",
            "'a' if x else 'b'",
            "x[n]",
            "-x",
            "not x",
            "x in [1]",
            "'a'|default(x)",
            "x[4:]",
            "x.y[:3]",
            "(x|upper|trim)[1:2]",
            "x[:n]|upper",
        ] {
            let template = parse(&format!("{{{{ {expression} }}}}")).unwrap();
            assert!(template.reads().any(|read| first_part(read) == "x"), "{expression}");
        }
    }
}
