//! The JSON of a body.

use std::borrow::Cow;

use serde_json::Value;

/// Parses JSON (RFC 8259). A lone surrogate, which the grammar allows in an escape but UTF-8 cannot represent, becomes
/// U+FFFD, as when browsers convert it to text.
///
/// # Errors
/// Where it stops being JSON.
pub(in crate::probe) fn parse(text: &str) -> Result<Value, String> {
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    match without_halves(text) {
        Cow::Owned(whole) => serde_json::from_str(&whole).map_err(|error| error.to_string()),
        Cow::Borrowed(_) => Err(error.to_string()),
    }
}

/// Replaces each escaped lone surrogate with `\uFFFD`.
fn without_halves(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        let escape = at + found;
        let unit = unit_at(text, escape);
        let has_other = |unit| (0xDC00..=0xDFFF).contains(&unit);
        at = match unit {
            // The escaped character may have several bytes.
            None => escape + 1 + text[escape + 1..].chars().next().map_or(0, char::len_utf8),
            Some(0xD800..=0xDBFF) if unit_at(text, escape + 6).is_some_and(has_other) => escape + 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&text[copied..escape]);
                out.push_str("\\uFFFD");
                copied = escape + 6;
                copied
            }
            Some(_) => escape + 6,
        };
    }
    match copied {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(out + &text[copied..]),
    }
}

/// Returns the UTF-16 unit of the `\uXXXX` at this position, if there is one.
fn unit_at(text: &str, at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_surrogate_pair_is_json() {
        for (text, value) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\uDE00b""#, "\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00\\ud83d""#, "\u{fffd}😀\\ud83d"),
            (r#""\ud83d\u0041\"""#, "\u{fffd}A\""),
        ] {
            assert_eq!(parse(text), Ok(Value::from(value)), "{text}");
        }
        assert!(parse(r#"{"a": "\ud83d"#).is_err());
        assert!(parse("\"\\é\\").is_err());
    }
}
