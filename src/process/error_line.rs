//! Which line of what a process printed says best why it ended.

/// Words of which a line with a cause mostly has one.
const WORDS: [&str; 9] =
    ["error", "fatal", "exception", "panic", "panicked", "cannot", "failed", "denied", "refused"];

/// Fewer letters than this say nothing.
const FEWEST_LETTERS: usize = 3;

/// The line that says best why a process ended: the last one that tells of an error, or else the last one that has
/// words. What is moved in, frames of a trace and fields of an object, says less than what it belongs to.
pub fn why_it_ended(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_moved_in = |line: &str| line.starts_with([' ', '\t']);
    let last = |is_it: &dyn Fn(&str) -> bool| lines.iter().rposition(|line| is_it(line));
    let found = last(&|line| tells_of_an_error(line) && !is_moved_in(line))
        .or_else(|| last(&tells_of_an_error))
        .or_else(|| last(&has_words))?;
    let line = lines[found].trim();
    // What ends with a colon announces what comes next.
    let next = lines.get(found + 1).filter(|next| line.ends_with(':') && has_words(next));
    Some(next.map_or_else(|| line.to_owned(), |next| format!("{line} {}", next.trim())))
}

fn tells_of_an_error(line: &str) -> bool {
    let is_it = |word: &str| {
        let is_a_class = word.ends_with("Error") || word.ends_with("Exception");
        is_a_class || WORDS.contains(&word.to_ascii_lowercase().as_str())
    };
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(is_it)
}

fn has_words(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphabetic()).count() >= FEWEST_LETTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_of_an_error_is_found() {
        for (text, said) in [
            ("starting\nconfig: no such key\n", "config: no such key"),
            ("listen failed: in use\nbye\n", "listen failed: in use"),
            ("Error: x\n    at frame (a.js)\n  severity: 'FATAL',\n}\n\nNode.js v20.20.2\n", "Error: x"),
            (
                "ReferenceError: x is not defined\n    at a.js\n\nNode.js v20.20.2",
                "ReferenceError: x is not defined",
            ),
            ("{\"level\":\"error\",\"msg\":\"no\"}\n}", "{\"level\":\"error\",\"msg\":\"no\"}"),
            ("error_count: 0\nterrors\n0 errors", "0 errors"),
            ("wait\n  permission denied\n}", "permission denied"),
            (
                "thread 'main' (1) panicked at src/main.rs:2:5:\nno port\nnote: run with `RUST_BACKTRACE=1`",
                "thread 'main' (1) panicked at src/main.rs:2:5: no port",
            ),
            ("done\n}\n--\n42", "done"),
        ] {
            assert_eq!(why_it_ended(text).as_deref(), Some(said), "{text}");
        }
        assert_eq!(why_it_ended("}\n]\n"), None);
    }
}
