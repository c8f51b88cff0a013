//! What the characters of a text may stand for, where it was escaped for some place on its way.
//!
//! Encoders disagree on what they escape and how, and one wraps what another made: a password in JSON on a page,
//! a URL's parameter in JSON in a log. So nobody lists what they make of a secret: the text is read back, escape by
//! escape, and each may be of any of these languages, or none.

/// How many escapes may stand round one another, as JSON in JSON on a page.
const LAYERS: usize = 3;

/// The bytes that an escape of any language begins with.
pub const ESCAPES: &[u8] = b"\\%&+'\"";

/// What some characters of a text mean: a character or one byte of it, and where its spelling ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    pub end: usize,
    length: usize,
    bytes: [u8; 4],
}

impl Reading {
    fn of(meant: &[u8], end: usize) -> Reading {
        let mut bytes = [0; 4];
        bytes[..meant.len()].copy_from_slice(meant);
        Reading { end, length: meant.len(), bytes }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// May an escape begin here? Most quotes and signs of a text are seen to be none by what follows.
pub fn may_be_escape(text: &[u8], at: usize) -> bool {
    let next = |belongs: fn(&u8) -> bool| text.get(at + 1).is_some_and(belongs);
    match text.get(at) {
        Some(b'\\') => true,
        Some(b'+') => true,
        Some(b'%') => next(u8::is_ascii_hexdigit),
        Some(b'&') => next(|byte| byte.is_ascii_alphabetic() || *byte == b'#' || ESCAPES.contains(byte)),
        Some(b'\'' | b'"') => next(|byte| ESCAPES.contains(byte)),
        Some(_) | None => false,
    }
}

/// Everything that the text at `at` may mean: its byte as it is, and every escape that begins there.
pub fn readings(text: &[u8], at: usize) -> Vec<Reading> {
    through(LAYERS, text, at)
}

/// Reads what is escaped `layers` times at most. An escape's own characters may be escaped in the layers below.
fn through(layers: usize, text: &[u8], at: usize) -> Vec<Reading> {
    let Some(byte) = text.get(at) else { return Vec::new() };
    if layers == 0 || !may_be_escape(text, at) {
        return vec![Reading::of(&[*byte], at + 1)];
    }
    let below = Below { layers: layers - 1, text };
    let plain = through(layers - 1, text, at);
    let escaped = plain.iter().flat_map(|first| match first.bytes() {
        b"\\" => below.after_backslash(first.end),
        b"%" => below.byte(first.end, 2, 16),
        b"&" => below.reference(first.end),
        b"+" => vec![Reading::of(b" ", first.end)],
        // Two quotes for one are not taken for half of a pair again: a row of them could be read in too many ways.
        [quote] if quote == byte && matches!(quote, b'\'' | b'"') && first.end > at + 1 => Vec::new(),
        // SQL and CSV double a quote. A shell has to leave its quotes for one.
        b"'" => below.one_of(first.end, &[("'", b'\''), (r"\''", b'\''), (r#""'"'"#, b'\'')]),
        b"\"" => below.one_of(first.end, &[("\"", b'"')]),
        _ => Vec::new(),
    });
    let mut found: Vec<Reading> = escaped.collect();
    found.extend(plain);
    found.sort_unstable();
    found.dedup();
    found
}

/// A text of which an escape is read, whose own characters may be escaped, too.
struct Below<'t> {
    layers: usize,
    text: &'t [u8],
}

impl Below<'_> {
    /// JSON, the languages of the C family, and shells.
    fn after_backslash(&self, at: usize) -> Vec<Reading> {
        let mut found = self.byte(at, 3, 8);
        for next in through(self.layers, self.text, at) {
            let control = match next.bytes() {
                b"x" => {
                    found.extend(self.byte(next.end, 2, 16));
                    continue;
                }
                b"u" => {
                    found.extend(self.utf16(next.end));
                    continue;
                }
                b"U" => {
                    found.extend(self.number(next.end, 8, 16).and_then(character));
                    continue;
                }
                b"n" => b'\n',
                b"r" => b'\r',
                b"t" => b'\t',
                b"b" => 8,
                b"f" => 12,
                b"v" => 11,
                b"a" => 7,
                b"e" => 27,
                b"0" => 0,
                [mark] if mark.is_ascii_punctuation() || *mark == b' ' => *mark,
                _ => continue,
            };
            found.push(Reading::of(&[control], next.end));
        }
        found
    }

    /// What follows `\u`: four digits, twice four for what UTF-16 has two units for, or any number in braces.
    fn utf16(&self, at: usize) -> Vec<Reading> {
        if self.text.get(at) == Some(&b'{') {
            let length =
                self.text[at + 1..].iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
            let number = self.number(at + 1, length, 16);
            let closed = number.filter(|(_, end)| self.text.get(*end) == Some(&b'}'));
            return closed.and_then(|(code, end)| character((code, end + 1))).into_iter().collect();
        }
        let Some((high, end)) = self.number(at, 4, 16) else { return Vec::new() };
        if !(0xD800..0xDC00).contains(&high) {
            return character((high, end)).into_iter().collect();
        }
        let lows = self.spelled(end, r"\u").into_iter().filter_map(|end| self.number(end, 4, 16));
        let pairs = lows.filter(|(low, _)| (0xDC00..0xE000).contains(low));
        pairs
            .filter_map(|(low, end)| character((0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00), end)))
            .collect()
    }

    /// What follows `&` in XML and HTML.
    fn reference(&self, at: usize) -> Vec<Reading> {
        const NAMES: &[(&str, u8)] =
            &[("amp;", b'&'), ("lt;", b'<'), ("gt;", b'>'), ("quot;", b'"'), ("apos;", b'\'')];
        let mut found = self.one_of(at, NAMES);
        for hash in self.spelled(at, "#") {
            let is_hex = matches!(self.text.get(hash), Some(b'x' | b'X'));
            let (digits, radix) = if is_hex { (hash + 1, 16) } else { (hash, 10) };
            let length = self.text.iter().skip(digits).take(8).take_while(|b| b.is_ascii_hexdigit()).count();
            if let Some((code, end)) = self.number(digits, length, radix) {
                found.extend(self.spelled(end, ";").into_iter().filter_map(|end| character((code, end))));
            }
        }
        found
    }

    fn one_of(&self, at: usize, words: &[(&str, u8)]) -> Vec<Reading> {
        let ends = |(word, meant): &(&str, u8)| {
            let meant = *meant;
            self.spelled(at, word).into_iter().map(move |end| Reading::of(&[meant], end))
        };
        words.iter().flat_map(ends).collect()
    }

    /// Where spellings of `word` end that begin at `at`.
    fn spelled(&self, at: usize, word: &str) -> Vec<usize> {
        word.bytes().fold(vec![at], |ends, byte| {
            let readings = ends.into_iter().flat_map(|end| through(self.layers, self.text, end));
            let fitting = readings.filter(|reading| reading.bytes() == [byte]);
            let mut ends: Vec<usize> = fitting.map(|reading| reading.end).collect();
            ends.sort_unstable();
            ends.dedup();
            ends
        })
    }

    /// A byte by its number: one of UTF-8, or a character of Latin-1.
    fn byte(&self, at: usize, digits: usize, radix: u32) -> Vec<Reading> {
        let Some((number, end)) = self.number(at, digits, radix) else { return Vec::new() };
        let byte = u8::try_from(number).ok().map(|byte| Reading::of(&[byte], end));
        byte.into_iter().chain(character((number, end)).filter(|_| number >= 0x80)).collect()
    }

    /// Digits are escaped nowhere.
    fn number(&self, at: usize, digits: usize, radix: u32) -> Option<(u32, usize)> {
        let text = self.text.get(at..at + digits).filter(|text| text.iter().all(u8::is_ascii_hexdigit))?;
        Some((u32::from_str_radix(std::str::from_utf8(text).ok()?, radix).ok()?, at + digits))
    }
}

fn character((code, end): (u32, usize)) -> Option<Reading> {
    Some(Reading::of(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes(), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn means(spelling: &str, meant: &str) {
        let found = readings(spelling.as_bytes(), 0);
        let wanted = Reading::of(meant.as_bytes(), spelling.len());
        assert!(found.contains(&wanted), "{spelling} is not {meant:?}: {found:?}");
    }

    #[test]
    fn every_language_s_escapes_are_read() {
        for (meant, spellings) in [
            ("\"", &["\"", "\\\"", "\\u0022", "%22", "&quot;", "&#34;", "&#x22;", "\"\"", "\\042"][..]),
            (
                "'",
                &["''", r"'\''", r#"'"'"'"#, r"\'", "&apos;", "&#39;", "&#039;", "&#x27;", r"\u0027", "%27"],
            ),
            ("\\", &[r"\\", "%5C", "%5c", r"\u005c", r"\u005C", r"\x5c", r"\134"]),
            ("\n", &["\\n", "%0A", "&#10;", "&#xA;", "\\u000a", "\\012"]),
            (" ", &["+", "%20", "\\ ", "\\u0020"]),
            ("+", &["%2B", "\\u002B"]),
            ("<", &["&lt;", "\\u003c", "\\u003C", "%3C"]),
            ("$", &["\\$", "%24", "&#36;"]),
            ("ä", &["\\u00e4", "\\u{e4}", "\\xe4", "\\344", "%E4", "&#228;", "&#xe4;", "\\U000000e4"]),
            ("😀", &["\\ud83d\\ude00", "\\uD83D\\uDE00", "\\U0001f600", "\\u{1f600}", "&#128512;"]),
            ("\x1b", &["\\e", "\\x1b", "\\u001b", "\\033"]),
        ] {
            for spelling in spellings {
                means(spelling, meant);
            }
        }
    }

    #[test]
    fn escapes_round_escapes_are_read() {
        for (spelling, meant) in [
            (r#"\\\""#, "\""),
            (r#"\\\\\\\""#, "\""),
            (r"\\u0027", "'"),
            (r"\\\\u0027", "'"),
            ("%2522", "\""),
            ("%255C", "\\"),
            ("&amp;quot;", "\""),
            ("&amp;lt;", "<"),
            ("\\&quot;", "\""),
            ("%5C%22", "\""),
            ("%26%2339%3B", "'"),
            ("\\u0026quot;", "\""),
            ("\\\\ud83d\\\\ude00", "😀"),
            (r"'\\''", "'"),
        ] {
            means(spelling, meant);
        }
    }

    #[test]
    fn what_is_cut_short_is_no_escape() {
        for text in [
            "\\",
            "\\u00",
            "\\x4",
            "%",
            "%4",
            "&",
            "&#",
            "&#x",
            "&#39",
            "&lt",
            "\\u{",
            "\\u{41",
            "\\ud83d\\u",
            "&#;",
        ] {
            let found = readings(text.as_bytes(), 0);
            assert!(
                found.iter().all(|reading| reading.end < text.len() || text.len() == 1),
                "{text}: {found:?}"
            );
        }
    }
}
