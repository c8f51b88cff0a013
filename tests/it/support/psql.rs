//! The reference implementation: smoke must interpret a URL as libpq does.

use std::process::Command;

use super::ask::Asked;
use super::junit::{Case, Outcome};
use super::postgres::{PASSWORD, Postgres};

/// The result of using a URL.
#[derive(Debug, Clone, Copy)]
pub enum End<'t> {
    /// The query returns this.
    Says(&'t str),
    /// An error of this kind, with this text in its message.
    Refused(&'t str, &'t str),
}

/// A URL and its expected result.
pub type Expected<'t> = (String, End<'t>);

/// Returns the answer of `psql` with only the URL as configuration. `None` if it fails.
///
/// # Panics
/// When it cannot be run.
#[must_use]
pub fn psql(url: &str, query: &str) -> Option<String> {
    let mut psql = Command::new(Postgres::shared().programs().join("psql"));
    psql.env_clear().args(["--no-psqlrc", "-Atc", query, url]);
    let output = psql.output().expect("run psql");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Asserts the results of a query at each URL, with smoke and with `psql`.
///
/// # Panics
/// When one of them does not.
#[track_caller]
pub fn both_end(query: &str, expected: &[Expected]) {
    for (url, end) in expected {
        let answer = match end {
            End::Says(answer) => Some((*answer).to_owned()),
            End::Refused(..) => None,
        };
        assert_eq!(psql(url, query), answer, "psql {url}");
    }
    smoke_ends(query, expected);
}

/// Asserts the results of a query at each URL, with smoke, and that no output contains the password.
///
/// # Panics
/// When one of them does not.
#[track_caller]
pub fn smoke_ends(query: &str, expected: &[Expected]) {
    let check = |asked: Asked, (number, (url, end)): (usize, &Expected)| {
        let expect = match end {
            End::Says(answer) => format!("expect.value = '{answer}'"),
            End::Refused(..) => String::new(),
        };
        let keys = format!("query = \"select ({query})::text\"\nbudget = '20s'\n{expect}");
        asked.url(&number.to_string(), url, &keys)
    };
    let ran = expected.iter().enumerate().fold(Asked::at(""), check).run();
    let report = ran.junit();
    for output in [&ran.stderr, &ran.stdout, &report.xml] {
        assert!(!output.contains(PASSWORD), "{output}");
    }
    for (number, (url, end)) in expected.iter().enumerate() {
        let case = report.case(&number.to_string());
        match end {
            End::Says(_) => assert_eq!(case.outcome, Outcome::Passed, "{url}: {}", case.text),
            End::Refused(kind, text) => refused(url, case, kind, text),
        }
    }
}

#[track_caller]
fn refused(url: &str, case: &Case, kind: &str, text: &str) {
    assert_eq!(case.outcome, Outcome::Errored, "{url}: {}", case.text);
    assert!(case.told().starts_with(&format!("{kind}: ")), "{url}: {}", case.told());
    assert!(case.text.contains(text), "{url}: {}", case.text);
    assert!(case.text.contains("hint: "), "{url}: {}", case.text);
}
