//! `[defaults.KIND]`: default keys for the checks of one kind.
//!
//! ```toml
//! [defaults.health]
//! budget = "2s"
//! expect.within = "500ms"
//! ```
//!
//! They are merged under a check's own keys before these are read, tables key by key. So the code that reads checks
//! does not know about them, and every key of a kind can have a default.

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::check::{KINDS, Kind};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{ParseContext, read_table};
use crate::language::table::NamedTable as _;

/// The keys of a check that have no default, because they distinguish it from the others.
pub const OWN_KEYS: &[&str] = &["name", "each"];

/// The defaults of each kind, as written.
#[derive(Debug, Clone, Default)]
pub struct KindDefaults<'t>(Vec<(&'static str, DeTable<'t>)>);

impl<'t> KindDefaults<'t> {
    /// Reads the `defaults` table of a file. `shift` is the offset that is added to every span.
    pub fn of(defaults: Option<&DeValue<'t>>, shift: usize) -> KindDefaults<'t> {
        let Some(defaults) = defaults.and_then(DeValue::as_table) else { return KindDefaults::default() };
        let of_kind = |kind: &Kind| {
            let keys = defaults.get(kind.name)?.get_ref().as_table()?;
            Some((kind.name, shifted_table(keys, shift)))
        };
        KindDefaults(KINDS.iter().filter_map(of_kind).collect())
    }

    /// Returns these defaults, with `other`'s for the keys that are omitted.
    pub fn or(mut self, other: &KindDefaults<'t>) -> KindDefaults<'t> {
        for (kind, keys) in &other.0 {
            match self.0.iter_mut().find(|(own, _)| own == kind) {
                Some((_, own)) => put_under(own, keys, None),
                None => self.0.push((kind, keys.clone())),
            }
        }
        self
    }

    /// Returns the default keys for checks of this kind.
    pub fn get(&self, kind: &Kind) -> Option<&DeTable<'t>> {
        self.0.iter().find(|(name, _)| *name == kind.name).map(|(_, keys)| keys)
    }
}

/// Adds the keys of `defaults` that `own` does not have. Tables that both have are merged key by key.
pub fn put_under<'t>(own: &mut DeTable<'t>, defaults: &DeTable<'t>, within: Option<&str>) {
    // Header names are case-insensitive.
    let is_header = matches!(within, Some("headers" | "header"));
    for (key, value) in defaults {
        let name = key.get_ref().as_ref();
        let is_same = |own: &str| own == name || (is_header && own.eq_ignore_ascii_case(name));
        match own.iter_mut().find(|(own, _)| is_same(own.get_ref())) {
            None => {
                own.insert(key.clone(), value.clone());
            }
            Some((_, known)) => {
                if let (DeValue::Table(known), DeValue::Table(value)) = (known.get_mut(), value.get_ref()) {
                    put_under(known, value, Some(name));
                }
            }
        }
    }
}

/// Returns the parts that can be omitted individually: the keys within tables first, then the keys themselves.
pub fn parts(keys: &DeTable<'_>) -> Vec<Vec<String>> {
    let name = |key: &Spanned<DeString<'_>>| key.get_ref().to_string();
    let tables = keys.iter().filter_map(|(key, value)| Some((key, value.get_ref().as_table()?)));
    let inner = tables.flat_map(|(key, table)| table.keys().map(move |own| vec![name(key), name(own)]));
    inner.chain(keys.keys().map(|key| vec![name(key)])).collect()
}

/// Returns the keys without one of their [`parts`].
pub fn without<'t>(keys: &DeTable<'t>, part: &[String]) -> DeTable<'t> {
    let mut left = keys.clone();
    match part {
        [name] => {
            left.remove(name.as_str());
        }
        [table, name] => {
            if let Some(DeValue::Table(table)) = left.get_mut(table.as_str()).map(Spanned::get_mut) {
                table.remove(name.as_str());
            }
        }
        _ => {}
    }
    left
}

/// Reports the mistakes in `[defaults.KIND]` itself, regardless of the checks.
pub fn check(kind: &'static Kind, value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) {
    let DeValue::Table(keys) = value.get_ref() else {
        let _: Option<()> = parse.expected(value, "a table");
        return;
    };
    let (before, reads) = (parse.diagnostics.len(), std::mem::take(&mut parse.settings.reads));
    let is_of_each = std::mem::replace(&mut parse.is_of_each, true);
    parse.is_partial = true;
    let _: Option<()> = read_table(keys, value.span(), parse, |table| {
        kind.ask(table);
        for own in OWN_KEYS {
            if table.has(own) {
                let message = format!("`{own}` is each check's own and has no default");
                let _: Option<()> = table.reject(own, message);
            }
        }
        None
    });
    parse.is_partial = false;
    parse.is_of_each = is_of_each;
    // The checks that use the defaults read the variables.
    parse.settings.reads = reads;
    // Mistakes about the whole table are dropped: they are missing keys, which the checks may have.
    let whole = parse.place(value.span());
    let found = parse.diagnostics.split_off(before);
    let is_of_a_key = |mistake: &Diagnostic| mistake.place != Some(whole);
    parse.diagnostics.extend(found.into_iter().filter(is_of_a_key));
}

fn shifted_table<'t>(keys: &DeTable<'t>, shift: usize) -> DeTable<'t> {
    let shifted_key =
        |key: &Spanned<DeString<'t>>| Spanned::new(moved(key.span(), shift), key.get_ref().clone());
    keys.iter().map(|(key, value)| (shifted_key(key), shifted(value, shift))).collect()
}

fn shifted<'t>(value: &Spanned<DeValue<'t>>, shift: usize) -> Spanned<DeValue<'t>> {
    let inner = match value.get_ref() {
        DeValue::Table(keys) => DeValue::Table(shifted_table(keys, shift)),
        DeValue::Array(items) => {
            let mut all = DeArray::new();
            items.iter().for_each(|item| all.push(shifted(item, shift)));
            DeValue::Array(all)
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => value.get_ref().clone(),
    };
    Spanned::new(moved(value.span(), shift), inner)
}

fn moved(span: std::ops::Range<usize>, shift: usize) -> std::ops::Range<usize> {
    span.start + shift..span.end + shift
}
