//! `smoke check`: every mistake of a suite, in any environment.

use crate::cli::CheckArgs;
use crate::exit::Exit;
use crate::plan;
use crate::run::{colored, find_suite, reject, say};
use crate::suite::{Suite, SuiteError, read_draft};

/// Reads the suite and says what is wrong with it.
pub fn check(args: &CheckArgs) -> Exit {
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
