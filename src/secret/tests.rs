//! Tests of what is redacted and what is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use std::sync::Arc;

use super::*;
use crate::secret::message;

#[test]
fn own_words_are_not_redacted_and_data_is() {
    let redactor = Redactor::new();
    redactor.add("pass").unwrap();
    let message = message!("passed with {}", "pass and passport");
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
fn where_it_cannot_be_told_in_time_what_is_secret_nothing_is_shown_and_that_is_said() {
    let redactor = Redactor::new();
    // Every needle may start at every character.
    (100..300).for_each(|length| redactor.add(&format!("{}b", "a".repeat(length))).unwrap());
    assert_eq!(
        redactor.clean(&"a".repeat(100_000)),
        "(not shown: it could not be searched for secrets in time)"
    );
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
        // Go's `encoding/json` keeps non-ASCII characters.
        ("pä<s>&1", r"pä\u003cs\u003e\u00261"),
        // .NET's System.Text.Json.
        ("pä+'\"&1", r"p\u00E4\u002B\u0027\u0022\u00261"),
        // JSON in JSON.
        ("it's&1234", r"it\\u0027s\\u00261234"),
        (r#"a"b\c-1234"#, r#"a\\\"b\\\\c-1234"#),
        // A `Basic` pair in JavaScript, encoded before: `btoa(encodeURIComponent(…))`.
        ("p@ss/word+1", "cCU0MHNzJTJGd29yZCUyQjE="),
        // Base64 as a URL parameter.
        ("p@ss:/w+0%rd&\"'<\nü", "cEBzczovdyswJXJkJiInPArDvA%3D%3D"),
        // PHP and a shell.
        ("it's&1234", "it&#039;s&amp;1234"),
        ("it's&1234", r"it'\''s&1234"),
        // The lines of a key, as rendered on a page and with line breaks.
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
fn every_form_that_the_documentation_names_is_found() {
    let uuid = "123e4567-e89b-12d3-a456-426614174000";
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n";
    let password = "hunter2-ünd-more";
    let base64 = STANDARD.encode(password.repeat(4));
    let in_lines: Vec<&str> =
        base64.as_bytes().chunks(20).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let each = |write: fn(u32) -> String| {
        password.encode_utf16().map(|unit| write(u32::from(unit))).collect::<String>()
    };
    let bytes = |write: fn(u8) -> String, between: &str| {
        password.bytes().map(write).collect::<Vec<_>>().join(between)
    };
    for (secret, shown) in [
        // Each line of a multi-line secret.
        (key, "MIIEvQIBADANBgkqhkiG9w0B".to_owned()),
        (key, "AQEFAASCBKcwggSjAgEAAoIB".to_owned()),
        // Hexadecimal digits in another case and with other grouping.
        (uuid, uuid.to_uppercase()),
        (uuid, uuid.replace('-', "")),
        ("deadbeefcafebabe", "DEADBEEFCAFEBABE".to_owned()),
        ("deadbeefcafebabe", "de:ad:be:ef:ca:fe:ba:be".to_owned()),
        // HTML.
        ("a<b>&\"c'd", "a&lt;b&gt;&amp;&quot;c&apos;d".to_owned()),
        ("hunter=2/é", "hunter&equals;2&sol;&eacute;".to_owned()),
        // Every character escaped.
        (password, bytes(|byte| format!("%{byte:02x}"), "")),
        (password, each(|unit| format!("\\u{unit:04X}"))),
        (password, each(|unit| format!("&#{unit};"))),
        (password, each(|unit| format!("&#x{unit:X};"))),
        // The bytes as a list of numbers.
        (password, bytes(|byte| byte.to_string(), ", ")),
        (password, bytes(|byte| format!("0x{byte:02x}"), ",")),
        (password, bytes(|byte| byte.cast_signed().to_string(), " ")),
        (password, bytes(|byte| format!("{byte:02X}"), " ")),
        // UTF-8 decoded as Latin-1, and the replacement characters that follow from encoding as Latin-1.
        (password, password.bytes().map(char::from).collect()),
        (password, password.replace('ü', "\u{FFFD}")),
        // Minified JSON.
        (
            "{\n  \"key\": \"value of it\",\n  \"more\": [1, 2]\n}",
            r#"{"key":"value of it","more":[1,2]}"#.to_owned(),
        ),
        // The secret parts of a cookie and of a header.
        ("sid=TOKEN-4711; theme=dark", "TOKEN-4711".to_owned()),
        ("Basic dTpodW50ZXIy", "hunter2".to_owned()),
        // Base64, wrapped into lines.
        (&password.repeat(4), in_lines.join("\r\n")),
    ] {
        let redactor = Redactor::new();
        redactor.add(secret).unwrap();
        assert_eq!(redactor.clean(&format!("<{shown}>")), "<***>", "{secret}");
    }
}

#[test]
fn what_cannot_be_kept_any_more_is_not_shown() {
    let redactor = Redactor::new();
    for number in 0..150_000 {
        redactor.add(&format!("s3ss10n-{number:09}")).unwrap();
    }
    assert_eq!(redactor.clean("any text"), "(not shown: there are too many secrets to search for)");
}

#[test]
fn of_a_basic_pair_nothing_is_left_at_any_alignment() {
    let (redactor, secret) = (Redactor::new(), "p@ss:/w+0%rd&\"'<\nü");
    redactor.add(secret).unwrap();
    for user in ["", "a", "ab", "abc", "alice"] {
        let pair = STANDARD.encode(format!("{user}:{secret}"));
        let cleaned = redactor.clean(&pair);
        // The characters at the seams contain bits of their neighbours.
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
    let text = "it is a test: abc, a.b.c, `p a s s`, \\pa\\ss, its, x-y=z+, 100 of 100, C:\\pas\\s";
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
    let shown = redactor.redact(message!("{}", text)).to_string();
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

#[test]
fn a_message_keeps_its_words_and_its_data_apart() {
    let redactor = Redactor::new();
    redactor.add("topsecret").unwrap();
    let message = message!("topsecret {} and {}", "is topsecret", 5432);
    assert_eq!(redactor.redact(message).to_string(), "topsecret is *** and 5432");
}
