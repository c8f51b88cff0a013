//! Wraps long lines on a terminal at words, and indents the continuation.

use console::{measure_text_width, strip_ansi_codes};

/// The labels that precede the text of a line.
const LABELS: [&str; 4] = ["hint: ", "root cause: ", "also: ", "because of it "];

/// The label of a command. Commands are not wrapped, so that they can be copied.
const COMMAND: &str = "reproduce: ";

/// The column of the name in the line of a check.
const NAME: usize = 25;

/// Wraps `text` to lines of at most `width` columns, as far as it can be broken at words.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    text.split_inclusive('\n').map(|line| wrapped_line(line, width)).collect()
}

fn wrapped_line(line: &str, width: usize) -> String {
    let text = line.trim_end_matches('\n');
    let plain = strip_ansi_codes(text);
    if measure_text_width(text) <= width || plain.trim_start().starts_with(COMMAND) {
        return line.to_owned();
    }
    let indent = " ".repeat(indent(&plain, width));
    let (mut out, mut column, mut is_first) = (String::with_capacity(line.len() + 64), 0, true);
    for word in words(text) {
        let shown = measure_text_width(word);
        let fits = column + measure_text_width(word.trim_end()) <= width;
        if !fits && !is_first {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.push_str(&indent);
            column = indent.len();
        }
        // White space before the first word is kept, but does not count as a word.
        is_first = is_first && word.trim().is_empty();
        out.push_str(word);
        column += shown;
    }
    out.push_str(&line[text.len()..]);
    out
}

/// Returns the indentation of the continuation of a line.
fn indent(plain: &str, width: usize) -> usize {
    let own = plain.len() - plain.trim_start_matches(' ').len();
    let text = plain.trim_start_matches(' ');
    let label = LABELS.iter().find(|label| text.starts_with(**label)).map_or(0, |label| label.len());
    let is_of_a_check = text.split(' ').next().is_some_and(|word| {
        word.len() >= 4 && word.len() <= 5 && word.bytes().all(|byte| byte.is_ascii_uppercase()) && own < 2
    });
    let under_text = if is_of_a_check { NAME } else { own + label };
    // A narrow screen has no room for full indentation.
    if under_text * 3 <= width * 2 { under_text } else { own + 2 }
}

/// Splits a line into words, each with the white space after it. Text between backticks is one word.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut is_quoted, mut after_space) = (0, false, false);
    for (at, c) in line.char_indices() {
        if after_space && c != ' ' {
            words.push(&line[start..at]);
            start = at;
        }
        is_quoted ^= c == '`';
        after_space = c == ' ' && !is_quoted;
    }
    words.push(&line[start..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_words_and_moved_in_under_their_text() {
        let text = "  root cause: `shop` (smoke.toml:7): expected status 200, got 503 after a while\n";
        assert_eq!(
            wrapped(text, 50),
            "  root cause: `shop` (smoke.toml:7): expected\n              status 200, got 503 after a while\n"
        );
    }

    #[test]
    fn a_command_and_what_stands_in_backticks_stay_in_one_line() {
        let command = format!("        reproduce: curl {}\n", "-H 'a: b' ".repeat(20));
        assert_eq!(wrapped(&command, 40), command);
        let hint = "        hint: run the command `psql -h 127.0.0.1 -p 5432` yourself\n";
        assert_eq!(
            wrapped(hint, 40),
            "        hint: run the command\n              `psql -h 127.0.0.1 -p 5432`\n              yourself\n"
        );
    }

    #[test]
    fn no_line_is_longer_than_the_screen_at_any_width_and_no_word_is_lost() {
        let text = " FAIL   3.2s  health    orders are there  smoke.toml:7\n        expected status 200, got 503, and then \
                    some more words that go on and on until the line is much too long for any screen\n";
        for width in 40..120 {
            let wrapped = wrapped(text, width);
            assert!(wrapped.lines().all(|line| measure_text_width(line) <= width), "{width}\n{wrapped}");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(words(&wrapped), words(text));
            assert!(wrapped.lines().all(|line| !line.ends_with(' ')), "{width}\n{wrapped}");
        }
    }
}
