//! One file per subcommand.
//!
//! [`run()`] dispatches. `prepare` contains the common first steps: find the suite, read it, plan it, and report its
//! mistakes. `rounds` runs a suite repeatedly.

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

/// The version of the JSON documents that `list` and `plan` print. New keys do not change it, a change of meaning does.
const SCHEMA_VERSION: u32 = 1;

/// Runs the command.
///
/// # Errors
/// Fails with an internal error, or if a report could not be written.
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
