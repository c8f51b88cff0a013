//! What stands for a secret in a command that people run by hand: the expression under which their shell has it.
//!
//! A command is put together from the same templates as the request it repeats, with a stand-in in place of each
//! secret. A stand-in is made of lower-case letters and digits alone, which no encoding on the way (of a URL, of
//! JSON, of SQL) changes; and it is known in capitals too, where a template has `{{password|upper}}`.

use std::borrow::Cow;

const OPENING: &str = "qzsmokeqz";
const CLOSING: char = 'z';

/// The stand-in for `expression`, such as `$SHOP_PASSWORD`.
#[must_use]
pub fn stand_in(expression: &str) -> String {
    format!("{OPENING}{}{CLOSING}", super::forms::hex(expression.as_bytes()))
}

/// The name of an environment variable for something called `name`: `api-key` is `$API_KEY`.
#[must_use]
pub fn variable(name: &str) -> String {
    let upper = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    format!("${}", upper.collect::<String>())
}

/// A part of a text that may have stand-ins in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'t> {
    Text(Cow<'t, str>),
    /// A shell expression.
    Expression(String),
}

/// The text with every stand-in taken back to its expression.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    // As long as the text, byte by byte.
    let lower = text.to_ascii_lowercase();
    let (mut done, mut at) = (0, 0);
    while let Some(start) = lower[at..].find(OPENING).map(|start| at + start) {
        at = start + OPENING.len();
        let Some(end) = lower[at..].find(CLOSING).map(|end| at + end) else { break };
        if let Some(expression) = decoded(&text[at..end]) {
            if start > done {
                found.push(Piece::Text(text[done..start].into()));
            }
            found.push(Piece::Expression(expression));
            done = end + CLOSING.len_utf8();
            at = done;
        }
    }
    if done < text.len() {
        found.push(Piece::Text(text[done..].into()));
    }
    found
}

/// The text with every stand-in's expression in its place, for people to read.
#[must_use]
pub fn readable(text: &str) -> String {
    let parts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.into_owned(),
        Piece::Expression(expression) => expression,
    });
    parts.collect()
}

fn decoded(hexadecimal: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = hexadecimal
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_comes_through_every_encoding_and_back() {
        let text = format!("a={}&b", stand_in("$SHOP_PASSWORD"));
        let encoded: String = url::form_urlencoded::byte_serialize(stand_in("$X").as_bytes()).collect();
        assert_eq!(
            pieces(&text),
            [
                Piece::Text("a=".into()),
                Piece::Expression("$SHOP_PASSWORD".to_owned()),
                Piece::Text("&b".into())
            ]
        );
        assert_eq!(pieces(&encoded), [Piece::Expression("$X".to_owned())]);
    }

    #[test]
    fn a_stand_in_comes_through_filters_that_change_the_case() {
        let small = stand_in("$Shop_Password");
        let title = format!("Q{}", &small[1..]);
        for text in [small.to_uppercase(), title] {
            assert_eq!(readable(&format!("a-{text}-b")), "a-$Shop_Password-b", "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_stand_in_is_text() {
        for text in ["qzsmokeqz", "qzsmokeqzxyz", "my qzsmokeqz is amazing", "qzsmokeqzffz"] {
            assert_eq!(pieces(text), [Piece::Text(text.into())], "{text}");
        }
    }
}
