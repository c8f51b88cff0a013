//! Loads a [`Suite`] from its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::checks::read_checks;
use super::inherited::Inherited;
use super::parts::{Head, Parts};
use super::{Suite, graph, usage};
use crate::language::diagnostic::{Diagnostic, SuiteError};
use crate::language::expression;
use crate::language::raw::RawDocument;
use crate::language::read::{ParseContext, read_table};
use crate::language::regular_file;
use crate::language::source::{Place, Sources};
use crate::language::variables::{Variables, resolve};
use crate::secret::Redactor;

/// Loads the suite at `path` and its includes. `extra_variables` are the names that `--var` defines.
///
/// # Errors
/// Returns every mistake in the suite. Nothing has been sent at that point.
pub fn load(path: &Path, extra_variables: &[String]) -> Result<Suite, SuiteError> {
    read_draft(path, extra_variables)?.sound()
}

/// Loads a suite from `text`. Relative paths in it start in the directory of `path`.
///
/// # Errors
/// Returns every mistake in the suite.
pub fn load_text(path: &Path, text: &str, extra_variables: &[String]) -> Result<Suite, SuiteError> {
    read_draft_text(path, text, extra_variables).sound()
}

/// A suite as far as it is valid, with its mistakes.
#[derive(Debug)]
pub struct Draft {
    pub suite: Suite,
    pub mistakes: Vec<Diagnostic>,
    /// Whether all files could be read. If not, missing definitions may only be unknown.
    pub is_whole: bool,
}

impl Draft {
    /// Returns the suite, if it has no mistakes.
    ///
    /// # Errors
    /// Returns the mistakes.
    pub fn sound(self) -> Result<Suite, SuiteError> {
        if self.mistakes.is_empty() {
            Ok(self.suite)
        } else {
            Err(SuiteError::new(self.suite.sources, self.mistakes))
        }
    }
}

/// Reads the suite at `path` for a caller that looks for further mistakes.
///
/// # Errors
/// Fails if the file cannot be read.
pub fn read_draft(path: &Path, extra_variables: &[String]) -> Result<Draft, SuiteError> {
    read_draft_looking(path, extra_variables, &mut |_| {})
}

/// Reads a draft, and calls `look` for each file that is valid TOML, in order of increasing precedence.
///
/// # Errors
/// Fails if the file cannot be read.
pub fn read_draft_looking(
    path: &Path,
    extra_variables: &[String],
    look: &mut dyn FnMut(&RawDocument<'_>),
) -> Result<Draft, SuiteError> {
    let text = std::fs::read_to_string(path).map_err(|error| SuiteError::unreadable(path, &error))?;
    Ok(draft(path, &text, extra_variables, look))
}

/// Reads a draft from `text`.
pub fn read_draft_text(path: &Path, text: &str, extra_variables: &[String]) -> Draft {
    draft(path, text, extra_variables, &mut |_| {})
}

fn draft(
    path: &Path,
    text: &str,
    extra_variables: &[String],
    look: &mut dyn FnMut(&RawDocument<'_>),
) -> Draft {
    let read = read_all(path, text, extra_variables, None, look);
    if !read.suite.depends_on_environment {
        return read;
    }
    // Which environment it runs in is not known here.
    let suite = &read.suite;
    let zone = suite.keys.timezone.clone().unwrap_or_default();
    let redactor = Arc::new(Redactor::new());
    let (resolved, _) = resolve(&suite.variables, &suite.dir, &zone, &redactor);
    let mut draft = in_environment(suite, Environment::Unknown, &resolved.scope, extra_variables);
    // What a template put into a setting may be a secret.
    draft.mistakes = draft.mistakes.into_iter().map(|mistake| mistake.redacted(&redactor)).collect();
    draft
}

/// The environment that a suite runs in.
#[derive(Debug, Clone, Copy)]
pub enum Environment<'e> {
    Named(&'e str),
    /// It runs in none.
    None,
    /// Any of them, or none: what makes sense in one of them is no mistake.
    Unknown,
}

/// The suite with its settings rendered in `scope`, and the defaults of `environment`.
pub fn in_environment(
    suite: &Suite,
    environment: Environment<'_>,
    scope: &Variables,
    extra_variables: &[String],
) -> Draft {
    match suite.sources.files.first() {
        Some(root) => {
            let again = Again { environment, scope, sources: &suite.sources };
            read_all(&root.path, &root.text, extra_variables, Some(again), &mut |_| {})
        }
        None => unreachable!("a suite that was read has a file"),
    }
}

/// What is known when a suite is read for the second time.
#[derive(Clone, Copy)]
struct Again<'e> {
    environment: Environment<'e>,
    scope: &'e Variables,
    /// The files as they were read first.
    sources: &'e Sources,
}

fn read_all(
    path: &Path,
    text: &str,
    extra_variables: &[String],
    again: Option<Again<'_>>,
    look: &mut dyn FnMut(&RawDocument<'_>),
) -> Draft {
    let environment = expression::environment();
    let mut loader = Loader {
        environment: &environment,
        look,
        again,
        sources: Sources::default(),
        diagnostics: Vec::new(),
        warnings: Vec::new(),
        folder: path.parent().map_or_else(PathBuf::new, Path::to_owned),
        included: Vec::new(),
        is_whole: true,
        depends_on_environment: false,
    };
    let mut parts = loader.read(path, text, &Inherited::default(), &mut vec![identity(path)]);
    graph::name_each(&mut parts.checks);

    let names = parts.names;
    let suite = Suite {
        sources: loader.sources,
        dir: loader.folder,
        keys: parts.keys,
        variables: parts.variables,
        environments: parts.environments,
        checks: parts.checks,
        mistaken_shares: parts.mistaken_shares,
        depends_on_environment: loader.depends_on_environment,
        warnings: loader.warnings,
        setting_reads: parts.setting_reads,
    };
    let is_whole = loader.is_whole;
    let mut mistakes = loader.diagnostics;
    // A suite that is read again is not judged before.
    if suite.depends_on_environment && again.is_none() {
        return Draft { suite, mistakes, is_whole };
    }
    mistakes.extend(graph::duplicates(&names));
    // If a file could not be read, its definitions are not reported as missing elsewhere.
    if is_whole {
        mistakes.extend(graph::mistakes(&suite, &names));
        mistakes.extend(usage::mistakes(&suite, extra_variables));
    }
    if suite.checks.is_empty() && mistakes.is_empty() && !suite.depends_on_environment {
        mistakes.push(
            Diagnostic::new(None, "the suite has no checks")
                .hint("add at least one `[[health]]` with a `name` and a `url`"),
        );
    }
    Draft { suite, mistakes, is_whole }
}

/// Identifies a file by its canonical path, if it has one.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

struct Loader<'e> {
    environment: &'e minijinja::Environment<'static>,
    look: &'e mut dyn FnMut(&RawDocument<'_>),
    again: Option<Again<'e>>,
    sources: Sources,
    /// The suite's.
    folder: PathBuf,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    /// The files that were read already: what two files include is there once.
    included: Vec<PathBuf>,
    /// Whether all files could be read.
    is_whole: bool,
    depends_on_environment: bool,
}

