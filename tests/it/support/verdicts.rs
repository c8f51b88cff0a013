//! Many checks in one run, each with its expected outcome.

use super::junit::Outcome;
use super::smoke::{Ran, Smoke};

/// A suite that continues after a failure.
#[must_use]
pub fn suite(checks: &str) -> String {
    format!("[suite]\nname = \"s\"\nfail-fast = false\nconcurrency = 32\n{checks}")
}

/// Runs each case as a `[[health]]` check of one suite. A case consists of its keys and the first line of its failure,
/// which is empty if it passes and ends in `…` if only the beginning must match.
///
/// # Panics
/// When a check has another outcome.
#[track_caller]
pub fn health(cases: &[(String, String)]) -> Ran {
    health_in(Smoke::new(), "", cases)
}

/// Runs the cases with a given run, and more text before the checks.
///
/// # Panics
/// When a check has another outcome.
#[track_caller]
pub fn health_in(smoke: Smoke, head: &str, cases: &[(String, String)]) -> Ran {
    let checks: Vec<String> = (0..)
        .zip(cases)
        .map(|(number, (keys, _))| format!("[[health]]\nname = \"case {number}\"\n{keys}\n"))
        .collect();
    let ran = smoke.suite(&suite(&format!("{head}\n{}", checks.concat()))).run();
    let passes = cases.iter().all(|(_, expected)| expected.is_empty());
    ran.exits(i32::from(!passes));
    let report = ran.junit();
    for (number, (keys, expected)) in (0..).zip(cases) {
        let case = report.case(&format!("case {number}"));
        assert_ne!(case.outcome, Outcome::Skipped, "{keys}\n{}", ran.stderr);
        assert_eq!(case.message.is_none(), case.outcome == Outcome::Passed, "{keys}");
        let message = case.message.clone().unwrap_or_default();
        match expected.strip_suffix('…') {
            Some(start) => {
                assert!(message.starts_with(start), "{keys}\nexpected: {start}…\nactual:   {message}");
            }
            None => assert_eq!(&message, expected, "{keys}"),
        }
    }
    ran
}

/// A case with its strings owned.
#[must_use]
pub fn case(keys: impl Into<String>, failure: impl Into<String>) -> (String, String) {
    (keys.into(), failure.into())
}
