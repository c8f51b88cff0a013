//! The forms a secret takes in each view of a text.
//!
//! The views already undo escapes of single characters. The forms here cover encodings that no longer keep characters
//! apart, such as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SHORTEST_SECRET;
use super::finder::{in_compact, in_hex};
use super::unescape::unescaped;

/// Longer secrets (a document, a picture) are searched in fewer forms and in pieces, because an excerpt may show only
/// the end.
const LONG: usize = 4096;

/// Longer secrets are tokens, which nobody encodes twice. There may be thousands of them.
const MEDIUM: usize = 512;

/// The length of a piece of a long secret.
const PIECE: usize = 256;

/// Shorter lines of a secret would match unrelated text.
const SHORTEST_LINE: usize = 8;

/// Shorter secrets would match unrelated text once white space is removed.
const SHORTEST_COMPACT: usize = 12;

/// The fewest hexadecimal digits that are unlikely to occur by chance.
const SHORTEST_HEX: usize = 8;

/// The needles of a secret, by view of the text.
#[derive(Debug, Default)]
pub struct Forms {
    pub raw: Vec<Vec<u8>>,
    pub unescaped: Vec<Vec<u8>>,
    pub compact: Vec<Vec<u8>>,
    pub hex: Vec<Vec<u8>>,
}

