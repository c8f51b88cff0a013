//! The terminal that a [`Dashboard`] is shown on; in a pipe a line for each change.

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

/// How many columns the terminal has that people read on, if it is one and has as many as lines are wrapped at.
pub fn terminal_width() -> Option<usize> {
    const NARROWEST: usize = 40;
    let width = Term::stderr().size_checked().map(|(_, width)| usize::from(width));
    width.filter(|width| *width >= NARROWEST)
}

/// Draws a board on standard error.
pub struct Screen {
    style: Style,
    is_terminal: bool,
    is_open: bool,
}

impl Screen {
    pub fn new(style: Style, is_terminal: bool) -> Screen {
        Screen { style, is_terminal, is_open: false }
    }

    /// Shows the board as it is now.
    pub fn show(&mut self, board: &mut Dashboard) {
        if !self.is_terminal {
            for change in board.take_changes() {
                write_to_people(&mut Stream::Stderr, &format!("{}\n", change.line(self.style)));
            }
            return;
        }
        // Somebody has stopped the terminal: what has changed meanwhile is in the next picture.
        if !Stream::Stderr.keeps_up() {
            return;
        }
        let (height, width) = Term::stderr().size();
        let text = board.render(usize::from(width), usize::from(height), self.style, Timestamp::now());
        let opening = if self.is_open { "" } else { ALTERNATE_SCREEN };
        self.is_open = true;
        // Drawn over what is there, so that nothing flickers; the last line has no line break, which would scroll.
        let lines: Vec<String> = text.lines().map(|line| format!("{line}{REST_OF_LINE}")).collect();
        write_to_people(
            &mut Stream::Stderr,
            &format!("{opening}{HOME}{}{REST_OF_SCREEN}", lines.join("\r\n")),
        );
    }

    /// Gives the terminal back, with the last state on it.
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

/// However the watch ends, the terminal is restored.
impl Drop for Screen {
    fn drop(&mut self) {
        if self.is_open {
            write_to_people(&mut Stream::Stderr, MAIN_SCREEN);
        }
    }
}
