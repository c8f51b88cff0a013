//! SQL as text: statements with separate parameters, how a database binds values and quotes names, and which parts of a
//! text are code, strings, quoted names and comments.
//!
//! This is not a parser. It knows only the lexical rules for strings and comments, which are those of PostgreSQL.
//! SQLite's rules are a subset. Source: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>.

use std::ops::Range;

use serde_json::Value;

use crate::secret::placeholder::{Form, in_form, in_json};

/// A statement with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundSql {
    pub text: String,
    pub parameters: Vec<Value>,
}

/// How a database binds values and quotes names.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Returns the placeholder for a parameter, by its number from 1.
    pub placeholder: fn(usize) -> String,
    /// Quotes a name so that its capitals, spaces and quotes are preserved.
    pub identifier: fn(&str) -> String,
}

/// Quotes a name in double quotes, as the SQL standard does.
pub fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The lexical context at the position of a [`Scanner`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    Code,
    /// `'…'`, or `E'…'` with backslashes in it.
    Text {
        escapes: bool,
    },
    /// `"…"`
    Name,
    /// `$tag$…$tag$`, with its tag
    Dollars(String),
    LineComment,
    /// Holds the depth, because block comments nest.
    BlockComment(usize),
}

/// Scans a text piece by piece.
#[derive(Debug)]
pub struct Scanner {
    within: Within,
    /// The last two bytes of code.
    before: [u8; 2],
    read: usize,
    code: Option<Range<usize>>,
}

impl Default for Scanner {
    fn default() -> Self {
        Scanner { within: Within::Code, before: [b' '; 2], read: 0, code: None }
    }
}

/// Returns the statement in `text` without surrounding comments and trailing semicolons.
pub fn statement(text: &str) -> &str {
    let mut scanner = Scanner::default();
    scanner.read(text);
    &text[scanner.code.unwrap_or(0..0)]
}

/// Returns a value as an SQL literal, for commands that people run.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(boolean) => boolean.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => quoted(&in_json(&value.to_string())),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", in_form(&text.replace('\'', "''"), Form::Sql))
}

impl Scanner {
    pub fn within(&self) -> &Within {
        &self.within
    }

    /// Skips a value between two pieces of text.
    pub fn skip_value(&mut self) {
        self.before = *b" x";
    }

    /// Scans the next piece.
    pub fn read(&mut self, piece: &str) {
        let bytes = piece.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let length = self.step(&piece.as_bytes()[at..]);
            at += length;
            self.read += length;
        }
    }

    /// Consumes the token at the start of `rest`, and returns its length.
    fn step(&mut self, rest: &[u8]) -> usize {
        let (next, length) = match &self.within {
            Within::Code => return self.code(rest),
            Within::Text { escapes: true } if rest[0] == b'\\' => (None, 2),
            Within::Text { .. } if rest.starts_with(b"''") => (None, 2),
            Within::Text { .. } if rest[0] == b'\'' => (Some(Within::Code), 1),
            Within::Name if rest[0] == b'"' => (Some(Within::Code), 1),
            Within::Dollars(tag) if rest.starts_with(tag.as_bytes()) => (Some(Within::Code), tag.len()),
            Within::LineComment if rest[0] == b'\n' => (Some(Within::Code), 1),
            Within::BlockComment(depth) if rest.starts_with(b"/*") => {
                (Some(Within::BlockComment(depth + 1)), 2)
            }
            Within::BlockComment(1) if rest.starts_with(b"*/") => (Some(Within::Code), 2),
            Within::BlockComment(depth) if rest.starts_with(b"*/") => {
                (Some(Within::BlockComment(depth - 1)), 2)
            }
            Within::Text { .. }
            | Within::Name
            | Within::Dollars(_)
            | Within::LineComment
            | Within::BlockComment(_) => (None, 1),
        };
        let length = length.min(rest.len());
        if !matches!(self.within, Within::LineComment | Within::BlockComment(_)) {
            self.is_code(length);
        }
        if let Some(next) = next {
            self.within = next;
            self.before = *b"  ";
        }
        length
    }

    fn code(&mut self, rest: &[u8]) -> usize {
        let follows_a_word = is_of_a_word(self.before[1]);
        let (next, length) = match rest[0] {
            b'\'' => {
                let escapes = matches!(self.before[1], b'e' | b'E') && !is_of_a_word(self.before[0]);
                (Within::Text { escapes }, 1)
            }
            b'"' => (Within::Name, 1),
            b'-' if rest.starts_with(b"--") => (Within::LineComment, 2),
            b'/' if rest.starts_with(b"/*") => (Within::BlockComment(1), 2),
            b'$' if !follows_a_word => match dollar_tag(rest) {
                Some(tag) => (Within::Dollars(tag.to_owned()), tag.len()),
                None => (Within::Code, 1),
            },
            _ => (Within::Code, 1),
        };
        let is_comment = matches!(next, Within::LineComment | Within::BlockComment(_));
        if !is_comment && !rest[0].is_ascii_whitespace() && rest[0] != b';' {
            self.is_code(length);
        }
        self.before = [self.before[1], rest[0]];
        self.within = next;
        length
    }

    fn is_code(&mut self, length: usize) {
        let start = self.code.as_ref().map_or(self.read, |code| code.start);
        self.code = Some(start..self.read + length);
    }
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

/// Returns the dollar quote `$$` or `$tag$` at the start of `rest`. `$1` is not one.
fn dollar_tag(rest: &[u8]) -> Option<&str> {
    let end = rest.iter().skip(1).position(|byte| *byte == b'$')? + 2;
    let tag = std::str::from_utf8(&rest[..end]).ok()?;
    let name = &tag[1..end - 1];
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_sql_reads_them() {
        assert_eq!(literal(&Value::from("it's")), "'it''s'");
        assert_eq!(literal(&Value::from(5)), "5");
        assert_eq!(literal(&Value::Null), "null");
        assert_eq!(literal(&serde_json::json!({"a": "b'"})), r#"'{"a":"b''"}'"#);
    }

    #[test]
    fn a_statement_ends_before_its_semicolons_and_comments() {
        for (text, expected) in [
            ("select 1", "select 1"),
            ("  select 1 ; ; ", "select 1"),
            ("select 1; -- that's it;", "select 1"),
            ("-- first\n/* ; /* nested ; */ */ select 1 /* 'last */;", "select 1"),
            ("select ';' -- '", "select ';'"),
            ("select 'it''s -- no comment;'", "select 'it''s -- no comment;'"),
            (r"select E'a\';' ; -- x", r"select E'a\';'"),
            (r"select 'a\' ; -- '", r"select 'a\'"),
            ("select \"a;--\" ;", "select \"a;--\""),
            ("select $$;--$$;", "select $$;--$$"),
            ("select $a$ $$ ; $b$ $a$;", "select $a$ $$ ; $b$ $a$"),
            ("select $1 - $2; -- $1", "select $1 - $2"),
            ("select 1 -- a\n + 2;\n", "select 1 -- a\n + 2"),
            ("select 4/2 - -1", "select 4/2 - -1"),
            ("select 'ä' ; -- ö", "select 'ä'"),
            (" ; -- nothing", ""),
            ("", ""),
        ] {
            assert_eq!(statement(text), expected, "{text}");
        }
    }
}
