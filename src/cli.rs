//! The command line: its syntax, not its behaviour.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use globset::{Glob, GlobMatcher};

use crate::demo::Break;
use crate::exit::Exit;
use crate::language::value::parse_duration;
use crate::report::{Color, Destination, Progress};

/// Smoke tests: does this build or deploy basically work enough to continue?
#[derive(Debug, Parser)]
#[command(name = "smoke", version, after_help = exit_codes())]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a suite
    Run(RunArgs),
    /// Run a suite repeatedly and show what changes; `q` quits
    Watch(WatchArgs),
    /// Validate a suite without sending anything
    Check(CheckArgs),
    /// Show what would run, in which order, and how long it can take; sends nothing
    Plan(PlanArgs),
    /// List the checks of a suite: kinds, names, tags
    List(ListArgs),
    /// Run the example suite against a built-in demo shop
    Demo(DemoArgs),
    /// Write a first suite
    Init(InitArgs),
    /// Print the JSON Schema of the suite, for editors
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Args)]
#[command(after_help = exit_codes())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct RunArgs {
    /// The suite file [default: smoke.toml in this folder or the nearest parent folder]
    pub suite: Option<PathBuf>,

    #[command(flatten)]
    pub choices: ChoiceArgs,

    /// Run only what did not pass in the last run of this suite, and what it needs
    #[arg(long)]
    pub rerun_failed: bool,

    /// Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`
    #[arg(long)]
    pub read_only: bool,

    /// Run the suite N times and report how often each check passed and how long it took
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1000),
        conflicts_with_all = ["rerun_failed", "junit", "json", "events"])]
    pub repeat: Option<u32>,

    #[command(flatten)]
    pub limits: LimitArgs,

    /// Do not stop at the first failure
    #[arg(long)]
    pub keep_going: bool,

    #[command(flatten)]
    pub deploy: BaselineArgs,

    /// Put a name and a value into every report, such as `sha=abc123` (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = NameAndValue, conflicts_with = "repeat")]
    pub label: Vec<(String, String)>,

    /// After a red run, leave what was booted running and say how to stop it
    #[arg(long, conflicts_with = "repeat")]
    pub keep_running: bool,

    #[command(flatten)]
    pub outputs: OutputArgs,

    #[command(flatten)]
    pub look: LookArgs,
}

#[derive(Debug, Args)]
#[command(after_help = exit_codes())]
pub struct WatchArgs {
    /// The suite file [default: smoke.toml in this folder or the nearest parent folder]
    pub suite: Option<PathBuf>,

    /// Time from the start of one run to the start of the next
    #[arg(short = 'n', long, value_name = "DURATION", value_parser = parse_duration, default_value = "10s")]
    pub every: Duration,

    #[command(flatten)]
    pub choices: ChoiceArgs,

    /// Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`
    #[arg(long)]
    pub read_only: bool,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub deploy: BaselineArgs,

    /// When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
}

/// What was before the deploy.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    /// Read what was red before the deploy from the `--json` of a run; if nothing else is red, the exit code is 7
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}

/// How much at once, and for how long.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// Maximum number of checks in flight at once; overrides `concurrency`
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,

    /// Budget of the whole run; overrides that of the suite
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub budget: Option<Duration>,
}

/// Which environment, which values, which checks.
#[derive(Debug, Args)]
pub struct ChoiceArgs {
    /// Use this environment of the suite
    #[arg(short, long, value_name = "NAME")]
    pub env: Option<String>,

    /// Set a variable (repeatable)
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = NameAndValue)]
    pub var: Vec<(String, String)>,

    /// Run only checks with one of these tags, and what they need (repeatable)
    #[arg(short, long, value_name = "TAG")]
    pub tag: Vec<String>,

    /// Exclude checks with one of these tags (repeatable)
    #[arg(long, value_name = "TAG")]
    pub skip_tag: Vec<String>,

    /// Run only checks whose name matches one of these globs, and what they need (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = glob)]
    pub only: Vec<GlobMatcher>,

    /// Exclude checks whose name matches one of these globs (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = glob)]
    pub skip: Vec<GlobMatcher>,
}

