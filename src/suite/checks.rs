//! The checks of a file, of all kinds, including those that `each` generates.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::SuiteCheck;
use super::each::{Each, Instance};
use super::keys::CheckKeys;
use super::kind_defaults::{self, KindDefaults, put_under, without};
use super::parts::Parts;
use crate::check::{Check, KINDS, Kind};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromToml as _, Named, ParseContext, Table, describe, read_table};
use crate::language::source::Place;
use crate::language::table::{NamedTable, Shape};

impl NamedTable for Kind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn ask(&self, table: &mut Table<'_, '_, '_>) {
        let _ = check_keys(self, table);
    }

    fn own_keys(&self) -> Option<&'static [&'static str]> {
        Some(kind_defaults::OWN_KEYS)
    }
}

/// Reads the keys of a check of this kind: the common ones and its own.
fn check_keys(kind: &Kind, table: &mut Table<'_, '_, '_>) -> (Option<CheckKeys>, Option<Arc<dyn Check>>) {
    let common = CheckKeys::from_table(table, kind);
    let own = (kind.read)(table);
    (common, own)
}

/// Reads all checks of a file. `defaults` are those that its checks may have: of several, which ones is not known, and
/// each check is read with those that it makes sense with.
pub(super) fn read_checks(table: &mut Table<'_, '_, '_>, defaults: &[KindDefaults<'_>], parts: &mut Parts) {
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
    // In file order, across all kinds.
    tables.sort_by_key(|(_, item)| item.span().start);
    for (kind, item) in tables {
        read_check(kind, item, defaults, table.parse, parts);
    }
}

fn read_check(
    kind: &'static Kind,
    item: &Spanned<DeValue<'_>>,
    defaults: &[KindDefaults<'_>],
    parse: &mut ParseContext<'_>,
    parts: &mut Parts,
) {
    let DeValue::Table(keys) = item.get_ref() else {
        let _: Option<()> = parse.expected(item, "a table");
        return;
    };
    let Some(each) = keys.get("each") else {
        return read_instance(kind, item, keys, defaults, Instance::new(), parse, parts);
    };
    // Which checks there are is known with the variables.
    parse.settings.depend_on_environment = true;
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
        parse.scope = Some(scope.with(&instance));
        read_instance(kind, item, keys, defaults, instance, parse, parts);
    }
    parse.is_of_each = false;
    parse.scope = Some(scope);
}

/// Reads one check, either as written or as an instance of `each`.
fn read_instance(
    kind: &'static Kind,
    item: &Spanned<DeValue<'_>>,
    keys: &DeTable<'_>,
    defaults: &[KindDefaults<'_>],
    instance: Instance,
    parse: &mut ParseContext<'_>,
    parts: &mut Parts,
) {
    let place = parse.place(item.span());
    let mut setting_reads = std::mem::take(&mut parse.settings.reads);
    let Reading { value: read, name, mut mistakes, mut warnings, setting_reads: own_reads } =
        read_with_defaults(kind, keys, item.span(), defaults, parse);
    setting_reads.extend(own_reads);
    parse.warnings.append(&mut warnings);
    let has_mistakes = !mistakes.is_empty();
    parse.diagnostics.append(&mut mistakes);
    let written_name = keys.get("name").and_then(|name| name.get_ref().as_str()).unwrap_or_default();
    // A check with a mistake keeps its name, so that its dependents do not report it as unknown.
    let name =
        name.or_else(|| (!written_name.is_empty()).then(|| Named { name: written_name.to_owned(), place }));
    parts.names.extend(name);
    match read {
        Some((keys, check)) => {
            let written_name = written_name.to_owned();
            let whole = SuiteCheck { kind, place, keys, check, written_name, instance, setting_reads };
            let several = several(&whole);
            parts.names.extend(several.iter().map(|check| check.keys.name.clone()));
            if several.is_empty() {
                parts.checks.push(whole);
            } else {
                parts.checks.extend(several);
            }
        }
        None => {
            if !has_mistakes {
                // It waits for a variable that has no value.
                parts.setting_reads.extend(setting_reads);
            }
            // Its dependents do not report the variables it would share as undefined.
            let shares = keys.get("share").and_then(|share| share.get_ref().as_array());
            let names = shares.into_iter().flatten().filter_map(|name| name.get_ref().as_str());
            parts.mistaken_shares.extend(names.map(str::to_owned));
        }
    }
}

/// A check as it was read, which may be one of several ways.
struct Reading {
    value: Option<(CheckKeys, Arc<dyn Check>)>,
    name: Option<Named>,
    mistakes: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    setting_reads: Vec<(String, Place)>,
}

/// Reads a check with the first of `defaults` that it makes sense with.
fn read_with_defaults(
    kind: &'static Kind,
    own: &DeTable<'_>,
    span: Range<usize>,
    defaults: &[KindDefaults<'_>],
    parse: &mut ParseContext<'_>,
) -> Reading {
    let mut read = |defaults: Option<&KindDefaults<'_>>| match defaults.and_then(|all| all.get(kind)) {
        Some(defaults) => read_under(kind, own, span.clone(), defaults, parse),
        None => read_once(kind, own, span.clone(), parse),
    };
    let first = read(defaults.first());
    if first.mistakes.is_empty() {
        return first;
    }
    let mut others = defaults.iter().skip(1).map(|defaults| read(Some(defaults)));
    others.find(|other| other.mistakes.is_empty()).unwrap_or(first)
}

/// Reads a check with the defaults of its kind. A default that does not go with what the check says itself, such as
/// `retry` with its `poll`, is left out: by itself it makes sense, which is checked where it stands.
fn read_under(
    kind: &'static Kind,
    own: &DeTable<'_>,
    span: Range<usize>,
    defaults: &DeTable<'_>,
    parse: &mut ParseContext<'_>,
) -> Reading {
    let mut read = |defaults: &DeTable<'_>| {
        let mut keys = own.clone();
        put_under(&mut keys, defaults, None);
        read_once(kind, &keys, span.clone(), parse)
    };
    let mut best = read(defaults);
    let mut taken = defaults.clone();
    let mut is_better = true;
    while !best.mistakes.is_empty() && is_better {
        is_better = false;
        for part in kind_defaults::parts(&taken) {
            let fewer = without(&taken, &part);
            let reading = read(&fewer);
            if reading.mistakes.len() < best.mistakes.len() {
                (best, taken, is_better) = (reading, fewer, true);
                break;
            }
        }
    }
    best
}

fn read_once(
    kind: &'static Kind,
    keys: &DeTable<'_>,
    span: Range<usize>,
    parse: &mut ParseContext<'_>,
) -> Reading {
    let before = std::mem::take(&mut parse.diagnostics);
    let warned_before = std::mem::take(&mut parse.warnings);
    let mut name = None;
    let value = read_table(keys, span, parse, |table| {
        let (common, check) = check_keys(kind, table);
        name = common.as_ref().map(|keys| keys.name.clone());
        common.zip(check)
    });
    let mistakes = std::mem::replace(&mut parse.diagnostics, before);
    let warnings = std::mem::replace(&mut parse.warnings, warned_before);
    Reading { value, name, mistakes, warnings, setting_reads: std::mem::take(&mut parse.settings.reads) }
}

/// The checks that this one stands for, if it stands for several.
fn several(whole: &SuiteCheck) -> Vec<SuiteCheck> {
    let parts = Arc::clone(&whole.check).split().into_iter();
    parts
        .map(|(name, check)| {
            let mut part = SuiteCheck { check, ..whole.clone() };
            part.keys.name.name = format!("{}: {name}", whole.keys.name.name);
            part
        })
        .collect()
}
