//! The progress bar on a terminal, below the lines of the checks.

use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::stream::Stream;

/// When a progress bar is shown. `Auto` shows it on a terminal outside CI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Progress {
    #[default]
    Auto,
    Always,
    Never,
}

impl Progress {
    /// Whether the bar is shown on a stream that is or is not a terminal.
    pub fn resolve(self, is_terminal: bool) -> bool {
        match self {
            Progress::Always => true,
            Progress::Never => false,
            Progress::Auto => is_terminal && std::env::var_os("CI").is_none(),
        }
    }
}

/// The drawing rate that is also indicatif's default.
const FRAMES_A_SECOND: u8 = 20;

/// The terminal of standard error. If it is stopped (Ctrl-S), it does not block the run.
#[derive(Debug, Default)]
struct Patient {
    /// The current frame, which is written at once.
    frame: Mutex<String>,
}

impl Patient {
    fn frame(&self) -> MutexGuard<'_, String> {
        self.frame.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn go(&self, count: usize, direction: char) -> io::Result<()> {
        match count {
            0 => Ok(()),
            _ => self.write_str(&format!("\x1b[{count}{direction}")),
        }
    }
}

impl TermLike for Patient {
    fn width(&self) -> u16 {
        Term::stderr().size().1
    }

    fn height(&self) -> u16 {
        Term::stderr().size().0
    }

    fn move_cursor_up(&self, count: usize) -> io::Result<()> {
        self.go(count, 'A')
    }

    fn move_cursor_down(&self, count: usize) -> io::Result<()> {
        self.go(count, 'B')
    }

    fn move_cursor_right(&self, count: usize) -> io::Result<()> {
        self.go(count, 'C')
    }

    fn move_cursor_left(&self, count: usize) -> io::Result<()> {
        self.go(count, 'D')
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.write_str(&format!("{line}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.frame().push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let frame = std::mem::take(&mut *self.frame());
        Stream::Stderr.write_all(frame.as_bytes())
    }
}

pub(super) fn progress_bar() -> ProgressBar {
    let target = if Term::stderr().is_term() {
        ProgressDrawTarget::term_like_with_hz(Box::new(Patient::default()), FRAMES_A_SECOND)
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {elapsed:>4}  {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar
}
