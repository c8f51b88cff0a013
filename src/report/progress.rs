//! How far the run is, on a terminal: a bar under the lines of the checks.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// When a progress bar is shown; `Auto` is on a terminal, and not in CI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Progress {
    #[default]
    Auto,
    Always,
    Never,
}

impl Progress {
    /// Is a bar shown on a stream that is a terminal or not?
    #[must_use]
    pub fn resolve(self, is_terminal: bool) -> bool {
        match self {
            Progress::Always => true,
            Progress::Never => false,
            Progress::Auto => is_terminal && std::env::var_os("CI").is_none(),
        }
    }
}

pub(super) fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {elapsed:>4}  {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar
}
