//! Suites of `[[database]]` checks that contain only what a test is about.

use super::junit::{Case, Junit, Outcome};
use super::smoke::{Ran, Smoke};

/// A builder of a suite without fail-fast.
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
        // Many logins at once are slow in builds without optimised cryptography.
        let suite = "[suite]\nname = \"asked\"\nfail-fast = false\n[defaults]\nbudget = \"50s\"\n".to_owned();
        Self { suite, url: quoted(url) }
    }

    /// Adds text before the checks, such as `[vars]`.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        self.suite.push_str(text);
        self.suite.push('\n');
        self
    }

    /// Adds a check with these keys, its name and its URL.
    #[must_use]
    pub fn check(mut self, name: &str, keys: &str) -> Self {
        let Self { suite, url } = &mut self;
        suite.push_str(&format!("[[database]]\nname = {}\nurl = {url}\n{keys}\n", quoted(&plain(name))));
        self
    }

    /// Adds a check of this query with this expectation, such as `value = 1`. The query is its name.
    #[must_use]
    pub fn query(self, query: &str, expect: &str) -> Self {
        self.check(&query.replace('\n', " "), &format!("query = {}\nexpect.{expect}", quoted(query)))
    }

    /// Adds a check on another database.
    #[must_use]
    pub fn url(mut self, name: &str, url: &str, keys: &str) -> Self {
        self.url = quoted(url);
        self.check(name, keys)
    }

    /// The run of the suite, not started yet.
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

    /// Runs it; every check must pass.
    #[track_caller]
    pub fn passes(&self) -> Ran {
        let ran = self.run();
        ran.exits(0);
        assert_eq!(ran.junit().count(Outcome::Passed), self.suite.matches("[[database]]").count());
        ran
    }

    /// Runs it; no check may pass.
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
    /// Returns the `type` and `message` of its result: `mismatch: expected rows 1, got 2`.
    #[must_use]
    pub fn told(&self) -> String {
        format!(
            "{}: {}",
            self.kind.as_deref().unwrap_or("passed"),
            self.message.as_deref().unwrap_or_default()
        )
    }
}

/// Makes a query usable as a name, which must not contain a template.
pub fn plain(name: &str) -> String {
    name.replace("{{", "{").replace("}}", "}")
}
