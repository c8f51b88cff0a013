//! The output of a booted process in reports: its beginning and its end, with repeated lines folded.

use std::fmt;

use super::error_line::{error_in, why_it_ended};
use crate::secret::{Message, Redact};

/// The first and the last lines of a process's output, and the number of lines between them. Secrets are redacted
/// before it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    head: Vec<Line>,
    left_out: usize,
    end: Vec<Line>,
}

/// A line, and how often it occurred.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    text: String,
    times: usize,
}

impl Log {
    /// The most lines and bytes of an output that a report holds.
    pub const LINES: usize = 200;
    pub const BYTES: usize = 16 << 10;

    /// How many recent lines are compared to find a repetition.
    const WINDOW: usize = 8;

    /// Creates the log of an output that starts with `head` and ends with `end`, with `between` lines between them.
    /// `None` if the output is blank. Both texts are already redacted.
    pub fn new(head: &str, between: usize, end: &str) -> Option<Log> {
        if head.trim().is_empty() && end.trim().is_empty() {
            return None;
        }
        let log = Log { head: folded(head), left_out: between, end: folded(end) };
        Some(log.shortened(Log::LINES, Log::BYTES))
    }

    /// Returns the available lines, without the marker for omitted ones.
    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.head.iter().chain(&self.end).map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }

    /// Returns the line that best explains why the process ended.
    pub fn why_it_ended(&self) -> Option<String> {
        why_it_ended(&self.text())
    }

    /// Returns the line that best explains an error in a process that is still running, if there is one.
    pub fn error(&self) -> Option<String> {
        error_in(&self.text())
    }

    pub fn has_several_lines(&self) -> bool {
        self.left_out > 0 || self.head.len() + self.end.len() > 1
    }

    /// Returns a shorter log for display on a screen. A quarter of its lines come from the beginning.
    #[must_use]
    pub fn shortened(&self, lines: usize, bytes: usize) -> Log {
        let all: Vec<&Line> = self.head.iter().chain(&self.end).collect();
        let size: usize = all.iter().map(|line| line.text.len() + 1).sum();
        if all.len() <= lines && size <= bytes {
            return self.clone();
        }
        // In an output with a gap, the lines before the gap are the beginning, and those after it the end.
        let (beginning, after) = match self.left_out {
            0 => (all.len(), None),
            _ => (self.head.len(), Some(self.head.len())),
        };
        let head = fitting(all[..beginning].iter().copied(), lines / 4, bytes / 4);
        let taken: usize = all[..head].iter().map(|line| line.text.len() + 1).sum();
        let rest = &all[after.unwrap_or(head)..];
        let end = fitting(rest.iter().rev().copied(), lines - head, bytes.saturating_sub(taken));
        let kept = &rest[rest.len() - end.max(1).min(rest.len())..];
        let dropped = &all[head..all.len() - kept.len()];
        let left_out: usize = dropped.iter().map(|line| line.times).sum();
        Log {
            head: all[..head].iter().copied().cloned().collect(),
            left_out: self.left_out + left_out,
            // A single line that is too long keeps its end.
            end: kept.iter().map(|line| line.ending(bytes)).collect(),
        }
    }
}

/// Returns how many of `lines` fit.
fn fitting<'l>(lines: impl Iterator<Item = &'l Line>, most: usize, bytes: usize) -> usize {
    let mut size = 0;
    lines
        .take(most)
        .take_while(|line| {
            size += line.text.len() + 1;
            size <= bytes
        })
        .count()
}

impl Line {
    fn ending(&self, bytes: usize) -> Line {
        let start = self.text.ceil_char_boundary(self.text.len().saturating_sub(bytes));
        let mark = if start == 0 { "" } else { "…" };
        Line { text: format!("{mark}{}", &self.text[start..]), times: self.times }
    }
}

/// Splits a text into lines, and folds those that differ only in times: the fold keeps the first position and the
/// latest text. An indented line belongs to the one before it, so it is folded only with a direct neighbour.
fn folded(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for line in text.lines() {
        let window = if line.is_empty() || line.starts_with([' ', '\t']) { 1 } else { Log::WINDOW };
        let recent = lines.len().saturating_sub(window);
        let wanted = shape(line);
        match lines[recent..].iter_mut().find(|known| shape(&known.text) == wanted) {
            Some(known) => {
                line.clone_into(&mut known.text);
                known.times += 1;
            }
            None => lines.push(Line { text: line.to_owned(), times: 1 }),
        }
    }
    lines
}

