//! The forms a secret takes on its way through URLs, headers, documents and error texts.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Every form of `secret` that a report could show, the raw one first, without repeats.
pub fn of(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    forms.extend(percent_encoded(secret));
    forms.extend(base64_encoded(secret.as_bytes()));
    forms.push(hex(secret.as_bytes(), "", false));
    forms.push(hex(secret.as_bytes(), "", true));
    let escaped = escaped(secret);
    // Text that was escaped for one place is often shown inside a JSON string, and that on a page.
    let in_json: Vec<String> = escaped.iter().map(|form| json_string(form)).collect();
    forms.extend(
        in_json.iter().map(|form| form.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")),
    );
    forms.extend(in_json);
    forms.extend(escaped);
    // As the text of a page, and as the lines of a body, where line breaks and spaces are put in order.
    let in_order = [
        secret.split_whitespace().collect::<Vec<_>>().join(" "),
        secret.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"),
    ];
    forms.extend(in_order.into_iter().filter(|form| form.chars().count() >= super::SHORTEST_SECRET));

    let mut unique: Vec<String> = Vec::with_capacity(forms.len());
    for form in forms {
        if !form.is_empty() && !unique.contains(&form) {
            unique.push(form);
        }
    }
    unique
}

/// What the different parts of an URL leave as it is, beside letters and digits. Encoders disagree, so each is tried.
const KEPT_IN_URLS: &[&str] = &[
    "",
    "-._~",                       // RFC 3986 unreserved, encodeURIComponent of Python and curl
    "-._*",                       // application/x-www-form-urlencoded
    "-._~!*'()",                  // encodeURIComponent of JavaScript
    "-._~!$&'()*+,;=:@",          // a path segment
    "-._~!$&'()*+,;=:@/?",        // a query
    "-._~!$&'()*+,",              // user information (WHATWG keeps these)
    "-._~!$%&'()*+,/:;=@[]|",     // a path as browsers write it (WHATWG), what is already encoded left alone
    "-._~!$%&()*+,/:;=?@[]^`{|}", // a query as browsers write it
    "-._~!$%&'()*+,",             // the same where what is already encoded is left alone
];

fn percent_encoded(secret: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for kept in KEPT_IN_URLS {
        for upper in [true, false] {
            let encoded: String = secret
                .bytes()
                .map(|byte| {
                    let as_it_is = byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte);
                    if as_it_is { char::from(byte).to_string() } else { hex(&[byte], "%", upper) }
                })
                .collect();
            forms.push(encoded.replace("%20", "+"));
            forms.push(encoded);
        }
    }
    forms
}

/// Base64 in both alphabets, alone and inside longer text (`user:secret`), where the first and last characters
/// depend on the neighbours: those are left out, and the rest is the same at each of the three alignments.
fn base64_encoded(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for engine in [&STANDARD, &URL_SAFE] {
        let alone = engine.encode(secret);
        forms.push(alone.trim_end_matches('=').to_owned());
        forms.push(alone);
        for shift in 1..3_usize {
            let mut padded = vec![0; shift];
            padded.extend_from_slice(secret);
            forms.push(stable_part(&engine.encode(&padded), shift, padded.len()));
        }
        forms.push(stable_part(&engine.encode(secret), 0, secret.len()));
    }
    // A part of fewer characters than a secret has would be found by chance.
    forms.retain(|form| form.len() > super::SHORTEST_SECRET);
    forms
}

/// The characters of `encoded` that depend on nothing but the bytes from `start` to `end`.
fn stable_part(encoded: &str, start: usize, end: usize) -> String {
    let first = (start * 8).div_ceil(6);
    let last = (end * 8) / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}

pub(super) fn hex(bytes: &[u8], prefix: &str, upper: bool) -> String {
    bytes
        .iter()
        .map(|byte| match upper {
            true => format!("{prefix}{byte:02X}"),
            false => format!("{prefix}{byte:02x}"),
        })
        .collect()
}

/// What stands between the quotes of a JSON string.
fn json_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// JSON, XML, HTML, shell, SQL and Rust's `Debug` escapes.
fn escaped(secret: &str) -> Vec<String> {
    let json = json_string(secret);
    let json_ascii: String = json
        .chars()
        .flat_map(|c| match c.is_ascii() {
            true => vec![c.to_string()],
            false => {
                let mut units = [0; 2];
                c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }
        })
        .collect();
    let debug = format!("{secret:?}");
    let xml = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let xml_quote = xml.replace('"', "&quot;");
    vec![
        json.replace('/', "\\/"),
        json_ascii.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"),
        json_ascii,
        json,
        debug[1..debug.len() - 1].to_owned(),
        xml_quote.replace('\'', "&apos;"),
        xml_quote.replace('\'', "&#39;"),
        xml_quote.replace('\'', "&#x27;"),
        xml_quote.replace('\n', "&#10;").replace('\'', "&apos;"),
        secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"),
        xml_quote.replace("&quot;", "&#34;").replace('\'', "&#39;"),
        xml_quote,
        xml,
        secret.replace('\'', r"'\''"),
        secret.replace('\'', r#"'"'"'"#),
        secret.replace('\'', "''"),
        secret.replace('\\', r"\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "p@ss:/w+0%rd&\"'<\nü";

    #[test]
    fn a_basic_pair_holds_a_known_form_at_each_alignment() {
        let forms = of(SECRET);
        for user in ["", "a", "ab", "abc", "alice"] {
            let pair = STANDARD.encode(format!("{user}:{SECRET}"));
            assert!(forms.iter().any(|form| pair.contains(form)), "{user}: {pair}");
        }
    }

    #[test]
    fn the_url_crate_s_own_encodings_are_known() {
        let forms = of(SECRET);
        let mut url = url::Url::parse("http://host/").unwrap();
        url.set_password(Some(SECRET)).unwrap();
        url.query_pairs_mut().append_pair("q", SECRET);
        let (before_query, query) = url.as_str().split_once('?').unwrap();
        assert!(forms.iter().any(|form| before_query.contains(form)), "{url}");
        assert!(forms.iter().any(|form| query.contains(form)), "{url}");
    }
}
