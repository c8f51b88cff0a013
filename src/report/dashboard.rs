//! The dashboard of `smoke watch`: the state of each check over many runs, and the table that shows it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use console::{Alignment, measure_text_width, pad_str, truncate_str};
use jiff::Timestamp;

use super::standing::and_remarks;
use super::style::{Style, clock};
use crate::event::{CheckReport, Event, RunInfo, Status};
use crate::language::diagnostic::SuiteError;
use crate::language::printable::printable;
use crate::outcome::{Outcome, SkipReason, Span};

/// How many results of a check its sparkline shows.
const HISTORY: usize = 20;

/// How many changes are shown above the table.
const CHANGES: usize = 4;

/// Lines narrower than this have no room for latency and history.
const NARROW: usize = 64;

/// The state of a suite that runs repeatedly.
#[derive(Debug)]
pub struct Dashboard {
    every: Duration,
    suite: String,
    round: u32,
    in_flight: usize,
    rows: Vec<Row>,
    /// The most recent changes, newest first.
    changes: VecDeque<Change>,
    /// Why the last run did not start: the suite is invalid.
    rejected: Option<String>,
}

#[derive(Debug)]
struct Row {
    name: Arc<str>,
    state: Status,
    since: Timestamp,
    history: VecDeque<Beat>,
    /// Why it is red, or slower than before the deploy.
    why: Option<String>,
    /// It is not the deploy's doing.
    is_excused: bool,
}

/// A single result.
#[derive(Debug, Clone, Copy)]
struct Beat {
    state: Status,
    took: Duration,
}

/// A change in the status of a check.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub at: Timestamp,
    name: Arc<str>,
    from: Option<(Status, Duration)>,
    to: Status,
    why: Option<String>,
}

impl Dashboard {
    pub fn new(every: Duration) -> Dashboard {
        Dashboard {
            every,
            suite: String::new(),
            round: 0,
            in_flight: 0,
            rows: Vec::new(),
            changes: VecDeque::new(),
            rejected: None,
        }
    }

    pub fn on_event(&mut self, event: &Event, run: &RunInfo) {
        match event {
            Event::RunStarted => {
                self.round += 1;
                self.in_flight = 0;
                self.rejected = None;
                let environment = run.environment.as_ref().map(|name| format!(" ({name})"));
                self.suite = format!("{}{}", run.suite, environment.unwrap_or_default());
                // The file may contain other checks than before.
                self.rows.retain(|row| run.checks.iter().any(|check| check.name == row.name));
            }
            Event::CheckStarted { .. } => self.in_flight += 1,
            Event::CheckFinished(report) => {
                self.in_flight = self.in_flight.saturating_sub(1);
                if !matches!(&report.outcome, Outcome::Skipped(SkipReason::Signal { .. })) {
                    self.note(report, run);
                }
            }
            Event::CheckReady { .. } => self.in_flight = self.in_flight.saturating_sub(1),
            Event::AttemptFailed { .. }
            | Event::StepFinished { .. }
            | Event::Traced { .. }
            | Event::RunCancelled(_)
            | Event::RunFinished(_) => {}
        }
    }

    /// Records a run that did not start.
    pub fn reject(&mut self, error: &SuiteError) {
        self.rejected = Some(error.render(false));
    }

    fn note(&mut self, report: &CheckReport, run: &RunInfo) {
        let now = Timestamp::now();
        let name = &run.checks[report.check].name;
        let state = report.status();
        let why = match &report.outcome {
            Outcome::Failed(failure) | Outcome::Warned(failure) | Outcome::Undecided(failure) => {
                Some(failure.to_string())
            }
            Outcome::Skipped(reason) => Some(reason.to_string()),
            Outcome::Passed => None,
        };
        let beside = and_remarks(report, run);
        let why = match why {
            Some(why) => Some(format!("{}{beside}", why.lines().next().unwrap_or_default())),
            None => beside.strip_prefix("; ").map(str::to_owned),
        };
        let why = why.map(|why| printable(&why));
        let is_excused = run.excuse(report).is_some();
        let beat = Beat { state, took: report.trail.took };
        let from = match self.rows.iter_mut().find(|row| row.name == *name) {
            None => {
                let history = VecDeque::from([beat]);
                let name = Arc::clone(name);
                self.rows.push(Row { name, state, since: now, history, why: why.clone(), is_excused });
                None
            }
            Some(row) => {
                row.why.clone_from(&why);
                row.is_excused = is_excused;
                row.history.push_back(beat);
                if row.history.len() > HISTORY {
                    row.history.pop_front();
                }
                if row.state == state {
                    return;
                }
                let before = (row.state, lasted(row.since, now));
                (row.state, row.since) = (state, now);
                Some(before)
            }
        };
        self.changes.truncate(HISTORY);
        self.changes.push_front(Change { at: now, name: Arc::clone(name), from, to: state, why });
    }

