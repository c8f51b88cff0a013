//! What a secret is in each view of a text.
//!
//! How its characters are escaped one by one, the views know. What is left are encodings after which they cannot be
//! told from one another any more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SHORTEST_SECRET;
use super::finder::{in_compact, in_hex};
use super::unescape::unescaped;

/// A longer secret, a document or a picture, is looked for in fewer forms, and in pieces: what is shown of it may be
/// the end.
const LONG: usize = 4096;

/// A longer one is a token that nobody encodes twice: of those there may be thousands.
const MEDIUM: usize = 512;

/// How long a piece of a long one is.
const PIECE: usize = 256;

/// A shorter line of a secret is found where it is none.
const SHORTEST_LINE: usize = 8;

/// Without its white space, a shorter secret would be found in other text.
const SHORTEST_COMPACT: usize = 12;

/// So many hexadecimal digits are hardly ever there by chance.
const SHORTEST_HEX: usize = 8;

/// What is looked for in each view of a text.
#[derive(Debug, Default)]
pub struct Forms {
    pub raw: Vec<Vec<u8>>,
    pub unescaped: Vec<Vec<u8>>,
    pub compact: Vec<Vec<u8>>,
    pub hex: Vec<Vec<u8>>,
}

impl Forms {
    /// Every form of `secret`.
    pub fn of(secret: &str) -> Forms {
        let secret = secret.trim();
        let mut forms = Forms::default();
        forms.text(secret);
        let lines: Vec<&str> = secret.lines().map(str::trim).collect();
        if lines.len() > 1 {
            // The first and last line of a key are those of every key.
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
        forms.non_ascii(secret);
        forms.hex.push(hex(secret.as_bytes()).into_bytes());
        let digits: Vec<u8> = secret.bytes().filter_map(in_hex).collect();
        if digits.len() >= SHORTEST_HEX && digits.iter().all(u8::is_ascii_hexdigit) {
            forms.hex.push(digits);
        }
        // A pair of user and password is often escaped before, and what is in a token is JSON.
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

    /// As it is, and escaped: what costs least.
    pub fn plain(secret: &str) -> Forms {
        let mut forms = Forms::default();
        forms.text(secret.trim());
        forms
    }

    /// How long the longest is.
    pub fn longest(&self) -> usize {
        let all = [&self.raw, &self.unescaped, &self.compact, &self.hex];
        all.into_iter().flatten().map(Vec::len).max().unwrap_or_default()
    }

    /// A text as it is, and whatever way it is escaped.
    fn text(&mut self, text: &str) {
        self.raw.push(in_raw(text.as_bytes()));
        let meant = self.meant(text.as_bytes());
        let compact: Vec<u8> = meant.iter().copied().filter_map(in_compact).collect();
        if compact.len() >= SHORTEST_COMPACT {
            self.compact.push(compact);
        }
        if meant.len() < SHORTEST_SECRET {
            // Nearly nothing is left of one that is made of escapes itself, or of backslashes.
            self.spelled_out(text);
        }
    }

    /// What bytes mean where they are escaped in a text. Returns what they mean by themselves.
    fn meant(&mut self, bytes: &[u8]) -> Vec<u8> {
        let meant = unescaped(bytes);
        // What is before it may take its first characters into an escape.
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

    /// Every way to write it in a language, all of it or what is no letter or digit.
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

    /// What becomes of characters that one encoding wrote and another read.
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

    /// One in which enough is left to be told from other text.
    fn misread(&mut self, text: &str) {
        if text.chars().filter(|c| !matches!(c, '?' | '\u{FFFD}')).count() >= SHORTEST_SECRET {
            self.raw.push(in_raw(text.as_bytes()));
            self.meaning(&unescaped(text.as_bytes()));
        }
    }

    /// What stands for `text` in base64 where `shift` bytes of another group of three are before it. The first and last
    /// characters depend on the neighbours: those are left out.
    fn base64(&mut self, text: &str, shift: usize) {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(text.as_bytes());
        let first = (shift * 8).div_ceil(6);
        let last = (shifted.len() * 8) / 6;
        let encoded = STANDARD.encode(&shifted);
        let inside = encoded.get(first..last).unwrap_or_default();
        // Where nothing comes after it, its last character is told as well, and there may be padding.
        let to_the_end = encoded.get(first..).unwrap_or_default();
        for form in [inside, to_the_end.trim_end_matches('='), to_the_end] {
            let form: Vec<u8> = form.bytes().filter_map(in_compact).collect();
            // A part of fewer characters than a secret has would be found by chance.
            if form.len() > SHORTEST_SECRET && self.compact.last() != Some(&form) {
                self.compact.push(form);
            }
        }
    }
}

/// What is written for each part, as one text.
fn each<T>(parts: impl Iterator<Item = T>, write: fn(T) -> String) -> String {
    parts.map(write).collect::<Vec<_>>().concat()
}

/// White space in a row is one space.
fn in_raw(text: &[u8]) -> Vec<u8> {
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
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

/// What stands between the quotes of a JSON string.
fn json_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
