//! What must never be printed, and the one redactor every output passes through.
//!
//! What people read is built as a [`Message`]: smoke's own *words*, and *data* that came from outside (a body,
//! a header, an URL, an error text of a server). Only data is redacted, so a password `pass` does not turn
//! `passed` into `***ed`; and it is redacted before it is shortened, so half a secret is never left over.
//! Events carry [`Redacted`] values only, and a [`Redactor`] is the only way to make one.

mod finder;
mod forms;
mod reading;
pub mod stand_in;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use self::finder::Finder;

/// What stands where a secret was.
pub const STARS: &str = "***";

/// A secret shorter than this would be found everywhere, and starring it out would show where it is not.
pub const SHORTEST_SECRET: usize = 4;

/// How much of one piece of data a message shows, in characters.
const DATA_LIMIT: usize = 300;

/// Text for people: own words and foreign data, kept apart until it is printed.
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
    /// A range of a text, which is redacted as what it is in the whole: a line may hold half a secret.
    Range {
        whole: Arc<str>,
        range: Range<usize>,
    },
}

impl Message {
    #[must_use]
    pub fn new() -> Message {
        Message::default()
    }

    /// Adds smoke's own words, which are never redacted.
    #[must_use]
    pub fn words(mut self, words: impl Into<Cow<'static, str>>) -> Message {
        self.parts.push(Part::Words(words.into()));
        self
    }

    /// Adds something from outside, which is redacted and shown up to a few hundred characters.
    #[must_use]
    pub fn data(self, data: impl Into<String>) -> Message {
        self.excerpt(data, DATA_LIMIT)
    }

    /// Adds something from outside, of which at most `limit` characters are shown.
    #[must_use]
    pub fn excerpt(mut self, data: impl Into<String>, limit: usize) -> Message {
        self.parts.push(Part::Data { text: data.into(), limit });
        self
    }

    /// Adds a range of something from outside, without what of a secret reaches into it.
    #[must_use]
    pub fn range(mut self, whole: &Arc<str>, range: Range<usize>) -> Message {
        self.parts.push(Part::Range { whole: Arc::clone(whole), range });
        self
    }

