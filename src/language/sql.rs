//! SQL as text: statements with separate parameters, how a database binds values and quotes names, and which parts of a
//! text are code, strings, quoted names and comments.
//!
//! Not a parser: only the lexical rules that strings and comments follow. Each database has its own, as data of its
//! [`Dialect`]; those of PostgreSQL, which SQLite's are a part of, are the [`STANDARD`].
//! Source: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>.

use std::ops::Range;

use serde_json::Value;

use super::period::Instant;
use crate::secret::placeholder::{Form, in_form, in_json};

/// A statement with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundSql {
    pub text: String,
    pub parameters: Vec<Value>,
}

/// How a database binds values and quotes names, and how it reads a text.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Returns the placeholder for a parameter, by its number from 1.
    pub placeholder: fn(usize) -> String,
    /// Quotes a name so that its capitals, spaces and quotes are preserved.
    pub identifier: fn(&str) -> String,
    /// A text as a literal, with the secrets in it.
    pub text: fn(&str) -> String,
    pub lexis: Lexis,
    /// An instant as its columns compare with it.
    pub instant: WriteInstant,
}

/// How an instant is written.
pub type WriteInstant = fn(&Instant) -> String;

/// What strings, names and comments look like.
#[derive(Debug, Clone, Copy)]
pub struct Lexis {
    /// What starts and ends a string.
    pub string_quotes: &'static [u8],
    /// What starts and ends a name.
    pub name_quotes: &'static [u8],
    /// Does a backslash escape what follows it, in a string that starts after these two bytes?
    pub has_escapes: fn([u8; 2]) -> bool,
    /// How long the start of a comment is that ends with its line.
    pub line_comment: fn(&[u8]) -> Option<usize>,
    /// How long the start of a comment is that `*/` ends.
    pub block_comment: fn(&[u8]) -> Option<usize>,
    /// How long the text between `$` and `$` is, with both, that starts a string and ends it.
    pub dollar_tag: fn(&[u8]) -> Option<usize>,
    /// Do block comments nest?
    pub nests: bool,
}

/// The rules of PostgreSQL, which are nearly those of the SQL standard.
pub const STANDARD: Lexis = Lexis {
    string_quotes: b"'",
    name_quotes: b"\"",
    has_escapes: |before| matches!(before[1], b'e' | b'E') && !is_of_a_word(before[0]),
    line_comment: |rest| rest.starts_with(b"--").then_some(2),
    block_comment: |rest| rest.starts_with(b"/*").then_some(2),
    dollar_tag,
    nests: true,
};

/// A name in double quotes, as the SQL standard has it.
pub fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes, as the SQL standard has it.
pub fn quoted_text(text: &str) -> String {
    format!("'{}'", in_form(&text.replace('\'', "''"), Form::Sql))
}

/// What the place that a [`Scanner`] has come to is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    Code,
    /// `'…'`, or `E'…'` with backslashes in it.
    Text {
        quote: u8,
        escapes: bool,
    },
    /// `"…"`, or what else quotes a name.
    Name(u8),
    /// `$tag$…$tag$`, with its tag
    Dollars(Vec<u8>),
    LineComment,
    /// Holds the depth, because block comments nest.
    BlockComment(usize),
}

/// Scans a text piece by piece.
#[derive(Debug)]
pub struct Scanner {
    lexis: Lexis,
    within: Within,
    /// The last two bytes of code.
    before: [u8; 2],
    read: usize,
    code: Option<Range<usize>>,
}

/// The statement in `text` without comments around it and without semicolons after it.
pub fn statement(text: &str, lexis: Lexis) -> &str {
    let mut scanner = Scanner::new(lexis);
    scanner.read(text);
    &text[scanner.code.unwrap_or(0..0)]
}

/// A value as an SQL literal, for commands that people run.
pub fn literal(value: &Value, dialect: &Dialect) -> String {
    let quoted = dialect.text;
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(boolean) => boolean.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => quoted(&in_json(&value.to_string())),
    }
}

impl Scanner {
    pub fn new(lexis: Lexis) -> Scanner {
        Scanner { lexis, within: Within::Code, before: [b' '; 2], read: 0, code: None }
    }

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
            Within::Text { escapes: true, .. } if rest[0] == b'\\' => (None, 2),
            Within::Text { quote, .. } if rest.starts_with(&[*quote; 2]) => (None, 2),
            Within::Text { quote, .. } | Within::Name(quote) if rest[0] == *quote => (Some(Within::Code), 1),
            Within::Dollars(tag) if rest.starts_with(tag) => (Some(Within::Code), tag.len()),
            Within::LineComment if rest[0] == b'\n' => (Some(Within::Code), 1),
            Within::BlockComment(depth) if self.lexis.nests && rest.starts_with(b"/*") => {
                (Some(Within::BlockComment(depth + 1)), 2)
            }
            Within::BlockComment(1) if rest.starts_with(b"*/") => (Some(Within::Code), 2),
            Within::BlockComment(depth) if rest.starts_with(b"*/") => {
                (Some(Within::BlockComment(depth - 1)), 2)
            }
            Within::Text { .. }
            | Within::Name(_)
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
        let Lexis { string_quotes, name_quotes, .. } = self.lexis;
        let dollars = if is_of_a_word(self.before[1]) { None } else { (self.lexis.dollar_tag)(rest) };
        let (next, length) = if string_quotes.contains(&rest[0]) {
            (Within::Text { quote: rest[0], escapes: (self.lexis.has_escapes)(self.before) }, 1)
        } else if name_quotes.contains(&rest[0]) {
            (Within::Name(rest[0]), 1)
        } else if let Some(length) = (self.lexis.line_comment)(rest) {
            (Within::LineComment, length)
        } else if let Some(length) = (self.lexis.block_comment)(rest) {
            (Within::BlockComment(1), length)
        } else if let Some(length) = dollars {
            (Within::Dollars(rest[..length].to_vec()), length)
        } else {
            (Within::Code, 1)
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

/// `$$` or `$tag$` at the start of `rest`. `$1` is none.
fn dollar_tag(rest: &[u8]) -> Option<usize> {
    if rest.first() != Some(&b'$') {
        return None;
    }
    let end = rest.iter().skip(1).position(|byte| *byte == b'$')? + 2;
    let tag = std::str::from_utf8(&rest[..end]).ok()?;
    let name = &tag[1..end - 1];
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some(end)
}

/// How PostgreSQL does it.
#[cfg(test)]
pub(super) const DIALECT: Dialect = Dialect {
    placeholder: |number| format!("${number}"),
    identifier: quoted_name,
    text: quoted_text,
    lexis: STANDARD,
    instant: Instant::with_offset,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(value: &Value) -> String {
        super::literal(value, &DIALECT)
    }

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
            assert_eq!(statement(text, STANDARD), expected, "{text}");
        }
    }
}
