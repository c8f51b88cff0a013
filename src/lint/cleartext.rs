//! Secrets in clear text, and certificates that are not verified.

use std::ops::Range;

use toml::de::DeValue;

use crate::language::diagnostic::Diagnostic;
use crate::language::raw::{Entry, RawDocument};
use crate::language::source::Place;
use crate::language::variables::is_secret_name;
use crate::secret::address;

const HINT: &str = "read it from outside: `[vars] name = { env = \"NAME\" }` or `{ file = \"…\" }`, and write `{{name}}` here";

/// Returns the warnings, and the places of secrets that must not be shown.
pub(super) fn warnings(written: &RawDocument<'_>) -> (Vec<Diagnostic>, Vec<Place>) {
    let mut found = Vec::new();
    let mut covered = Vec::new();
    written.each(|entry| {
        if entry.path.ends_with(&["tls", "insecure"]) && entry.value.as_bool() == Some(true) {
            let message = "the certificate is not verified, which allows man-in-the-middle attacks";
            let hint = "to trust an authority of your own, say `tls = { ca = \"ca.pem\" }`";
            found.push(Diagnostic::new(entry.place, message).hint(hint));
        }
        let Some((what, secret)) = secret_in(entry, written) else { return };
        let place = written.place_of(secret, entry);
        covered.push(place);
        let message = format!("{what} is in the suite in clear text");
        found.push(Diagnostic::new(place, message).hint(HINT));
    });
    (found, covered)
}

/// Returns the places that must not be shown of a file with mistakes. They include secrets without a warning: a
/// developer's own defaults, and values that were meant to be credentials.
pub(super) fn hidden(written: &RawDocument<'_>) -> Vec<Place> {
    let mut places = Vec::new();
    written.each(|entry| match secret_in(entry, written) {
        Some((_, secret)) => places.push(written.place_of(secret, entry)),
        None if is_hidden(entry, written) => places.push(match entry.value.as_str() {
            Some(text) => written.place_of(0..text.len(), entry),
            None => entry.value_place,
        }),
        None => {}
    });
    places
}

fn is_hidden(entry: &Entry<'_>, written: &RawDocument<'_>) -> bool {
    match entry.value {
        DeValue::Table(_) | DeValue::Array(_) | DeValue::Boolean(_) => return false,
        DeValue::String(text) if text.trim().is_empty() || text.contains("{{") => return false,
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => {}
    }
    let parts = entry.path;
    match parts {
        ["vars", name] | ["env", _, "vars", name] => is_secret_unsaid(name, written),
        ["vars", name, "value" | "default"] | ["env", _, "vars", name, "value" | "default"] => {
            is_secret(name, parts, written)
        }
        [.., "auth", "basic", key] => *key != "user",
        [.., "auth", "oauth2", key] => !["token-url", "client-id", "scope"].contains(key),
        [.., "auth"] | [.., "auth", _] => true,
        _ => false,
    }
}

/// Returns the same for a text that is not TOML: the rest of the line after each name of a secret.
pub(super) fn hidden_in_text(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = line.trim_end().len();
        let secret = line.match_indices('=').find_map(|(equals, _)| {
            let key = line[..equals].trim_end().trim_matches(['"', '\'']);
            let name = key.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next()?;
            // `auth` is a table of which only a part is secret.
            let is_secret = (is_secret_name(name) && name != "auth")
                || is_secret_header(name)
                || is_password(name)
                || ["bearer", "basic", "client-secret"].contains(&name);
            is_secret.then_some(equals + 1..end)
        });
        let quote = line.find("://").and_then(|at| Some(at + line[at..].find(['"', '\''])?));
        let secret = secret.or_else(|| url_password(&line[..quote.unwrap_or(line.len())]));
        found.extend(secret.map(|range| start + range.start..start + range.end));
        start += line.len();
    }
    found
}

