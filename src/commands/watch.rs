//! `smoke watch`: runs the suite repeatedly on one screen, to watch a deploy roll out.

use std::io::IsTerminal as _;
use std::time::Duration;

use super::keys::{self, KeyByKey};
use super::prepare::{baseline, choices, find_suite, reject};
use super::rounds::Rounds;
use crate::attempt::Tracing;
use crate::cli::WatchArgs;
use crate::deadline::{BudgetScope, Deadline};
use crate::exit::Exit;
use crate::report::{Dashboard, Screen, Style};

/// How often the table is redrawn between runs. It shows for how long each status has lasted.
const REDRAW_EVERY: Duration = Duration::from_secs(1);

/// Runs the suite at intervals until `q` or a signal ends it. Returns the exit code of the last run that was not cut.
///
/// # Errors
/// Fails with an internal error, or if a report could not be written.
pub fn watch(args: WatchArgs) -> anyhow::Result<Exit> {
    let is_terminal = std::io::stderr().is_terminal();
    let color = args.color.resolve(is_terminal);
    let mut choices = choices(args.choices, Some(&args.limits));
    choices.keep_going = true;
    choices.read_only = args.read_only;
    choices.baseline = baseline(args.deploy);
    let mut rounds = Rounds::new(find_suite(args.suite), choices, Tracing::Off)?;
    let mut board = Dashboard::new(args.every);
    let mut screen = Screen::new(Style::new(color), is_terminal);
    let quit = keys::listen(rounds.signal_sender.clone());
    let key_by_key = KeyByKey::switch_on();
    let mut last = None;
    let exit = loop {
        let next_begins = Deadline::after(args.every, BudgetScope::Grace);
        let ran = rounds.next(&mut |event, info| {
            board.on_event(event, info);
            screen.show(&mut board);
        });
        let exit = match ran {
            Ok(report) => report.exit,
            Err(error) if last.is_none() => {
                drop(key_by_key);
                screen.leave(&mut board);
                return Ok(rounds.end_with(reject(&error, color)));
            }
            // Someone is editing the suite, so the last results stay visible.
            Err(error) => {
                board.reject(&error);
                Exit::BadSuite
            }
        };
        if matches!(exit, Exit::Interrupted | Exit::Terminated) {
            break if quit.is_wanted() { last.unwrap_or(exit) } else { exit };
        }
        last = Some(exit);
        if exit == Exit::NothingSelected {
            break exit;
        }
        let mut signal = None;
        while signal.is_none() && !next_begins.has_passed() {
            screen.show(&mut board);
            signal = rounds.wait(REDRAW_EVERY, next_begins);
        }
        if let Some(signal) = signal {
            break if quit.is_wanted() { exit } else { Exit::of_signal(signal) };
        }
    };
    drop(key_by_key);
    screen.leave(&mut board);
    Ok(rounds.end_with(exit))
}