impl Loader<'_> {
    /// `inherited` are the defaults of the files that include this one, and `chain` these files, itself last.
    fn read<'t>(
        &mut self,
        path: &Path,
        text: &'t str,
        inherited: &Inherited<'t>,
        chain: &mut Vec<PathBuf>,
    ) -> Parts {
        let file = self.sources.add(path.to_owned(), text.to_owned());
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            self.is_whole = false;
            self.diagnostics.extend(errors.iter().map(|error| {
                let place = error.span().map(|span| Place::new(file, span));
                Diagnostic::new(place, format!("invalid TOML: {}", error.message().replace('\n', ", ")))
            }));
            return Parts::default();
        }
        let is_root = chain.len() == 1;
        let mut parse = ParseContext::new(file, self.environment);
        parse.folder.clone_from(&self.folder);
        parse.scope = self.again.map(|again| again.scope.clone());
        parse.lent = self.sources.lent();
        let environment = self.again.map_or(Environment::Unknown, |again| again.environment);
        parse.is_environment_known = match environment {
            Environment::Named(_) | Environment::None => true,
            Environment::Unknown => false,
        };
        let parts = read_table(document.get_ref(), 0..0, &mut parse, |table| {
            let head = Head::from_table(table, is_root);
            let setting_reads = std::mem::take(&mut table.parse.settings.reads);
            let shift = table.parse.lent.shift(file);
            let inherited = Inherited::of(document.get_ref(), &head, shift).or(inherited);
            table.parse.settings.depend_on_environment |= inherited.depend_on_environment();
            inherited.general(environment).hand_on(&mut table.parse.defaults);
            let mut parts = self.included(file, document.get_ref(), path, &inherited, chain);
            (self.look)(&RawDocument::of(file, text, document.get_ref()));
            parts.take(head);
            parts.setting_reads.extend(setting_reads);
            // What checks read beside the suite comes after its files.
            table.parse.sources = std::mem::take(&mut self.sources);
            read_checks(table, &inherited.of_kinds(environment), &mut parts);
            self.sources = std::mem::take(&mut table.parse.sources);
            Some(parts)
        });
        self.diagnostics.append(&mut parse.diagnostics);
        self.warnings.append(&mut parse.warnings);
        self.depends_on_environment |= parse.settings.depend_on_environment;
        parts.unwrap_or_default()
    }

    fn included(
        &mut self,
        file: usize,
        document: &DeTable<'_>,
        path: &Path,
        inherited: &Inherited<'_>,
        chain: &mut Vec<PathBuf>,
    ) -> Parts {
        let mut parts = Parts::default();
        let Some(DeValue::Array(entries)) = document.get("include").map(Spanned::get_ref) else {
            return parts;
        };
        for entry in entries {
            // A template here is recorded as a mistake.
            let DeValue::String(name) = entry.get_ref() else { continue };
            if name.contains("{{") {
                self.is_whole = false;
                continue;
            }
            let place = Place::new(file, entry.span());
            let included = path.parent().unwrap_or(Path::new("")).join(name.as_ref());
            if chain.contains(&identity(&included)) {
                self.diagnostics.push(
                    Diagnostic::new(place, format!("`{name}` includes itself"))
                        .hint("remove this entry, or move what both files share into a third"),
                );
                continue;
            }
            if self.included.contains(&identity(&included)) {
                continue;
            }
            let text = match self.again.and_then(|again| again.sources.text_of(&included)) {
                Some(known) => Ok(known.to_owned()),
                None => regular_file::read_text(&included),
            };
            match text {
                Err(error) => {
                    self.is_whole = false;
                    let reason = crate::language::io_error::reason(&error);
                    let message = format!("cannot read `{}`: {reason}", included.display());
                    self.diagnostics.push(Diagnostic::new(place, message));
                }
                Ok(text) => {
                    self.included.push(identity(&included));
                    chain.push(identity(&included));
                    let other = self.read(&included, &text, inherited, chain);
                    chain.pop();
                    parts.absorb(other);
                }
            }
        }
        parts
    }
}
