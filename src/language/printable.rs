//! Makes external text safe for terminals, CI systems and readers. Characters that are invisible, or that act as a
//! command, are replaced with their code point.

/// Returns the text without terminal control sequences, CI commands and invisible characters.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_start = true;
    for (at, c) in text.char_indices() {
        let begins_line = is_start;
        is_start = c == '\n' || (is_start && c.is_whitespace());
        match c {
            ':' if begins_line && is_workflow_command(&text[at..]) => out.extend(c.escape_unicode()),
            '\n' => out.push('\n'),
            '\t' => out.push_str("  "),
            '#' if begins_a_command(&text[at..]) => out.extend(c.escape_unicode()),
            c if c.is_control() || is_unseen(c) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// Cleans a JSON document in the same way: each of its strings decodes to the result of [`printable`], but keeps tabs
/// and line breaks.
#[must_use]
pub fn printable_in_json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(c) = rest.chars().next() {
        let length = match escape(rest) {
            Some((0x0d, length)) => {
                out.push_str(r"\\r");
                length
            }
            Some((number, length)) if number < 0x20 => {
                out.push_str(&format!("\\\\u{{{number:x}}}"));
                length
            }
            Some((_, length)) => {
                out.push_str(&rest[..length]);
                length
            }
            // A line break outside of strings only formats the document.
            None if c != '\n' && (c.is_control() || is_unseen(c) || begins_a_command(rest)) => {
                out.push_str(&format!("\\\\u{{{:x}}}", u32::from(c)));
                c.len_utf8()
            }
            None => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out
}

/// Returns the JSON escape at the start of the text: its control character, or another number if it is not one, and its
/// length.
fn escape(text: &str) -> Option<(u32, usize)> {
    let kind = text.strip_prefix('\\')?.chars().next()?;
    Some(match kind {
        'b' => (0x08, 2),
        'f' => (0x0c, 2),
        'r' => (0x0d, 2),
        'u' => {
            let number = text.get(2..6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            (number.unwrap_or(u32::MAX), 6.min(text.len()))
        }
        other => (u32::MAX, 1 + other.len_utf8()),
    })
}

/// Whether the character is invisible, or changes how the text around it reads.
///
/// Sources: <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>, and the code points of
/// <https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt> that are default-ignorable, except the
/// variation selectors, which are part of symbols.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether the text starts with a CI command that is recognised anywhere in a line: `##vso[` (Azure Pipelines),
/// `##teamcity[`, or `##[` (GitHub).
fn begins_a_command(text: &str) -> bool {
    text.strip_prefix("##")
        .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('['))
}

/// Whether it is a GitHub command, which is recognised at the start of a line: `::name …::`.
fn is_workflow_command(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("::")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()) && rest.contains("::"))
}

/// Cleans a text that already contains styles. Their escape sequences are kept.
#[must_use]
pub fn printable_styled(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = printable(parts.next().unwrap_or_default());
    parts.fold(first, |out, part| match part.split_once('m') {
        Some((style, rest)) if style.chars().all(|c| c.is_ascii_digit() || c == ';') => {
            out + "\u{1b}[" + style + "m" + &printable(rest)
        }
        Some(_) | None => out + &printable("\u{1b}[") + &printable(part),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_shown_as_its_code_point() {
        for (text, shown) in [
            ("a\tb\nc", "a  b\nc"),
            ("\u{1b}[31mred", r"\u{1b}[31mred"),
            ("a\u{2028}b\u{200b}c\u{202e}d", r"a\u{2028}b\u{200b}c\u{202e}d"),
            ("tag\u{e0041}", r"tag\u{e0041}"),
            ("x ##vso[task.complete]", r"x \u{23}#vso[task.complete]"),
            ("##teamcity[x]", r"\u{23}#teamcity[x]"),
            ("##[error]", r"\u{23}#[error]"),
            ("## title [1]", "## title [1]"),
            ("::error::x", r"\u{3a}:error::x"),
            ("a\n \u{3000}::set-output name=a::b", "a\n \u{3000}\\u{3a}:set-output name=a::b"),
            ("::1 is ::1, std::path::a", "::1 is ::1, std::path::a"),
            ("naïve 👍🏽 ok", "naïve 👍🏽 ok"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn styles_stay_and_what_is_between_them_is_printable() {
        let styled = "\u{1b}[1m\u{1b}[38;5;9merror\u{1b}[0m: ##vso[x] \u{1b}[2J\u{202e}";
        let shown = "\u{1b}[1m\u{1b}[38;5;9merror\u{1b}[0m: \\u{23}#vso[x] \\u{1b}[2J\\u{202e}";
        assert_eq!(printable_styled(styled), shown);
    }

    #[test]
    fn a_text_of_a_document_is_printable_once_it_is_read() {
        for text in [
            "\u{1b}[31m",
            "a\u{2028}\u{7f}\u{9b}",
            "##vso[x]",
            "\\u001b",
            "\\\\u001b \\\" \u{8}\u{c}\r",
            "\u{1}",
        ] {
            let document = serde_json::json!({ "text": text, "more": "a\nb\tc" });
            for document in [document.to_string(), serde_json::to_string_pretty(&document).unwrap()] {
                let read: serde_json::Value = serde_json::from_str(&printable_in_json(&document)).unwrap();
                assert_eq!(read["text"], printable(text), "{document}");
                assert_eq!(read["more"], "a\nb\tc");
            }
        }
    }
}
