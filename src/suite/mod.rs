//! The suite as a person wrote it.
//!
//! [`load`] reads the TOML files, and is the only place that finds mistakes in them. It returns a [`Suite`] with valid
//! keys, types, names and variables, or a [`SuiteError`] with all mistakes at once.

mod each;
pub mod graph;
pub mod keys;

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
    Draft, in_environment, load, load_text, read_draft, read_draft_looking, read_draft_text,
};
use crate::check::{Check, Kind};
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
    /// Whether settings contain templates, so that the checks differ between environments.
    pub has_templates_in_settings: bool,
    /// The variables that are read by settings outside the checks.
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
    /// Returns its own budget, or that of the defaults or of its kind.
    pub fn budget(&self) -> Duration {
        let own = self.keys.budget.map(|(budget, _)| budget);
        own.or(self.keys.default_budget).unwrap_or(self.kind.budget)
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
