//! Commands made of words, quoted as `redis-cli` reads them. Blanks separate words. In `"…"` a backslash escapes (`\n`,
//! `\"`, `\x41`), in `'…'` it escapes only a single quote. A closing quote ends the word.

use std::iter::Peekable;
use std::str::Bytes;

use serde_json::Value;

use super::template::Piece;

const OPEN: &str = "a quote in the command is not closed";
const GOES_ON: &str = "a closing quote in the command is followed by a blank, or by nothing";

/// The context of a position in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Blanks,
    Word,
    Double,
    Single,
    /// After a closing quote.
    Closed,
}

/// Splits a command into words. A value is never split: it is a word, or a part of the surrounding one.
///
/// # Errors
/// Fails if quotes do not match, or if a value cannot be a word.
pub fn split(pieces: &[Piece<'_>]) -> Result<Vec<String>, String> {
    let mut reader = Reader { within: Within::Blanks, word: Vec::new(), words: Vec::new() };
    for piece in pieces {
        match piece {
            Piece::Text(text) => reader.read(text)?,
            Piece::Value(value) => reader.take(value)?,
        }
    }
    reader.finish()
}

/// Returns the word as `redis-cli` reads it, quoted if necessary.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'\\".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_ascii_control() => {
                quoted.push_str(&format!("\\x{:02x}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

struct Reader {
    within: Within,
    word: Vec<u8>,
    words: Vec<String>,
}

impl Reader {
    fn read(&mut self, text: &str) -> Result<(), String> {
        let mut bytes = text.bytes().peekable();
        while let Some(byte) = bytes.next() {
            match (self.within, byte) {
                (Within::Blanks, byte) if is_blank(byte) => {}
                (Within::Word | Within::Closed, byte) if is_blank(byte) => self.end_word()?,
                (Within::Closed, _) => return Err(GOES_ON.to_owned()),
                (Within::Blanks | Within::Word, b'"') => self.within = Within::Double,
                (Within::Blanks | Within::Word, b'\'') => self.within = Within::Single,
                (Within::Double, b'"') | (Within::Single, b'\'') => self.within = Within::Closed,
                (Within::Double, b'\\') => {
                    let escaped = escaped(&mut bytes).ok_or(OPEN)?;
                    self.word.push(escaped);
                }
                (Within::Single, b'\\') if bytes.peek() == Some(&b'\'') => {
                    bytes.next();
                    self.word.push(b'\'');
                }
                (Within::Double | Within::Single, byte) => self.word.push(byte),
                (Within::Blanks | Within::Word, byte) => {
                    self.within = Within::Word;
                    self.word.push(byte);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, value: &Value) -> Result<(), String> {
        match self.within {
            Within::Closed => return Err(GOES_ON.to_owned()),
            Within::Blanks => self.within = Within::Word,
            Within::Word | Within::Double | Within::Single => {}
        }
        match value {
            Value::Null => {
                return Err("a variable in the command is null, which no command can say".to_owned());
            }
            Value::String(text) => self.word.extend(text.as_bytes()),
            other => self.word.extend(other.to_string().as_bytes()),
        }
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), String> {
        self.within = Within::Blanks;
        let word = String::from_utf8(std::mem::take(&mut self.word));
        self.words.push(word.map_err(|_| "the escapes of a word in the command make no UTF-8 text")?);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<String>, String> {
        match self.within {
            Within::Double | Within::Single => return Err(OPEN.to_owned()),
            Within::Word | Within::Closed => self.end_word()?,
            Within::Blanks => {}
        }
        Ok(self.words)
    }
}

/// Whether the byte is white space in C.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Returns the byte for the escape after a backslash in double quotes.
fn escaped(bytes: &mut Peekable<Bytes<'_>>) -> Option<u8> {
    Some(match bytes.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        b'x' => {
            let mut ahead = bytes.clone();
            let digits = [ahead.next(), ahead.next()].map(|digit| char::from(digit?).to_digit(16));
            match digits {
                [Some(high), Some(low)] => {
                    *bytes = ahead;
                    u8::try_from(high * 16 + low).ok()?
                }
                [_, _] => b'x',
            }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, String> {
        split(&[Piece::Text(text)])
    }

    #[test]
    fn words_are_read_as_redis_cli_reads_them() {
        for (text, expected) in [
            ("GET shop:ready", &["GET", "shop:ready"][..]),
            ("  GET\n\tkey  ", &["GET", "key"]),
            (r#"ECHO "a b""#, &["ECHO", "a b"]),
            (r#"ECHO """#, &["ECHO", ""]),
            (r#"ECHO "\x41\n\"\q\xZZ""#, &["ECHO", "A\n\"qxZZ"]),
            (r"ECHO 'it\'s \n'", &["ECHO", r"it's \n"]),
            (r#"ECHO pre"fix ed""#, &["ECHO", "prefix ed"]),
            (r#"ECHO "\xc3\xa4ö""#, &["ECHO", "äö"]),
            ("", &[]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        for text in [r#"ECHO "a"#, "ECHO 'a", r#"ECHO "a\"#, r#"ECHO "a"b"#, r#"ECHO "\xff""#] {
            assert!(words(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_is_never_split_and_never_read() {
        let value = Piece::Value(Value::from("a b\" 'c\r\nFLUSHALL\r\n"));
        let Piece::Value(Value::String(text)) = &value else { unreachable!() };
        let alone = split(&[Piece::Text("GET "), value.clone()]).unwrap();
        assert_eq!(alone, ["GET", text.as_str()]);
        let within = split(&[Piece::Text("GET \"cart:"), value.clone(), Piece::Text("\" x")]).unwrap();
        assert_eq!(within, ["GET", &format!("cart:{text}"), "x"]);
        let empty = split(&[Piece::Text("ECHO "), Piece::Value(Value::from(""))]).unwrap();
        assert_eq!(empty, ["ECHO", ""]);
        assert!(split(&[Piece::Text("ECHO "), Piece::Value(Value::Null)]).is_err());
    }

    #[test]
    fn a_quoted_word_is_read_as_it_was() {
        for word in ["a", "", "a b", "it's", "\"\\\n\r\t\u{1}", "ä", "{\"a\": 1}"] {
            assert_eq!(words(&quoted(word)).unwrap(), [word]);
        }
    }
}
