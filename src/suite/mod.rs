//! The suite as a person wrote it.
//!
//! [`load`] reads the TOML files, and is the only place that finds mistakes in them. It returns a [`Suite`] with valid
//! keys, types, names and variables, or a [`SuiteError`] with all mistakes at once.

mod each;
pub mod graph;
mod inherited;
pub mod keys;
mod kind_defaults;

mod checks;
mod load;
mod parts;

pub mod schema;
mod usage;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::each::Instance;
use self::keys::{CheckKeys, EnvironmentKeys, SuiteKeys};
pub use self::load::{
    Draft, Environment, in_environment, load, load_text, read_draft, read_draft_looking, read_draft_text,
};
use crate::check::{Check, Kind};
use crate::language::diagnostic::Diagnostic;
pub use crate::language::diagnostic::SuiteError;
use crate::language::source::{Place, Sources};
pub use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variable, Variables};

/// A suite file and its includes.
#[derive(Debug)]
pub struct Suite {
    pub sources: Sources,
    /// The directory of the suite, which relative paths start from.
    pub dir: PathBuf,
    pub keys: SuiteKeys,
    pub variables: BTreeMap<String, Variable>,
    pub environments: BTreeMap<String, EnvironmentKeys>,
    /// In file order, with included files first.
    pub checks: Vec<SuiteCheck>,
    /// The variables that checks with mistakes would share.
    mistaken_shares: Vec<String>,
    /// Do settings have templates, or environments defaults? Then the checks are others in each environment.
    pub depends_on_environment: bool,
    /// What is wrong with the files that checks read, and keeps nothing from being run.
    pub warnings: Vec<Diagnostic>,
    /// The variables that the settings beside the checks read.
    pub setting_reads: Vec<(String, Place)>,
}

/// A check of a suite.
#[derive(Debug, Clone)]
pub struct SuiteCheck {
    pub kind: &'static Kind,
    pub place: Place,
    pub keys: CheckKeys,
    pub check: Arc<dyn Check>,
    /// Its name as written, which may be a template if `each` generates several checks.
    pub written_name: String,
    /// The variables that `each` sets for it.
    pub instance: Instance,
    /// The variables that its settings read.
    pub setting_reads: Vec<(String, Place)>,
}

impl SuiteCheck {
    /// Its own budget, or what follows from its other keys, or that of the defaults or of its kind.
    pub fn budget(&self) -> Duration {
        let own = self.keys.budget.map(|(budget, _)| budget);
        let by_keys = || self.check.budget().or(self.keys.default_budget);
        own.or_else(by_keys).unwrap_or(self.kind.budget)
    }

    /// Returns the variables in the scope of this check.
    pub fn scope(&self, suite: &Variables) -> Variables {
        suite.with(&self.instance)
    }

    /// Whether `each` sets a variable of this name for it.
    pub fn has_own(&self, name: &str) -> bool {
        self.instance.iter().any(|(own, _)| own == name)
    }

    pub fn name(&self) -> &str {
        &self.keys.name.name
    }

    /// Whether the checks that are not gates wait for this one.
    pub fn is_gate(&self) -> bool {
        self.keys.gate.unwrap_or(self.kind.gate)
    }
}
