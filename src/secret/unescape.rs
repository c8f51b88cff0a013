//! Decodes every escape in a text, for any syntax and any nesting.
//!
//! Encoders disagree on what they escape and how, and one encodes the output of another: a password in JSON on a page,
//! a URL parameter in JSON in a log. Listing all results for a secret is impossible. Instead, the text is read once,
//! and each escape is replaced with its meaning as soon as it is complete, which may complete another escape. Secrets
//! are decoded the same way and searched in the result. Where an encoding is ambiguous, all readings become the same:
//!
//! - `+`, white space and any run of them become one space;
//! - a run of quotes of either kind becomes one quote: SQL and CSV double them, and a shell has to close and reopen its
//!   own;
//! - a backslash before punctuation is dropped, and a run of backslashes becomes one.

use std::ops::Range;

use markup5ever::data::NAMED_ENTITIES;

/// The most characters of an escape before its last one, not counting backslashes.
const LONGEST: usize = 12;

/// The number of recent characters that are kept.
const REMEMBERED: usize = 64;

/// How far back an escape is followed if other escapes end inside it.
const REACH: usize = REMEMBERED - 2 * LONGEST;

/// Receives the decoded text byte by byte. The last bytes may turn out to be an escape, and are then taken back.
pub trait Sink {
    type Error;

    /// Adds a byte, which stands for `from` in the text.
    fn push(&mut self, byte: u8, from: Range<usize>) -> Result<(), Self::Error>;

    /// The number of bytes received.
    fn length(&self) -> usize;

    /// Takes back all bytes after the first `length`.
    fn truncate(&mut self, length: usize);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A decoded byte.
    Byte,
    /// Backslashes that may or may not be part of an escape.
    Backslashes,
    /// The first UTF-16 surrogate of a character beyond U+FFFF, the first 65,536.
    HighSurrogate(u32),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: Kind,
    byte: u8,
    start: usize,
    /// The length of the decoded text before this entry.
    before: usize,
}

/// Decodes a text into its sink.
#[derive(Debug)]
pub struct Unescape<S> {
    pub sink: S,
    entries: [Entry; REMEMBERED],
    count: usize,
    /// The highest `count` so far. Older entries have been overwritten.
    most: usize,
    /// No numeric escape is open beyond this count.
    opener: usize,
}

impl<S: Sink> Unescape<S> {
    pub fn into(sink: S) -> Unescape<S> {
        let none = Entry { kind: Kind::Byte, byte: 0, start: 0, before: 0 };
        Unescape { sink, entries: [none; REMEMBERED], count: 0, most: 0, opener: 0 }
    }

    /// Reads the byte at `at`.
    #[inline]
    pub fn read(&mut self, byte: u8, at: usize) -> Result<(), S::Error> {
        self.push(byte, at..at + 1)
    }

    fn push(&mut self, byte: u8, from: Range<usize>) -> Result<(), S::Error> {
        match byte {
            b'g'..=b'z' | b'G'..=b'Z' if self.last(0).is_none_or(|last| last.kind != Kind::Backslashes) => {
                self.keep(byte, from)
            }
            b'\\' => {
                self.backslash(&from);
                Ok(())
            }
            b' ' | b'+' | b'\t'..=b'\r' => self.one_of_a_row(b' ', from),
            b'"' | b'\'' => self.one_of_a_row(b'"', from),
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => self.alphanumeric(byte, from),
            b';' => match self.reference() {
                Some((entries, text)) => self.replace(entries, text, from.end),
                None => self.punctuation(byte, from),
            },
            b'}' => match self.braces() {
                Some((entries, number)) => self.replace(entries, Meaning::of(number), from.end),
                None => self.punctuation(byte, from),
            },
            // They may start an escape, which only its end decides.
            b'%' | b'&' => self.keep(byte, from),
            _ => self.punctuation(byte, from),
        }
    }

    #[inline]
    fn keep(&mut self, byte: u8, from: Range<usize>) -> Result<(), S::Error> {
        if byte == b'%' || byte == b'\\' {
            self.opener = self.opener.max(self.count + LONGEST);
        }
        self.remember(Kind::Byte, byte, from.start);
        self.sink.push(byte, from)
    }

