//! Commands that reproduce a failure, quoted for a POSIX shell.

use std::time::Duration;

use crate::language::variables::is_secret_name;
use crate::secret::placeholder::{
    Piece, between_double_quotes, has_placeholder, pieces, placeholder, variable,
};
use crate::secret::{Message, Redactor, address};

/// Longer commands are cut, because people read and copy them.
const LONGEST: usize = 8_000;

/// A command, built word by word. A placeholder for a secret becomes a shell expression.
#[derive(Debug, Clone)]
pub struct ShellCommand {
    folder: Option<String>,
    environment: Vec<(String, String)>,
    words: Vec<String>,
    input: Input,
}

/// What a command can read.
#[derive(Debug, Clone)]
enum Input {
    OfTheShell,
    Nothing,
    Text(String),
}

impl ShellCommand {
    pub fn new(program: &str) -> ShellCommand {
        let words = vec![program.to_owned()];
        ShellCommand { folder: None, environment: Vec::new(), words, input: Input::OfTheShell }
    }

    /// Sets an environment variable for the command.
    pub fn with_env(mut self, name: &str, value: &str) -> ShellCommand {
        self.environment.push((name.to_owned(), guarded(name, value.to_owned())));
        self
    }

    /// Runs the command in another directory.
    pub fn in_folder(self, folder: &str) -> ShellCommand {
        ShellCommand { folder: Some(folder.to_owned()), ..self }
    }

    /// Redirects the command's input from `/dev/null`.
    pub fn without_input(self) -> ShellCommand {
        ShellCommand { input: Input::Nothing, ..self }
    }

    /// The same with this to read.
    pub fn with_input(self, text: &str) -> ShellCommand {
        ShellCommand { input: Input::Text(text.to_owned()), ..self }
    }

    /// Adds an argument.
    pub fn word(mut self, word: &str) -> ShellCommand {
        self.words.push(word.to_owned());
        self
    }

    pub fn words(self, words: &[&str]) -> ShellCommand {
        words.iter().fold(self, |command, word| command.word(word))
    }

    /// Returns the command for a failure message, quoted where necessary. Secrets that the suite contains in clear text
    /// are redacted before quoting, because quotes could disguise them.
    pub fn into_message(self, redactor: &Redactor) -> Message {
        let folder = self.folder.as_ref().map(|folder| format!("cd {} && ", cleaned(folder, redactor)));
        Message::new().excerpt(folder.unwrap_or_default() + &self.line(redactor), LONGEST)
    }

    /// Returns the command as a background process that is killed once the command `tried` has ended.
    pub fn while_it_runs(self, pause: Duration, tried: &ShellCommand, redactor: &Redactor) -> Message {
        let started = self.line(redactor);
        let started = match &self.folder {
            // `exec` replaces the subshell: the other command stays in this directory, and `kill` ends the program
            // itself.
            Some(folder) => {
                let env = if self.environment.is_empty() { "" } else { "env " };
                format!("(cd {} && exec {env}{started})", cleaned(folder, redactor))
            }
            None => started,
        };
        Message::new()
            .excerpt(started, LONGEST)
            .words(format!(" & sleep {}; ", seconds(pause)))
            .excerpt(tried.line(redactor), LONGEST)
            .words("; kill $!")
    }

    fn line(&self, redactor: &Redactor) -> String {
        let environment =
            self.environment.iter().map(|(name, value)| format!("{name}={}", cleaned(value, redactor)));
        let words = self.words.iter().map(|word| cleaned(word, redactor));
        let (before, after) = match &self.input {
            Input::OfTheShell => (None, None),
            Input::Nothing => (None, Some("</dev/null".to_owned())),
            Input::Text(text) => (Some(format!("printf %s {} |", cleaned(text, redactor))), None),
        };
        let parts: Vec<String> = before.into_iter().chain(environment).chain(words).chain(after).collect();
        parts.join(" ")
    }
}

/// Quotes a word for the shell, after redacting the secrets in it that are in clear text.
fn cleaned(word: &str, redactor: &Redactor) -> String {
    let cleaned = pieces(word).into_iter().map(|piece| match piece {
        Piece::Text(text) => Piece::Text(redactor.clean(&text).into()),
        secret @ Piece::Secret(_) => secret,
    });
    quoted(&cleaned.collect::<Vec<_>>())
}

/// Replaces a clear-text value of the suite that a report must not show, because its name is secret.
pub fn guarded(name: &str, value: String) -> String {
    if is_secret_name(name) && !has_placeholder(&value) && !value.trim().is_empty() {
        placeholder(&variable(name))
    } else {
        value
    }
}

/// Returns the URL without clear-text secrets. `$NAME` (for any `name`) replaces a password, and the name of the
/// parameter replaces the value of one.
pub fn without_clear_password(url: &str, name: &str) -> String {
    let mut shown = url.to_owned();
    for secret in address::secrets(url).into_iter().rev() {
        if !has_placeholder(&url[secret.range.clone()]) {
            let name = secret.parameter.map_or_else(|| name.to_owned(), |parameter| variable(&parameter));
            shown.replace_range(secret.range, &placeholder(&name));
        }
    }
    shown
}

/// Formats a limit as command-line tools expect it, in seconds with a fraction.
pub fn seconds(limit: Duration) -> String {
    let text = format!("{:.3}", limit.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn quoted(word: &[Piece<'_>]) -> String {
    let text = match word {
        [] => "",
        [Piece::Text(text)] => text,
        several => return format!("\"{}\"", between_double_quotes(several)),
    };
    let needs_no_quotes = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(needs_no_quotes) {
        text.to_owned()
    } else if text.contains('\'') && !text.contains(['"', '\\', '$', '`', '!']) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::placeholder::placeholder;

    #[test]
    fn words_are_quoted_where_a_shell_would_change_them() {
        for (word, expected) in [
            ("http://h:1/a", "http://h:1/a"),
            ("a b", "'a b'"),
            ("", "''"),
            ("it's $5", r"'it'\''s $5'"),
            ("a?b=c&d", "'a?b=c&d'"),
            ("name = 'it''s'", "\"name = 'it''s'\""),
        ] {
            assert_eq!(quoted(&pieces(word)), expected);
        }
        let secret = format!("user \"a$b\":{}", placeholder("$SHOP_PASSWORD"));
        assert_eq!(quoted(&pieces(&secret)), r#""user \"a\$b\":$SHOP_PASSWORD""#);
        assert_eq!(quoted(&pieces(&format!("{}_1", placeholder("$KEY")))), r#""${KEY}_1""#);
    }

    #[test]
    fn what_runs_meanwhile_is_started_in_its_folder_and_ended() {
        let shop = ShellCommand::new("./shop").with_env("MODE", "a b").in_folder("my shop");
        let asked = ShellCommand::new("curl").word("http://h/");
        let command = shop.while_it_runs(Duration::from_secs(2), &asked, &Redactor::new());
        assert_eq!(
            command.to_string(),
            "(cd 'my shop' && exec env MODE='a b' ./shop) & sleep 2; curl http://h/; kill $!"
        );
    }

    #[test]
    fn limits_are_in_seconds() {
        assert_eq!(seconds(Duration::from_secs(5)), "5");
        assert_eq!(seconds(Duration::from_millis(300)), "0.3");
        assert_eq!(seconds(Duration::from_mins(2)), "120");
    }
}
