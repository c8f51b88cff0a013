//! `smoke check`: reports every mistake of a suite in any environment, and warns about slow and unsafe suites.

use super::memory::{keep_memory, leave};
use super::prepare::{colored, find_suite, reject, say};
use crate::cli::CheckArgs;
use crate::exit::Exit;
use crate::language::diagnostic::{SuiteError, render_warnings};
use crate::lint::{Notes, Warnings, covered};
use crate::plan::{self, Plan};
use crate::suite::{Suite, read_draft_looking};

/// Reads the suite and reports its mistakes and warnings.
pub fn check(args: &CheckArgs) -> Exit {
    keep_memory();
    let color = colored(args.color);
    let mut notes = Notes::default();
    let (mut suite, plans) = match checked(args, &mut notes) {
        Ok(checked) => checked,
        Err(error) => return reject(&covered(&error), color),
    };
    let Warnings { warnings, covered } = notes.warnings(&suite, &plans);
    // A warning about a readable secret must not show it to more people.
    for place in covered {
        suite.sources.cover(place);
    }
    say(&render_warnings(&warnings, &suite.sources, color));

    let checks = counted(suite.checks.len(), "check");
    let strict = args.strict && !warnings.is_empty();
    match warnings.len() {
        0 => say(&format!("{checks}, no mistakes\n")),
        count if strict => say(&format!("{checks}, {} (`--strict`)\n", counted(count, "warning"))),
        count => say(&format!("{checks}, no mistakes, {}\n", counted(count, "warning"))),
    }
    leave((suite, plans));
    if strict { Exit::BadSuite } else { Exit::Passed }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Returns the suite and its plan in each environment, if it is valid in all of them.
fn checked(args: &CheckArgs, notes: &mut Notes) -> Result<(Suite, Vec<Plan>), SuiteError> {
    let names: Vec<String> = args.var.iter().map(|(name, _)| name.clone()).collect();
    let mut draft =
        read_draft_looking(&find_suite(args.suite.clone()), &names, &mut |file| notes.take(file))?;
    let mut plans = Vec::new();
    if draft.is_whole {
        match plan::everywhere(&draft.suite, &args.var) {
            Ok(planned) => plans = planned,
            Err(mistakes) => draft.mistakes.extend(mistakes),
        }
    }
    draft.sound().map(|suite| (suite, plans))
}
