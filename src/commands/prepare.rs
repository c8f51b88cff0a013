//! Turns the command line into a planned suite, and prints messages on the way.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::cli::{BaselineArgs, ChoiceArgs, LimitArgs};
use crate::deadline::{BudgetScope, Deadline};
use crate::event::{Baseline, RunInfo};
use crate::exit::Exit;
use crate::language::diagnostic::{Diagnostic, SuiteError};
use crate::language::printable::{printable, printable_styled};
use crate::language::source::Sources;
use crate::lint;
use crate::outcome::Signal;
use crate::plan::{Choices, Plan, plan, unmatched};
use crate::report::{self, Color, Stream, read_baseline};
use crate::secret::Redactor;
use crate::suite::{Draft, Suite, read_draft, read_draft_text};

/// The source of the suite.
pub enum SuiteSource {
    File(PathBuf),
    /// Text in memory. Relative paths in it start in the directory of `path`.
    Text {
        path: PathBuf,
        text: String,
    },
}

impl SuiteSource {
    pub fn path(&self) -> &Path {
        match self {
            SuiteSource::File(path) | SuiteSource::Text { path, .. } => path,
        }
    }
}

/// What a run of `plan` is about, from now on. `sources` are the files of its suite, `labels` are as they may be shown.
pub(crate) fn info(plan: &Plan, sources: Sources, labels: Vec<(String, String)>) -> RunInfo {
    RunInfo {
        suite: plan.suite.clone(),
        environment: plan.environment.clone(),
        budget: plan.budget,
        started: jiff::Timestamp::now(),
        checks: plan.checks.iter().map(|check| check.info.clone()).collect(),
        sources,
        labels,
        baseline: plan.baseline.clone(),
    }
}

/// Reads the suite and plans its run. Errors show no secrets.
pub(crate) fn prepare(
    source: SuiteSource,
    choices: &Choices,
    redactor: &Arc<Redactor>,
) -> Result<(Suite, Plan), SuiteError> {
    planned(source, choices, redactor).map_err(|error| lint::covered(&error).redacted(redactor))
}

fn planned(
    source: SuiteSource,
    choices: &Choices,
    redactor: &Arc<Redactor>,
) -> Result<(Suite, Plan), SuiteError> {
    let names: Vec<String> = choices.variables.iter().map(|(name, _)| name.clone()).collect();
    let draft = match source {
        SuiteSource::File(path) => read_draft(&path, &names)?,
        SuiteSource::Text { path, text } => read_draft_text(&path, &text, &names),
    };
    if !draft.is_whole {
        let suite = draft.sound()?;
        return Err(SuiteError::new(suite.sources, Vec::new()));
    }
    let Draft { suite, mut mistakes, .. } = draft;
    match plan(&suite, choices, redactor) {
        Ok(plan) if mistakes.is_empty() => return Ok((suite, plan)),
        Ok(_) => {}
        Err(more) => mistakes.extend(more),
    }
    Err(SuiteError::new(suite.sources, mistakes))
}

pub(crate) fn choices(args: ChoiceArgs, limits: Option<&LimitArgs>) -> Choices {
    Choices {
        concurrency: limits.and_then(|limits| limits.jobs).and_then(|jobs| usize::try_from(jobs).ok()),
        budget: limits.and_then(|limits| limits.budget),
        environment: args.env,
        variables: args.var,
        tags: args.tag,
        skip_tags: args.skip_tag,
        only: args.only,
        skip: args.skip,
        ..Choices::default()
    }
}

/// The run before the deploy, for [`Choices`].
pub(crate) fn baseline(args: BaselineArgs) -> Option<Result<Arc<Baseline>, Diagnostic>> {
    args.baseline.map(|path| read_baseline(&path).map(Arc::new))
}

/// The default name of a suite's file.
pub(crate) const SUITE_FILE: &str = "smoke.toml";

/// Returns the suite that was named, or `smoke.toml` in this or the nearest parent directory.
pub(crate) fn find_suite(named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let found =
            here.ancestors().skip(1).map(|folder| folder.join(SUITE_FILE)).find(|path| path.is_file());
        if Path::new(SUITE_FILE).is_file() {
            SUITE_FILE.into()
        } else {
            found.unwrap_or_else(|| SUITE_FILE.into())
        }
    })
}

pub(crate) fn colored(color: Color) -> bool {
    color.resolve(std::io::stderr().is_terminal())
}

/// Prints the mistakes of a suite. `error` must already be safe to show.
pub(crate) fn reject(error: &SuiteError, color: bool) -> Exit {
    say(&error.render(color));
    Exit::BadSuite
}

pub(crate) fn say(text: &str) {
    // A reader that has gone away is not a reason to fail.
    let _ = Stream::Stderr.write_all(printable_styled(text).as_bytes());
}

/// Prints a note for each pattern or tag that matches nothing.
pub(crate) fn note_unmatched(suite: &Suite, choices: &Choices) {
    if let Some(Ok(baseline)) = &choices.baseline
        && baseline.environment != choices.environment
    {
        let name = |environment: &Option<String>| match environment {
            Some(name) => format!("of the environment `{name}`"),
            None => "of no environment".to_owned(),
        };
        let (then, now) = (name(&baseline.environment), name(&choices.environment));
        let note = format!("the baseline is {then}, and this run is {now}: nothing that is red is known");
        say(&format!("note: {}\n", printable(&note)));
    }
    for note in unmatched(suite, choices) {
        say(&format!("note: {}\n", printable(&note)));
    }
}

/// How long to wait, after a signal, for a reader that does not read.
const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Returns the exit code of a run once standard output and standard error have been drained. A reader may block
/// forever. A signal then ends the wait, and a signal that already ended the run shortens it.
pub(crate) async fn once_read(
    exit: Exit,
    is_written: bool,
    signals: &mut mpsc::UnboundedReceiver<Signal>,
) -> Exit {
    let patience = match exit {
        Exit::Interrupted | Exit::Terminated => OUTPUT_DRAIN_TIMEOUT,
        _ => Duration::MAX,
    };
    let exit = if is_written { exit } else { exit.without_a_report() };
    if !report::is_behind() {
        return exit;
    }
    let limit = Deadline::after(patience, BudgetScope::Grace);
    // Why: every check has ended. When the limit or a signal ends the wait, the output is released below.
    let catching_up = limit.bound(async {
        tokio::select! {
            caught_up = tokio::task::spawn_blocking(report::catch_up) => Ok(caught_up.unwrap_or(Ok(()))),
            Some(signal) = signals.recv() => Err(Exit::of_signal(signal)),
        }
    });
    let caught_up = catching_up.await;
    if !matches!(caught_up, Ok(Ok(_))) {
        // Also if a signal arrived before anything waited, because `main` would wait otherwise.
        report::let_go();
    }
    match caught_up {
        Ok(Ok(Ok(()))) | Err(_) => exit,
        Ok(Ok(Err(error))) => {
            say(&format!("error: {error}\n"));
            exit.without_a_report()
        }
        Ok(Err(signalled)) => signalled,
    }
}
