//! Placeholders for secrets in shell commands that reproduce a request.
//!
//! A command is rendered from the same templates as the request, with a placeholder for each secret. A placeholder
//! consists of lower-case letters and digits, which no encoding on the way (URL, JSON, SQL) changes. Code that encodes
//! reports it through [`in_form`], and the command then encodes in the shell.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::Value;

/// Random per process, so no server can answer with a placeholder whose text a shell would run.
static OPENING: LazyLock<String> =
    LazyLock::new(|| format!("qz{}qz", &uuid::Uuid::new_v4().simple().to_string()[..12]));
const CLOSING: char = 'z';

/// How a position or a filter encodes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    AsItIs,
    /// Part of a URL: every byte is percent-encoded, which decodes to the same value.
    Url,
    Base64,
    /// Inside the quotes of a JSON string.
    Json,
    /// Between the quotes of an SQL string, where a backslash may escape.
    Sql,
    SqlWithBackslashes,
}

impl Form {
    /// Each with the letter that a placeholder has for it.
    const ALL: [(char, Form); 6] = {
        use Form::{AsItIs, Base64, Json, Sql, SqlWithBackslashes, Url};
        [('a', AsItIs), ('u', Url), ('b', Base64), ('j', Json), ('s', Sql), ('e', SqlWithBackslashes)]
    };
}

/// A secret as a shell expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// The expression, as written inside double quotes: `$SHOP_PASSWORD`.
    source: String,
    kind: Kind,
    form: Form,
}

/// The kind of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// A number or a document, which JSON does not quote.
    Value,
    /// A value that no shell can compute: the user has to supply it.
    Gap,
}

impl Kind {
    /// Each kind, with its letter in a placeholder.
    const ALL: [(char, Kind); 3] = [('t', Kind::Text), ('v', Kind::Value), ('g', Kind::Gap)];
}

impl Secret {
    /// Returns the expression for use inside double quotes. It needs only programs that every system has, so neither
    /// `jq` nor `python3`.
    #[must_use]
    pub fn in_a_shell(&self) -> String {
        if self.kind == Kind::Gap {
            return self.asked_for();
        }
        let through = match self.form {
            Form::AsItIs => return self.source.clone(),
            Form::Url => r"od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'",
            Form::Base64 => r"base64 | tr -d '\n'",
            Form::Json => {
                r#"awk '{gsub(/["\\]/,"\\\\&");gsub(/\t/,"\\t");gsub(/\r/,"\\r");printf "%s%s",n,$0;n="\\n"}'"#
            }
            Form::Sql => r#"sed "s/'/''/g""#,
            Form::SqlWithBackslashes => r#"sed "s/['\\\\]/&&/g""#,
        };
        format!("$(printf %s \"{}\" | {through})", self.source)
    }

    /// Returns a variable that makes the shell abort with an explanation when it is unset.
    fn asked_for(&self) -> String {
        let (suffix, in_form) = match self.form {
            Form::AsItIs => ("", ""),
            Form::Url => ("_url", ", percent-encoded"),
            Form::Base64 => ("_base64", ", in base64"),
            Form::Json => ("_json", ", escaped for JSON"),
            Form::Sql => ("_sql", ", quotes doubled"),
            Form::SqlWithBackslashes => ("_sql", ", quotes and backslashes doubled"),
        };
        let words: Vec<&str> = self.source.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let name: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let name = variable(&format!("made_of_{}{suffix}", name.join("_")));
        // Keeps only characters that a shell does not interpret.
        let is_plain = |c: &char| c.is_alphanumeric() || " _.|~()[]:,=+-*/".contains(*c);
        let source: String = self.source.chars().filter(is_plain).collect();
        format!("${{{}:?set it to the value of {source}{in_form}}}", &name[1..])
    }

    /// Returns the secret with one more encoding applied.
    fn encoded(&self, form: Form) -> Secret {
        match (self.form, form) {
            (_, Form::AsItIs) => self.clone(),
            (Form::AsItIs, _) => Secret { form, ..self.clone() },
            (_, _) if self.kind == Kind::Gap => Secret { form, ..self.clone() },
            (_, _) => Secret { source: self.in_a_shell(), kind: Kind::Text, form },
        }
    }

    /// Returns the secret without percent-encoding, if that is its only encoding.
    #[must_use]
    pub fn decoded(&self) -> Option<Secret> {
        let is_made = self.form == Form::Url && self.kind != Kind::Gap;
        is_made.then(|| Secret { form: Form::AsItIs, ..self.clone() })
    }

    #[must_use]
    pub fn is_as_it_is(&self) -> bool {
        self.form == Form::AsItIs && self.kind != Kind::Gap
    }

    /// Returns the placeholder that stands for the secret until the command is complete.
    #[must_use]
    pub fn placeholder(&self) -> String {
        let kinds = Kind::ALL.iter().filter(|(_, kind)| *kind == self.kind).map(|(letter, _)| *letter);
        let forms = Form::ALL.iter().filter(|(_, form)| *form == self.form).map(|(letter, _)| *letter);
        let text: String = kinds.chain(forms).chain(self.source.chars()).collect();
        format!("{}{}{CLOSING}", *OPENING, super::forms::hex(text.as_bytes()))
    }

    fn from_placeholder(hexadecimal: &str) -> Option<Secret> {
        let bytes: Option<Vec<u8>> = hexadecimal
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let text = String::from_utf8(bytes?).ok()?;
        let mut letters = text.chars();
        let (of_kind, of_form) = (letters.next()?, letters.next()?);
        let (_, kind) = Kind::ALL.iter().find(|(letter, _)| *letter == of_kind)?;
        let (_, form) = Form::ALL.iter().find(|(letter, _)| *letter == of_form)?;
        Some(Secret { source: letters.as_str().to_owned(), kind: *kind, form: *form })
    }
}