/// Returns what a value reveals, if anything: a description and the range of the text.
fn secret_in(entry: &Entry<'_>, written: &RawDocument<'_>) -> Option<(&'static str, Range<usize>)> {
    let text = entry.value.as_str().filter(|text| !text.trim().is_empty())?;
    let parts = entry.path_in_check();
    // A default that the environment replaces is not a secret of that environment: usually a developer's own database.
    if matches!(parts, ["vars", _, "default"] | ["env", _, "vars", _, "default"]) {
        return None;
    }
    if let Some(password) = url_password(text) {
        return Some(("the password in this URL", password));
    }
    if text.contains("{{") {
        return None;
    }
    let what = match parts {
        ["vars", name] | ["env", _, "vars", name] => is_secret_unsaid(name, written).then_some("a secret"),
        ["vars", name, "value"] | ["env", _, "vars", name, "value"] => {
            is_secret(name, parts, written).then_some("a secret")
        }
        [.., "auth", "bearer"] => Some("a token"),
        [.., "auth", "basic", "password"] => Some("a password"),
        [.., "auth", "oauth2", "client-secret"] => Some("a client's secret"),
        [.., "headers", name] => is_secret_header(name).then_some("a credential"),
        ["boot" | "command", "env", name] | ["journey", "step" | "cleanup", "env", name] => {
            is_secret_name(name).then_some("a secret")
        }
        [_, .., "form" | "json" | "query" | "multipart", name] => is_password(name).then_some("a password"),
        _ => None,
    };
    what.map(|what| (what, 0..text.len()))
}

/// Whether the variable is secret. `path` leads to one of its keys. Its own `secret` key takes precedence.
fn is_secret(name: &str, path: &[&str], written: &RawDocument<'_>) -> bool {
    let own: Vec<&str> = path[..path.len() - 1].iter().copied().chain(["secret"]).collect();
    let said = written.find(&own).map(|value| matches!(value, DeValue::Boolean(true)));
    said.unwrap_or_else(|| is_secret_unsaid(name, written))
}

/// Whether a variable without its own `secret` key is secret: by its name, or because `[vars]` marks the value that an
/// environment overrides as secret.
fn is_secret_unsaid(name: &str, written: &RawDocument<'_>) -> bool {
    let replaced = written.find(&["vars", name, "secret"]);
    is_secret_name(name) || matches!(replaced, Some(DeValue::Boolean(true)))
}

/// Whether a header is secret. Not every header with a `key` is: an idempotency key is not.
fn is_secret_header(name: &str) -> bool {
    let name = name.to_lowercase();
    let words = ["authorization", "api-key", "apikey", "token", "secret", "password"];
    words.iter().any(|word| name.contains(word))
}

/// Whether a field is a password. Narrower than for variables, because a `key` or `token` in a body is usually
/// harmless.
fn is_password(name: &str) -> bool {
    let name = name.to_lowercase();
    ["password", "passwd", "passphrase", "pwd"].iter().any(|word| name.contains(word))
}

/// Returns the password of `scheme://user:password@host`, unless it is a template.
fn url_password(text: &str) -> Option<Range<usize>> {
    address::password(text).filter(|password| !text[password.clone()].contains("{{"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_no_toml_secrets_are_hidden_by_their_names() {
        let hidden = |text: &str| -> Vec<String> {
            hidden_in_text(text).into_iter().map(|range| text[range].to_owned()).collect()
        };
        assert_eq!(hidden("a = 1\r\ndb.\"password\" = \"x\r\nb = \n"), [" \"x"]);
        assert_eq!(hidden("auth = { bearer = 'abc' \nurl = \"http://u:pw@h/\n"), [" 'abc'", "pw"]);
        assert_eq!(hidden("name = \"a = b\nurl = \"http://h/?a=b"), Vec::<String>::new());
    }

    #[test]
    fn a_password_in_a_url_is_told_from_everything_that_looks_like_one() {
        for clear in ["postgres://shop:hunter2@db/shop", "http://a:b@c", "https://u:p%40q@{{host}}/x?y=z"] {
            assert!(url_password(clear).is_some(), "{clear}");
        }
        for fine in [
            "postgres://shop@db/shop",
            "http://h:80/a@b",
            "https://u:{{password}}@h",
            "mailto:a@b",
            "http://u:@h",
            "{{url}}",
            "x://{{u}}:80",
        ] {
            assert_eq!(url_password(fine), None, "{fine}");
        }
    }
}
