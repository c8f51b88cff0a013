//! Styling. Words carry the meaning and colour only supports it, so nothing is lost without colour.

use std::fmt::Display;

use anstyle::{AnsiColor, Style as Ansi};
use jiff::Timestamp;

use crate::event::Status;

/// When colour is used. `Auto` uses it on a terminal, unless `NO_COLOR` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether colour is used on a stream that is or is not a terminal.
    pub fn resolve(self, is_terminal: bool) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
                is_terminal && !unwanted && !dumb
            }
        }
    }
}

/// Colours text, or leaves it plain.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    color: bool,
}

impl Style {
    pub fn new(color: bool) -> Style {
        Style { color }
    }

    pub(super) fn good(self, text: impl Display) -> String {
        self.paint(Ansi::new().bold().fg_color(Some(AnsiColor::Green.into())), text)
    }

    pub(super) fn bad(self, text: impl Display) -> String {
        self.paint(Ansi::new().bold().fg_color(Some(AnsiColor::Red.into())), text)
    }

    pub(super) fn warning(self, text: impl Display) -> String {
        self.paint(Ansi::new().bold().fg_color(Some(AnsiColor::Yellow.into())), text)
    }

    pub(super) fn quiet(self, text: impl Display) -> String {
        self.paint(Ansi::new().dimmed(), text)
    }

    pub(super) fn strong(self, text: impl Display) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    /// Colours a text by its status.
    pub(super) fn status(self, status: Status, text: impl Display) -> String {
        match status {
            Status::Passed => self.good(text),
            Status::Failed | Status::Errored => self.bad(text),
            Status::Flaky | Status::Flapped | Status::Slow | Status::Warned | Status::Undecided => {
                self.warning(text)
            }
            Status::Skipped => self.quiet(text),
        }
    }

    fn paint(self, ansi: Ansi, text: impl Display) -> String {
        if self.color { format!("{ansi}{text}{ansi:#}") } else { text.to_string() }
    }
}

/// Returns the time of day in UTC, as in server logs.
pub(super) fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}
