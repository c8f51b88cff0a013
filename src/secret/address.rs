//! Finds the secrets in addresses, also in malformed ones.
//!
//! A password that contains an unencoded `@`, `/`, `?` or `#` makes a URL ambiguous or invalid. Which part is the
//! password cannot be decided, so every candidate is treated as one.

use std::ops::Range;

use super::Redactor;
use super::names::{is_issued_name, is_secret_name, is_secret_parameter};

/// Shorter parameter values are unlikely to be credentials: `code=404`.
const SHORTEST_ISSUED: usize = 12;

/// Returns the scheme of an address, if it has one.
#[must_use]
pub fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let is_one = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_one.then_some(scheme)
}

/// Returns what may be shown of an invalid address: all of it if it cannot contain a password, otherwise only the
/// scheme.
#[must_use]
pub fn shown(text: &str) -> String {
    let (scheme, rest) = match (text.split_once("://"), scheme(text)) {
        (Some((_, rest)), Some(scheme)) => (Some(scheme), rest),
        (_, _) => (None, text),
    };
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._[]".contains(c);
    let has_no_password = host.chars().all(is_plain)
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && !after.contains(['@', '=', ';']);
    match (has_no_password, scheme) {
        (true, _) => text.to_owned(),
        (false, Some(scheme)) => format!("{scheme}://…"),
        (false, None) => "…".to_owned(),
    }
}

/// Returns the range of the password in `scheme://user:password@host`. If several ranges qualify, the longest wins.
#[must_use]
pub fn password(text: &str) -> Option<Range<usize>> {
    let of_string = || parameters(text, is_secret_name).into_iter().next();
    let longest = passwords(text).into_iter().max_by_key(ExactSizeIterator::len);
    // In a URL, parameters belong to the request. A connection string consists of nothing else.
    longest.or_else(|| of_string().filter(|_| !text.contains("://") || text.starts_with("jdbc:")))
}

/// A secret inside an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    pub range: Range<usize>,
    /// The name of the parameter that holds the secret.
    pub parameter: Option<String>,
}

/// Returns the secrets in an address, sorted and without overlaps.
#[must_use]
pub fn secrets(text: &str) -> Vec<Secret> {
    let of_url = passwords(text).into_iter().chain(token(text));
    let mut found: Vec<Secret> = of_url.map(|range| Secret { range, parameter: None }).collect();
    found.extend(parameters(text, is_secret_name).into_iter().map(|range| {
        let name = text[..range.start].trim_end_matches(['=', ' ', '\'', '"']);
        let start = name.trim_end_matches(is_of_name).len();
        Secret { parameter: Some(name[start..].to_owned()), range }
    }));
    found.sort_by_key(|secret| secret.range.start);
    found.dedup_by(|next, last| {
        let overlap = next.range.start < last.range.end;
        if overlap {
            last.range.end = last.range.end.max(next.range.end);
        }
        overlap
    });
    found
}

/// An address without its scheme.
struct Parts<'t> {
    start: usize,
    rest: &'t str,
    authority: &'t str,
}

fn parts(text: &str) -> Option<Parts<'_>> {
    let start = match text.find("://") {
        Some(at) => at + "://".len(),
        // Proxies are configured as `user:password@host:3128`.
        None if text.rsplit_once('@').is_some_and(|(_, host)| is_host_and_port(host)) => 0,
        None => return None,
    };
    let rest = &text[start..];
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    Some(Parts { start, rest, authority })
}

/// Returns every range that may be the password.
fn passwords(text: &str) -> Vec<Range<usize>> {
    let Some(Parts { start, rest, authority }) = parts(text) else { return Vec::new() };
    let Some(colon) = rest.find(':') else { return Vec::new() };
    let (of_user, last) = (authority.rfind('@').filter(|at| colon < *at), rest.rfind('@'));
    // The password may also extend to a later `@`, past the characters that end the authority of a valid URL.
    let port = authority.get(colon + 1..);
    let goes_on = of_user.is_some() || port.is_some_and(|port| !is_port(port));
    let later = last.filter(|last| colon < *last && goes_on && of_user != Some(*last));
    let found = [of_user, later].into_iter().flatten().map(|end| start + colon + 1..start + end);
    found.filter(|range| !range.is_empty()).collect()
}

/// Returns the token of `https://TOKEN@host`. In a database URL the same part is a user name.
fn token(text: &str) -> Option<Range<usize>> {
    let Parts { start, authority, .. } = parts(text).filter(|_| text.starts_with("http"))?;
    let user = &authority[..authority.rfind('@')?];
    (!user.is_empty() && (!user.contains(':') || user.ends_with(':')))
        .then(|| start..start + user.trim_end_matches(':').len())
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.".contains(c)
}

