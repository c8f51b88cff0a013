//! Separates the password from a URL, for commands that people run.

use crate::secret::placeholder::{Piece, pieces, placeholder};

/// Returns the URL without its password, and the password as the server expects it, because other users can see the
/// arguments of a process. A password that the shell cannot decode stays in the URL. If the suite contains the password
/// in clear text, `variable` replaces it.
pub fn password_apart(url: &str, shown_url: &str, variable: &str) -> (String, Option<String>) {
    let whole = shown_url.to_owned();
    let Some((before, shown, after)) = password_in(shown_url) else { return (whole, None) };
    let password = match pieces(shown).as_slice() {
        [] => None,
        // It is in clear text, which must not appear in a report.
        [Piece::Text(_)] => Some(placeholder(variable)),
        [Piece::Secret(secret)] if secret.is_as_it_is() => {
            let has_escapes = password_in(url).is_none_or(|(_, real, _)| real.contains('%'));
            (!has_escapes).then(|| secret.placeholder())
        }
        [Piece::Secret(secret)] => secret.decoded().map(|secret| secret.placeholder()),
        [_, ..] => None,
    };
    match password {
        Some(password) => (format!("{before}{after}"), Some(password)),
        None => (whole, None),
    }
}

/// Splits a URL into the part before the password, the password, and the part after it.
fn password_in(url: &str) -> Option<(&str, &str, &str)> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?']).map_or(url.len(), |end| authority + end);
    let at = authority + url[authority..end].rfind('@')?;
    let colon = authority + url[authority..at].find(':')?;
    Some((&url[..colon], &url[colon + 1..at], &url[at..]))
}