/// What is written for machines. `-` is standard output, which only one of them can have.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Write a JUnit XML report to FILE (`-` is standard output)
    #[arg(long, value_name = "FILE")]
    pub junit: Option<Destination>,

    /// Write the whole result to FILE as one JSON document
    #[arg(long, value_name = "FILE")]
    pub json: Option<Destination>,

    /// Stream events to FILE as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub events: Option<Destination>,
}

/// How output looks.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,

    /// When to show a progress bar; `auto`: on a terminal, except in CI
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub progress: Progress,

    /// Print only failures and the summary
    #[arg(short, long)]
    pub quiet: bool,

    /// Print every request and response, with secrets hidden and long bodies cut
    #[arg(long)]
    pub trace: bool,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The suite file [default: smoke.toml in this folder or the nearest parent folder]
    pub suite: Option<PathBuf>,

    /// Set a variable, as for `smoke run` (repeatable)
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = NameAndValue)]
    pub var: Vec<(String, String)>,

    /// Treat warnings as errors (exit code 2)
    #[arg(long)]
    pub strict: bool,

    /// When to use colour; `auto`: on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The suite file [default: smoke.toml in this folder or the nearest parent folder]
    pub suite: Option<PathBuf>,

    #[command(flatten)]
    pub choices: ChoiceArgs,

    /// Skip what changes something: requests other than GET, HEAD and OPTIONS without `safe = true`, and `writes = true`
    #[arg(long)]
    pub read_only: bool,

    #[command(flatten)]
    pub limits: LimitArgs,

    /// Print the plan as one JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// The suite file [default: smoke.toml in this folder or the nearest parent folder]
    pub suite: Option<PathBuf>,

    #[command(flatten)]
    pub choices: ChoiceArgs,

    /// Print the checks as one JSON document
    #[arg(long)]
    pub json: bool,

    /// Print only these, one a line: what completion scripts ask for
    #[arg(long, value_name = "WHAT", value_enum, hide = true)]
    pub print: Option<Listed>,
}

/// What a completion script offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Listed {
    /// The checks' names, as `--only` and `--skip` take them: what would be a glob is escaped.
    Names,
    Tags,
    Environments,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder to write `smoke.toml` to [default: this folder]
    pub dir: Option<PathBuf>,

    /// The URL to test, such as `http://127.0.0.1:8080`; if omitted, a terminal is prompted for it
    #[arg(long)]
    pub url: Option<String>,

    /// Check a data contract (ODCS 3, YAML or JSON) instead of a URL
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub contract: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = exit_codes())]
pub struct DemoArgs {
    /// Break the shop first, to see what a failure looks like
    #[arg(long = "break", value_name = "PART", value_enum)]
    pub fault: Option<Break>,

    /// Do not stop at the first failure
    #[arg(long)]
    pub keep_going: bool,

    #[command(flatten)]
    pub outputs: OutputArgs,

    #[command(flatten)]
    pub look: LookArgs,

    /// Be the shop: what the example's `[[boot]]` starts
    #[arg(long, value_name = "PORT", hide = true, requires = "database")]
    pub serve: Option<u16>,

    /// The shop's database
    #[arg(long, value_name = "FILE", hide = true)]
    pub database: Option<PathBuf>,
}

/// Parses `NAME=VALUE`. An invalid value is not shown, because it may contain a password after another separator than
/// `=`.
#[derive(Debug, Clone)]
struct NameAndValue;

impl TypedValueParser for NameAndValue {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<(String, String), clap::Error> {
        match value.to_str().and_then(|text| text.split_once('=')) {
            Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
            Some(_) | None => {
                let option = argument.and_then(clap::Arg::get_long).unwrap_or("var");
                let message = format!("a value of '--{option} <NAME=VALUE>' is not NAME=VALUE\n");
                Err(clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command))
            }
        }
    }
}

fn glob(text: &str) -> Result<GlobMatcher, String> {
    Glob::new(text).map(|glob| glob.compile_matcher()).map_err(|error| error.to_string())
}

/// Returns the table of exit codes that ends `--help`.
fn exit_codes() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for exit in Exit::ALL {
        text.push_str(&format!("  {:>3}  {}\n", exit.code(), exit.meaning()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
