//! What a secret becomes where its characters cannot be told from one another any more. How they are spelled one by
//! one is for whoever reads the text to know.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// A longer secret, a document or a picture, is known as it is and in the base64 of mails and JSON alone.
const LONG: usize = 4096;

/// The secret itself, and everything that has to be looked for beside it.
pub fn of(secret: &str) -> Vec<String> {
    let trimmed = secret.trim();
    let mut forms = vec![trimmed.to_owned()];
    if secret.len() > LONG {
        forms.extend((0..3).map(|shift| inside(&STANDARD, trimmed.as_bytes(), shift)));
        return forms;
    }
    for bytes in [trimmed, secret] {
        let hex = hex(bytes.as_bytes());
        forms.extend([hex.to_uppercase(), hex]);
    }
    // A pair of user and password is often escaped before, and what is in a token is JSON.
    let mut encoded = vec![trimmed.to_owned(), secret.to_owned(), json_string(trimmed)];
    encoded.extend(KEPT_IN_URLS.iter().map(|kept| percent_encoded(trimmed, kept)));
    encoded.push(percent_encoded(trimmed, "-._*").replace("%20", "+"));
    encoded.sort_unstable();
    encoded.dedup();
    forms.extend(encoded.iter().flat_map(|text| base64_encoded(text.as_bytes())));
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// What the different parts of an URL leave as it is, beside letters and digits. Encoders disagree.
const KEPT_IN_URLS: &[&str] = &[
    "",
    "-._~",                // RFC 3986 unreserved, encodeURIComponent of Python and curl
    "-._~!*'()",           // encodeURIComponent of JavaScript
    "-._~!$&'()*+,;=:@",   // a path segment
    "-._~!$&'()*+,;=:@/?", // a query
    "-._~!$&'()*+,",       // user information (WHATWG keeps these)
    "-._~!$%&'()*+,",      // the same where what is already encoded is left alone
];

fn percent_encoded(secret: &str, kept: &str) -> String {
    secret.bytes().fold(String::with_capacity(secret.len()), |mut encoded, byte| {
        match byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.extend([
                '%',
                digit(byte >> 4).to_ascii_uppercase(),
                digit(byte & 15).to_ascii_uppercase(),
            ]),
        }
        encoded
    })
}

/// Base64 in both alphabets, alone and inside longer text (`user:secret`).
fn base64_encoded(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for engine in [&STANDARD, &URL_SAFE] {
        let alone = engine.encode(secret);
        forms.push(alone.trim_end_matches('=').to_owned());
        forms.push(alone);
        forms.extend((0..3).map(|shift| inside(engine, secret, shift)));
    }
    // A part of fewer characters than a secret has would be found by chance.
    forms.retain(|form| form.len() > super::SHORTEST_SECRET);
    forms
}

/// What stands for the secret where `shift` bytes of another group of three are before it. The first and last
/// characters depend on the neighbours: those are left out.
fn inside(engine: &impl base64::Engine, secret: &[u8], shift: usize) -> String {
    let mut shifted = vec![0; shift];
    shifted.extend_from_slice(secret);
    let first = (shift * 8).div_ceil(6);
    let last = (shifted.len() * 8) / 6;
    engine.encode(&shifted).get(first..last).unwrap_or_default().to_owned()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn digit(half: u8) -> char {
    char::from_digit(u32::from(half), 16).unwrap_or_default()
}

/// What stands between the quotes of a JSON string.
fn json_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
