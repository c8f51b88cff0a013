//! The last lines of what a booted process printed, as reports have them.

use std::fmt;
use std::ops::Range;

use crate::secret::{Message, Redact};

/// The last lines that a process printed, and how many were before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    end: Message,
    left_out: usize,
}

impl Log {
    /// How many lines of an output a report holds at most, and how many bytes.
    pub const LINES: usize = 200;
    pub const BYTES: usize = 16 << 10;

    /// The end of `text`, which `before` lines were before; `None` if it says nothing. `clean` makes of a range of it
    /// what may be shown.
    pub fn end_of(text: &str, before: usize, clean: impl FnOnce(Range<usize>) -> String) -> Option<Log> {
        if text.trim().is_empty() {
            return None;
        }
        let start = start_of_end(text, Log::LINES, Log::BYTES);
        let end = clean(start..text.len());
        Some(Log {
            end: Message::new().words(mark(text, start)).excerpt(end, Log::BYTES),
            left_out: before + line_breaks(&text[..start]),
        })
    }

    /// The lines that are there, without the mark of those that are not.
    pub fn text(&self) -> String {
        self.end.to_string()
    }

    pub fn has_several_lines(&self) -> bool {
        self.left_out > 0 || self.text().contains('\n')
    }

    /// The same with fewer lines, for people who read it on a screen.
    pub fn shortened(&self, lines: usize, bytes: usize) -> Log {
        let text = self.text();
        let start = start_of_end(&text, lines, bytes);
        let left_out = self.left_out + line_breaks(&text[..start]);
        let end = Message::new().words(mark(&text, start)).words(text[start..].to_owned());
        Log { end, left_out }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.left_out {
            0 => {}
            1 => f.write_str("… 1 line left out\n")?,
            several => writeln!(f, "… {several} lines left out")?,
        }
        write!(f, "{}", self.end)
    }
}

impl Redact for Log {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        Log { end: clean(self.end), ..self }
    }
}

/// Where the last `lines` lines of `text` begin, or the last `bytes` bytes if they are less.
fn start_of_end(text: &str, lines: usize, bytes: usize) -> usize {
    let by_lines = text.rmatch_indices('\n').nth(lines - 1).map_or(0, |(at, _)| at + 1);
    by_lines.max(text.ceil_char_boundary(text.len().saturating_sub(bytes)))
}

/// What stands before an end that begins within a line.
fn mark(text: &str, start: usize) -> &'static str {
    if start == 0 || text[..start].ends_with('\n') { "" } else { "…" }
}

fn line_breaks(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> Log {
        Log::end_of(text, 3, |range| text[range].to_owned()).unwrap()
    }

    #[test]
    fn what_is_left_out_is_counted_and_an_end_within_a_line_is_marked() {
        let text = log("one\ntwo and a half\nthree");
        assert_eq!(text.to_string(), "… 3 lines left out\none\ntwo and a half\nthree");
        assert_eq!(text.shortened(2, 100).to_string(), "… 4 lines left out\ntwo and a half\nthree");
        assert_eq!(text.shortened(2, 10).to_string(), "… 4 lines left out\n…half\nthree");
        assert_eq!(text.shortened(2, 5).to_string(), "… 5 lines left out\nthree");
    }

    #[test]
    fn an_end_within_a_character_begins_after_it() {
        assert_eq!(log("aüb").shortened(1, 2).text(), "…b");
    }

    #[test]
    fn white_space_says_nothing() {
        assert_eq!(Log::end_of(" \n\t\n", 0, |_| String::new()), None);
    }
}