/// Returns the placeholder for a secret that the shell knows as `expression`, such as `$SHOP_PASSWORD`.
#[must_use]
pub fn placeholder(expression: &str) -> String {
    Secret { source: expression.to_owned(), kind: Kind::Text, form: Form::AsItIs }.placeholder()
}

/// Returns the placeholder for the secret `value`, which the shell knows as `expression`.
#[must_use]
pub fn placeholder_for(value: &Value, expression: &str) -> String {
    let kind = if value.is_string() { Kind::Text } else { Kind::Value };
    Secret { source: expression.to_owned(), kind, form: Form::AsItIs }.placeholder()
}

/// Returns the placeholder for a value that the suite's `expression` derives from a secret in a way no shell can.
#[must_use]
pub fn gap(expression: &str) -> String {
    Secret { source: expression.to_owned(), kind: Kind::Gap, form: Form::AsItIs }.placeholder()
}

/// Returns the environment variable for `name`: `api-key` becomes `$API_KEY`.
#[must_use]
pub fn variable(name: &str) -> String {
    let upper = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    format!("${}", upper.collect::<String>())
}

/// A part of a text that may contain placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'t> {
    Text(Cow<'t, str>),
    Secret(Secret),
}

/// Splits a text into plain parts and the secrets of its placeholders.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut done, mut at) = (0, 0);
    while let Some(start) = text[at..].find(OPENING.as_str()).map(|start| at + start) {
        at = start + OPENING.len();
        let Some(end) = text[at..].find(CLOSING).map(|end| at + end) else { break };
        if let Some(secret) = Secret::from_placeholder(&text[at..end]) {
            if start > done {
                found.push(Piece::Text(text[done..start].into()));
            }
            found.push(Piece::Secret(secret));
            done = end + CLOSING.len_utf8();
            at = done;
        }
    }
    if done < text.len() {
        found.push(Piece::Text(text[done..].into()));
    }
    found
}

/// Marks the secrets in a serialized JSON document as encoded for JSON.
#[must_use]
pub fn in_json(document: &str) -> String {
    let mut json = String::with_capacity(document.len());
    let mut pieces = pieces(document).into_iter().peekable();
    while let Some(piece) = pieces.next() {
        match (piece, pieces.peek_mut()) {
            (Piece::Text(text), _) => json.push_str(&text),
            // A string that consists of one non-text value becomes that value, without quotes.
            (Piece::Secret(secret), Some(Piece::Text(next)))
                if secret.kind == Kind::Value && json.ends_with('"') && next.starts_with('"') =>
            {
                json.pop();
                json.push_str(&secret.placeholder());
                next.to_mut().remove(0);
            }
            (Piece::Secret(secret), _) => json.push_str(&secret.encoded(Form::Json).placeholder()),
        }
    }
    json
}

/// Whether the text contains a placeholder.
#[must_use]
pub fn has_placeholder(text: &str) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Secret(_)))
}

/// Whether the text contains a value that no shell can compute.
#[must_use]
pub fn has_gap(text: &str) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Secret(secret) if secret.kind == Kind::Gap))
}

/// Marks the secrets in a text as encoded in `form`. The rest of the text already is.
#[must_use]
pub fn in_form(text: &str, form: Form) -> String {
    let parts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.into_owned(),
        Piece::Secret(secret) => secret.encoded(form).placeholder(),
    });
    parts.collect()
}

/// Returns the placeholder for the whole text in base64, since a part of it alone means nothing. If a secret in it is
/// percent-encoded, returns a gap: the shell encodes more characters than smoke does, which is equivalent after
/// decoding but differs as base64.
#[must_use]
pub fn in_base64(text: &str) -> String {
    let pieces = pieces(text);
    let is_exact = |piece: &Piece<'_>| {
        matches!(piece, Piece::Text(_)) || matches!(piece, Piece::Secret(secret) if secret.form != Form::Url)
    };
    if pieces.iter().all(is_exact) {
        let source = between_double_quotes(&pieces);
        Secret { source, kind: Kind::Text, form: Form::Base64 }.placeholder()
    } else {
        gap(&format!("{}|b64encode", readable(text)))
    }
}

/// Returns the text with the names of its secrets in their place, for people.
#[must_use]
pub fn readable(text: &str) -> String {
    let parts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.into_owned(),
        // `${TOKEN:?captured in step 1}` is a name with the shell's error message for an unset variable.
        Piece::Secret(secret) => {
            match secret.source.strip_prefix("${").and_then(|source| source.split_once(":?")) {
                Some((name, _)) => format!("${name}"),
                None => secret.source,
            }
        }
    });
    parts.collect()
}

/// Renders the pieces for use inside double quotes: the shell expands the secrets and nothing else.
#[must_use]
pub fn between_double_quotes(pieces: &[Piece<'_>]) -> String {
    let mut text = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Secret(secret) => {
                let expression = secret.in_a_shell();
                let goes_on = matches!(pieces.get(index + 1), Some(Piece::Text(next)) if is_of_a_name(next));
                match expression.strip_prefix('$').filter(|name| goes_on && is_of_a_name(name)) {
                    Some(name) => text.push_str(&format!("${{{name}}}")),
                    None => text.push_str(&expression),
                }
            }
            Piece::Text(plain) => plain.chars().for_each(|c| match c {
                '"' | '\\' | '$' | '`' => text.extend(['\\', c]),
                // Inside double quotes, bash treats `!` as history expansion.
                '!' => text.push_str("\"'!'\""),
                _ => text.push(c),
            }),
        }
    }
    text
}

/// Whether a shell would read the start of `text` as part of a variable name.
fn is_of_a_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests;
