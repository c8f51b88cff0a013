//! Converts the bytes of a body to text.

use encoding_rs::{Encoding, UTF_8};
use hyper::header::{CONTENT_TYPE, HeaderMap};

/// Decodes `body` by its byte-order mark, which is removed, otherwise by the encoding in its headers, otherwise as
/// UTF-8. Invalid bytes become U+FFFD.
pub(super) fn text(body: Vec<u8>, named: Option<&'static Encoding>) -> String {
    match Encoding::for_bom(&body) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&body[mark..]).0.into_owned(),
        None => match named.unwrap_or(UTF_8) {
            // This is the usual case, and it copies nothing.
            encoding if encoding == UTF_8 => String::from_utf8(body)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            encoding => encoding.decode_without_bom_handling(&body).0.into_owned(),
        },
    }
}

/// Returns the encoding in the content type, by any label that browsers accept. Source:
/// <https://encoding.spec.whatwg.org/#names-and-labels>.
pub(super) fn named(headers: &HeaderMap) -> Option<&'static Encoding> {
    let parameters = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').skip(1);
    let mut named = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, label) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Encoding::for_label_no_replacement(label.trim().trim_matches('"').as_bytes())
}