/// Returns the line without times, addresses and long numbers, which vary between repetitions.
fn shape(line: &str) -> String {
    /// Numbers of this many digits are identifiers or timestamps in milliseconds.
    const LONG: usize = 9;
    let mut shape = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        shape.push_str(&rest[..start]);
        rest = &rest[start..];
        let (mut end, mut groups) = (0, 0);
        loop {
            let digits = rest[end..].bytes().take_while(u8::is_ascii_digit).count();
            (end, groups) = (end + digits, groups + 1);
            let mut next = rest[end..].bytes();
            let joined = next.next().is_some_and(|byte| b":./,-T".contains(&byte));
            if !joined || !next.next().is_some_and(|byte| byte.is_ascii_digit()) {
                break;
            }
            end += 1;
        }
        let is_one_of_many = groups > 1 || end >= LONG;
        shape.push_str(if is_one_of_many { "#" } else { &rest[..end] });
        rest = &rest[end..];
    }
    shape + rest
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.times {
            0 | 1 => f.write_str(&self.text),
            several => write!(f, "{}  ({several} times)", self.text),
        }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = self.head.iter().map(ToString::to_string).collect();
        match self.left_out {
            0 => {}
            1 => lines.push("… 1 line left out".to_owned()),
            several => lines.push(format!("… {several} lines left out")),
        }
        lines.extend(self.end.iter().map(ToString::to_string));
        f.write_str(&lines.join("\n"))
    }
}

impl Redact for Log {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        let again = |line: Line| {
            let limit = line.text.chars().count();
            Line { text: clean(Message::new().excerpt(line.text, limit)).to_string(), times: line.times }
        };
        let Log { head, left_out, end } = self;
        Log {
            head: head.into_iter().map(again).collect(),
            left_out,
            end: end.into_iter().map(again).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted_and_both_ends_are_kept() {
        let lines: Vec<String> = "abcdefghijkl".chars().map(|c| c.to_string()).collect();
        let log = Log::new("", 0, &lines.join("\n")).unwrap();
        assert_eq!(log.shortened(8, 100).to_string(), "a\nb\n… 4 lines left out\ng\nh\ni\nj\nk\nl");
        let log = Log::new("a\nb", 3, "x\ny").unwrap();
        assert_eq!(log.to_string(), "a\nb\n… 3 lines left out\nx\ny");
        assert_eq!(log.shortened(3, 100).to_string(), "… 5 lines left out\nx\ny");
    }

    #[test]
    fn a_line_that_is_too_long_is_shown_by_its_end() {
        assert_eq!(Log::new("", 0, "aüb").unwrap().shortened(1, 2).text(), "…b");
    }

    #[test]
    fn lines_that_come_again_do_not_push_out_the_others() {
        let asked =
            |second: u32| format!("127.0.0.1 - - [29/Nov/2026 06:05:{second:02}] \"GET /health\" 503\n");
        let mut text = "starting\nOperationalError: no such table\n".to_owned();
        for second in 0..60 {
            text.push_str(&asked(second));
            text.push_str("Service Unavailable: /health\n");
        }
        text.push_str("bye");
        assert_eq!(
            Log::new("", 0, &text).unwrap().to_string(),
            "starting\nOperationalError: no such table\n\
             127.0.0.1 - - [29/Nov/2026 06:05:59] \"GET /health\" 503  (60 times)\n\
             Service Unavailable: /health  (60 times)\nbye"
        );
    }

    #[test]
    fn lines_that_only_look_alike_are_kept() {
        let text = "line 1\nline 2\nline 3\nTraceback\n  File \"a.py\", line 3\nTraceback of another\n  File \"a.py\", line 3";
        assert_eq!(Log::new("", 0, text).unwrap().to_string(), text);
    }

    #[test]
    fn white_space_says_nothing() {
        assert_eq!(Log::new(" \n", 0, "\t\n"), None);
    }
}
