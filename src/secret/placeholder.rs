//! What stands for a secret in a command that people run by hand: how their shell has it.
//!
//! A command is put together from the same templates as the request it repeats, with a placeholder in place of each
//! secret. A placeholder is made of lower-case letters and digits alone, which no encoding on the way (of a URL, of
//! JSON, of SQL) changes. So a place that encodes says so with [`in_form`], and the shell encodes there too.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::Value;

/// Different in each process: no server can answer with a placeholder, whose text would be run by a shell.
static OPENING: LazyLock<String> =
    LazyLock::new(|| format!("qz{}qz", &uuid::Uuid::new_v4().simple().to_string()[..12]));
const CLOSING: char = 'z';

/// What a place or a filter makes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    AsItIs,
    /// A part of a URL: every byte percent-encoded, which is what it was once it is decoded.
    Url,
    Base64,
    /// Between the quotes of a JSON string.
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

/// A secret as a shell has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// As it stands between double quotes: `$SHOP_PASSWORD`.
    source: String,
    kind: Kind,
    form: Form,
}

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// A number or a document, which needs no quotes in JSON.
    Value,
    /// What no shell can make: whoever runs the command is asked for it.
    Gap,
}

impl Kind {
    /// Each with the letter that a placeholder has for it.
    const ALL: [(char, Kind); 3] = [('t', Kind::Text), ('v', Kind::Value), ('g', Kind::Gap)];
}

impl Secret {
    /// What stands between double quotes for it. Only programs that every system has: `jq` and `python3` are not.
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

    /// A variable without which the shell refuses the command, and says what it must be.
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
        // Nothing that a shell reads anything into.
        let is_plain = |c: &char| c.is_alphanumeric() || " _.|~()[]:,=+-*/".contains(*c);
        let source: String = self.source.chars().filter(is_plain).collect();
        format!("${{{}:?set it to the value of {source}{in_form}}}", &name[1..])
    }

    /// The same, encoded once more.
    fn encoded(&self, form: Form) -> Secret {
        match (self.form, form) {
            (_, Form::AsItIs) => self.clone(),
            (Form::AsItIs, _) => Secret { form, ..self.clone() },
            (_, _) if self.kind == Kind::Gap => Secret { form, ..self.clone() },
            (_, _) => Secret { source: self.in_a_shell(), kind: Kind::Text, form },
        }
    }

    /// The same without percent-encoding, if that is all there is to it.
    #[must_use]
    pub fn decoded(&self) -> Option<Secret> {
        let is_made = self.form == Form::Url && self.kind != Kind::Gap;
        is_made.then(|| Secret { form: Form::AsItIs, ..self.clone() })
    }

    #[must_use]
    pub fn is_as_it_is(&self) -> bool {
        self.form == Form::AsItIs && self.kind != Kind::Gap
    }

    /// What stands for it until the command is whole.
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

/// The placeholder for a secret that a shell has as `expression`, such as `$SHOP_PASSWORD`.
#[must_use]
pub fn placeholder(expression: &str) -> String {
    Secret { source: expression.to_owned(), kind: Kind::Text, form: Form::AsItIs }.placeholder()
}

/// The same for one that is `value`.
#[must_use]
pub fn placeholder_for(value: &Value, expression: &str) -> String {
    let kind = if value.is_string() { Kind::Text } else { Kind::Value };
    Secret { source: expression.to_owned(), kind, form: Form::AsItIs }.placeholder()
}

/// The placeholder for what `expression` of the suite makes of a secret, where no shell can do the same.
#[must_use]
pub fn gap(expression: &str) -> String {
    Secret { source: expression.to_owned(), kind: Kind::Gap, form: Form::AsItIs }.placeholder()
}

/// The name of an environment variable for something called `name`: `api-key` is `$API_KEY`.
#[must_use]
pub fn variable(name: &str) -> String {
    let upper = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    format!("${}", upper.collect::<String>())
}

/// A part of a text that may have placeholders in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'t> {
    Text(Cow<'t, str>),
    Secret(Secret),
}

/// The text with every placeholder taken back to what it stands for.
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

/// A document that has been written as JSON: now the secrets in it are JSON too.
#[must_use]
pub fn in_json(document: &str) -> String {
    let mut json = String::with_capacity(document.len());
    let mut pieces = pieces(document).into_iter().peekable();
    while let Some(piece) = pieces.next() {
        match (piece, pieces.peek_mut()) {
            (Piece::Text(text), _) => json.push_str(&text),
            // A whole string that is no text is the value itself, without quotes.
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

/// Does something in it stand for a secret?
#[must_use]
pub fn has_placeholder(text: &str) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Secret(_)))
}

/// Does something in it stand for what no shell can make?
#[must_use]
pub fn has_gap(text: &str) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Secret(secret) if secret.kind == Kind::Gap))
}

