//! The redactor, which knows every secret of the run.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use super::finder::{Finder, Search};
use super::forms::Forms;
use super::names::is_issued_name;
use super::{Redact, Redacted, SHORTEST_SECRET, STARS, within};

/// Why a value cannot be redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unredactable {
    #[error("it is empty")]
    Empty,
    #[error("it has fewer than {SHORTEST_SECRET} characters, so it would be starred out all over the report")]
    Short,
}

/// Shorter strings that a server issues are unlikely to be credentials.
const SHORTEST_ISSUED: usize = 12;

/// How many bytes past the excerpt are searched at first. The beginning of a secret is recognised within them.
const MARGIN: usize = 512;

/// The most bytes that are searched per character shown.
const SEARCHED: usize = 16;

/// Knows every secret of the run, and replaces each with stars in every form it appears in.
#[derive(Debug, Default)]
pub struct Redactor {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Hashes of the secrets already added. The keys are random, so nobody can construct a collision.
    added: HashSet<u64>,
    hashing: RandomState,
    finder: Finder,
}

/// The start of a text, as it may be shown.
#[derive(Debug)]
pub struct Start {
    pub text: String,
    pub is_all: bool,
}

impl Redactor {
    #[must_use]
    pub fn new() -> Redactor {
        Redactor::default()
    }

    /// Adds a secret, which from now on is redacted in every form.
    ///
    /// # Errors
    /// Fails if the secret is too short to be distinguished from ordinary text.
    pub fn add(&self, secret: &str) -> Result<(), Unredactable> {
        // The trailing newline of a file is not part of the secret. The rest must still be long enough.
        let trimmed = secret.trim();
        if trimmed.is_empty() {
            return Err(Unredactable::Empty);
        }
        if trimmed.chars().count() < SHORTEST_SECRET {
            return Err(Unredactable::Short);
        }
        self.add_one(trimmed);
        let long_enough = |part: &String| part.chars().count() >= SHORTEST_SECRET;
        within::parts(trimmed).iter().filter(|part| long_enough(part)).for_each(|part| self.add_one(part));
        Ok(())
    }

    fn add_one(&self, secret: &str) {
        let (hash, has_many) = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let hash = known.hashing.hash_one(secret);
            if known.added.contains(&hash) {
                return;
            }
            (hash, known.finder.has_many())
        };
        // Computed before the lock is taken, so that nobody waits for it.
        let forms = if has_many { Forms::plain(secret) } else { Forms::of(secret) };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.added.insert(hash) {
            known.finder.add(&forms);
        }
    }

    /// Adds a value, and every string and number in it, because a part of a document may be shown alone.
    ///
    /// # Errors
    /// Fails if the value as a whole is too short to be distinguished from ordinary text. A part that is too short is
    /// not an error.
    pub fn add_value(&self, secret: &Value) -> Result<(), Unredactable> {
        match secret {
            Value::String(text) => return self.add(text),
            Value::Array(items) => items.iter().for_each(|item| self.add_part(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.add_part(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        self.add(&secret.to_string())
    }

    /// Adds the tokens and passwords that a server issues in a document, by the names of its fields.
    pub fn add_issued(&self, document: &Value) {
        match document {
            Value::Array(items) => items.iter().for_each(|item| self.add_issued(item)),
            Value::Object(fields) => fields.iter().for_each(|(name, field)| match field {
                Value::String(text) if text.len() >= SHORTEST_ISSUED && is_issued_name(name) => {
                    let _ = self.add(text);
                }
                Value::Array(items) if is_issued_name(name) => {
                    let long = items.iter().filter_map(Value::as_str);
                    long.filter(|text| text.len() >= SHORTEST_ISSUED).for_each(|text| {
                        let _ = self.add(text);
                    });
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                Value::Array(_) | Value::Object(_) => self.add_issued(field),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Adds the value of a sent field if its name is secret.
    pub fn add_field(&self, name: &str, value: &str) {
        if is_issued_name(name) {
            let _ = self.add(value);
        }
    }

    /// Adds the secret fields of a sent document.
    pub fn add_fields(&self, document: &Value) {
        match document {
            Value::Array(items) => items.iter().for_each(|item| self.add_fields(item)),
            Value::Object(fields) => fields.iter().for_each(|(name, field)| match field.as_str() {
                Some(text) => self.add_field(name, text),
                None => self.add_fields(field),
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn add_part(&self, part: &Value) {
        match part {
            // A boolean reveals nothing, and occurs in every other document.
            Value::Null | Value::Bool(_) => {}
            Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                let _ = self.add_value(part);
            }
        }
    }

    /// Returns `text` with every secret redacted.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        self.clean_range(text, 0..text.len())
    }

    /// Returns a range of `text`, with the parts of secrets in it redacted.
    #[must_use]
    pub fn clean_range(&self, text: &str, range: Range<usize>) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.finder.search(text, range.clone());
        // If the secrets cannot be located, nothing is shown.
        found.map_or_else(|why| why.notice().to_owned(), |found| starred(text, &found, range))
    }

    /// Returns the first `limit` characters of `text`, with every secret redacted. The rest is searched only as far as
    /// a secret reaches into the excerpt, so a long text never delays a budget or another check. A text that consists
    /// of secrets alone yields fewer than `limit` characters.
    #[must_use]
    pub fn clean_start(&self, text: &str, limit: usize) -> Start {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut search = Search::of(&known.finder, text, 0);
        let mut end = end_of(text, limit + 1);
        loop {
            if let Err(why) = search.settle(end, MARGIN) {
                return Start { text: why.notice().to_owned(), is_all: true };
            }
            let shown = starred(text, &search.found(), 0..end);
            let cut = shown.char_indices().nth(limit).map(|(cut, _)| cut);
            match cut {
                Some(cut) => return Start { text: shown[..cut].to_owned(), is_all: false },
                None if end == text.len() => return Start { text: shown, is_all: true },
                None if end >= SEARCHED * limit => return Start { text: shown, is_all: false },
                // Stars are shorter than the secrets they replace.
                None => end = text.ceil_char_boundary((2 * end).min(text.len())),
            }
        }
    }

    /// Redacts and shortens every message in `value`, which may then leave the check.
    #[must_use]
    pub fn redact<T: Redact>(&self, value: T) -> Redacted<T> {
        Redacted(value.map_messages(&|message| message.redact(self)))
    }
}

/// Returns a range of `text` with stars in place of the secrets found.
fn starred(text: &str, found: &[Range<usize>], range: Range<usize>) -> String {
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

/// Returns the end of the first `count` characters.
fn end_of(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(end, _)| end)
}
