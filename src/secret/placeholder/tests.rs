//! Placeholders through encodings and shells.

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
    assert_eq!(pieces(&text), [Piece::Text("a=".into()), secret("$SHOP_PASSWORD"), Piece::Text("&b".into())]);
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

/// Runs `text` through a real shell in which `$PW` is `secret`.
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
        assert_eq!(shown(&in_base64(&format!("a!:\"${placeholder}"))), base64(&format!("a!:\"${secret}")));
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