    #[inline]
    fn remember(&mut self, kind: Kind, byte: u8, start: usize) {
        self.entries[self.count % REMEMBERED] = Entry { kind, byte, start, before: self.sink.length() };
        self.count += 1;
        self.most = self.most.max(self.count);
    }

    /// Returns the last character after skipping `back` of them.
    #[inline]
    fn last(&self, back: usize) -> Option<Entry> {
        let at = self.count.checked_sub(back + 1)?;
        (self.most - at <= REACH + LONGEST).then(|| self.entries[at % REMEMBERED])
    }

    fn last_byte(&self, back: usize) -> Option<u8> {
        self.last(back).filter(|entry| entry.kind == Kind::Byte).map(|entry| entry.byte)
    }

    /// Takes back the last `count` characters, and returns where the first of them started.
    fn take_back(&mut self, count: usize) -> Option<usize> {
        let first = self.last(count.checked_sub(1)?)?;
        self.count -= count;
        self.sink.truncate(first.before);
        Some(first.start)
    }

    fn take_back_backslashes(&mut self) -> Option<usize> {
        self.last(0).filter(|last| last.kind == Kind::Backslashes)?;
        self.take_back(1)
    }

    fn backslash(&mut self, from: &Range<usize>) {
        if self.last(0).is_none_or(|last| last.kind != Kind::Backslashes) {
            self.remember(Kind::Backslashes, b'\\', from.start);
        }
    }

    /// Collapses a run of a byte to one.
    fn one_of_a_row(&mut self, byte: u8, from: Range<usize>) -> Result<(), S::Error> {
        let start = self.take_back_backslashes().unwrap_or(from.start);
        if self.last_byte(0) == Some(byte) {
            return Ok(());
        }
        self.keep(byte, start..from.end)
    }

    fn punctuation(&mut self, byte: u8, from: Range<usize>) -> Result<(), S::Error> {
        let start = self.take_back_backslashes().unwrap_or(from.start);
        self.keep(byte, start..from.end)
    }

    fn alphanumeric(&mut self, byte: u8, from: Range<usize>) -> Result<(), S::Error> {
        if let Some(start) = self.take_back_backslashes() {
            let control = match byte {
                b'n' | b'r' | b't' | b'v' | b'f' => Some(b' '),
                b'b' => Some(8),
                b'a' => Some(7),
                b'e' => Some(27),
                _ => None,
            };
            match control {
                Some(b' ') => return self.one_of_a_row(b' ', start..from.end),
                Some(control) => return self.keep(control, start..from.end),
                // It is a literal backslash after all.
                None => self.keep(b'\\', start..from.start)?,
            }
        }
        self.keep(byte, from.clone())?;
        let may_be_one = self.count <= self.opener && byte.is_ascii_hexdigit();
        match may_be_one.then(|| self.number()).flatten() {
            Some((entries, meaning)) => self.replace(entries, meaning, from.end),
            None => Ok(()),
        }
    }

    /// Returns the numeric escape that the last digit completes: its length in characters and its meaning.
    fn number(&self) -> Option<(usize, Meaning)> {
        if self.last_byte(2) == Some(b'%') {
            return Some((3, Meaning::Byte(u8::try_from(self.digits(2, 16)?).ok()?)));
        }
        let opens = |length: usize, letter: u8| {
            self.last_byte(length) == Some(letter) && self.last_byte(length + 1) == Some(b'\\')
        };
        if self.last_byte(3) == Some(b'\\') {
            return if self.last_byte(2) == Some(b'x') {
                Some((4, Meaning::Byte(u8::try_from(self.digits(2, 16)?).ok()?)))
            } else {
                Some((4, Meaning::Byte(u8::try_from(self.digits(3, 8)?).ok()?)))
            };
        }
        let percent = || self.last_byte(4) == Some(b'u') && self.last_byte(5) == Some(b'%');
        if opens(4, b'u') || percent() {
            return Some((6, Meaning::of(self.digits(4, 16)?)));
        }
        opens(8, b'U').then(|| Some((10, Meaning::of(self.digits(8, 16)?))))?
    }

    /// Returns the last digits as a number.
    fn digits(&self, count: usize, radix: u32) -> Option<u32> {
        (0..count).rev().try_fold(0, |number: u32, back| {
            let digit = char::from(self.last_byte(back)?).to_digit(radix)?;
            Some(number << if radix == 16 { 4 } else { 3 } | digit)
        })
    }

