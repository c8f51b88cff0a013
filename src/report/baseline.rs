//! `--baseline`: reading the `--json` document of a run before the deploy.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::record::SCHEMA_VERSION;
use crate::event::{Baseline, Before};
use crate::language::diagnostic::Diagnostic;
use crate::language::io_error;

/// The parts of the document that are read.
#[derive(Debug, Deserialize)]
struct Document {
    schema_version: u32,
    suite: Option<String>,
    environment: Option<String>,
    started: String,
    exit: Exit,
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Exit {
    code: u8,
}

#[derive(Debug, Deserialize)]
struct Check {
    name: String,
    outcome: Outcome,
    duration_ms: f64,
}

/// An outcome as the document writes it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Passed,
    Failed,
    Errored,
    Warned,
    Undecided,
    Skipped,
}

const HINT: &str =
    "write it before the deploy: smoke run --skip \"NAME OF THE VERSION GATE\" --keep-going --json FILE";

/// Reads the report of a run before the deploy.
///
/// # Errors
/// The file cannot be read, or is not such a report.
pub fn read_baseline(path: &Path) -> Result<Baseline, Diagnostic> {
    let file = path.display();
    let mistake = |message: String| Diagnostic::new(None, message + " (`--baseline`)").hint(HINT);
    let bytes = std::fs::read(path).map_err(|error| {
        mistake(format!("cannot read the baseline `{file}`: {}", io_error::reason(&error)))
    })?;
    let no_report = |why: String| mistake(format!("`{file}` is not what `smoke run --json` writes: {why}"));
    let document: Document = serde_json::from_slice(&bytes).map_err(|error| no_report(error.to_string()))?;
    if document.schema_version != SCHEMA_VERSION {
        let why = format!("its schema version is {}, and this is {SCHEMA_VERSION}", document.schema_version);
        return Err(no_report(why));
    }
    let Some(suite) = document.suite else {
        return Err(mistake(format!(
            "the baseline `{file}` is of a run that sent nothing: its suite was wrong"
        )));
    };
    Ok(Baseline {
        file: file.to_string(),
        suite,
        environment: document.environment,
        started: document.started,
        exit_code: document.exit.code,
        checks: document.checks.into_iter().map(|check| (check.name.clone(), check.before())).collect(),
    })
}

impl Check {
    fn before(&self) -> Before {
        match self.outcome {
            Outcome::Passed => {
                Before::Passed(Duration::try_from_secs_f64(self.duration_ms / 1e3).unwrap_or_default())
            }
            // A warning counts as red, although it does not fail the run: the problem was known.
            Outcome::Failed | Outcome::Errored | Outcome::Warned => Before::Red,
            Outcome::Undecided | Outcome::Skipped => Before::Unknown,
        }
    }
}