/// A text that has been encoded, as far as it is no secret: now the secrets in it are too.
#[must_use]
pub fn in_form(text: &str, form: Form) -> String {
    let parts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.into_owned(),
        Piece::Secret(secret) => secret.encoded(form).placeholder(),
    });
    parts.collect()
}

/// The whole text in base64, of which a part alone means nothing. A shell percent-encodes more than smoke does, which is
/// the same once it is decoded, and another text before that.
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

/// The text with the names of the secrets in their place, for people to read.
#[must_use]
pub fn readable(text: &str) -> String {
    let parts = pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.into_owned(),
        // `${TOKEN:?captured in step 1}` is a name with what a shell says where it has none.
        Piece::Secret(secret) => {
            match secret.source.strip_prefix("${").and_then(|source| source.split_once(":?")) {
                Some((name, _)) => format!("${name}"),
                None => secret.source,
            }
        }
    });
    parts.collect()
}

/// What a shell still looks into: its expressions stand for the secrets, and nothing else is one.
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
                // In double quotes bash takes it for a command of its history.
                '!' => text.push_str("\"'!'\""),
                _ => text.push(c),
            }),
        }
    }
    text
}

/// Would a shell take the start of `text` for a part of a variable's name?
fn is_of_a_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use base64::Engine as _;

    use super::*;

    #[test]
    fn a_placeholder_comes_through_every_encoding_and_back() {
        let text = format!("a={}&b", placeholder("$SHOP_PASSWORD"));
        let encoded: String = url::form_urlencoded::byte_serialize(placeholder("$X").as_bytes()).collect();
        let secret = |source: &str| {
            Piece::Secret(Secret { source: source.to_owned(), kind: Kind::Text, form: Form::AsItIs })
        };
        assert_eq!(
            pieces(&text),
            [Piece::Text("a=".into()), secret("$SHOP_PASSWORD"), Piece::Text("&b".into())]
        );
        assert_eq!(pieces(&encoded), [secret("$X")]);
    }

    #[test]
    fn what_only_looks_like_a_placeholder_is_text() {
        let opening = &*OPENING;
        for text in
            [opening.clone(), format!("{opening}xyz"), format!("my {opening} is"), format!("{opening}ffz")]
        {
            assert_eq!(pieces(&text), [Piece::Text(text.as_str().into())], "{text}");
        }
    }

    /// What a shell makes of `text`, where `$PW` is `secret`.
    fn in_a_real_shell(text: &str, secret: &str) -> String {
        let script = format!("printf %s \"{}\"", between_double_quotes(&pieces(text)));
        let output = Command::new("sh").args(["-c", &script]).env("PW", secret).output().unwrap();
        assert!(output.stderr.is_empty(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_shell_makes_of_any_secret_what_its_form_is() {
        let long = "0123456789".repeat(20);
        let secrets = [
            "Pg/s@ecret w0rd#7",
            "Adm\"in\\pa$$w0rd",
            "it's `100%` & ''more''",
            "ü€ *?[x]\t~ -n",
            "two\nlines\r\nand \\n more",
            "\\\"\\\\''",
            &long,
        ];
        let placeholder = placeholder("$PW");
        for secret in secrets {
            let shown = |text: &str| in_a_real_shell(text, secret);
            assert_eq!(shown(&format!("a!{placeholder}b")), format!("a!{secret}b"));
            let url = shown(&in_form(&format!("a{placeholder}b"), Form::Url));
            assert!(url.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'%'), "{url}");
            let decoded = percent_encoding::percent_decode_str(&url).decode_utf8().unwrap();
            assert_eq!(decoded, format!("a{secret}b"));
            let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
            assert_eq!(
                shown(&in_base64(&format!("a!:\"${placeholder}"))),
                base64(&format!("a!:\"${secret}"))
            );
            let json = shown(&in_form(&format!("\"a {placeholder}\""), Form::Json));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), format!("a {secret}"), "{json}");
            assert_eq!(
                shown(&in_form(&format!("'{placeholder}'"), Form::Sql)),
                format!("'{}'", secret.replace('\'', "''"))
            );
            let escaped = shown(&in_form(&placeholder, Form::SqlWithBackslashes));
            assert_eq!(escaped, secret.replace('\\', r"\\").replace('\'', "''"));
            let twice = in_form(&in_base64(&placeholder), Form::Url);
            let url = shown(&twice);
            assert_eq!(percent_encoding::percent_decode_str(&url).decode_utf8().unwrap(), base64(secret));
        }
    }

    #[test]
    fn a_shell_refuses_what_has_a_gap_and_says_what_it_is() {
        for form in [Form::AsItIs, Form::Json] {
            let text = in_form(&gap("pw|replace(\"a\", '`}$x')|upper"), form);
            let script = format!("echo \"{}\"", between_double_quotes(&pieces(&text)));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && output.stdout.is_empty(), "{script}");
            assert!(said.contains("set it to the value of pw|replace(a, x)|upper"), "{script}: {said}");
        }
    }
}
