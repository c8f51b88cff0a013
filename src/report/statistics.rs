//! `--repeat`: how often each check passed, how long it took, and which budget that suggests.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::style::Style;
use super::summary::Counts;
use super::write_to_people;
use crate::event::{CheckReport, Event, RunInfo};
use crate::language::printable::printable;
use crate::outcome::{Outcome, Span};

/// Counts results over several runs of a suite.
pub struct Statistics<W> {
    out: W,
    style: Style,
    times: u32,
    runs: u32,
    suite: String,
    checks: Vec<Counted>,
}

/// The results of one check.
#[derive(Debug)]
struct Counted {
    name: Arc<str>,
    /// The runs in which it had a result. A skipped check has none.
    judged: u32,
    passed: Vec<Duration>,
    flaky: u32,
}

impl<W: Write> Statistics<W> {
    pub fn new(out: W, style: Style, times: u32) -> Statistics<W> {
        Statistics { out, style, times, runs: 0, suite: String::new(), checks: Vec::new() }
    }

    /// Prints a line for each check that did not pass, and one for each run.
    pub fn on_event(&mut self, event: &Event, run: &RunInfo) {
        match event {
            Event::RunStarted => {
                self.runs += 1;
                self.suite.clone_from(&run.suite);
            }
            Event::CheckFinished(report) => self.count(report, run),
            Event::RunFinished(report) => {
                let line = format!(
                    "run {} of {}: {} in {}\n",
                    self.runs,
                    self.times,
                    Counts::of(report, run).describe(),
                    Span(report.took)
                );
                write_to_people(&mut self.out, &line);
            }
            Event::CheckStarted { .. }
            | Event::AttemptFailed { .. }
            | Event::StepFinished { .. }
            | Event::Traced { .. }
            | Event::CheckReady { .. }
            | Event::RunCancelled(_) => {}
        }
    }

    fn count(&mut self, report: &CheckReport, run: &RunInfo) {
        let name = &run.checks[report.check].name;
        let index = self.checks.iter().position(|known| known.name == *name).unwrap_or_else(|| {
            self.checks.push(Counted { name: Arc::clone(name), judged: 0, passed: Vec::new(), flaky: 0 });
            self.checks.len() - 1
        });
        let counted = &mut self.checks[index];
        let failure = match &report.outcome {
            Outcome::Skipped(_) => return,
            Outcome::Passed => {
                counted.passed.push(report.trail.took);
                counted.flaky += u32::from(report.is_flaky());
                None
            }
            Outcome::Failed(failure) | Outcome::Warned(failure) | Outcome::Undecided(failure) => {
                Some(failure.to_string())
            }
        };
        counted.judged += 1;
        if let Some(failure) = failure {
            let first = failure.lines().next().unwrap_or_default();
            let status = report.status();
            let word = self.style.status(status, status.word());
            let line = format!("  {word} `{}`: {}\n", printable(name), printable(first));
            write_to_people(&mut self.out, &line);
        }
    }

    /// Renders the table with a row for each check, least reliable first.
    pub fn table(&self, style: Style) -> String {
        let runs = if self.runs == 1 { "run" } else { "runs" };
        let mut text = format!("\n{} {runs} of {}\n", self.runs, printable(&self.suite));
        text.push_str(&format!(
            "{:>8} {:>8} {:>8} {:>8} {:>8} {:>8}  check\n",
            "passed", "fastest", "median", "95th", "slowest", "budget"
        ));
        let mut rows: Vec<&Counted> = self.checks.iter().collect();
        rows.sort_by_key(|row| (row.failed() == 0, row.flaky == 0));
        for row in rows {
            let passed = format!("{:>8}", format!("{}/{}", row.passed.len(), row.judged));
            let passed = match (row.failed(), row.flaky) {
                (0, 0) => style.good(passed),
                (0, _) => style.warning(passed),
                (_, _) => style.bad(passed),
            };
            let times = match row.times() {
                Some(times) => times.map(|time| format!("{:>8}", Span(time).to_string())).join(" "),
                None => format!("{:>8} {:>8} {:>8} {:>8} {:>8}", "-", "-", "-", "-", "-"),
            };
            let flaky = match row.flaky {
                0 => String::new(),
                times => style.warning(format!("  (flaky {times} times)")),
            };
            text.push_str(&format!("{passed} {times}  {}{flaky}\n", printable(&row.name)));
        }
        text.push_str("budget: what these times suggest, twice the slowest pass, rounded up\n");
        text
    }
}

impl Counted {
    fn failed(&self) -> usize {
        usize::try_from(self.judged).unwrap_or(usize::MAX).saturating_sub(self.passed.len())
    }

    /// Returns the fastest, median, 95th percentile and slowest pass (nearest rank), and the budget they suggest.
    fn times(&self) -> Option<[Duration; 5]> {
        let mut passed = self.passed.clone();
        passed.sort();
        let rank = |percent: usize| passed[(passed.len() * percent).div_ceil(100).max(1) - 1];
        let slowest = *passed.last()?;
        Some([passed[0], rank(50), rank(95), slowest, suggested(slowest)])
    }
}

/// Returns a round budget with room for a bad day.
fn suggested(slowest: Duration) -> Duration {
    const NICE: [u64; 16] = [
        100, 200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000,
        180_000, 300_000,
    ];
    let wanted = slowest * 2;
    let nice = NICE.into_iter().map(Duration::from_millis).find(|nice| *nice >= wanted);
    nice.unwrap_or_else(|| Duration::from_mins(wanted.as_secs().div_ceil(60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_budgets_are_those_of_the_passes() {
        let passed = (1..=20).rev().map(|n| Duration::from_millis(n * 10)).collect();
        let counted = Counted { name: "x".into(), judged: 22, passed, flaky: 0 };
        let expected = [10, 100, 190, 200, 500].map(Duration::from_millis);
        assert_eq!((counted.times(), counted.failed()), (Some(expected), 2));
        let never = Counted { name: "x".into(), judged: 3, passed: Vec::new(), flaky: 0 };
        assert_eq!((never.times(), never.failed()), (None, 3));
    }
}
