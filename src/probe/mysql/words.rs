//! The words of a statement: its kind, and the tables and functions that it names.
//!
//! This is not a parser. A surplus name only costs a futile lookup.

use std::collections::BTreeSet;
use std::ops::Range;

/// A name in a statement, with its schema if given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub schema: Option<String>,
    pub name: String,
}

/// The names in a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Tables and views that the statement may write to.
    pub written: BTreeSet<Name>,
    /// Tables and views that it reads. A view may call a function.
    pub read: BTreeSet<Name>,
    pub routines: BTreeSet<Name>,
}

/// The kind of a statement, determined by its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    /// Asks for rows, although `into` may write them to a file.
    Query,
    /// Describes the server, but is not a query.
    Tells,
    /// Changes rows.
    Changes,
    /// Any other statement, with its first word.
    Other(&'t str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    /// A quoted name.
    Quoted(String),
    Sign(char),
}

impl Names {
    pub fn extend(&mut self, more: Names) {
        self.written.extend(more.written);
        self.read.extend(more.read);
        self.routines.extend(more.routines);
    }

    /// Returns the names that are not in `seen`, and adds them to it.
    pub fn without(self, seen: &mut Names) -> Names {
        let fresh = |names: BTreeSet<Name>, seen: &mut BTreeSet<Name>| {
            names.into_iter().filter(|name| seen.insert(name.clone())).collect()
        };
        Names {
            written: fresh(self.written, &mut seen.written),
            read: fresh(self.read, &mut seen.read),
            routines: fresh(self.routines, &mut seen.routines),
        }
    }
}

pub(super) fn kind(statement: &str) -> Kind<'_> {
    if statement.starts_with('(') {
        return Kind::Query;
    }
    let first = first_word(statement);
    match first.to_ascii_lowercase().as_str() {
        "select" | "with" | "values" | "table" => Kind::Query,
        "show" | "explain" | "describe" | "desc" => Kind::Tells,
        "insert" | "replace" | "update" | "delete" => Kind::Changes,
        _ => Kind::Other(first),
    }
}

/// Returns the leading letters of a statement, or its first character if it does not begin with a letter.
fn first_word(statement: &str) -> &str {
    let letters = statement.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(statement.len());
    let sign = statement.chars().next().map_or(0, char::len_utf8);
    &statement[..if letters == 0 { sign } else { letters }]
}

/// Returns the names in a statement: what it may write to directly, what it reads, and the functions that it calls.
pub(super) fn of_statement(statement: &str) -> Names {
    let tokens = tokens(statement);
    let written = match first_word(statement).to_ascii_lowercase().as_str() {
        "insert" | "replace" => target(&tokens),
        "update" => 1..first(&tokens, "set"),
        "delete" => 1..first(&tokens, "where"),
        // Other statements only read what they name.
        _ => 0..0,
    };
    Names {
        written: named(&tokens[written], |_| true),
        read: named(&tokens, |_| true),
        routines: called(&tokens),
    }
}

/// Returns the names in the body of a trigger or function, or of a view that is written to, resolved in its own schema.
pub(super) fn of_body(text: &str, schema: &str) -> Names {
    let names = of_query(text, schema);
    // A procedure may be called without parentheses.
    Names { written: names.read.clone(), routines: names.read, read: BTreeSet::new() }
}

/// Returns the names in the body of a view that is read.
pub(super) fn of_query(text: &str, schema: &str) -> Names {
    let tokens = tokens(text);
    let here = |name: Name| Name { schema: name.schema.or_else(|| Some(schema.to_owned())), ..name };
    let all = |names: BTreeSet<Name>| names.into_iter().map(here).collect();
    Names { written: BTreeSet::new(), read: all(named(&tokens, |_| true)), routines: all(called(&tokens)) }
}

