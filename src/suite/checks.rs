//! The checks of a file, of all kinds, including those that `each` generates.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::SuiteCheck;
use super::each::{Each, Instance};
use super::keys::CheckKeys;
use super::parts::Parts;
use crate::check::{Check, KINDS, Kind};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromToml as _, Named, ParseContext, Table, describe, read_table};
use crate::language::table::{NamedTable, Shape};

impl NamedTable for Kind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn ask(&self, table: &mut Table<'_, '_, '_>) {
        let _ = check_keys(self, table);
    }
}

/// Reads the keys of a check of this kind: the common ones and its own.
fn check_keys(kind: &Kind, table: &mut Table<'_, '_, '_>) -> (Option<CheckKeys>, Option<Arc<dyn Check>>) {
    let common = CheckKeys::from_table(table, kind);
    let own = (kind.read)(table);
    (common, own)
}

pub(super) fn read_checks(table: &mut Table<'_, '_, '_>, parts: &mut Parts) {
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
    // The number of checks is known only with the variables.
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
        parse.scope = Some(scope.with(&instance));
        read_instance(kind, item, keys, instance, parse, parts);
    }
    parse.is_of_each = false;
    parse.scope = Some(scope);
}

/// Reads one check, either as written or as an instance of `each`.
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
    // A check with a mistake keeps its name, so that its dependents do not report it as unknown.
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
                // The check depends on a variable without a value.
                parts.setting_reads.extend(setting_reads);
            }
            // Its dependents do not report the variables it would share as undefined.
            let shares = keys.get("share").and_then(|share| share.get_ref().as_array());
            let names = shares.into_iter().flatten().filter_map(|name| name.get_ref().as_str());
            parts.mistaken_shares.extend(names.map(str::to_owned));
        }
    }
}