    /// Adds another message's parts.
    #[must_use]
    pub fn then(mut self, other: Message) -> Message {
        self.parts.extend(other.parts);
        self
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The message with every secret starred out and long data shortened.
    fn redact(self, redactor: &Redactor) -> Message {
        let parts = self
            .parts
            .into_iter()
            .map(|part| match part {
                Part::Words(words) => Part::Words(words),
                Part::Data { text, limit } => Part::Words(shorten(redactor.clean(&text), limit).into()),
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

/// The first `limit` characters, and how much there was.
fn shorten(text: String, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text,
        Some((end, _)) => format!("{}… ({} bytes in all)", &text[..end], text.len()),
    }
}

/// Holds messages that a redactor can go through.
pub trait Redact {
    /// The same with `clean` applied to every message in it.
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

/// Something that may be printed. Made by [`Redactor::redact`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> std::ops::Deref for Redacted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Why a value cannot be kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unredactable {
    #[error("it is empty")]
    Empty,
    #[error("it has fewer than {SHORTEST_SECRET} characters, so it would be starred out all over the report")]
    Short,
}

/// Knows every secret of the run, and stars them out in whatever form they appear.
#[derive(Debug, Default)]
pub struct Redactor {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    secrets: HashSet<String>,
    finder: Finder,
}

impl Redactor {
    #[must_use]
    pub fn new() -> Redactor {
        Redactor::default()
    }

    /// Adds a secret, from now on starred out in every form it may take.
    ///
    /// # Errors
    /// It is too short to be told from ordinary text.
    pub fn add(&self, secret: &str) -> Result<(), Unredactable> {
        // A file's last newline is not part of what is secret; what is left must still be long enough.
        let trimmed = secret.trim();
        if trimmed.is_empty() {
            return Err(Unredactable::Empty);
        }
        if trimmed.chars().count() < SHORTEST_SECRET {
            return Err(Unredactable::Short);
        }
        if self.known.read().unwrap_or_else(PoisonError::into_inner).secrets.contains(secret) {
            return Ok(());
        }
        // Put together before anybody has to wait for it.
        let forms = forms::of(secret);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.secrets.insert(secret.to_owned()) {
            for form in &forms {
                known.finder.add(form);
            }
        }
        Ok(())
    }

    /// Adds a value, and every text and number in it: a part of a document is shown without the rest.
    ///
    /// # Errors
    /// The value as a whole is too short to be told from ordinary text. A part that is too short is no error.
    pub fn add_value(&self, secret: &Value) -> Result<(), Unredactable> {
        match secret {
            Value::String(text) => return self.add(text),
            Value::Array(items) => items.iter().for_each(|item| self.add_part(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.add_part(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        self.add(&secret.to_string())
    }

    fn add_part(&self, part: &Value) {
        match part {
            // A truth value tells nobody anything, and stands in every other document.
            Value::Null | Value::Bool(_) => {}
            Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                let _ = self.add_value(part);
            }
        }
    }

    /// `text` with every known secret starred out.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.clean_range(text, 0..text.len())
    }

    /// A range of `text`, with what every known secret has in it starred out.
    #[must_use]
    pub fn clean_range(&self, text: &str, range: Range<usize>) -> String {
        let found = self.known.read().unwrap_or_else(PoisonError::into_inner).finder.find(text);
        // Where nobody knows what is secret, everything is.
        let Ok(found) = found else { return STARS.to_owned() };
        let mut out = String::with_capacity(range.len());
        let mut done = range.start;
        for secret in found.iter().filter(|secret| secret.end > range.start && secret.start < range.end) {
            out.push_str(&text[done..secret.start.max(done)]);
            out.push_str(STARS);
            done = secret.end.min(range.end);
        }
        out.push_str(&text[done..range.end]);
        out
    }

    /// `value` with every message in it cleaned and shortened: what may leave the check.
    #[must_use]
    pub fn redact<T: Redact>(&self, value: T) -> Redacted<T> {
        Redacted(value.map_messages(&|message| message.redact(self)))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn own_words_are_not_redacted_and_data_is() {
        let redactor = Redactor::new();
        redactor.add("pass").unwrap();
        let message = Message::new().words("passed with ").data("pass and passport");
        assert_eq!(redactor.redact(message).to_string(), "passed with *** and ***port");
    }

    #[test]
    fn a_secret_that_comes_later_is_starred_out_from_then_on() {
        let redactor = Redactor::new();
        assert_eq!(redactor.clean("first and second"), "first and second");
        redactor.add("first").unwrap();
        assert_eq!(redactor.clean("first and second"), "*** and second");
        redactor.add("second").unwrap();
        assert_eq!(redactor.clean("first and second"), "*** and ***");
    }

    #[test]
    fn of_secrets_that_overlap_nothing_is_left() {
        let redactor = Redactor::new();
        redactor.add("alpha-omega").unwrap();
        redactor.add("omega-tail").unwrap();
        assert_eq!(redactor.clean("x alpha-omega-tail y omega-tail"), "x *** y ***");
    }

    #[test]
    fn where_it_cannot_be_told_in_time_what_is_secret_everything_is() {
        let redactor = Redactor::new();
        redactor.add(&format!("{}b", "a".repeat(10_000))).unwrap();
        assert_eq!(redactor.clean(&"a".repeat(100_000)), "***");
        assert_eq!(redactor.clean("a short text"), "a short text");
    }

    #[test]
    fn a_secret_of_signs_alone_is_found_in_every_spelling() {
        let redactor = Redactor::new();
        redactor.add("\"&<$\\?").unwrap();
        redactor.add("пароль").unwrap();
        for text in [
            r#""&<$\?"#,
            r#"\"\u0026\u003c$\\?"#,
            "%22%26%3C%24%5C%3F",
            "&quot;&amp;&lt;$\\?",
            "пароль",
            "%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C",
            r"\u043f\u0430\u0440\u043e\u043b\u044c",
        ] {
            assert_eq!(redactor.clean(&format!("x{text}y")), "x***y", "{text}");
        }
    }

    #[test]
    fn every_secret_is_found_among_many_that_begin_alike() {
        let redactor = Redactor::new();
        let secret = |number: u32| format!("eyJhbGciOiJIUzI1NiJ9.{number:06}-session");
        (0..2_000).for_each(|number| redactor.add(&secret(number)).unwrap());
        for number in 0..2_000 {
            assert_eq!(redactor.clean(&format!("a {} b", secret(number))), "a *** b");
        }
        assert_eq!(redactor.clean(&secret(2_000)), secret(2_000));
    }

    #[test]
    fn what_languages_make_of_a_secret_is_found() {
        for (secret, shown) in [
            // Python: repr(), the repr() of bytes, ascii().
            (r#"Adm"in\pa$$w0rd"#, r#"'Adm"in\\pa$$w0rd'"#),
            (r#"pa'ss"word1"#, r#"'pa\'ss"word1'"#),
            ("päss-word", r"b'p\xc3\xa4ss-word'"),
            ("päss-word", r"'p\xe4ss-word'"),
            // Go's encoding/json keeps what is not ASCII.
            ("pä<s>&1", r"pä\u003cs\u003e\u00261"),
            // .NET's System.Text.Json.
            ("pä+'\"&1", r"p\u00E4\u002B\u0027\u0022\u00261"),
            // JSON in JSON.
            ("it's&1234", r"it\\u0027s\\u00261234"),
            (r#"a"b\c-1234"#, r#"a\\\"b\\\\c-1234"#),
            // JavaScript's Basic pair with what it encoded before: `btoa(encodeURIComponent(…))`.
            ("p@ss/word+1", "cCU0MHNzJTJGd29yZCUyQjE="),
            // Base64 as a parameter of an URL.
            ("p@ss:/w+0%rd&\"'<\nü", "cEBzczovdyswJXJkJiInPArDvA%3D%3D"),
            // PHP, and a shell.
            ("it's&1234", "it&#039;s&amp;1234"),
            ("it's&1234", r"it'\''s&1234"),
            // The lines of a key, as a page shows them and in order.
            ("one two\n  three", "one two three"),
            ("one two\n  three", "one two\r\nthree"),
            ("one two\n  three", r"one two\n  three"),
        ] {
            let redactor = Redactor::new();
            redactor.add(secret).unwrap();
            let cleaned = redactor.clean(&format!("<{shown}>"));
            let rest = cleaned.replace("***", "");
            assert!(
                cleaned.contains("***") && ["<>", "<''>", "<b''>"].contains(&rest.as_str()),
                "{shown}: {cleaned}"
            );
        }
    }

    #[test]
    fn of_a_basic_pair_nothing_is_left_at_any_alignment() {
        let (redactor, secret) = (Redactor::new(), "p@ss:/w+0%rd&\"'<\nü");
        redactor.add(secret).unwrap();
        for user in ["", "a", "ab", "abc", "alice"] {
            let pair = STANDARD.encode(format!("{user}:{secret}"));
            let cleaned = redactor.clean(&pair);
            // The characters at the seams have bits of their neighbours.
            assert!(cleaned.len() <= (user.len() + 1).div_ceil(3) * 4 + STARS.len() + 4, "{pair}: {cleaned}");
        }
    }

    #[test]
    fn the_url_crate_s_own_encodings_are_known() {
        let (redactor, secret) = (Redactor::new(), "p@ss:/w+0%rd&\"'<\nü");
        redactor.add(secret).unwrap();
        let mut url = url::Url::parse("http://host/").unwrap();
        url.set_password(Some(secret)).unwrap();
        url.query_pairs_mut().append_pair("q", secret);
        assert_eq!(redactor.clean(url.as_str()), "http://:***@host/?q=***");
    }

    #[test]
    fn ordinary_words_are_left_alone() {
        let redactor = Redactor::new();
        for secret in ["pass", "a b c", "it's", "x+y=z", "100%"] {
            redactor.add(secret).unwrap();
        }
        let text = "it is a test: abc, a.b.c, `p a s s`, \\pa\\ss, its, x y=z+, 100 of 100, C:\\pas\\s";
        assert_eq!(redactor.clean(text), text);
    }

    #[test]
    fn the_longest_secret_wins_where_one_holds_another() {
        let redactor = Redactor::new();
        redactor.add("hunter").unwrap();
        redactor.add("hunter2-long").unwrap();
        assert_eq!(redactor.clean("x hunter2-long y hunter z"), "x *** y *** z");
    }

    #[test]
    fn a_secret_at_the_cut_leaves_nothing() {
        let redactor = Redactor::new();
        redactor.add("s3cret-value").unwrap();
        let text = format!("{}s3cret-value", "x".repeat(295));
        let shown = redactor.redact(Message::new().data(text)).to_string();
        assert!(!shown.contains("s3c"), "{shown}");
    }

    #[test]
    fn of_a_secret_that_reaches_into_a_range_nothing_is_shown() {
        let redactor = Redactor::new();
        redactor.add("one\ntwo\nthree").unwrap();
        let whole: Arc<str> = "zero one\ntwo\nthree four".into();
        let lines: Vec<String> = [0..8, 9..12, 13..23]
            .into_iter()
            .map(|line| redactor.redact(Message::new().range(&whole, line)).to_string())
            .collect();
        assert_eq!(lines, ["zero ***", "***", "*** four"]);
    }

    #[test]
    fn of_a_document_every_text_and_number_is_secret_by_itself() {
        let redactor = Redactor::new();
        let document =
            serde_json::json!({"user": {"mail": "alice@shop"}, "codes": ["c0de-1", 123_456], "on": true});
        redactor.add_value(&document).unwrap();
        let said = redactor.clean("alice@shop has c0de-1 and 123456, true of user and codes");
        assert_eq!(said, "*** has *** and ***, true of user and codes");
        assert_eq!(redactor.clean(&document.to_string()), "***");
    }

    #[test]
    fn secrets_too_short_to_redact_are_refused() {
        let redactor = Redactor::new();
        assert_eq!(redactor.add("\n"), Err(Unredactable::Empty));
        assert_eq!(redactor.add("abc"), Err(Unredactable::Short));
    }
}
