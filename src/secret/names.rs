//! Names of what is secret, whatever its value: of variables, headers, fields, parameters.

/// Words that make a name secret wherever they stand in it: `db_password`, `x-api-key`, `accessToken`.
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

/// Words that do so at its end alone: `x-auth` is one, `auth_url` is none, nor is `pass_rate`.
const LAST_WORDS: [&str; 3] = ["pass", "auth", "authorization"];

/// What is secret in an address beside that: a signature that lets in whoever has it, and the code of a login.
const PARAMETERS: [&str; 4] = ["sig", "signature", "code", "ticket"];

/// Is something of this name secret unless it says otherwise?
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    words.iter().any(|word| WORDS.contains(&word.as_str()))
        || words.last().is_some_and(|word| LAST_WORDS.contains(&word.as_str()))
}

/// Is a field of this name in a document? A `key` alone is most often nothing to hide there, as in `sort_key`.
pub(super) fn is_issued_name(name: &str) -> bool {
    let words = words(name);
    let is_harmless_key = |at: usize| {
        let before = at.checked_sub(1).map_or("", |before| words[before].as_str());
        words[at] == "key" && !["api", "private", "access", "secret", "signing"].contains(&before)
    };
    words.last().is_some_and(|word| LAST_WORDS.contains(&word.as_str()))
        || (0..words.len()).any(|at| WORDS.contains(&words[at].as_str()) && !is_harmless_key(at))
}

/// Is a parameter of this name in an address that a server hands out?
pub(super) fn is_secret_parameter(name: &str) -> bool {
    let words = words(name);
    is_secret_name(name) || words.last().is_some_and(|word| PARAMETERS.contains(&word.as_str()))
}

/// The words of `access_token`, `access-token`, `accessToken` and `ACCESS_TOKEN`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = name.chars().peekable();
    let mut before = ' ';
    while let Some(c) = characters.next() {
        // `accessToken`, and `APIKey`, whose `K` begins a word though a capital is before it.
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