    /// Returns the character reference that a semicolon completes: its length and its meaning.
    fn reference(&self) -> Option<(usize, Meaning)> {
        let mut name = [0; LONGEST];
        let (mut first, mut back) = (name.len(), 0);
        loop {
            let entry = self.last(back)?;
            back += 1;
            match (entry.kind, entry.byte) {
                // A shell writes `\&lt\;`.
                (Kind::Backslashes, _) if back < 2 * LONGEST => {}
                (Kind::Byte, b'&') => break,
                (Kind::Byte, b'#' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z') => {
                    first = first.checked_sub(1)?;
                    name[first] = entry.byte;
                }
                (Kind::Byte | Kind::Backslashes | Kind::HighSurrogate(_), _) => return None,
            }
        }
        let name = std::str::from_utf8(&name[first..]).ok()?;
        let meaning = match name.strip_prefix('#') {
            Some(number) => Meaning::of(match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            }),
            None if name == "nbsp" => Meaning::Byte(b' '),
            None => match NAMED_ENTITIES.get(&format!("{name};"))? {
                (0, _) => return None,
                (number, 0) => Meaning::of(*number),
                (first, second) => Meaning::Two(*first, *second),
            },
        };
        Some((back, meaning))
    }

    /// Returns the `\u{…}` escape that a brace completes.
    fn braces(&self) -> Option<(usize, u32)> {
        let digits = (0..=6)
            .take_while(|back| self.last_byte(*back).is_some_and(|byte| byte.is_ascii_hexdigit()))
            .count();
        let opened = [b'{', b'u', b'\\'];
        let is_one = (0..3).all(|back| self.last_byte(digits + back) == Some(opened[back]));
        Some((digits + 3, self.digits(digits, 16)?)).filter(|_| is_one && digits > 0)
    }

    /// Replaces an escape with its meaning.
    fn replace(&mut self, entries: usize, meaning: Meaning, end: usize) -> Result<(), S::Error> {
        if self.count + REACH < self.most + entries {
            return Ok(());
        }
        let Some(start) = self.take_back(entries) else { return Ok(()) };
        match meaning {
            Meaning::Byte(byte) => self.push(byte, start..end),
            Meaning::Number(number) => self.unit(number, start, end),
            Meaning::Two(first, second) => {
                self.unit(first, start, end)?;
                self.unit(second, start, end)
            }
        }
    }

    /// Adds a character, or half of one in UTF-16.
    fn unit(&mut self, number: u32, start: usize, end: usize) -> Result<(), S::Error> {
        let high = match self.last(0).map(|last| last.kind) {
            Some(Kind::HighSurrogate(high)) => Some(high),
            Some(Kind::Byte | Kind::Backslashes) | None => None,
        };
        let (number, start) = match (number, high) {
            (0xD800..0xDC00, _) => {
                self.remember(Kind::HighSurrogate(number), 0, start);
                return Ok(());
            }
            (0xDC00..0xE000, Some(high)) => {
                let first = self.take_back(1).unwrap_or(start);
                (0x1_0000 + ((high - 0xD800) << 10) + (number - 0xDC00), first)
            }
            (_, _) => (number, start),
        };
        let Some(character) = char::from_u32(number) else { return Ok(()) };
        character.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| self.push(byte, start..end))
    }
}

/// The meaning of an escape.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    /// A byte of UTF-8, or a Latin-1 character.
    Byte(u8),
    /// A character, by its code point.
    Number(u32),
    Two(u32, u32),
}

impl Meaning {
    fn of(number: u32) -> Meaning {
        Meaning::Number(number)
    }
}

/// Collects the decoded text alone.
impl Sink for Vec<u8> {
    type Error = std::convert::Infallible;

    fn push(&mut self, byte: u8, _: Range<usize>) -> Result<(), Self::Error> {
        Vec::push(self, byte);
        Ok(())
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn truncate(&mut self, length: usize) {
        Vec::truncate(self, length);
    }
}

/// Returns `bytes` with every escape decoded.
pub fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut reader = Unescape::into(Vec::with_capacity(bytes.len()));
    for (at, byte) in bytes.iter().enumerate() {
        let Ok(()) = reader.read(*byte, at);
    }
    reader.sink
}
