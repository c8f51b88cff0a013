//! The text of a URL, whatever its scheme.

use url::Url;

use crate::secret::address;

/// Parses a URL.
///
/// # Errors
/// What keeps `text` from being one, and what to do about it.
pub fn parse_absolute_url(text: &str) -> Result<Url, (String, &'static str)> {
    if let Some(bad) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        let encode = "encode the value with `{{name|urlencode}}`, or put it into `query`, which encodes it";
        return Err((format!("{bad:?} is not allowed in a URL"), encode));
    }
    let url = Url::parse(text).map_err(|error| {
        let hint = match address::shown(text) == text {
            true => "a URL is absolute, such as https://host:port/path",
            false => "percent-encode a password in it: `https://user:{{password|urlencode}}@host/path`",
        };
        (format!("invalid URL: {error}"), hint)
    })?;
    match url.port() {
        Some(0) => {
            Err(("nothing can listen on port 0".to_owned(), "name the port that the server listens on"))
        }
        Some(_) | None => Ok(url),
    }
}
