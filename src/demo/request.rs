//! Request parsing: cookies, the bearer token, the query, and a body of limited size.

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap};
use hyper::{Request, Uri};
use url::form_urlencoded;

use super::answer::Refusal;

/// A request without its body.
pub(super) struct Asked {
    uri: Uri,
    headers: HeaderMap,
}

impl Asked {
    pub(super) fn of<B>(request: Request<B>) -> (Asked, B) {
        let (parts, body) = request.into_parts();
        (Asked { uri: parts.uri, headers: parts.headers }, body)
    }

    /// Returns the value of the cookie `name`. If there are several, the first has the longest path and wins.
    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Returns the token of `authorization: Bearer TOKEN`.
    pub(super) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Returns the first value of `name` in the query, decoded.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        field(self.uri.query()?.as_bytes(), name)
    }
}

/// Returns the first value of `name` in `form`, an `application/x-www-form-urlencoded` body or query.
pub(super) fn field(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find_map(|(key, value)| (key == name).then(|| value.into_owned()))
}

/// Reads the whole `body`.
///
/// # Errors
///
/// Returns [`Refusal::TooLarge`] above 64 KiB, and [`Refusal::BadRequest`] if the client disconnects or the framing is
/// invalid.
pub(super) async fn read<B>(mut body: B) -> Result<Vec<u8>, Refusal>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let mut kept = Vec::new();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::BadRequest(format!("cannot read the body: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        received += data.len();
        // A client that is still sending when its connection is closed loses the response. So a slightly too large body
        // is read to its end and discarded, and only a far too large one is cut off.
        if received <= LARGEST_BODY {
            kept.extend_from_slice(&data);
        } else if received > LARGEST_DISCARDED_BODY {
            return Err(Refusal::TooLarge);
        }
    }
    if received <= LARGEST_BODY { Ok(kept) } else { Err(Refusal::TooLarge) }
}

/// In bytes.
const LARGEST_BODY: usize = 64 * 1024;
/// In bytes.
const LARGEST_DISCARDED_BODY: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name_in_any_header() {
        let asked =
            asked(Request::get("/").header(COOKIE, "xsession=1; a=b").header(COOKIE, "c=d;session=2=3"));
        assert_eq!(asked.cookie("session"), Some("2=3"));
        assert_eq!(asked.cookie("sessio"), None);
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(asked(Request::get("/").header(AUTHORIZATION, "bearer t")).bearer(), Some("t"));
        assert_eq!(asked(Request::get("/").header(AUTHORIZATION, "Basic dDp0")).bearer(), None);
        assert_eq!(asked(Request::get("/").header(AUTHORIZATION, "Bearer")).bearer(), None);
    }

    #[test]
    fn a_form_field_is_decoded() {
        assert_eq!(field(b"user=smoke&password=a%26b+%C3%A9", "password").as_deref(), Some("a&b \u{e9}"));
        assert_eq!(field(b"user=smoke", "password"), None);
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit() {
        let fits = read(Full::new(Bytes::from(vec![b'a'; LARGEST_BODY]))).await;
        assert_eq!(fits.map(|body| body.len()).ok(), Some(LARGEST_BODY));

        let over = read(Full::new(Bytes::from(vec![b'a'; LARGEST_BODY + 1]))).await;
        assert!(matches!(over, Err(Refusal::TooLarge)));
    }

    fn asked(request: hyper::http::request::Builder) -> Asked {
        Asked::of(request.body(()).expect("a request of constants is well-formed")).0
    }
}
