//! The composition root: suite → plan → reporters → engine → exit.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;

use crate::about;
use crate::again;
use crate::check::{RunContext, Tracing};
use crate::cli::{ChoiceArgs, Cli, Command, LimitArgs, LookArgs, OutputArgs, RunArgs};
use crate::deadline::{Deadline, Scope};
use crate::engine;
use crate::event::{Event, RunInfo};
use crate::exit::Exit;
use crate::inspect;
use crate::outcome::Signal;
use crate::plan::{Choices, Plan, plan, unmatched};
use crate::report::{
    self, Color, Console, Destination, LastRun, Outputs, Rejection, Reporter, Stream, Style, Trouble,
    Verbosity, printable,
};
use crate::runtimes::{Runtimes, listen};
use crate::secret::Redactor;
use crate::suite::{Draft, Suite, SuiteError, read_draft, read_draft_text};

/// Does what the command line says.
///
/// # Errors
/// smoke could not do its own work.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run(args) => run_suite(args),
        Command::Watch(args) => again::watch(args),
        Command::Check(args) => Ok(inspect::check(&args)),
        Command::Plan(args) => inspect::plan(args),
        Command::List(args) => inspect::list(args),
        Command::Init(args) => inspect::init(args),
        Command::Demo(args) => crate::demo::run(args),
        Command::Schema => {
            let schema = crate::suite::schema::schema();
            Destination::Stdout.write(&format!("{schema:#}\n"))?;
            Ok(Exit::Passed)
        }
        Command::Completions { shell } => {
            Destination::Stdout.write(&about::completions(shell))?;
            Ok(Exit::Passed)
        }
        Command::Man => {
            Destination::Stdout.write(&about::manual())?;
            Ok(Exit::Passed)
        }
    }
}

/// A suite that is about to run.
pub struct Job {
    pub source: SuiteSource,
    pub choices: Choices,
    pub rerun: Rerun,
    pub outputs: OutputArgs,
    pub look: LookArgs,
}

/// What is run of what is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rerun {
    Everything,
    /// Only what did not pass in the last run.
    Failed,
}

/// Where the suite comes from.
pub enum SuiteSource {
    File(PathBuf),
    /// Text that is at hand; relative paths in it start in the path's folder.
    Text {
        path: PathBuf,
        text: String,
    },
}

impl SuiteSource {
    fn path(&self) -> &Path {
        match self {
            SuiteSource::File(path) | SuiteSource::Text { path, .. } => path,
        }
    }
}

fn run_suite(args: RunArgs) -> anyhow::Result<Exit> {
    let mut choices = choices(args.choices, Some(&args.limits));
    choices.keep_going = args.keep_going;
    if let Some(times) = args.repeat {
        choices.keep_going = true;
        return again::repeat(find_suite(args.suite), choices, times, &args.look);
    }
    let source = SuiteSource::File(find_suite(args.suite));
    let rerun = if args.rerun_failed { Rerun::Failed } else { Rerun::Everything };
    run_job(Job { source, choices, rerun, outputs: args.outputs, look: args.look })
}

/// Runs a suite from its text to its exit code.
///
/// # Errors
/// smoke could not do its own work.
pub fn run_job(job: Job) -> anyhow::Result<Exit> {
    let Job { source, mut choices, rerun, outputs, look } = job;
    let OutputArgs { junit, json, events } = outputs;
    let file = match &source {
        SuiteSource::File(path) => Some(path.as_path()),
        SuiteSource::Text { .. } => None,
    };
    let mut reporters = match (Outputs { junit, json, events }).reporters(file) {
        Ok(reporters) => reporters,
        Err(clash) => {
            say(&format!("error: {clash}\n"));
            return Ok(Exit::BadSuite);
        }
    };
    let last_run = match &source {
        SuiteSource::File(path) => Some(LastRun::of(path, choices.environment.as_deref())),
        SuiteSource::Text { .. } => None,
    };
    if let (Rerun::Failed, Some(last_run)) = (rerun, &last_run) {
        choices.names = not_passed(last_run);
    }
    let mut pipeline = report::of_pipeline();
    let redactor = Arc::new(Redactor::new());
    let color = look.color.resolve(std::io::stderr().is_terminal());
    let file = source.path().display().to_string();
    let (suite, plan) = match prepare(source, &choices, &redactor) {
        Ok(prepared) => prepared,
        Err(error) => {
            let environment = choices.environment.as_deref();
            let rejection = Rejection { file: &file, environment, error: &error, redactor: &redactor };
            reporters.append(&mut pipeline);
            for reporter in &mut reporters {
                reporter.on_rejection(&rejection);
            }
            // The suite's mistakes come last, and decide: nothing was sent.
            if !finish(&mut reporters) {
                say("\n");
            }
            return Ok(reject(&error, color));
        }
    };
    note_unmatched(&suite, &choices);
    if let Some(last_run) = last_run {
        let names = suite.checks.iter().map(|check| check.name().to_owned()).collect();
        let trouble = match rerun {
            Rerun::Everything => Trouble::IsSilent,
            Rerun::Failed => Trouble::IsSaid,
        };
        reporters.push(Box::new(last_run.keeper(names, trouble)));
    }
    // Listened for before an old report is taken away: from then on there is one at the end, whatever happens.
    let runtimes = Runtimes::start(plan.checks.len())?;
    let (signal_sender, mut signals) = mpsc::unbounded_channel();
    runtimes.block_on(async { listen(&signal_sender) }).context("cannot listen for signals")?;
    // All of them, so that no other run's report is left behind, whichever cannot be written.
    let begun: Vec<_> = reporters.iter_mut().map(|reporter| reporter.begin()).collect();
    begun.into_iter().collect::<Result<(), _>>()?;
    let info = info(&plan);
    let verbosity = if look.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let progress = look.progress.resolve(std::io::stderr().is_terminal());
    let console = Console::new(Stream::Stderr, Style::new(color), verbosity, progress);
    pipeline.push(Box::new(console));
    pipeline.append(&mut reporters);
    let mut reporters = pipeline;

    let tracing = if look.trace { Tracing::On } else { Tracing::Off };
    let context = Arc::new(RunContext::new(plan.suite.clone(), suite.dir.clone(), redactor, tracing));
    // What was written is needed no more, and may be large.
    drop(suite);
    let mut on_event = |event: &Event| {
        for reporter in &mut reporters {
            reporter.on_event(event, &info);
        }
    };
    let running = engine::run(&plan, context, runtimes.workers(), &mut signals, &mut on_event);
    let report = runtimes.block_on(running);
    let is_written = finish(&mut reporters);
    Ok(runtimes.block_on(once_read(report.exit, is_written, &mut signals)))
}

