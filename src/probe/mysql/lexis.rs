//! The lexical structure of MySQL's SQL: strings, names and comments.
//!
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/language-structure.html>. A server in ANSI mode, or without
//! backslash escapes in strings, is rare, and reads some of it differently.

use crate::language::period::Instant;
use crate::language::sql::{Dialect, Lexis};
use crate::secret::placeholder::{Form, in_form};

pub(super) const LEXIS: Lexis = Lexis {
    string_quotes: b"'\"",
    name_quotes: b"`",
    has_escapes: |_| true,
    line_comment: |rest| match rest {
        [b'#', ..] => Some(1),
        _ => is_dashed(rest).then_some(2),
    },
    block_comment: |rest| is_comment(rest).then_some(2),
    dollar_tag: |_| None,
    nests: false,
};

pub(super) const DIALECT: Dialect = Dialect {
    placeholder: |_| "?".to_owned(),
    identifier: quoted_name,
    text: quoted_text,
    instant: Instant::without_zone,
    lexis: LEXIS,
};

/// Whether two dashes start a comment. They do so only before whitespace or a control character: `5--1` is six.
pub(super) fn is_dashed(rest: &[u8]) -> bool {
    matches!(rest, [b'-', b'-', next, ..] if next.is_ascii_whitespace() || next.is_ascii_control())
}

/// Whether a comment starts here. The server executes what `/*!` and `/*M!` enclose.
pub(super) fn is_comment(rest: &[u8]) -> bool {
    rest.starts_with(b"/*") && !rest.starts_with(b"/*!") && !rest.starts_with(b"/*M!")
}

fn quoted_name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn quoted_text(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('\'', "''");
    format!("'{}'", in_form(&escaped, Form::SqlWithBackslashes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::sql::{literal, statement};

    #[test]
    fn a_statement_ends_before_its_semicolons_and_comments() {
        for (text, expected) in [
            ("select 1; # that's it;", "select 1"),
            ("select 1; -- that's it;", "select 1"),
            ("select 5--1", "select 5--1"),
            (r"select 'a\' ; -- ' ; ", r"select 'a\' ; -- '"),
            (r#"select "it's -- ;" ; "#, r#"select "it's -- ;""#),
            ("select `a;#` ;", "select `a;#`"),
            ("/* a /* b */ select 1 /* 'last */;", "select 1"),
            ("select 1 /*! + 1 */ ;", "select 1 /*! + 1 */"),
            ("select $$;", "select $$"),
        ] {
            assert_eq!(statement(text, LEXIS), expected, "{text}");
        }
        assert_eq!(literal(&r"it's \".into(), &DIALECT), r"'it''s \\'");
        assert_eq!((DIALECT.identifier)("a`b"), "`a``b`");
    }
}
