//! `smoke run --repeat N`: measures how reliable and how fast each check is.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::prepare::reject;
use super::rounds::Rounds;
use crate::attempt::Tracing;
use crate::cli::LookArgs;
use crate::exit::Exit;
use crate::plan::Choices;
use crate::report::{Destination, Statistics, Stream, Style};

/// Runs the suite `times` times and prints the statistics of each check. Returns the most severe exit code of all runs.
///
/// # Errors
/// Fails with an internal error, or if a report could not be written.
pub fn repeat(path: PathBuf, choices: Choices, times: u32, look: &LookArgs) -> anyhow::Result<Exit> {
    let color = look.color.resolve(std::io::stderr().is_terminal());
    let tracing = if look.trace { Tracing::On } else { Tracing::Off };
    let mut rounds = Rounds::new(path, choices, tracing)?;
    let mut tally = Statistics::new(Stream::Stderr, Style::new(color), times);
    let mut exit = Exit::NothingSelected;
    for _ in 0..times {
        let report = match rounds.next(&mut |event, info| tally.on_event(event, info)) {
            Ok(report) => report,
            Err(error) => return Ok(reject(&error, color)),
        };
        exit = exit.or_worse(report.exit);
        if matches!(report.exit, Exit::Interrupted | Exit::Terminated | Exit::NothingSelected) {
            break;
        }
    }
    let color = look.color.resolve(std::io::stdout().is_terminal());
    Destination::Stdout.write(&tally.table(Style::new(color)))?;
    Ok(rounds.end_with(exit))
}
