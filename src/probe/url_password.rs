//! The password of a URL, for commands to run by hand.

use crate::secret::placeholder::{Piece, pieces, placeholder};

/// Returns the URL without its password, and the password as the server expects it: an argument is visible to anyone
/// who lists the processes. A password that a shell cannot decode stays in the URL. For a password that is in the suite
/// as plain text, `variable` is the placeholder.
pub fn password_apart(url: &str, shown_url: &str, variable: &str) -> (String, Option<String>) {
    let whole = shown_url.to_owned();
    let Some((before, shown, after)) = password_in(shown_url) else { return (whole, None) };
    let password = match pieces(shown).as_slice() {
        [] => None,
        // The password is in the suite as plain text, which a report must not show.
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

/// Returns the text before the password of a URL, the password, and the text after it.
fn password_in(url: &str) -> Option<(&str, &str, &str)> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?']).map_or(url.len(), |end| authority + end);
    let at = authority + url[authority..end].rfind('@')?;
    let colon = authority + url[authority..at].find(':')?;
    Some((&url[..colon], &url[colon + 1..at], &url[at..]))
}