    /// Returns the changes since the last call, oldest first.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        self.changes.drain(..).rev().collect()
    }

    /// Renders the dashboard in lines of at most `width` columns. Of the table, it shows as many rows as fit in
    /// `height` lines.
    pub(super) fn render(&self, width: usize, height: usize, style: Style, now: Timestamp) -> String {
        let mut lines = vec![self.head(style, now)];
        if let Some(rejected) = &self.rejected {
            lines.extend(rejected.lines().map(str::to_owned));
        }
        let changes = self.changes.iter().filter(|change| change.from.is_some()).take(CHANGES);
        let changes: Vec<String> = changes.map(|change| change.line(style)).collect();
        lines.push(String::new());
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        // The latest change comes first. The sort is stable, so checks that changed together keep the suite's order.
        rows.sort_by_key(|row| std::cmp::Reverse(row.since.as_second()));
        // Failed checks come first, above anything that could push them off a short screen.
        let (red, others): (Vec<&Row>, Vec<&Row>) = rows.into_iter().partition(|row| row.is_red());
        for row in &red {
            lines.extend(row.lines(width, style, now));
        }
        if !changes.is_empty() {
            lines.extend(Some(String::new()).filter(|_| !red.is_empty()));
            lines.extend(changes);
            lines.push(String::new());
        }
        for row in others {
            lines.extend(row.lines(width, style, now));
        }
        if lines.len() > height {
            let hidden = lines.len() - height.saturating_sub(1);
            lines.truncate(height.saturating_sub(1));
            lines.push(style.quiet(format!("… {hidden} more lines")));
        }
        let cut = lines.iter().map(|line| truncate_str(line, width, "…"));
        cut.flat_map(|line| [line, "\n".into()]).collect()
    }

    fn head(&self, style: Style, now: Timestamp) -> String {
        let red = self.rows.iter().filter(|row| row.is_red()).count();
        let excused = self.rows.iter().filter(|row| row.is_red() && row.is_excused).count();
        let state = match (self.rows.is_empty(), red) {
            (true, _) => style.quiet("…"),
            (false, 0) => style.good("ok"),
            (false, red) if red == excused => {
                style.warning(format!("{red} of {} red, not by this deploy", self.rows.len()))
            }
            (false, red) if excused > 0 => {
                style.bad(format!("{red} of {} red, {excused} of them not by this deploy", self.rows.len()))
            }
            (false, red) => style.bad(format!("{red} of {} red", self.rows.len())),
        };
        let running = match self.in_flight {
            0 => String::new(),
            several => format!(", {several} running"),
        };
        format!(
            "{} {state}  run {}{running}, every {}, {}; q ends",
            style.strong(printable(&self.suite)),
            self.round,
            Span(self.every),
            clock(now),
        )
    }
}

impl Row {
    fn is_red(&self) -> bool {
        match self.state {
            Status::Failed | Status::Errored => true,
            Status::Passed
            | Status::Flaky
            | Status::Slow
            | Status::Flapped
            | Status::Warned
            | Status::Undecided
            | Status::Skipped => false,
        }
    }

    fn lines(&self, width: usize, style: Style, now: Timestamp) -> Vec<String> {
        let word = style.status(self.state, format!("{:>5}", self.state.word()));
        let since = format!("{:>7}", for_how_long(lasted(self.since, now)));
        let last = self.history.back().map_or_else(String::new, |beat| match beat.state {
            Status::Skipped => String::new(),
            Status::Passed
            | Status::Flaky
            | Status::Flapped
            | Status::Slow
            | Status::Warned
            | Status::Failed
            | Status::Errored
            | Status::Undecided => Span(beat.took).to_string(),
        });
        let name = printable(&self.name);
        let line = if width < NARROW {
            format!("{word} {since}  {name}")
        } else {
            let spark = pad_str(&self.sparkline(style), HISTORY, Alignment::Right, None).into_owned();
            format!("{word} {since} {last:>7} {spark}  {name}")
        };
        let why = self.why.iter();
        let indent = " ".repeat(6);
        std::iter::once(line).chain(why.map(|why| style.quiet(format!("{indent}{why}")))).collect()
    }

    /// Renders a bar for each pass, scaled to the slowest one, and a letter for every other result.
    fn sparkline(&self, style: Style) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let passes = self.history.iter().filter(|beat| beat.state.has_passed());
        let slowest = passes.map(|beat| beat.took).max().unwrap_or_default().as_nanos().max(1);
        let shown = self.history.iter().map(|beat| {
            let sign = match beat.state {
                Status::Passed | Status::Flaky | Status::Flapped | Status::Slow => {
                    let height = (beat.took.as_nanos() * 8 / slowest).min(7);
                    BARS[usize::try_from(height).unwrap_or(7)]
                }
                Status::Warned => '!',
                Status::Failed | Status::Errored => 'x',
                Status::Undecided => '?',
                Status::Skipped => '.',
            };
            style.status(beat.state, sign)
        });
        let text: String = shown.collect();
        debug_assert!(measure_text_width(&text) <= HISTORY);
        text
    }
}

impl Change {
    /// Formats the change: ``12:00:10Z `api is healthy` PASS → FAIL after 2m 5s: expected status 200, got 503``.
    pub(super) fn line(&self, style: Style) -> String {
        let to = style.status(self.to, self.to.word());
        let what = match self.from {
            None => to,
            Some((from, lasted)) => format!("{} → {to} after {}", from.word(), for_how_long(lasted)),
        };
        let why = self.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("{} `{}` {what}{why}", clock(self.at), printable(&self.name))
    }
}

fn lasted(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// Formats a time in whole seconds, or in whole minutes from an hour on.
fn for_how_long(time: Duration) -> String {
    let seconds = time.as_secs();
    Span(Duration::from_secs(if seconds >= 3600 { seconds / 60 * 60 } else { seconds }))
        .to_string()
        .replace("0ms", "0s")
}