/// Can it be a host or the name of a header, which are written in lower case on the way?
fn can_be_a_name(secret: &str) -> bool {
    const LONGEST_LABEL: usize = 63;
    (SHORTEST_LINE..=LONGEST_LABEL).contains(&secret.len())
        && secret.bytes().any(|byte| byte.is_ascii_uppercase())
        && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

impl Forms {
    /// Returns every form of `secret`.
    pub fn of(secret: &str) -> Forms {
        let secret = secret.trim();
        let mut forms = Forms::default();
        forms.text(secret);
        let lines: Vec<&str> = secret.lines().map(str::trim).collect();
        if lines.len() > 1 {
            // The first and last line are the same in every PEM key.
            let own = lines.iter().filter(|line| !line.starts_with("-----"));
            own.filter(|line| line.chars().count() >= SHORTEST_LINE).for_each(|line| forms.text(line));
        }
        if secret.len() > LONG {
            let bytes = secret.as_bytes();
            bytes
                .chunks_exact(PIECE)
                .chain([&bytes[bytes.len() - PIECE..]])
                .for_each(|piece| forms.piece(piece));
        }
        if secret.len() > MEDIUM {
            (0..3).for_each(|shift| forms.base64(secret, shift));
            return forms;
        }
        if can_be_a_name(secret) {
            forms.text(&secret.to_ascii_lowercase());
        }
        forms.non_ascii(secret);
        forms.hex.push(hex(secret.as_bytes()).into_bytes());
        let digits: Vec<u8> = secret.bytes().filter_map(in_hex).collect();
        if digits.len() >= SHORTEST_HEX && digits.iter().all(u8::is_ascii_hexdigit) {
            forms.hex.push(digits);
        }
        // User and password are often escaped before they are encoded as a pair, and a token contains JSON.
        let mut encoded = vec![secret.to_owned(), json_string(secret)];
        encoded.extend(KEPT_IN_URLS.iter().map(|kept| percent_encoded(secret, kept)));
        encoded.push(percent_encoded(secret, "-._*").replace("%20", "+"));
        encoded.sort_unstable();
        encoded.dedup();
        for text in &encoded {
            (0..3).for_each(|shift| forms.base64(text, shift));
        }
        forms
    }

    /// Returns only the raw and the unescaped form, which are the cheapest.
    pub fn plain(secret: &str) -> Forms {
        let mut forms = Forms::default();
        forms.text(secret.trim());
        forms
    }

    /// Returns the length of the longest form.
    pub fn longest(&self) -> usize {
        let all = [&self.raw, &self.unescaped, &self.compact, &self.hex];
        all.into_iter().flatten().map(Vec::len).max().unwrap_or_default()
    }

    /// Adds a text as it is and unescaped.
    fn text(&mut self, text: &str) {
        self.raw.push(in_raw(text.as_bytes()));
        let meant = self.meant(text.as_bytes());
        let compact: Vec<u8> = meant.iter().copied().filter_map(in_compact).collect();
        if compact.len() >= SHORTEST_COMPACT {
            self.compact.push(compact);
        }
        if meant.len() < SHORTEST_SECRET {
            // Unescaping leaves almost nothing of a secret that consists of escapes or backslashes.
            self.spelled_out(text);
        }
    }

    /// Adds the unescaped forms of `bytes`, and returns the one without context.
    fn meant(&mut self, bytes: &[u8]) -> Vec<u8> {
        let meant = unescaped(bytes);
        // A preceding character may turn the first characters into an escape.
        for before in [b'\\', b'%'] {
            let together = unescaped(&[&[before], bytes].concat());
            if together != meant && together != [&[before], &*meant].concat() {
                self.meaning(&together);
            }
        }
        self.meaning(&meant);
        meant
    }

    fn meaning(&mut self, meant: &[u8]) {
        if meant.len() >= SHORTEST_SECRET {
            self.unescaped.push(meant.to_vec());
        }
    }

    fn piece(&mut self, piece: &[u8]) {
        self.raw.push(in_raw(piece));
        self.meaning(&unescaped(piece));
    }

    /// Adds the common escapes of a text, for all of its characters and for the non-alphanumeric ones only.
    fn spelled_out(&mut self, text: &str) {
        let escapes: [fn(char) -> String; 7] = [
            |c| each(c.to_string().bytes(), |byte| format!("%{byte:02X}")),
            |c| each(c.to_string().bytes(), |byte| format!("%{byte:02x}")),
            |c| each(c.encode_utf16(&mut [0; 2]).iter(), |unit| format!("\\u{unit:04x}")),
            |c| each(c.encode_utf16(&mut [0; 2]).iter(), |unit| format!("\\u{unit:04X}")),
            |c| format!("&#{};", u32::from(c)),
            |c| format!("&#x{:x};", u32::from(c)),
            |c| match c {
                '\\' => r"\\".to_owned(),
                '"' => "\\\"".to_owned(),
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '>' => "&gt;".to_owned(),
                _ => c.to_string(),
            },
        ];
        for escape in escapes {
            let signs = |c: char| if c.is_ascii_alphanumeric() { c.to_string() } else { escape(c) };
            self.raw.push(in_raw(text.chars().map(escape).collect::<String>().as_bytes()));
            self.raw.push(in_raw(text.chars().map(signs).collect::<String>().as_bytes()));
        }
    }

    /// Adds what results when one encoding is decoded as another.
    fn non_ascii(&mut self, secret: &str) {
        if secret.is_ascii() {
            return;
        }
        let latin: Option<Vec<u8>> = secret.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        let (windows, _, is_not_windows) = encoding_rs::WINDOWS_1252.encode(secret);
        let windows = (!is_not_windows).then(|| windows.into_owned());
        for bytes in [latin, windows].into_iter().flatten() {
            let meant = unescaped(&bytes);
            self.meaning(&meant);
            self.misread(&String::from_utf8_lossy(&bytes));
        }
        self.misread(&secret.bytes().map(char::from).collect::<String>());
        self.misread(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(secret.as_bytes()).0);
        self.misread(&secret.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect::<String>());
    }

    /// Adds a misread text if enough of it remains to be distinctive.
    fn misread(&mut self, text: &str) {
        if text.chars().filter(|c| !matches!(c, '?' | '\u{FFFD}')).count() >= SHORTEST_SECRET {
            self.raw.push(in_raw(text.as_bytes()));
            self.meaning(&unescaped(text.as_bytes()));
        }
    }

    /// Adds the base64 of `text` when `shift` bytes precede it in its group of three. Leaves out the first and last
    /// characters, which depend on the neighbouring bytes.
    fn base64(&mut self, text: &str, shift: usize) {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(text.as_bytes());
        let first = (shift * 8).div_ceil(6);
        let last = (shifted.len() * 8) / 6;
        let encoded = STANDARD.encode(&shifted);
        let inside = encoded.get(first..last).unwrap_or_default();
        // At the end of the input, the last character is fixed as well, and padding may follow.
        let to_the_end = encoded.get(first..).unwrap_or_default();
        for form in [inside, to_the_end.trim_end_matches('='), to_the_end] {
            let form: Vec<u8> = form.bytes().filter_map(in_compact).collect();
            // A needle shorter than a secret would match by chance.
            if form.len() > SHORTEST_SECRET && self.compact.last() != Some(&form) {
                self.compact.push(form);
            }
        }
    }
}

/// Writes each part, and joins the results.
fn each<T>(parts: impl Iterator<Item = T>, write: fn(T) -> String) -> String {
    parts.map(write).collect::<Vec<_>>().concat()
}

/// Collapses each run of white space to one space.
fn in_raw(text: &[u8]) -> Vec<u8> {
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}

/// The characters besides letters and digits that encoders keep in the different parts of a URL. They disagree.
const KEPT_IN_URLS: &[&str] = &[
    "",
    "-._~",                // RFC 3986 unreserved, encodeURIComponent of Python and curl
    "-._~!*'()",           // encodeURIComponent of JavaScript
    "-._~!$&'()*+,;=:@",   // a path segment
    "-._~!$&'()*+,;=:@/?", // a query
    "-._~!$&'()*+,",       // user information (WHATWG keeps these)
    "-._~!$%&'()*+,",      // user information, where already encoded parts are left alone
];

fn percent_encoded(secret: &str, kept: &str) -> String {
    secret.bytes().fold(String::with_capacity(secret.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend([
                '%',
                digit(byte >> 4).to_ascii_uppercase(),
                digit(byte & 15).to_ascii_uppercase(),
            ]);
        }
        encoded
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn digit(half: u8) -> char {
    char::from_digit(u32::from(half), 16).unwrap_or_default()
}

/// Returns the content of a JSON string, without its quotes.
fn json_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