fn is_host_and_port(text: &str) -> bool {
    text.split_once(':').is_some_and(|(host, port)| !host.is_empty() && is_port(port))
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Substrings that identify a database connection string that is not a URL.
const CONNECTION_STRINGS: [&str; 6] = ["host=", "dbname=", "server=", "data source=", "user id=", "uid="];

/// Returns the values of parameters with secret names: in a query string, a libpq string or a `Server=…;Password=…`
/// string.
fn parameters(text: &str, is_secret: fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let lower = text.to_ascii_lowercase();
    if !text.contains("://") && !CONNECTION_STRINGS.iter().any(|part| lower.contains(part)) {
        return found;
    }
    for (equals, _) in text.match_indices('=') {
        let before = text[..equals].trim_end();
        let name = &before[before.trim_end_matches(is_of_name).len()..];
        if !is_secret(name) {
            continue;
        }
        let after = &text[equals + 1..];
        let start = equals + 1 + (after.len() - after.trim_start_matches(' ').len());
        let value = &text[start..];
        let range = match value.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let inside = &value[1..];
                1..1 + inside.find(quote).unwrap_or(inside.len())
            }
            // The encoding is unknown, so a password may contain any of the other separators.
            _ if text.contains("://") => 0..value.find(['&', '#']).unwrap_or(value.len()),
            _ if text.contains(';') => 0..value.find(';').unwrap_or(value.len()),
            _ => 0..value.find(char::is_whitespace).unwrap_or(value.len()),
        };
        found.push(start + range.start..start + range.end);
    }
    found.retain(|range| !range.is_empty());
    found
}

impl Redactor {
    /// Adds the secrets in an address, and returns whether there are any. A short password is not an error: a URL is
    /// never shown with its password.
    pub fn add_address(&self, text: &str) -> bool {
        let parameters = parameters(text, is_issued_name);
        let found = passwords(text).into_iter().chain(token(text)).chain(parameters);
        found.map(|secret| self.add_decoded(&text[secret])).count() > 0
    }

    /// Adds the secrets in an address that a server issues, such as the `Location` of a login.
    pub fn add_issued_address(&self, text: &str) {
        let long = |secret: &Range<usize>| secret.len() >= SHORTEST_ISSUED;
        let issued = parameters(text, is_secret_parameter).into_iter().filter(long);
        let found = passwords(text).into_iter().chain(token(text)).chain(issued);
        found.for_each(|secret| self.add_decoded(&text[secret]));
    }

    fn add_decoded(&self, secret: &str) {
        let _ = self.add(secret);
        let _ = self.add(&percent_encoding::percent_decode_str(secret).decode_utf8_lossy());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_may_be_the_password_is_taken_for_one() {
        for (address, found) in [
            ("postgres://u:hunter2@h/d", &["hunter2"][..]),
            ("postgres://u@h/d", &[]),
            ("postgres://u:hun@ter2@h/d", &["hun@ter2"]),
            ("postgres://u:hun/ter2@h/d", &["hun/ter2"]),
            ("postgres://u:hun?ter2@h/d", &["hun?ter2"]),
            ("postgres://u:hun#ter2@h/d", &["hun#ter2"]),
            ("postgres://u:h@un/ter2@h/d", &["h", "h@un/ter2"]),
            ("https://hunter2@h/", &["hunter2"]),
            ("https://hunter2:@h/", &["hunter2"]),
            ("http://h:80/a@b", &[]),
            ("http://h/a@b:c", &[]),
            ("u:hunter2@proxy:3128", &["hunter2"]),
            ("mailto:alice@shop.example", &[]),
            ("alice@shop.example", &[]),
            ("host=h user=u password=hunter2 dbname=d", &["hunter2"]),
            ("host=h password = 'hun ter2' dbname=d", &["hun ter2"]),
            ("Server=h;User Id=u;Password=hun ter&2;Database=d", &["hun ter&2"]),
            ("jdbc:postgresql://h/d?user=u&password=hunter2&ssl=true", &["hunter2"]),
            ("http://h/?page=2&status=new", &[]),
        ] {
            let parameters = parameters(address, is_secret_name);
            let parts = passwords(address).into_iter().chain(token(address)).chain(parameters);
            let parts: Vec<&str> = parts.map(|at| &address[at]).collect();
            assert_eq!(parts, found, "{address}");
        }
    }

    #[test]
    fn of_an_address_that_may_hold_a_password_the_scheme_is_shown() {
        for (address, as_shown) in [
            ("htp:/shop.example", "htp:/shop.example"),
            ("http://shop.example:8080/a", "http://shop.example:8080/a"),
            ("/health", "/health"),
            ("http://shop.example:8080/a b", "http://shop.example:8080/a b"),
            ("http://u:12/hunter2@h", "http://…"),
            ("http://[::1/", "http://…"),
            ("http://u:hunter2", "http://…"),
            ("postgres://u:hunter2@h", "postgres://…"),
            ("host=h password=hunter2", "…"),
            ("Server=h;Password=hunter2", "…"),
        ] {
            assert_eq!(shown(address), as_shown, "{address}");
        }
    }
}
