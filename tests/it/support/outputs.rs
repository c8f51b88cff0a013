//! All outputs of a run, and all encodings of a secret in them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::smoke::{Ran, Smoke};

/// An output of a run.
struct Output {
    name: &'static str,
    /// The arguments that enable it.
    arguments: &'static [&'static str],
    /// The environment variables that enable it.
    environment: &'static [(&'static str, &'static str)],
    written: fn(&Ran) -> String,
}

/// Every output of a run. A new output is one more row, which every test of a secret then reads.
const OUTPUTS: [Output; 8] = [
    Output { name: "stdout", arguments: &[], environment: &[], written: |ran| ran.stdout.clone() },
    // With the trace, and the annotations for GitHub Actions.
    Output { name: "stderr", arguments: &["--trace"], environment: &[], written: |ran| ran.stderr.clone() },
    Output {
        name: "JUnit",
        arguments: &["--junit", "junit.xml"],
        environment: &[],
        written: |ran| file(ran, "junit.xml"),
    },
    Output {
        name: "JSON",
        arguments: &["--json", "smoke.json"],
        environment: &[],
        written: |ran| file(ran, "smoke.json"),
    },
    Output {
        name: "the events",
        arguments: &["--events", "events.jsonl"],
        environment: &[],
        written: |ran| file(ran, "events.jsonl"),
    },
    Output {
        name: "what GitHub annotates",
        arguments: &[],
        environment: &[("GITHUB_ACTIONS", "true")],
        written: |ran| ran.stderr.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%"),
    },
    Output {
        name: "GitHub's summary",
        arguments: &[],
        environment: &[("GITHUB_STEP_SUMMARY", "summary.md")],
        written: |ran| file(ran, "summary.md"),
    },
    Output {
        name: "GitHub's summary as it is shown",
        arguments: &[],
        environment: &[],
        written: |ran| as_shown(&file(ran, "summary.md")),
    },
];

/// A page with its character references resolved.
fn as_shown(page: &str) -> String {
    let mut parts = page.split("&#");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once(';') {
        Some((number, rest)) => {
            let c = number.parse().ok().and_then(char::from_u32).expect("a character");
            format!("{text}{c}{rest}")
        }
        None => text + "&#" + part,
    })
}

/// Returns the file, or an empty string if it does not exist, as after an error in the suite.
fn file(ran: &Ran, name: &str) -> String {
    std::fs::read_to_string(ran.path(name)).unwrap_or_default()
}

/// `smoke run` with every output enabled.
#[must_use]
pub fn asked_for_all() -> Smoke {
    OUTPUTS.iter().fold(Smoke::bare().arg("run"), |smoke, output| {
        let smoke = smoke.args(output.arguments.iter().copied());
        output.environment.iter().fold(smoke, |smoke, (name, value)| smoke.env(name, value))
    })
}

/// Asserts that no output contains any of these texts.
///
/// # Panics
/// When one does.
#[track_caller]
pub fn have_none_of(ran: &Ran, texts: &[(&str, String)]) {
    for output in &OUTPUTS {
        let text = (output.written)(ran);
        let found: Vec<_> = texts.iter().filter(|(_, form)| text.contains(form.as_str())).collect();
        assert!(found.is_empty(), "{} has {found:?}\n{text}", output.name);
    }
}

/// Asserts that every output contained a secret, that is, contains `***`.
///
/// # Panics
/// When one does not.
#[track_caller]
pub fn are_all_starred(ran: &Ran) {
    for output in OUTPUTS.iter().filter(|output| !matches!(output.name, "stdout" | "GitHub's summary")) {
        let text = (output.written)(ran);
        assert!(text.contains("***"), "{} was never near it\n{text}", output.name);
    }
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Returns the text inside the quotes of a JSON string.
#[must_use]
pub fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Returns every encoding in which a server or a library may show a secret, by name.
///
/// # Panics
/// When a library fails to encode it.
#[must_use]
pub fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut url = url::Url::parse("http://h/").expect("a URL");
    url.set_password(Some(secret)).expect("a password");
    let in_url = url.password().expect("the password").to_owned();
    let ascii = json(secret).replace('ü', "\\u00fc");
    let go = json(secret).replace('&', "\\u0026").replace('<', "\\u003c");
    let python = secret.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
    let dotnet = secret
        .chars()
        .map(|c| match c {
            '\n' => "\\n".to_owned(),
            '"' | '&' | '\'' | '+' | '<' | '\u{80}'.. => format!("\\u{:04X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect::<String>();
    vec![
        ("raw", secret.to_owned()),
        ("percent-lower", percent.to_lowercase()),
        ("percent", percent),
        ("form", form),
        ("url-password", in_url.clone()),
        ("base64", STANDARD.encode(secret)),
        ("base64-url", URL_SAFE.encode(secret)),
        ("base64-bare", STANDARD_NO_PAD.encode(secret)),
        ("base64-url-bare", URL_SAFE_NO_PAD.encode(secret)),
        ("hex", hex(secret)),
        ("hex-upper", hex(secret).to_uppercase()),
        ("json", json(secret)),
        ("json-slash", json(secret).replace('/', "\\/")),
        ("json-ascii", ascii),
        ("json-in-json", json(&json(secret))),
        ("json-go", go),
        ("json-dotnet-in-json", json(&dotnet)),
        ("json-dotnet", dotnet),
        ("python-bytes", python.replace('ü', "\\xc3\\xbc")),
        ("python-ascii", python.replace('ü', "\\xfc")),
        ("python", python),
        ("base64-percent", STANDARD.encode(&in_url)),
        ("xml", html(secret).replace("&#39;", "&apos;")),
        ("html", html(secret)),
        ("html-hex", html(secret).replace("&#39;", "&#x27;")),
        ("shell", secret.replace('\'', r"'\''")),
        ("sql", secret.replace('\'', "''")),
        ("page", secret.split_whitespace().collect::<Vec<_>>().join(" ")),
    ]
}
