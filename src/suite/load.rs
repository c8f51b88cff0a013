//! From files to a [`Suite`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Environment;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::each::{Each, Instance};
use super::keys::{CheckKeys, Defaults, EnvironmentKeys, SuiteKeys};
use super::{Suite, SuiteCheck, graph, usage};
use crate::check::{Check, KINDS, Kind};
use crate::language::diagnostic::{Diagnostic, SuiteError};
use crate::language::expression;
use crate::language::raw::RawDocument;
use crate::language::read::{FromToml as _, Named, ParseContext, Table, describe, read_table};
use crate::language::source::{Place, Sources};
use crate::language::table::{NamedTable, Shape};
use crate::language::variables::{Variable, Variables, put_over, resolve};
use crate::secret::Redactor;

/// Reads the suite at `path` and what it includes. `extra_variables` are the names that `--var` defines.
///
/// # Errors
/// Everything that is wrong with it. Nothing has been sent then, and nothing is.
pub fn load(path: &Path, extra_variables: &[String]) -> Result<Suite, SuiteError> {
    read_draft(path, extra_variables)?.sound()
}

/// The same for a suite whose text is at hand. Relative paths in it start in `path`'s folder.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_text(path: &Path, text: &str, extra_variables: &[String]) -> Result<Suite, SuiteError> {
    read_draft_text(path, text, extra_variables).sound()
}

/// What a suite says, as far as it can be understood, and what is wrong with it.
#[derive(Debug)]
pub struct Draft {
    pub suite: Suite,
    pub mistakes: Vec<Diagnostic>,
    /// Could all its files be read? If not, much that is missing is only not known.
    pub is_whole: bool,
}

impl Draft {
    /// The suite, if nothing is wrong with it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn sound(self) -> Result<Suite, SuiteError> {
        match self.mistakes.is_empty() {
            true => Ok(self.suite),
            false => Err(SuiteError::new(self.suite.sources, self.mistakes)),
        }
    }
}

/// Reads the suite at `path` for somebody who looks for more mistakes in it.
///
/// # Errors
/// The file cannot be read.
pub fn read_draft(path: &Path, extra_variables: &[String]) -> Result<Draft, SuiteError> {
    read_draft_looking(path, extra_variables, &mut |_| {})
}

/// The same, and shows `look` each file that is TOML as it is written, in the order in which they count: the last one
/// that says something is right.
///
/// # Errors
/// The file cannot be read.
pub fn read_draft_looking(
    path: &Path,
    extra_variables: &[String],
    look: &mut dyn FnMut(&RawDocument<'_>),
) -> Result<Draft, SuiteError> {
    let text = std::fs::read_to_string(path).map_err(|error| SuiteError::unreadable(path, &error))?;
    Ok(draft(path, &text, extra_variables, look))
}

/// Reads a suite whose text is at hand.
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
    if !read.suite.has_templates_in_settings {
        return read;
    }
    // Without an environment: which one it runs in is not known here.
    let suite = &read.suite;
    let (resolved, _) = resolve(&suite.variables, &suite.dir, &Arc::new(Redactor::new()));
    in_environment(suite, &resolved.scope, extra_variables)
}

/// The suite with its settings rendered in `scope`.
pub fn in_environment(suite: &Suite, scope: &Variables, extra_variables: &[String]) -> Draft {
    match suite.sources.files.first() {
        Some(root) => {
            let again = Again { scope, sources: &suite.sources };
            read_all(&root.path, &root.text, extra_variables, Some(again), &mut |_| {})
        }
        None => unreachable!("a suite that was read has a file"),
    }
}

/// What is known of a suite that is read for the second time.
#[derive(Clone, Copy)]
struct Again<'e> {
    scope: &'e Variables,
    /// The files as they were.
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
        included: Vec::new(),
        is_whole: true,
        has_templates_in_settings: false,
    };
    let mut parts = loader.read(path, text, &Defaults::default(), &mut vec![identity(path)]);
    graph::name_each(&mut parts.checks);

    let names = parts.names;
    let suite = Suite {
        sources: loader.sources,
        dir: path.parent().map_or_else(PathBuf::new, Path::to_owned),
        keys: parts.keys,
        variables: parts.variables,
        environments: parts.environments,
        checks: parts.checks,
        mistaken_shares: parts.mistaken_shares,
        has_templates_in_settings: loader.has_templates_in_settings,
        setting_reads: parts.setting_reads,
    };
    let is_whole = loader.is_whole;
    let mut mistakes = loader.diagnostics;
    // A suite that is read again is not judged before.
    if suite.has_templates_in_settings && again.is_none() {
        return Draft { suite, mistakes, is_whole };
    }
    mistakes.extend(graph::duplicates(&names));
    // What a file that could not be read defines is not missed anywhere else.
    if is_whole {
        mistakes.extend(graph::mistakes(&suite, &names));
        mistakes.extend(usage::mistakes(&suite, extra_variables));
    }
    if suite.checks.is_empty() && mistakes.is_empty() && !suite.has_templates_in_settings {
        mistakes.push(
            Diagnostic::new(None, "the suite has no checks")
                .hint("add at least one `[[health]]` with a `name` and a `url`"),
        );
    }
    Draft { suite, mistakes, is_whole }
}

