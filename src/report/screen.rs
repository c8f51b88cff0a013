//! The terminal for a [`Dashboard`]. In a pipe, it prints a line for each change.

use console::Term;
use jiff::Timestamp;

use super::dashboard::Dashboard;
use super::stream::Stream;
use super::style::Style;
use super::write_to_people;

const ALTERNATE_SCREEN: &str = "\x1b[?1049h\x1b[?25l";
const MAIN_SCREEN: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

/// Returns the width of the terminal on standard error, if it is one and is wide enough for wrapping lines.
pub fn terminal_width() -> Option<usize> {
    const NARROWEST: usize = 40;
    let width = Term::stderr().size_checked().map(|(_, width)| usize::from(width));
    width.filter(|width| *width >= NARROWEST)
}

/// Draws a dashboard on standard error.
pub struct Screen {
    style: Style,
    is_terminal: bool,
    is_open: bool,
}

impl Screen {
    pub fn new(style: Style, is_terminal: bool) -> Screen {
        Screen { style, is_terminal, is_open: false }
    }

    /// Shows the current dashboard.
    pub fn show(&mut self, board: &mut Dashboard) {
        if !self.is_terminal {
            for change in board.take_changes() {
                write_to_people(&mut Stream::Stderr, &format!("{}\n", change.line(self.style)));
            }
            return;
        }
        // The terminal is stopped. The next frame will contain what has changed by then.
        if !Stream::Stderr.keeps_up() {
            return;
        }
        let (height, width) = Term::stderr().size();
        let text = board.render(usize::from(width), usize::from(height), self.style, Timestamp::now());
        let opening = if self.is_open { "" } else { ALTERNATE_SCREEN };
        self.is_open = true;
        // Overwrites the previous frame to avoid flicker. The last line has no line break, which would scroll.
        let lines: Vec<String> = text.lines().map(|line| format!("{line}{REST_OF_LINE}")).collect();
        write_to_people(
            &mut Stream::Stderr,
            &format!("{opening}{HOME}{}{REST_OF_SCREEN}", lines.join("\r\n")),
        );
    }

    /// Restores the terminal, and prints the last state.
    pub fn leave(mut self, board: &mut Dashboard) {
        if std::mem::take(&mut self.is_open) {
            let (_, width) = Term::stderr().size();
            let text = board.render(usize::from(width), usize::MAX, self.style, Timestamp::now());
            write_to_people(&mut Stream::Stderr, &format!("{MAIN_SCREEN}{text}"));
        } else {
            self.show(board);
        }
    }
}

/// Restores the terminal, however the watch ends.
impl Drop for Screen {
    fn drop(&mut self) {
        if self.is_open {
            write_to_people(&mut Stream::Stderr, MAIN_SCREEN);
        }
    }
}
