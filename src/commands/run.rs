//! The composition root: suite → plan → reporters → engine → exit.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::mpsc;

use super::prepare::{
    SuiteSource, baseline, choices, find_suite, info, note_unmatched, once_read, prepare, reject, say,
};
use super::repeat::repeat;
use crate::attempt::{AfterRed, RunContext, Tracing};
use crate::cli::{BaselineArgs, LookArgs, OutputArgs, RunArgs};
use crate::engine;
use crate::event::Event;
use crate::exit::Exit;
use crate::plan::Choices;
use crate::process::{raise_open_files, reap};
use crate::report::{
    self, Console, LastRun, Outputs, Rejection, Reporter, Stream, Style, Trouble, Verbosity, terminal_width,
};
use crate::runtimes::{Runtimes, ThreadTrial, listen};
use crate::secret::Redactor;

/// A suite that is about to run.
pub struct Job {
    pub source: SuiteSource,
    pub choices: Choices,
    pub rerun: Rerun,
    pub after_red: AfterRed,
    pub labels: Vec<(String, String)>,
    pub baseline: BaselineArgs,
    pub outputs: OutputArgs,
    pub look: LookArgs,
}

/// Which of the selected checks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rerun {
    Everything,
    /// Only those that did not pass in the last run.
    Failed,
}

pub fn run_suite(args: RunArgs) -> anyhow::Result<Exit> {
    let mut choices = choices(args.choices, Some(&args.limits));
    choices.keep_going = args.keep_going;
    choices.read_only = args.read_only;
    if let Some(times) = args.repeat {
        choices.keep_going = true;
        choices.baseline = baseline(args.deploy);
        return repeat(find_suite(args.suite), choices, times, &args.look);
    }
    let source = SuiteSource::File(find_suite(args.suite));
    let rerun = if args.rerun_failed { Rerun::Failed } else { Rerun::Everything };
    let after_red = if args.keep_running { AfterRed::KeepRunning } else { AfterRed::Stop };
    run_job(Job {
        source,
        choices,
        rerun,
        after_red,
        labels: args.label,
        baseline: args.deploy,
        outputs: args.outputs,
        look: args.look,
    })
}

/// Runs a suite from its source to its exit code.
///
/// # Errors
/// Fails with an internal error, or if a report could not be written.
pub fn run_job(job: Job) -> anyhow::Result<Exit> {
    let Job { source, mut choices, rerun, after_red, labels, baseline: before, outputs, look } = job;
    let trial = ThreadTrial::begin();
    let OutputArgs { junit, json, events } = outputs;
    let file = match &source {
        SuiteSource::File(path) => Some(path.as_path()),
        SuiteSource::Text { .. } => None,
    };
    let mut reporters = match (Outputs { junit, json, events }).reporters(file, before.baseline.as_deref()) {
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
    // Before a report takes the place of another run's.
    choices.baseline = baseline(before);
    let mut pipeline = report::of_pipeline();
    let redactor = Arc::new(Redactor::new());
    let color = look.color.resolve(std::io::stderr().is_terminal());
    let file = source.path().display().to_string();
    let (mut suite, plan) = match prepare(source, &choices, &redactor) {
        Ok(prepared) => prepared,
        Err(error) => {
            let environment = choices.environment.as_deref();
            let labels = labels_to_show(labels, &redactor);
            let rejection =
                Rejection { file: &file, environment, error: &error, labels: &labels, redactor: &redactor };
            reporters.append(&mut pipeline);
            for reporter in &mut reporters {
                reporter.on_rejection(&rejection);
            }
            // The suite's mistakes are printed last and decide the exit code, because nothing was sent.
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
    // Listen for signals before an old report is removed, so that a new one is written in any case.
    raise_open_files();
    let runtimes = Runtimes::start(plan.checks.len(), trial)?;
    let (signal_sender, mut signals) = mpsc::unbounded_channel();
    runtimes.block_on(async { listen(&signal_sender, reap) }).context("cannot listen for signals")?;
    // Starts all of them, so that no old report survives even if another one cannot be written.
    let begun: Vec<_> = reporters.iter_mut().map(|reporter| reporter.begin()).collect();
    begun.into_iter().collect::<Result<(), _>>()?;
    let info = info(&plan, std::mem::take(&mut suite.sources), labels_to_show(labels, &redactor));
    let verbosity = if look.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let progress = look.progress.resolve(std::io::stderr().is_terminal());
    let console =
        Console::new(Stream::Stderr, Style::new(color), verbosity, progress).wrapping_at(terminal_width);
    pipeline.push(Box::new(console));
    pipeline.append(&mut reporters);
    let mut reporters = pipeline;

    let tracing = if look.trace { Tracing::On } else { Tracing::Off };
    let mut context = RunContext::new(plan.suite.clone(), suite.dir.clone(), redactor, tracing);
    context.after_red = after_red;
    let context = Arc::new(context);
    // The suite is no longer needed, and may be large.
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

/// The labels without secrets, each name once: the last value counts, as for `--var`.
fn labels_to_show(labels: Vec<(String, String)>, redactor: &Redactor) -> Vec<(String, String)> {
    let mut shown: Vec<(String, String)> = Vec::new();
    for (name, value) in labels {
        let (name, value) = (redactor.clean(&name), redactor.clean(&value));
        shown.retain(|(known, _)| *known != name);
        shown.push((name, value));
    }
    shown
}

/// The names of what did not pass in the last run; everything, if none is known.
fn not_passed(last_run: &LastRun) -> Option<BTreeSet<String>> {
    let names = last_run.not_passed();
    match names {
        None => say("note: no earlier run of this suite is known: running everything\n"),
        Some(names) if names.is_empty() => say("note: nothing failed in the last run of this suite\n"),
        Some(_) => {}
    }
    names.cloned()
}

/// Finishes all reports, and prints errors. Returns whether everything was written.
fn finish(reporters: &mut [Box<dyn Reporter>]) -> bool {
    let errors: Vec<_> = reporters.iter_mut().filter_map(|reporter| reporter.finish().err()).collect();
    for error in &errors {
        say(&format!("error: {error}\n"));
    }
    errors.is_empty()
}
