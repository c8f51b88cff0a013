//! Names that mark a value as secret: of variables, headers, fields and parameters.

/// Words that make a name secret in any position: `db_password`, `x-api-key`, `accessToken`.
const WORDS: [&str; 20] = [
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "tokens",
    "key",
    "apikey",
    "credential",
    "credentials",
    "jwt",
    "bearer",
    "authtoken",
    "accesstoken",
    "refreshtoken",
    "clientsecret",
    "privatekey",
];

/// Words that make a name secret only at its end: `x-auth` is secret, `auth_url` and `pass_rate` are not.
const LAST_WORDS: [&str; 3] = ["pass", "auth", "authorization"];

/// Further secret parameters of an address: a signature that grants access, and the code of a login.
const PARAMETERS: [&str; 4] = ["sig", "signature", "code", "ticket"];

/// Whether a value of this name is secret by default.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    words.iter().any(|word| WORDS.contains(&word.as_str()))
        || words.last().is_some_and(|word| LAST_WORDS.contains(&word.as_str()))
}

/// Whether a document field of this name is secret. In a document, `key` alone is usually harmless, as in `sort_key`.
pub(super) fn is_issued_name(name: &str) -> bool {
    let words = words(name);
    let is_harmless_key = |at: usize| {
        let before = at.checked_sub(1).map_or("", |before| words[before].as_str());
        words[at] == "key" && !["api", "private", "access", "secret", "signing"].contains(&before)
    };
    words.last().is_some_and(|word| LAST_WORDS.contains(&word.as_str()))
        || (0..words.len()).any(|at| WORDS.contains(&words[at].as_str()) && !is_harmless_key(at))
}

/// Whether a parameter of this name is secret in an address that a server issues.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    let words = words(name);
    is_secret_name(name) || words.last().is_some_and(|word| PARAMETERS.contains(&word.as_str()))
}

/// Splits `access_token`, `access-token`, `accessToken` and `ACCESS_TOKEN` into lower-case words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = name.chars().peekable();
    let mut before = ' ';
    while let Some(c) = characters.next() {
        // A capital starts a word in `accessToken`, and in `APIKey`, where `K` follows another capital.
        let begins = c.is_uppercase()
            && (before.is_lowercase()
                || before.is_numeric()
                || (before.is_uppercase() && characters.peek().is_some_and(|next| next.is_lowercase())));
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_alone_is_no_secret_in_a_document() {
        for name in ["refreshToken", "api_key", "privateKey", "token_key"] {
            assert!(is_issued_name(name), "{name}");
        }
        assert!(!is_issued_name("key") && !is_issued_name("sort_key"));
    }

    #[test]
    fn a_name_is_secret_by_its_words_however_they_are_joined() {
        for name in [
            "password",
            "DB_PASSWORD",
            "db.password",
            "accessToken",
            "refreshToken",
            "clientSecret",
            "privateKey",
            "APIKey",
            "apiKey",
            "api-key",
            "tokens",
            "db_pass",
            "dbPass",
            "jwt",
            "idJWT",
            "bearer",
            "auth",
            "x-auth",
            "X-Auth",
            "proxy-authorization",
            "authorization",
            "oauth2Token",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in
            ["user", "auth_url", "pass_rate", "passed", "author", "keyboard", "monkey", "compass", "Keys"]
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
