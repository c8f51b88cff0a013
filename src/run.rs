//! The composition root: suite → plan → reporters → engine → exit.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::mpsc;

use crate::check::RunContext;
use crate::cli::{CheckArgs, ChoiceArgs, Cli, Command, ListArgs, LookArgs, RunArgs};
use crate::engine;
use crate::event::{CheckInfo, Event, RunInfo};
use crate::exit::Exit;
use crate::outcome::Signal;
use crate::plan::{self, Choices, Plan, plan};
use crate::report::{Color, Console, Destination, Junit, Reporter, Style, Verbosity};
use crate::secret::Redactor;
use crate::suite::{Draft, Suite, SuiteError, load, read_draft, read_draft_text};

/// Does what the command line says.
///
/// # Errors
/// smoke could not do its own work.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run(args) => run_suite(args),
        Command::Check(args) => Ok(check(&args)),
        Command::List(args) => list(args),
        Command::Demo(args) => crate::demo::run(args),
        Command::Completions { shell } => {
            let mut command = <Cli as clap::CommandFactory>::command();
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "smoke", &mut script);
            Destination::Stdout.write(&String::from_utf8_lossy(&script))?;
            Ok(Exit::Passed)
        }
    }
}

/// A suite that is about to run.
pub struct Job {
    pub source: SuiteSource,
    pub choices: Choices,
    pub junit: Option<String>,
    pub look: LookArgs,
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
    let mut choices = choices(args.choices);
    choices.concurrency = args.jobs.and_then(|jobs| usize::try_from(jobs).ok());
    choices.budget = args.budget;
    choices.keep_going = args.keep_going;
    let source = SuiteSource::File(find_suite(args.suite));
    run_job(Job { source, choices, junit: args.junit, look: args.look })
}

/// Runs a suite from its text to its exit code.
///
/// # Errors
/// smoke could not do its own work.
pub fn run_job(job: Job) -> anyhow::Result<Exit> {
    let Job { source, choices, junit, look } = job;
    let redactor = Arc::new(Redactor::new());
    let color = look.color.resolve(std::io::stderr().is_terminal());
    let junit = junit.as_deref().map(Destination::parse);
    let file = source.path().display().to_string();
    let (dir, plan) = match prepare(source, &choices, &redactor) {
        Ok(prepared) => prepared,
        Err(error) => {
            // A report of an earlier run must not pass for this one's.
            let written = junit.map_or(Ok(()), |to| to.write(&Junit::of_rejected(&file, &error, &redactor)));
            say(&written.err().map(|error| format!("error: {error}\n\n")).unwrap_or_default());
            return Ok(reject(&error, color));
        }
    };
    if let Some(junit) = &junit {
        junit.clear()?;
    }
    let info = RunInfo {
        suite: plan.suite.clone(),
        environment: plan.environment.clone(),
        budget: plan.budget,
        started: jiff::Timestamp::now(),
        checks: plan.checks.iter().map(|check| check.info.clone()).collect::<Vec<CheckInfo>>(),
    };
    let verbosity = if look.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let progress = look.progress.resolve(std::io::stderr().is_terminal());
    let console = Console::new(std::io::stderr(), Style::new(color), verbosity, progress);
    let mut reporters: Vec<Box<dyn Reporter>> = vec![Box::new(console)];
    reporters.extend(junit.map(|to| Box::new(Junit::new(to)) as Box<dyn Reporter>));

    let context = Arc::new(RunContext::new(plan.suite.clone(), dir, redactor));
    let mut exit = execute(&plan, context, &mut |event| {
        for reporter in &mut reporters {
            reporter.on_event(event, &info);
        }
    })?;
    for error in reporters.iter_mut().filter_map(|reporter| reporter.finish().err()) {
        say(&format!("error: {error}\n"));
        exit = exit.without_a_report();
    }
    Ok(exit)
}

/// The plan, and the folder that its relative paths start in.
fn prepare(
    source: SuiteSource,
    choices: &Choices,
    redactor: &Redactor,
) -> Result<(PathBuf, Plan), SuiteError> {
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
        Ok(plan) if mistakes.is_empty() => return Ok((suite.dir, plan)),
        Ok(_) => {}
        Err(more) => mistakes.extend(more),
    }
    Err(SuiteError::new(suite.sources, mistakes))
}

