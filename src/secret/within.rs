//! Secrets within a secret: the token in a header, or the values in a cookie.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Shorter cookie values are settings such as `dark`.
const SHORTEST_VALUE: usize = 8;

/// The schemes that precede credentials in an `Authorization` header.
const SCHEMES: [&str; 8] = ["basic", "bearer", "token", "digest", "apikey", "negotiate", "ntlm", "dpop"];

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns the parts of a secret that must be redacted on their own.
pub fn parts(secret: &str) -> Vec<String> {
    if let Some((scheme, credentials)) = secret.split_once(' ')
        && SCHEMES.contains(&scheme.to_ascii_lowercase().as_str())
    {
        let credentials = credentials.trim();
        let pair = scheme.eq_ignore_ascii_case("basic").then(|| pair(credentials)).flatten();
        return [credentials.to_owned()].into_iter().chain(pair).collect();
    }
    cookies(secret).unwrap_or_default()
}

/// Returns the password of a `Basic` pair, or the user if the password is empty, because the user is the key then.
fn pair(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(if password.is_empty() { user } else { password }.to_owned())
}

/// Returns the values of `sid=TOKEN; theme=dark`, if `secret` has that form.
fn cookies(secret: &str) -> Option<Vec<String>> {
    let values = secret.split(';').filter(|pair| !pair.trim().is_empty()).map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let is_name =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        is_name.then(|| value.trim_matches('"').to_owned())
    });
    let mut values = values.collect::<Option<Vec<String>>>()?;
    values.retain(|value| value.len() >= SHORTEST_VALUE);
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_a_header_and_in_a_cookie() {
        for (secret, found) in [
            ("Bearer abcdef", &["abcdef"][..]),
            ("Basic dTpodW50ZXIy", &["dTpodW50ZXIy", "hunter2"]),
            ("Basic a2V5LTQ3MTE6", &["a2V5LTQ3MTE6", "key-4711"]),
            ("sid=TOKEN-4711; theme=dark", &["TOKEN-4711"]),
            ("sid=\"TOKEN-4711\"", &["TOKEN-4711"]),
            ("hunter2 of all", &[]),
            ("aGVsbG8gd29ybGQ=", &[]),
            ("p@ss=long-enough", &[]),
        ] {
            assert_eq!(parts(secret), found, "{secret}");
        }
    }
}
