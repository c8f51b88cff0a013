//! The suite as a person wrote it.
//!
//! [`load`] reads the TOML files and is the only place where a mistake in them is found: after it there is a
//! [`Suite`] whose keys, types, names and variables are sound, or a [`SuiteError`] with all mistakes at once.

pub mod graph;
pub mod keys;
mod load;
pub mod schema;
mod usage;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use self::keys::{CheckKeys, EnvironmentKeys, SuiteKeys};
pub use self::load::{Draft, load, load_text, read_draft, read_draft_looking, read_draft_text};
use crate::check::{Check, Kind};
pub use crate::language::diagnostic::SuiteError;
use crate::language::source::{Place, Sources};
pub use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variable;

/// A suite file and what it includes.
#[derive(Debug)]
pub struct Suite {
    pub sources: Sources,
    /// The folder the suite is in: relative paths start here.
    pub dir: PathBuf,
    pub keys: SuiteKeys,
    pub variables: BTreeMap<String, Variable>,
    pub environments: BTreeMap<String, EnvironmentKeys>,
    /// In the order of the files, what is included first.
    pub checks: Vec<SuiteCheck>,
    /// What checks with a mistake in them would share.
    mistaken_shares: Vec<String>,
}

/// One check of a suite.
#[derive(Debug, Clone)]
pub struct SuiteCheck {
    pub kind: &'static Kind,
    pub place: Place,
    pub keys: CheckKeys,
    pub check: Arc<dyn Check>,
}

impl SuiteCheck {
    pub fn name(&self) -> &str {
        &self.keys.name.name
    }

    /// Do the checks that are not gates wait for this one?
    pub fn is_gate(&self) -> bool {
        self.keys.gate.unwrap_or(self.kind.gate)
    }
}
