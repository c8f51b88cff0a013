//! One file per subcommand.
//!
//! [`run()`] dispatches. `prepare` is what several of them do first: find the suite, read it, plan it, and say what is
//! wrong with it. `rounds` runs a suite more than once.

mod check;
mod completions;
mod demo;
mod init;
mod list;
mod man;
mod plan;
mod repeat;
mod run;
mod watch;

mod environment;
mod reference;

mod keys;
mod memory;
mod prepare;
mod rounds;

pub use self::environment::ENVIRONMENT;
pub use self::reference::{FILE, KeyReference, TableReference, reference, types};
use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::report::Destination;

/// The version of the JSON documents that `list` and `plan` print. New keys may come; a change of meaning raises it.
const SCHEMA_VERSION: u32 = 1;

/// Runs the command.
///
/// # Errors
/// smoke could not do its own work.
pub fn run(cli: Cli) -> anyhow::Result<Exit> {
    match cli.command {
        Command::Run(args) => run::run_suite(args),
        Command::Watch(args) => watch::watch(args),
        Command::Check(args) => Ok(check::check(&args)),
        Command::Plan(args) => plan::plan(args),
        Command::List(args) => list::list(args),
        Command::Init(args) => init::init(args),
        Command::Demo(args) => demo::run(args),
        Command::Schema => {
            let schema = crate::suite::schema::schema();
            Destination::Stdout.write(&format!("{schema:#}\n"))?;
            Ok(Exit::Passed)
        }
        Command::Completions { shell } => {
            Destination::Stdout.write(&completions::completions(shell))?;
            Ok(Exit::Passed)
        }
        Command::Man => {
            Destination::Stdout.write(&man::manual())?;
            Ok(Exit::Passed)
        }
    }
}