/// Returns the range of the table that an `insert` or `replace` writes to.
fn target(tokens: &[Token<'_>]) -> Range<usize> {
    const BEFORE: [&str; 7] =
        ["insert", "replace", "low_priority", "delayed", "high_priority", "ignore", "into"];
    let is_before = |token: &Token<'_>| matches!(token, Token::Word(word) if BEFORE.iter().any(|before| before.eq_ignore_ascii_case(word)));
    let start = tokens.iter().position(|token| !is_before(token)).unwrap_or(tokens.len());
    let is_qualified = tokens.get(start + 1) == Some(&Token::Sign('.'));
    start..(start + if is_qualified { 3 } else { 1 }).min(tokens.len())
}

fn first(tokens: &[Token<'_>], wanted: &str) -> usize {
    let is_it = |token: &Token<'_>| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(wanted));
    tokens.iter().position(is_it).unwrap_or(tokens.len())
}

fn called(tokens: &[Token<'_>]) -> BTreeSet<Name> {
    named(tokens, |after| after == Some(&Token::Sign('(')))
}

/// Returns the names that are followed by a wanted token. `a.b` yields both `a` and `a.b`.
fn named(tokens: &[Token<'_>], is_wanted: impl Fn(Option<&Token<'_>>) -> bool) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    for (index, token) in tokens.iter().enumerate() {
        let Some(name) = name(token).filter(|_| is_wanted(tokens.get(index + 1))) else { continue };
        let before = index.checked_sub(2).filter(|_| tokens[index - 1] == Token::Sign('.'));
        let schema = before.and_then(|before| self::name(&tokens[before])).map(str::to_owned);
        names.insert(Name { schema, name: name.to_owned() });
    }
    names
}

fn name<'t>(token: &'t Token<'_>) -> Option<&'t str> {
    match token {
        Token::Word(word) => Some(word),
        Token::Quoted(name) => Some(name),
        Token::Sign(_) => None,
    }
}

/// Splits a text into tokens, without its strings and comments. The content of `/*!` and `/*M!` comments counts,
/// because it is executed.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' => string_end(rest, c),
            // In ANSI mode, double quotes delimit a name.
            '`' | '"' => {
                let end = string_end(rest, c);
                let inside = rest.get(1..end - 1).unwrap_or_default();
                tokens.push(Token::Quoted(inside.replace(&format!("{c}{c}"), &c.to_string())));
                end
            }
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '-' if super::lexis::is_dashed(rest.as_bytes()) => rest.find('\n').unwrap_or(rest.len()),
            '/' if super::lexis::is_comment(rest.as_bytes()) => {
                rest[2..].find("*/").map_or(rest.len(), |end| end + 4)
            }
            // Skips the version, if there is one.
            '/' if rest.starts_with("/*!") || rest.starts_with("/*M!") => {
                let start = rest.find('!').map_or(0, |at| at + 1);
                start + rest[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - start)
            }
            c if is_of_a_word(c) => {
                let end = rest.find(|c| !is_of_a_word(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(&rest[..end]));
                end
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Sign(c));
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// Returns the end of a text in `quote`s that starts here.
fn string_end(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && quote != '`' {
            characters.next();
        } else if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_what_it_writes_to_and_calls() {
        let list = |names: &BTreeSet<Name>| {
            let one = |Name { schema, name }: &Name| match schema {
                Some(schema) => format!("{schema}.{name}"),
                None => name.clone(),
            };
            names.iter().map(one).collect::<Vec<_>>().join(" ")
        };
        for (text, tables, routines) in [
            ("insert into `my``log` values (now(), 'from x')", "my`log", "now values"),
            ("INSERT LOW_PRIORITY IGNORE shop.log SELECT f(1) FROM other", "shop shop.log", "f"),
            ("insert/* x */into log# c\n(a) values (1)", "log", "log values"),
            ("replace \"log\" set a = shop.f (1)", "log", "shop.f"),
            ("update a as x, b.c set note = 'set' where d = e", "a as b x b.c", ""),
            ("delete x from a.b as x where y in (select y from z)", "a as from x a.b", "in"),
            ("select f('it''s', \"a\\\" b\") from isam", "", "f"),
            ("insert /*! into isam */ values (1)", "isam", "values"),
        ] {
            let names = of_statement(text);
            assert_eq!(
                (list(&names.written).as_str(), list(&names.routines).as_str()),
                (tables, routines),
                "{text}"
            );
        }
    }

    #[test]
    fn the_first_word_says_what_a_statement_is() {
        for (text, expected) in [
            ("SELECT 1", Kind::Query),
            ("(select 1)", Kind::Query),
            ("with a as (select 1) select 1", Kind::Query),
            ("show tables", Kind::Tells),
            ("Replace t values (1)", Kind::Changes),
            ("set global x = 1", Kind::Other("set")),
            ("/*!50000 drop table x */", Kind::Other("/")),
            ("", Kind::Other("")),
            ("é", Kind::Other("é")),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
