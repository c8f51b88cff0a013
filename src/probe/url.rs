//! The text of URLs with any scheme.

use url::Url;

use crate::language::diagnostic::Diagnostic;
use crate::outcome::Failure;
use crate::secret::address;

/// Parses an absolute URL.
///
/// # Errors
/// Returns why `text` is not one, and what to do about it.
pub fn parse_absolute_url(text: &str) -> Result<Url, (String, &'static str)> {
    if let Some(bad) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        let encode = "encode the value with `{{name|urlencode}}`, or put it into `query`, which encodes it";
        return Err((format!("{bad:?} is not allowed in a URL"), encode));
    }
    let url = Url::parse(text).map_err(|error| {
        let hint = if address::shown(text) == text {
            "a URL is absolute, such as https://host:port/path"
        } else {
            "percent-encode a password in it: `https://user:{{password|urlencode}}@host/path`"
        };
        (format!("invalid URL: {error}"), hint)
    })?;
    if matches!(url.scheme(), "http" | "https")
        && let Some(changed) = changed_in_path(text)
    {
        return Err((
            format!(
                "`{changed}` in the path of a URL would be resolved before it is sent, and another path asked for"
            ),
            "write the path as it is to be asked for; for a traversal, send it with `curl --path-as-is`",
        ));
    }
    match url.port() {
        Some(0) => {
            Err(("nothing can listen on port 0".to_owned(), "name the port that the server listens on"))
        }
        Some(_) | None => Ok(url),
    }
}

/// Returns a URL's failure as a mistake of the suite, without a place.
pub fn mistake(failure: Failure) -> Diagnostic {
    let mistake = Diagnostic::new(None, failure.to_string());
    match failure {
        Failure::Fault { hint: Some(hint), .. } => mistake.hint(hint.to_string()),
        Failure::Fault { hint: None, .. }
        | Failure::Mismatch { .. }
        | Failure::TimedOut { .. }
        | Failure::Exited { .. }
        | Failure::Plugin { .. }
        | Failure::Step { .. } => mistake,
    }
}

/// Splits `host:port` or `[host]:port` into the host and the text of the port, both as written. `None` if it is neither.
pub fn host_and_port(text: &str) -> Option<(&str, &str)> {
    let Some(rest) = text.strip_prefix('[') else {
        return Some(text.split_once(':').unwrap_or((text, "")));
    };
    let (host, rest) = rest.split_once(']')?;
    Some((host, if rest.is_empty() { "" } else { rest.strip_prefix(':')? }))
}

/// Returns the URL with its host in the ASCII form of DNS and certificates (RFC 5891). The library does this only for
/// web schemes.
pub fn in_ascii(mut url: Url) -> Url {
    let host = url.host_str().unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(host).decode_utf8_lossy();
    if let Ok(url::Host::Domain(host)) = url::Host::parse(&decoded) {
        let _ = url.set_host(Some(&host));
    }
    url
}

/// Returns the part of a path that every URL library rewrites: a dot segment (RFC 3986, section 5.2.4), encoded or not,
/// or a backslash.
fn changed_in_path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once(':')?;
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    if rest.contains('\\') {
        return Some("\\");
    }
    let path = rest.trim_start_matches('/').split_once('/')?.1;
    path.split('/').find(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    })
}