/// What makes a file the same file: its real path, where there is one.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

struct Loader<'e> {
    environment: &'e Environment<'static>,
    look: &'e mut dyn FnMut(&RawDocument<'_>),
    again: Option<Again<'e>>,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    /// The files that were read already: what two files include is there once.
    included: Vec<PathBuf>,
    /// Could everything be read?
    is_whole: bool,
    has_templates_in_settings: bool,
}

/// What one file and its includes say.
#[derive(Default)]
struct Parts {
    keys: SuiteKeys,
    variables: BTreeMap<String, Variable>,
    environments: BTreeMap<String, EnvironmentKeys>,
    checks: Vec<SuiteCheck>,
    /// The names of all checks, of those too that have a mistake in them.
    names: Vec<Named>,
    mistaken_shares: Vec<String>,
    /// The variables that settings beside the checks read, and those of checks that could not be read without them.
    setting_reads: Vec<(String, Place)>,
}

impl Loader<'_> {
    /// `defaults` are those of the files that include this one, and `chain` these files, itself last.
    fn read(&mut self, path: &Path, text: &str, defaults: &Defaults, chain: &mut Vec<PathBuf>) -> Parts {
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
        parse.scope = self.again.map(|again| again.scope.clone());
        let parts = read_table(document.get_ref(), 0..0, &mut parse, |table| {
            let head = Head::from_table(table, is_root);
            let setting_reads = std::mem::take(&mut table.parse.settings.reads);
            let defaults = head.defaults.clone().or(defaults);
            defaults.hand_on(&mut table.parse.defaults);
            let mut parts = self.included(file, document.get_ref(), path, &defaults, chain);
            (self.look)(&RawDocument::of(file, text, document.get_ref()));
            parts.take(head);
            parts.setting_reads.extend(setting_reads);
            read_checks(table, &mut parts);
            Some(parts)
        });
        self.diagnostics.append(&mut parse.diagnostics);
        self.has_templates_in_settings |= parse.settings.have_templates;
        parts.unwrap_or_default()
    }

    fn included(
        &mut self,
        file: usize,
        document: &DeTable<'_>,
        path: &Path,
        defaults: &Defaults,
        chain: &mut Vec<PathBuf>,
    ) -> Parts {
        let mut parts = Parts::default();
        let Some(DeValue::Array(entries)) = document.get("include").map(Spanned::get_ref) else {
            return parts;
        };
        for entry in entries {
            let DeValue::String(name) = entry.get_ref() else { continue };
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
                None => std::fs::read_to_string(&included),
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
                    let other = self.read(&included, &text, defaults, chain);
                    chain.pop();
                    parts.absorb(other);
                }
            }
        }
        parts
    }
}

impl Parts {
    /// Adds what another included file says; where both speak, the later one counts.
    fn absorb(&mut self, later: Parts) {
        put_over(&mut self.variables, later.variables);
        for (name, environment) in later.environments {
            self.add_environment(name, environment);
        }
        self.checks.extend(later.checks);
        self.names.extend(later.names);
        self.mistaken_shares.extend(later.mistaken_shares);
        self.setting_reads.extend(later.setting_reads);
    }

    /// Adds what the file itself says, after what it includes.
    fn take(&mut self, head: Head) {
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
    }
}

/// Asks for the keys of a file.
pub(super) fn ask_file(table: &mut Table<'_, '_, '_>) {
    Head::from_table(table, true);
    read_checks(table, &mut Parts::default());
}

impl NamedTable for Kind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn ask(&self, table: &mut Table<'_, '_, '_>) {
        let _ = check_keys(self, table);
    }
}

/// Reads the keys of a check of this kind: those that every check has, and the kind's own.
fn check_keys(kind: &Kind, table: &mut Table<'_, '_, '_>) -> (Option<CheckKeys>, Option<Arc<dyn Check>>) {
    let common = CheckKeys::from_table(table, kind);
    let own = (kind.read)(table);
    (common, own)
}

/// What a file says beside its checks.
struct Head {
    keys: SuiteKeys,
    /// For its own checks, and for those of the files that it includes, as far as they do not say otherwise.
    defaults: Defaults,
    variables: BTreeMap<String, Variable>,
    environments: BTreeMap<String, EnvironmentKeys>,
}

