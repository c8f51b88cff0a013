//! The `resolve` key: sends requests to another address than the URL's.

use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromKey, Named, ParseContext, Table, Templates};
use crate::language::source::Place;
use crate::language::table::Rule;
use crate::language::template::Template;
use crate::probe::authority::Authority;

/// An entry of `resolve`.
#[derive(Debug, Clone)]
pub(in crate::check) struct ResolveEntry {
    pub from: HostAndPort,
    pub to: Template,
    /// Whether it comes from `[defaults.http]`.
    pub is_default: bool,
}

/// A host and port, as a URL may name them.
#[derive(Debug, Clone)]
pub(in crate::check) struct HostAndPort {
    pub authority: Authority,
    pub place: Place,
}

impl FromKey for HostAndPort {
    const TEMPLATES: Templates = Templates::Rendered;

    fn from_key(Named { name, place }: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        let Some((host, port)) = name.rsplit_once(':').filter(|(host, _)| !host.is_empty()) else {
            let mistake = Diagnostic::new(place, "this has no port, so it would never apply");
            return parse.reject(
                mistake.hint(format!("write `resolve = {{ \"{name}:443\" = \"127.0.0.1:8443\" }}`")),
            );
        };
        match port.parse().ok().and_then(|port| Authority::new(host, port)) {
            Some(authority) => Some(HostAndPort { authority, place }),
            None => {
                let mistake = Diagnostic::new(place, format!("`{name}` is not a host and a port"));
                parse.reject(mistake.hint("write it like `\"shop.example:443\"`, without a scheme or a path"))
            }
        }
    }

    fn pattern() -> Option<&'static str> {
        None
    }
}

pub(in crate::check) fn resolve_key(table: &mut Table<'_, '_, '_>) -> Vec<ResolveEntry> {
    let entries: Vec<(HostAndPort, Template)> = table
        .optional(
            "resolve",
            (
                "addresses to use instead of a DNS lookup, by host and port",
                r#"resolve = { "shop.example:443" = "127.0.0.1:8443" }"#,
            ),
        )
        .unwrap_or_default();
    table.obeys(Rule::NamesLike("resolve", r"(.:[0-9]+|\}\})$"));
    let entries: Vec<ResolveEntry> =
        entries.into_iter().map(|(from, to)| ResolveEntry { from, to, is_default: false }).collect();
    for (index, ResolveEntry { from, .. }) in entries.iter().enumerate() {
        if entries[..index].iter().any(|entry| entry.from.authority == from.authority) {
            let message = format!("`resolve` has `{}` twice", from.authority);
            let _: Option<()> = table.parse.reject(Diagnostic::new(from.place, message));
        }
    }
    entries
}
