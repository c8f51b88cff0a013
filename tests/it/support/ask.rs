//! Asking databases: suites of `[[database]]` checks that say nothing but what a test is about.

use super::junit::{Case, Junit, Outcome};
use super::smoke::{Ran, Smoke};

/// A suite in the making, whose checks all run.
#[derive(Debug, Clone)]
pub struct Asked {
    suite: String,
    url: String,
}

/// A TOML string.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string")
}

impl Asked {
    /// Checks on the database of this URL.
    #[must_use]
    pub fn at(url: &str) -> Self {
        // Many logins at once take their time where the cryptography is not optimised.
        let suite = "[suite]\nname = \"asked\"\nfail-fast = false\n[defaults]\nbudget = \"50s\"\n".to_owned();
        Self { suite, url: quoted(url) }
    }

    /// Text for before the checks, such as `[vars]`.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        self.suite.push_str(text);
        self.suite.push('\n');
        self
    }

    /// A check with these keys beside its name and its URL.
    #[must_use]
    pub fn check(mut self, name: &str, keys: &str) -> Self {
        let Self { suite, url } = &mut self;
        suite.push_str(&format!("[[database]]\nname = {}\nurl = {url}\n{keys}\n", quoted(name)));
        self
    }

    /// A check of this query that expects this, as `value = 1`; its name is the query.
    #[must_use]
    pub fn query(self, query: &str, expect: &str) -> Self {
        self.check(&query.replace('\n', " "), &format!("query = {}\nexpect.{expect}", quoted(query)))
    }

    /// A check on another database.
    #[must_use]
    pub fn url(mut self, name: &str, url: &str, keys: &str) -> Self {
        self.url = quoted(url);
        self.check(name, keys)
    }

    /// The suite, to be run.
    #[must_use]
    pub fn smoke(&self) -> Smoke {
        Smoke::new().suite(&self.suite)
    }

    /// Runs it.
    #[track_caller]
    #[must_use]
    pub fn run(&self) -> Ran {
        self.smoke().run()
    }

    /// Runs it, and everything passes.
    #[track_caller]
    pub fn passes(&self) -> Ran {
        let ran = self.run();
        ran.exits(0);
        assert_eq!(ran.junit().count(Outcome::Passed), self.suite.matches("[[database]]").count());
        ran
    }

    /// Runs it, and nothing passes.
    #[track_caller]
    #[must_use]
    pub fn fails(&self) -> Junit {
        let ran = self.run();
        ran.exits(1);
        let report = ran.junit();
        assert_eq!(report.count(Outcome::Passed), 0, "{}", ran.stderr);
        report
    }
}

impl Case {
    /// The kind of its end, and the one line about it: `mismatch: expected rows 1, got 2`.
    #[must_use]
    pub fn told(&self) -> String {
        format!(
            "{}: {}",
            self.kind.as_deref().unwrap_or("passed"),
            self.message.as_deref().unwrap_or_default()
        )
    }
}
