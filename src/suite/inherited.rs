//! The defaults that apply to the checks of a file: its own, and those of the files that include it.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::keys::Defaults;
use super::kind_defaults::KindDefaults;
use super::load::Environment;
use super::parts::Head;

/// The defaults of a file and of the files that include it. Those of an environment take precedence over those for all
/// environments.
#[derive(Debug, Clone, Default)]
pub(super) struct Inherited<'t> {
    any: FileDefaults<'t>,
    environments: BTreeMap<String, FileDefaults<'t>>,
}

#[derive(Debug, Clone, Default)]
struct FileDefaults<'t> {
    general: Defaults,
    kinds: KindDefaults<'t>,
}

impl<'t> FileDefaults<'t> {
    /// Returns these defaults, with those of `other` where they are missing.
    fn or(self, other: &FileDefaults<'t>) -> FileDefaults<'t> {
        FileDefaults { general: self.general.or(&other.general), kinds: self.kinds.or(&other.kinds) }
    }
}

impl<'t> Inherited<'t> {
    /// Reads the defaults of a file whose spans are shifted by `shift`.
    pub fn of(document: &DeTable<'t>, head: &Head, shift: usize) -> Inherited<'t> {
        let kinds =
            |file: &DeTable<'t>| KindDefaults::of(file.get("defaults").map(toml::Spanned::get_ref), shift);
        let written = |name: &str| document.get("env")?.get_ref().get(name)?.get_ref().as_table();
        let of_environment = head.environments.iter().filter_map(|(name, environment)| {
            let general = environment.defaults.clone()?;
            let kinds = written(name).map(kinds).unwrap_or_default();
            Some((name.clone(), FileDefaults { general, kinds }))
        });
        Inherited {
            any: FileDefaults { general: head.defaults.clone(), kinds: kinds(document) },
            environments: of_environment.collect(),
        }
    }

    /// Returns these defaults, with those of `outer` where they are missing.
    pub fn or(mut self, outer: &Inherited<'t>) -> Inherited<'t> {
        for (name, outer) in &outer.environments {
            let own = self.environments.remove(name).unwrap_or_default();
            self.environments.insert(name.clone(), own.or(outer));
        }
        Inherited { any: self.any.or(&outer.any), environments: self.environments }
    }

    /// Whether an environment has defaults of its own.
    pub fn depend_on_environment(&self) -> bool {
        !self.environments.is_empty()
    }

    /// Returns the defaults for checks of every kind.
    pub fn general(&self, environment: Environment<'_>) -> Defaults {
        match self.in_environment(environment) {
            Some(own) => own.general.clone().or(&self.any.general),
            None => self.any.general.clone(),
        }
    }

    /// Returns the defaults for the checks of each kind. If the environment is unknown, returns them for each
    /// environment that it may be.
    pub fn of_kinds(&self, environment: Environment<'_>) -> Vec<KindDefaults<'t>> {
        let with = |own: &FileDefaults<'t>| own.kinds.clone().or(&self.any.kinds);
        match (environment, self.in_environment(environment)) {
            (Environment::Unknown, _) => {
                let any = [self.any.kinds.clone()].into_iter();
                any.chain(self.environments.values().map(with)).collect()
            }
            (Environment::Named(_) | Environment::None, Some(own)) => vec![with(own)],
            (Environment::Named(_) | Environment::None, None) => vec![self.any.kinds.clone()],
        }
    }

    fn in_environment(&self, environment: Environment<'_>) -> Option<&FileDefaults<'t>> {
        match environment {
            Environment::Named(name) => self.environments.get(name),
            Environment::None | Environment::Unknown => None,
        }
    }
}
