//! Text for people that mixes smoke's own words with external data.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::Redactor;

/// The most characters of one piece of data that a message shows.
const DATA_LIMIT: usize = 300;

/// Text for people. Smoke's own words and external data stay separate until it is printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(Cow<'static, str>),
    Data {
        text: String,
        limit: usize,
    },
    /// A range of a text. It is redacted within the whole text, because a line may contain half a secret.
    Range {
        whole: Arc<str>,
        range: Range<usize>,
    },
}

/// Builds a [`Message`]. The literal is smoke's own words. Each `{}` in it is one piece of data, which is redacted and
/// shortened to a few hundred characters.
///
/// ```text
/// message!("connecting to {}", endpoint)
/// ```
///
/// Unlike in `format!`, `{{` is not special, because the suite language uses it.
macro_rules! message {
    ($words:literal $(, $data:expr)* $(,)?) => {{
        const PIECES: usize = $crate::secret::data_pieces($words);
        $crate::secret::Message::from_pieces::<PIECES>($words, [$($data.to_string()),*])
    }};
}

pub(crate) use message;

/// Counts the `{}` in `words`.
pub(crate) const fn data_pieces(words: &str) -> usize {
    let words = words.as_bytes();
    let mut pieces = 0;
    let mut at = 1;
    while at < words.len() {
        if words[at - 1] == b'{' && words[at] == b'}' {
            pieces += 1;
        }
        at += 1;
    }
    pieces
}

impl Message {
    #[must_use]
    pub fn new() -> Message {
        Message::default()
    }

    /// Builds the message of a [`message!`] call.
    pub(crate) fn from_pieces<const N: usize>(words: &'static str, data: [String; N]) -> Message {
        let mut words = words.split("{}");
        let start = Message::new().words(words.next().unwrap_or_default());
        data.into_iter().zip(words).fold(start, |message, (data, words)| message.data(data).words(words))
    }

    /// Appends smoke's own words, which are never redacted.
    #[must_use]
    pub fn words(mut self, words: impl Into<Cow<'static, str>>) -> Message {
        let words = words.into();
        if !words.is_empty() {
            self.parts.push(Part::Words(words));
        }
        self
    }

    /// Appends external data, which is redacted and shortened to a few hundred characters.
    #[must_use]
    pub fn data(self, data: impl Into<String>) -> Message {
        self.excerpt(data, DATA_LIMIT)
    }

    /// Appends external data, of which at most `limit` characters are shown.
    #[must_use]
    pub fn excerpt(mut self, data: impl Into<String>, limit: usize) -> Message {
        self.parts.push(Part::Data { text: data.into(), limit });
        self
    }

    /// Appends a range of external data, without the parts of secrets that overlap it.
    #[must_use]
    pub fn range(mut self, whole: &Arc<str>, range: Range<usize>) -> Message {
        self.parts.push(Part::Range { whole: Arc::clone(whole), range });
        self
    }

    /// Appends the parts of another message.
    #[must_use]
    pub fn then(mut self, other: Message) -> Message {
        self.parts.extend(other.parts);
        self
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Replaces every secret with stars, and shortens long data.
    pub(super) fn redact(self, redactor: &Redactor) -> Message {
        let parts = self
            .parts
            .into_iter()
            .map(|part| match part {
                Part::Words(words) => Part::Words(words),
                Part::Data { text, limit } => Part::Words(cleaned(&text, limit, redactor).into()),
                Part::Range { whole, range } => {
                    Part::Words(shorten(redactor.clean_range(&whole, range), DATA_LIMIT).into())
                }
            })
            .collect();
        Message { parts }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Words(words) => f.write_str(words),
            Part::Data { text, limit } => f.write_str(&shorten(text.clone(), *limit)),
            Part::Range { whole, range } => {
                let text = whole.get(range.clone()).unwrap_or_default();
                f.write_str(&shorten(text.to_owned(), DATA_LIMIT))
            }
        })
    }
}

/// Returns the first `limit` characters without secrets, and the total length if the text is longer.
fn cleaned(text: &str, limit: usize, redactor: &Redactor) -> String {
    let start = redactor.clean_start(text, limit);
    if start.is_all { start.text } else { format!("{}… ({} bytes in all)", start.text, text.len()) }
}

/// Returns the first `limit` characters, and the total length if the text is longer.
fn shorten(text: String, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text,
        Some((end, _)) => format!("{}… ({} bytes in all)", &text[..end], text.len()),
    }
}

/// A value that contains messages to redact.
pub trait Redact {
    /// Applies `clean` to every message in it.
    #[must_use]
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self;
}

impl Redact for Message {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        clean(self)
    }
}

impl<T: Redact> Redact for Vec<T> {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        self.into_iter().map(|item| item.map_messages(clean)).collect()
    }
}

impl<T: Redact> Redact for Option<T> {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        self.map(|item| item.map_messages(clean))
    }
}

impl<T: Redact> Redact for Box<T> {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        Box::new((*self).map_messages(clean))
    }
}

/// A value that may be printed. Only [`Redactor::redact`] creates one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<T>(pub(super) T);

impl<T> std::ops::Deref for Redacted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
