//! A scanner for `JSONPath`, which determines the meaning of each character by its context.

use std::ops::Range;

/// The context of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// Brackets, operators and numbers.
    Code,
    /// The name after a `.`.
    Name,
    /// A string in these quotes.
    Quotes(char),
}

/// Scans a path from its start.
#[derive(Debug)]
pub(super) struct Scanner {
    pub within: Within,
    /// Whether a backslash escapes the next character.
    escapes: bool,
    depth: usize,
}

impl Default for Scanner {
    fn default() -> Scanner {
        Scanner { within: Within::Code, escapes: false, depth: 0 }
    }
}

impl Scanner {
    pub fn read(&mut self, c: char) {
        match self.within {
            Within::Quotes(_) if self.escapes => self.escapes = false,
            Within::Quotes(_) if c == '\\' => self.escapes = true,
            Within::Quotes(open) if c == open => self.within = Within::Code,
            Within::Quotes(_) => {}
            Within::Name if is_name_character(c) => {}
            Within::Name | Within::Code => self.read_code(c),
        }
    }

    fn read_code(&mut self, c: char) {
        self.within = match c {
            '"' | '\'' => Within::Quotes(c),
            '.' => Within::Name,
            _ => Within::Code,
        };
        match c {
            '[' | '(' => self.depth += 1,
            ']' | ')' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// Returns the depth of nested brackets and parentheses in the path.
pub(super) fn depth(path: &str) -> usize {
    let mut scanner = Scanner::default();
    let depths = path.chars().map(|c| {
        scanner.read(c);
        scanner.depth
    });
    depths.max().unwrap_or(0)
}

/// Returns the ranges of the numbers in the path.
pub(super) fn numbers(path: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut scanner = Scanner::default();
    let mut before = ' ';
    for (at, c) in path.char_indices() {
        if found.last().is_some_and(|number| at < number.end) {
            continue;
        }
        let is_start = scanner.within == Within::Code && !is_name_character(before);
        match number_at(&path[at..]).filter(|_| is_start) {
            Some(length) => found.push(at..at + length),
            None => scanner.read(c),
        }
        before = c;
    }
    found
}

/// Returns the length of the number at the start of `text`, if there is one.
fn number_at(text: &str) -> Option<usize> {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with('-'));
    let mut end = sign + Some(digits(sign)).filter(|count| *count > 0)?;
    if text[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let signed = end + 1 + usize::from(text[end + 1..].starts_with(['+', '-']));
        if digits(signed) > 0 {
            end = signed + digits(signed);
        }
    }
    Some(end)
}

/// Whether a name after a `.` may contain the character (RFC 9535, section 2.5.1.1).
pub(super) fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// Whether `text` may follow a `.` without quotes.
pub(super) fn is_name(text: &str) -> bool {
    text.chars().all(is_name_character) && text.starts_with(|c: char| !c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_where_they_are_values() {
        let path = "$.a1.b[12,-3:4]['5'][?@.c7 == 8.5e3 && f(@.x,-9) || @['\\'6'] < 10]";
        let found: Vec<&str> = numbers(path).into_iter().map(|range| &path[range]).collect();
        assert_eq!(found, ["12", "-3", "4", "8.5e3", "-9", "10"]);
    }

    #[test]
    fn depth_counts_what_is_open_outside_of_strings() {
        assert_eq!(depth("$.a[?(@.b == '((((' && count(@[*]) > 1)]"), 4);
        assert_eq!(depth("$.a[0][1]"), 1);
    }
}
