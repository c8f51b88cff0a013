//! Finds the line of a process's output that best explains why it ended.

/// Words that usually occur in a line that states a cause.
const WORDS: [&str; 9] =
    ["error", "fatal", "exception", "panic", "panicked", "cannot", "failed", "denied", "refused"];

/// Lines with fewer letters carry no information.
const FEWEST_LETTERS: usize = 3;

/// Phrases that state an exit and not its cause: `Worker (pid:7) exited with code 3`.
const ENDS: [&str; 12] = [
    "exited",
    "exiting",
    "exit code",
    "exit status",
    "exit 1",
    "shutting down",
    "failed to boot",
    "failed to start",
    "terminated",
    "terminating",
    "elifecycle",
    "command failed",
];

/// Returns the line that best explains why a process ended: the last one that names an error type (`ValueError: …`),
/// otherwise the last one that mentions an error, otherwise the last one with words. Indented lines (stack frames,
/// object fields) explain less than the line they belong to, and a line about the exit less than one about its cause.
pub(super) fn why_it_ended(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let last = |is_it: &dyn Fn(&str) -> bool| lines.iter().rposition(|line| is_it(line));
    let found = last_error(&lines).or_else(|| last(&tells_of_an_error)).or_else(|| last(&has_words))?;
    Some(with_what_it_announces(&lines, found))
}

/// Returns the line that best explains an error in a process that is still running, if there is one.
pub(super) fn error_in(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    last_error(&lines).map(|found| with_what_it_announces(&lines, found))
}

fn last_error(lines: &[&str]) -> Option<usize> {
    let is_a_cause = |line: &str| !line.starts_with([' ', '\t']) && !tells_of_an_end(line);
    let last = |is_it: &dyn Fn(&str) -> bool| lines.iter().rposition(|line| is_a_cause(line) && is_it(line));
    last(&names_an_error)
        .or_else(|| last(&tells_of_an_error))
        .or_else(|| lines.iter().rposition(|line| tells_of_an_error(line) && !tells_of_an_end(line)))
}

/// Appends the next line if this one announces it with a colon.
fn with_what_it_announces(lines: &[&str], found: usize) -> String {
    let line = lines[found].trim();
    let next = lines.get(found + 1).filter(|next| line.ends_with(':') && has_words(next));
    next.map_or_else(|| line.to_owned(), |next| format!("{line} {}", next.trim()))
}

/// Whether the line contains the name of an error class, such as `OperationalError`.
fn names_an_error(line: &str) -> bool {
    words(line).any(|word| word.ends_with("Error") || word.ends_with("Exception"))
}

fn tells_of_an_error(line: &str) -> bool {
    names_an_error(line) || words(line).any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

fn tells_of_an_end(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ENDS.iter().any(|end| line.contains(end))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
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
            (
                "OperationalError: password authentication failed for user \"shop\"\n\
                 [ERROR] Worker (pid:7) exited with code 3\n[ERROR] Shutting down: Master\n\
                 [ERROR] Reason: Worker failed to boot.\n",
                "OperationalError: password authentication failed for user \"shop\"",
            ),
            ("npm ERR! code ELIFECYCLE\nerror: exited with 1", "error: exited with 1"),
        ] {
            assert_eq!(why_it_ended(text).as_deref(), Some(said), "{text}");
        }
        assert_eq!(why_it_ended("}\n]\n"), None);
    }
}