impl Head {
    fn from_table(table: &mut Table<'_, '_, '_>, is_root: bool) -> Head {
        // What the entries name is read by the loader.
        let _: Option<Vec<String>> = table.optional(
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

fn read_checks(table: &mut Table<'_, '_, '_>, parts: &mut Parts) {
    let mut tables: Vec<(&'static Kind, &Spanned<DeValue<'_>>)> = Vec::new();
    for kind in KINDS {
        let Some(value) = table.raw(kind.name, kind.about, Shape::Tables(kind)) else { continue };
        match value.get_ref() {
            DeValue::Array(items) => tables.extend(items.iter().map(|item| (kind, item))),
            other => {
                let message =
                    format!("`[[{0}]]` is an array of tables, found {1}", kind.name, describe(other));
                let place = table.key_place(kind.name);
                let hint = format!("write `[[{}]]`, with two brackets on each side", kind.name);
                let _: Option<()> = table.parse.reject(Diagnostic::new(place, message).hint(hint));
            }
        }
    }
    // The order of the file, whatever the kinds.
    tables.sort_by_key(|(_, item)| item.span().start);
    for (kind, item) in tables {
        read_check(kind, item, table.parse, parts);
    }
}

fn read_check(
    kind: &'static Kind,
    item: &Spanned<DeValue<'_>>,
    parse: &mut ParseContext<'_>,
    parts: &mut Parts,
) {
    let DeValue::Table(keys) = item.get_ref() else {
        let _: Option<()> = parse.expected(item, "a table");
        return;
    };
    let Some(each) = keys.get("each") else {
        return read_instance(kind, item, keys, Instance::new(), parse, parts);
    };
    // Which checks there are is known with the variables.
    parse.settings.have_templates = true;
    let Some(scope) = parse.scope.clone() else { return };
    let before = parse.diagnostics.len();
    let instances = Each::from_toml(each, parse).and_then(|each| each.instances(&scope, parse));
    if instances.is_none() && parse.diagnostics.len() == before {
        parts.setting_reads.append(&mut parse.settings.reads);
        return;
    }
    let written =
        keys.get_key_value("name").map(|(_, name)| (name.get_ref().as_str().unwrap_or_default(), name));
    if let (Some(several), Some((name, value))) = (instances.as_ref().filter(|all| all.len() > 1), written)
        && !name.contains("{{")
    {
        let place = parse.place(value.span());
        let mistake = format!("`each` makes {} checks of this one name", several.len());
        let variable = several[0].first().map(|(variable, _)| variable.as_str()).unwrap_or_default();
        let hint =
            format!("put a variable into it that tells them apart, such as `{name} {{{{{variable}}}}}`");
        parse.diagnostics.push(Diagnostic::new(place, mistake).hint(hint));
        return;
    }
    parse.is_of_each = true;
    for instance in instances.unwrap_or_default() {
        let mut own = scope.clone();
        for (name, value) in &instance {
            own.set(name, value);
        }
        parse.scope = Some(own);
        read_instance(kind, item, keys, instance, parse, parts);
    }
    parse.is_of_each = false;
    parse.scope = Some(scope);
}

/// Reads one check: as it is written, or as one that `each` makes.
fn read_instance(
    kind: &'static Kind,
    item: &Spanned<DeValue<'_>>,
    keys: &DeTable<'_>,
    instance: Instance,
    parse: &mut ParseContext<'_>,
    parts: &mut Parts,
) {
    let place = parse.place(item.span());
    let mut name = None;
    let before = parse.diagnostics.len();
    let read: Option<(CheckKeys, Arc<dyn Check>)> = read_table(keys, item.span(), parse, |table| {
        let (common, check) = check_keys(kind, table);
        name = common.as_ref().map(|keys| keys.name.clone());
        common.zip(check)
    });
    let written_name = keys.get("name").and_then(|name| name.get_ref().as_str()).unwrap_or_default();
    // A check with a mistake in it keeps its name, so that what needs it is not called a mistake too.
    let name =
        name.or_else(|| (!written_name.is_empty()).then(|| Named { name: written_name.to_owned(), place }));
    parts.names.extend(name);
    let setting_reads = std::mem::take(&mut parse.settings.reads);
    match read {
        Some((keys, check)) => {
            let written_name = written_name.to_owned();
            parts.checks.push(SuiteCheck { kind, place, keys, check, written_name, instance, setting_reads });
        }
        None => {
            if parse.diagnostics.len() == before {
                // It waits for a variable that has no value.
                parts.setting_reads.extend(setting_reads);
            }
            // What it would hand over is not missed by those who need it.
            let shares = keys.get("share").and_then(|share| share.get_ref().as_array());
            let names = shares.into_iter().flatten().filter_map(|name| name.get_ref().as_str());
            parts.mistaken_shares.extend(names.map(str::to_owned));
        }
    }
}
