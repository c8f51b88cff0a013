//! The contents of one file, and of several files combined.

use std::collections::BTreeMap;

use super::SuiteCheck;
use super::checks::read_checks;
use super::keys::{Defaults, EnvironmentKeys, SuiteKeys};
use crate::language::read::{Named, Table};
use crate::language::source::Place;
use crate::language::variables::{Variable, put_over};

/// The contents of a file and its includes.
#[derive(Default)]
pub(super) struct Parts {
    pub keys: SuiteKeys,
    pub variables: BTreeMap<String, Variable>,
    pub environments: BTreeMap<String, EnvironmentKeys>,
    pub checks: Vec<SuiteCheck>,
    /// The names of all checks, including those with mistakes.
    pub names: Vec<Named>,
    pub mistaken_shares: Vec<String>,
    /// The variables that are read by settings outside the checks, and by checks that cannot be read without them.
    pub setting_reads: Vec<(String, Place)>,
}

impl Parts {
    /// Adds the contents of another included file, which overrides the previous ones.
    pub fn absorb(&mut self, later: Parts) {
        put_over(&mut self.variables, later.variables);
        for (name, environment) in later.environments {
            self.add_environment(name, environment);
        }
        self.checks.extend(later.checks);
        self.names.extend(later.names);
        self.mistaken_shares.extend(later.mistaken_shares);
        self.setting_reads.extend(later.setting_reads);
    }

    /// Adds the file's own contents, after those of its includes.
    pub fn take(&mut self, head: Head) {
        self.keys = head.keys;
        put_over(&mut self.variables, head.variables);
        for (name, environment) in head.environments {
            self.add_environment(name, environment);
        }
    }

    fn add_environment(&mut self, name: String, environment: EnvironmentKeys) {
        let known = self.environments.entry(name).or_default();
        put_over(&mut known.vars, environment.vars);
        known.suite = environment.suite.or(&known.suite);
        known.defaults = environment.defaults.or(known.defaults.take());
    }
}

/// The contents of a file besides its checks.
pub(super) struct Head {
    pub keys: SuiteKeys,
    /// The defaults for its own checks and those of the files that it includes, unless these override them.
    pub defaults: Defaults,
    pub variables: BTreeMap<String, Variable>,
    pub environments: BTreeMap<String, EnvironmentKeys>,
}

impl Head {
    pub fn from_table(table: &mut Table<'_, '_, '_>, is_root: bool) -> Head {
        // The loader reads the entries.
        let _: Option<Vec<Named>> = table.optional(
            "include",
            (
                "files whose variables and checks are added to this one; paths are relative to this file",
                r#"include = ["common.toml"]"#,
            ),
        );
        let keys: Option<SuiteKeys> =
            table.optional("suite", ("settings of the run", r#"suite = { name = "shop" }"#));
        if table.has("suite") && !is_root {
            let _: Option<()> =
                table.reject("suite", "only the suite's own file has a `[suite]`, not one that it includes");
        }
        let defaults: Option<Defaults> = table.optional(
            "defaults",
            ("values for every check that omits the key", r#"defaults = { budget = "3s" }"#),
        );
        let variables: Option<BTreeMap<String, Variable>> = table
            .optional("vars", ("variables, used as `{{name}}` in any template", "vars = { port = 8080 }"));
        let environments: Option<BTreeMap<String, EnvironmentKeys>> = table.optional(
            "env",
            ("environments, selected with `--env`", "env = { staging = { vars = { port = 80 } } }"),
        );
        Head {
            keys: keys.unwrap_or_default(),
            defaults: defaults.unwrap_or_default(),
            variables: variables.unwrap_or_default(),
            environments: environments.unwrap_or_default(),
        }
    }
}

/// Asks for the keys of a file.
pub(super) fn ask_file(table: &mut Table<'_, '_, '_>) {
    Head::from_table(table, true);
    read_checks(table, &[], &mut Parts::default());
}