/// How long somebody who does not read is waited for after a signal.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// The exit code of a run, once standard output and error have taken what there is. They may never: then a signal ends
/// the waiting, and one that has ended the run already keeps it short.
pub(crate) async fn once_read(
    exit: Exit,
    is_written: bool,
    signals: &mut mpsc::UnboundedReceiver<Signal>,
) -> Exit {
    let patience = match exit {
        Exit::Interrupted | Exit::Terminated => LAST_WORDS,
        _ => Duration::MAX,
    };
    let exit = if is_written { exit } else { exit.without_a_report() };
    if !report::is_behind() {
        return exit;
    }
    let limit = Deadline::after(patience, Scope::Grace);
    let catching_up = limit.bound(async {
        tokio::select! {
            caught_up = tokio::task::spawn_blocking(report::catch_up) => Ok(caught_up.unwrap_or(Ok(()))),
            Some(signal) = signals.recv() => Err(Exit::of_signal(signal)),
        }
    });
    let caught_up = catching_up.await;
    if !matches!(caught_up, Ok(Ok(_))) {
        // Also where the signal was there first, and nobody has begun to wait: `main` would.
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

/// The names of what did not pass in the last run; everything, if none is known.
fn not_passed(last_run: &LastRun) -> Option<BTreeSet<String>> {
    let names = last_run.not_passed();
    match names {
        None => say("note: no earlier run of this suite is known here: everything runs\n"),
        Some(names) if names.is_empty() => say("note: nothing failed in the last run of this suite\n"),
        Some(_) => {}
    }
    names.cloned()
}

/// Says what is chosen and is not there.
pub(crate) fn note_unmatched(suite: &Suite, choices: &Choices) {
    for note in unmatched(suite, choices) {
        say(&format!("note: {}\n", printable(&note)));
    }
}

/// Writes what is still to be written, and says what cannot be: is everything written?
fn finish(reporters: &mut [Box<dyn Reporter>]) -> bool {
    let errors: Vec<_> = reporters.iter_mut().filter_map(|reporter| reporter.finish().err()).collect();
    for error in &errors {
        say(&format!("error: {error}\n"));
    }
    errors.is_empty()
}

/// What a run of `plan` is about, from now on.
pub(crate) fn info(plan: &Plan) -> RunInfo {
    RunInfo {
        suite: plan.suite.clone(),
        environment: plan.environment.clone(),
        budget: plan.budget,
        started: jiff::Timestamp::now(),
        checks: plan.checks.iter().map(|check| check.info.clone()).collect(),
    }
}

/// Reads the suite and plans its run. What is wrong with it is told as it may be shown.
pub(crate) fn prepare(
    source: SuiteSource,
    choices: &Choices,
    redactor: &Arc<Redactor>,
) -> Result<(Suite, Plan), SuiteError> {
    planned(source, choices, redactor).map_err(|error| inspect::covered(&error).redacted(redactor))
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

/// What a suite's file is called, where nobody says otherwise.
pub(crate) const SUITE_FILE: &str = "smoke.toml";

/// The suite that is named, or `smoke.toml` here or in the nearest parent folder.
pub(crate) fn find_suite(named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let found =
            here.ancestors().skip(1).map(|folder| folder.join(SUITE_FILE)).find(|path| path.is_file());
        match Path::new(SUITE_FILE).is_file() {
            true => SUITE_FILE.into(),
            false => found.unwrap_or_else(|| SUITE_FILE.into()),
        }
    })
}

pub(crate) fn colored(color: Color) -> bool {
    color.resolve(std::io::stderr().is_terminal())
}

/// Says what is wrong with a suite. `error` is as it may be shown.
pub(crate) fn reject(error: &SuiteError, color: bool) -> Exit {
    say(&error.render(color));
    Exit::BadSuite
}

pub(crate) fn say(text: &str) {
    // A reader that has gone away is no reason to fail.
    let _ = Stream::Stderr.write_all(text.as_bytes());
}
