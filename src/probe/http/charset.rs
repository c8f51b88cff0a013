//! From the bytes of a body to its text.

use encoding_rs::{Encoding, UTF_8};
use hyper::header::{CONTENT_TYPE, HeaderMap};

/// The text of `body`: by the byte-order mark it begins with, which is no part of it, else by the encoding that its
/// headers name, else as UTF-8. What is not text in that encoding is U+FFFD.
pub(super) fn text(body: Vec<u8>, named: Option<&'static Encoding>) -> String {
    match Encoding::for_bom(&body) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&body[mark..]).0.into_owned(),
        None => match named.unwrap_or(UTF_8) {
            // Nearly always, and then nothing is copied.
            encoding if encoding == UTF_8 => String::from_utf8(body)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            encoding => encoding.decode_without_bom_handling(&body).0.into_owned(),
        },
    }
}

/// The encoding that the content type names, by any of the names that browsers know.
/// Source: <https://encoding.spec.whatwg.org/#names-and-labels>.
pub(super) fn named(headers: &HeaderMap) -> Option<&'static Encoding> {
    let parameters = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').skip(1);
    let mut named = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, label) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Encoding::for_label_no_replacement(label.trim().trim_matches('"').as_bytes())
}