fn execute(plan: &Plan, context: Arc<RunContext>, on_event: &mut dyn FnMut(&Event)) -> anyhow::Result<Exit> {
    // Checks wait more than they work. Two workers, so that one that works does not keep the other's time; the
    // engine is on this thread, so that none of them keeps the suite's.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(plan.checks.len().clamp(1, 2))
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let report = runtime.block_on(async {
        let signals = signals().context("cannot listen for signals")?;
        anyhow::Ok(engine::run(plan, context, signals, on_event).await)
    });
    // Not dropped: a name look-up that hangs would hold the exit.
    runtime.shutdown_background();
    Ok(report?.exit)
}

/// SIGINT, SIGTERM, and SIGHUP, which ends a run as well when its terminal goes away.
#[cfg(unix)]
fn signals() -> std::io::Result<mpsc::UnboundedReceiver<Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::unbounded_channel();
    let kinds = [
        (SignalKind::interrupt(), Signal::Interrupt),
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::hangup(), Signal::Terminate),
    ];
    for (kind, meaning) in kinds {
        let mut stream = signal(kind)?;
        let sender = sender.clone();
        // Why: it ends with the runtime, and waits for nothing but the operating system.
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let _ = sender.send(meaning);
            }
        });
    }
    Ok(receiver)
}

#[cfg(not(unix))]
fn signals() -> std::io::Result<mpsc::UnboundedReceiver<Signal>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // Why: it ends with the runtime, and waits for nothing but the operating system.
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            let _ = sender.send(Signal::Interrupt);
        }
    });
    Ok(receiver)
}

fn check(args: &CheckArgs) -> Exit {
    match checked(args) {
        Ok(suite) => {
            let count = suite.checks.len();
            say(&format!("{count} {}, no mistakes\n", if count == 1 { "check" } else { "checks" }));
            Exit::Passed
        }
        Err(error) => reject(&error, colored(args.color)),
    }
}

/// The suite, if nothing is wrong with it in any environment.
fn checked(args: &CheckArgs) -> Result<Suite, SuiteError> {
    let names: Vec<String> = args.var.iter().map(|(name, _)| name.clone()).collect();
    let mut draft = read_draft(&find_suite(args.suite.clone()), &names)?;
    if draft.is_whole {
        draft.mistakes.extend(plan::mistakes(&draft.suite, &args.var));
    }
    draft.sound()
}

fn list(args: ListArgs) -> anyhow::Result<Exit> {
    let choices = choices(args.choices);
    let names: Vec<String> = choices.variables.iter().map(|(name, _)| name.clone()).collect();
    let suite = match load(&find_suite(args.suite), &names) {
        Ok(suite) => suite,
        Err(error) => return Ok(reject(&error, colored(Color::Auto))),
    };
    let selected = match plan::selection(&suite, &choices) {
        Ok(selected) => selected,
        Err(mistakes) => {
            return Ok(reject(&SuiteError::new(suite.sources, mistakes), colored(Color::Auto)));
        }
    };
    let mut text = String::new();
    for check in &selected {
        let tags = &check.keys.tags;
        let tags = if tags.is_empty() { String::new() } else { format!("  [{}]", tags.join(", ")) };
        text.push_str(&format!("{:<8}  {}{tags}\n", check.kind.name, check.name()));
    }
    let exit = if selected.is_empty() { Exit::NothingSelected } else { Exit::Passed };
    Destination::Stdout.write(&text)?;
    Ok(exit)
}

fn choices(args: ChoiceArgs) -> Choices {
    Choices {
        environment: args.env,
        variables: args.var,
        tags: args.tag,
        skip_tags: args.skip_tag,
        only: args.only,
        skip: args.skip,
        ..Choices::default()
    }
}

/// The suite that is named, or `smoke.toml` here or in the nearest parent folder.
fn find_suite(named: Option<PathBuf>) -> PathBuf {
    const NAME: &str = "smoke.toml";
    named.unwrap_or_else(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let found = here.ancestors().skip(1).map(|folder| folder.join(NAME)).find(|path| path.is_file());
        match Path::new(NAME).is_file() {
            true => NAME.into(),
            false => found.unwrap_or_else(|| NAME.into()),
        }
    })
}

fn colored(color: Color) -> bool {
    color.resolve(std::io::stderr().is_terminal())
}

fn reject(error: &SuiteError, color: bool) -> Exit {
    say(&error.render(color));
    Exit::BadSuite
}

fn say(text: &str) {
    // A reader that has gone away is no reason to fail.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
