//! A planted secret is in no output, whatever form it takes on its way there.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::support::http::{HttpServer, Request, Response};
use crate::support::smoke::{Ran, Smoke};

const SECRET: &str = "p@ss:/w+0%rd&\"'<\nü";

/// The same as far as a header can hold it.
const IN_HEADER: &str = "p@ss:/w+0%rd&\"'<x";

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Every form in which a server or a library may show it, by name.
fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut url = url::Url::parse("http://h/").expect("a URL");
    url.set_password(Some(secret)).expect("a password");
    let in_url = url.password().expect("the password").to_owned();
    let ascii = json(secret).replace('ü', "\\u00fc");
    vec![
        ("raw", secret.to_owned()),
        ("percent-lower", percent.to_lowercase()),
        ("percent", percent),
        ("form", form),
        ("url-password", in_url),
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
        ("xml", html(secret).replace("&#39;", "&apos;")),
        ("html", html(secret)),
        ("html-hex", html(secret).replace("&#39;", "&#x27;")),
        ("shell", secret.replace('\'', r"'\''")),
        ("sql", secret.replace('\'', "''")),
        ("page", secret.split_whitespace().collect::<Vec<_>>().join(" ")),
    ]
}

/// Nothing of any form is in any output, nor the part in the middle that a cut would leave.
#[track_caller]
fn keeps_quiet(ran: &Ran, secret: &str) {
    let xml = std::fs::read_to_string(ran.path("junit.xml")).unwrap_or_default();
    let file = |name: &str| std::fs::read_to_string(ran.path(name)).unwrap_or_default();
    let (json, events, summary) = (file("smoke.json"), file("events.jsonl"), file("summary.md"));
    // As GitHub shows what is escaped for it.
    let shown = summary_as_shown(&summary);
    let annotated = ran.stderr.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
    for (place, text) in [
        ("stdout", &ran.stdout),
        ("stderr", &ran.stderr),
        ("an annotation", &annotated),
        ("JUnit", &xml),
        ("JSON", &json),
        ("an event", &events),
        ("the step's summary", &summary),
        ("the step's summary as it is shown", &shown),
    ] {
        let found: Vec<_> = forms(secret).into_iter().filter(|(_, form)| text.contains(form)).collect();
        assert!(found.is_empty(), "{place} has {found:?}\n{text}");
        for part in ["w+0%rd", "w%2B0%25rd", "w%2b0%25rd"] {
            assert!(!text.contains(part), "{place} has {part}\n{text}");
        }
    }
}

/// The summary with its character references resolved.
fn summary_as_shown(summary: &str) -> String {
    let mut parts = summary.split("&#");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once(';') {
        Some((number, rest)) => {
            let c = number.parse().ok().and_then(char::from_u32).expect("a character");
            format!("{text}{c}{rest}")
        }
        None => text + "&#" + part,
    })
}

/// The same, where it was near an output at all.
#[track_caller]
fn stars_out(ran: &Ran, secret: &str) {
    assert!(ran.stderr.contains("***"), "it was never near an output\n{}", ran.stderr);
    keeps_quiet(ran, secret);
}

fn basic(user: &str) -> String {
    STANDARD.encode(format!("{user}:{SECRET}"))
}

/// Answers with the secret in the form that the path names, in a body, and where it can in headers.
fn echo(request: &Request) -> Response {
    let name = request.path.trim_start_matches('/');
    if name == "login" {
        return Response::json(&format!("{{\"key\": \"{}\"}}", json(SECRET))).header("x-token", IN_HEADER);
    }
    if name == "request" {
        let headers = request.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        let text = format!("{}\n{}{}", request.target, headers.collect::<String>(), request.text());
        return Response::new(500).body(text);
    }
    let known = forms(SECRET).into_iter().find(|(known, _)| *known == name).map(|(_, form)| form);
    let body = known.unwrap_or_else(|| basic(name));
    let response = Response::new(200);
    let fits = body.bytes().all(|byte| (32..127).contains(&byte));
    let response = if fits { response.header("x-echo", &body).header("location", &body) } else { response };
    // Also where a body is cut short.
    response.body(format!("{body}{}{body}", ".".repeat(375)))
}

fn server() -> HttpServer {
    HttpServer::start(echo)
}

const HEAD: &str = "[suite]\nfail-fast = false\n[vars]\nmine = { env = \"MINE\", secret = true }\n";

/// A check for each form that the server can answer with, each with expectations that show it.
fn echoes(server: &HttpServer) -> String {
    let names = forms(SECRET).into_iter().map(|(name, _)| name).chain(["", "a", "ab", "abc"]);
    let check = |name: &str| {
        format!(
            "[[health]]\nname = \"echo {name}\"\nurl = \"{}\"\nneeds = NEEDS\nexpect.body = {{ matches = \"^{{{{mine}}}}$\" }}\n\
             expect.header.x-echo = \"never\"\nexpect.json.\"$.a\" = 1\n\n",
            server.url(&format!("/{name}"))
        )
    };
    names.map(check).collect()
}

fn given(smoke: Smoke, suite: &str) {
    let (summary, outputs) = (smoke.path("summary.md"), ["--json", "smoke.json", "--events", "events.jsonl"]);
    let smoke = smoke.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", summary);
    let ran = smoke.suite(suite).args(["--keep-going"]).args(outputs).run();
    ran.exits(1);
    stars_out(&ran, SECRET);
    for name in ["smoke.json", "events.jsonl", "summary.md"] {
        let text = std::fs::read_to_string(ran.path(name)).expect("the report");
        assert!(
            text.contains("***") || summary_as_shown(&text).contains("***"),
            "{name}: it was never near it"
        );
    }
}

#[test]
fn a_secret_of_the_environment_is_in_no_output_in_no_form() {
    let server = server();
    given(Smoke::new().env("MINE", SECRET), &(HEAD.to_owned() + &echoes(&server).replace("NEEDS", "[]")));
}

#[test]
fn a_secret_of_a_file_is_in_no_output_in_no_form() {
    let server = server();
    let head = HEAD.replace("env = \"MINE\", secret = true", "file = \"secret.txt\", secret = true");
    let suite = head + &echoes(&server).replace("NEEDS", "[]");
    given(Smoke::new().file("secret.txt", format!("{SECRET}\n")), &suite);
}

#[test]
fn a_secret_of_the_command_line_is_in_no_output_in_no_form() {
    let server = server();
    let suite = HEAD.to_owned() + &echoes(&server).replace("NEEDS", "[]");
    given(Smoke::new().arg("--var").arg(format!("mine={SECRET}")), &suite);
}

#[test]
fn a_captured_secret_is_in_no_output_in_no_form() {
    let server = server();
    let login = format!(
        "[suite]\nfail-fast = false\n[[journey]]\nname = \"log in\"\nshare = [\"mine\"]\n[[journey.step]]\n\
         name = \"a\"\nget = \"{}\"\ncapture.mine = {{ json = \"$.key\", secret = true }}\n\n",
        server.url("/login")
    );
    given(Smoke::new(), &(login + &echoes(&server).replace("NEEDS", "[\"log in\"]")));
}

#[test]
fn what_is_sent_and_comes_back_is_in_no_output() {
    let server = server();
    let (url, address) = (server.url("/request"), server.address());
    let requests = [
        "auth = { basic = { user = \"alice\", password = \"{{mine}}\" } }",
        "auth = { bearer = \"{{mine}}\" }",
        "headers = { x-api-key = \"{{mine}}\" }",
        "headers = { cookie = \"sid={{mine}}\" }",
        "query = { q = \"{{mine}}\" }",
        "method = \"POST\"\nform = { q = \"{{mine}}\" }",
        "method = \"POST\"\njson = { q = \"{{mine}}\" }",
        "method = \"POST\"\nbody = \"<q>{{mine}}</q>\"",
        "method = \"POST\"\nmultipart = { q = \"{{mine}}\" }",
    ];
    let mut suite = HEAD.to_owned();
    for (n, keys) in requests.iter().enumerate() {
        suite += &format!("[[health]]\nname = \"request {n}\"\nurl = \"{url}\"\n{keys}\n");
    }
    suite += &format!(
        "[[health]]\nname = \"url\"\nurl = \"http://alice:{{{{mine|urlencode}}}}@{address}/request\"\n"
    );
    suite += &format!("[[health]]\nname = \"path\"\nurl = \"{url}/{{{{mine|urlencode}}}}\"\n");
    suite += &format!("[[health]]\nname = \"bad url\"\nurl = \"{url}/{{{{mine}}}}\"\n");
    for secret in [SECRET, IN_HEADER] {
        let ran = Smoke::new().suite(&suite).env("MINE", secret).arg("--keep-going").run();
        // The first cannot stand in a URL as it is, and then nothing is sent.
        ran.exits(if secret == SECRET { 2 } else { 1 });
        keeps_quiet(&ran, secret);
        let arguments = ["--keep-going", "--skip", "bad url"];
        let ran = Smoke::new().suite(&suite).env("MINE", secret).args(arguments).run();
        ran.exits(1);
        stars_out(&ran, secret);
    }
}

#[test]
fn a_password_in_a_url_is_secret_though_nobody_says_so() {
    let server = server();
    let percent = utf8_percent_encode(SECRET, NON_ALPHANUMERIC).to_string();
    let suite = format!(
        "[suite]\nfail-fast = false\n[vars]\ndb = \"postgres://alice:{percent}@127.0.0.1:1/shop\"\n\
         [[database]]\nname = \"refused\"\nurl = \"{{{{db}}}}\"\n\
         [[health]]\nname = \"in the URL\"\nurl = \"http://alice:{percent}@{}/request\"\n",
        server.address()
    );
    let suite = suite + &echoes(&server).replace("NEEDS", "[]").replace("{{mine}}", "x");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    stars_out(&ran, SECRET);
}

#[test]
fn a_captured_token_header_is_secret_by_its_name() {
    let server = server();
    let suite = format!(
        "[[journey]]\nname = \"flow\"\n[[journey.step]]\nname = \"a\"\nget = \"{}\"\n\
         capture.token = {{ header = \"x-token\" }}\n[[journey.step]]\nname = \"b\"\nget = \"{}\"\n\
         headers = {{ x-anything = \"{{{{token}}}}\" }}\n",
        server.url("/login"),
        server.url("/request")
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    stars_out(&ran, IN_HEADER);
}

#[test]
fn a_parameter_of_a_query_is_in_no_output() {
    let check = |name: &str, query: &str| {
        format!(
            "[[database]]\nname = \"{name}\"\nurl = \"sqlite:some.db\"\nquery = \"{query}\"\nexpect.value = \"never\"\n"
        )
    };
    let suite = HEAD.to_owned()
        + &check("echo", "select {{mine}} as a")
        + &check("hex", "select hex({{mine}})")
        + &check("json", "select json_object('a', {{mine}})")
        + &check("quoted", "select quote({{mine}})")
        + &check("error", "select json_extract({{mine}}, '$.a')");
    // An empty file is an empty database.
    let ran = Smoke::new().file("some.db", "").suite(&suite).env("MINE", SECRET).run();
    ran.exits(1);
    stars_out(&ran, SECRET);
}

#[test]
fn what_a_booted_process_prints_is_redacted_before_it_is_cut() {
    // So much comes after it that its beginning is no longer among the last lines.
    let script =
        "printf '%s' \\\"$MINE\\\"; i=0; while [ $i -lt 19 ]; do echo line $i; i=$((i+1)); done; exit 1";
    let suite = format!(
        "{HEAD}[[boot]]\nname = \"shop\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\nenv = {{ MINE = \"{{{{mine}}}}\" }}\n\
         ready = {{ log = \"never\" }}\n"
    );
    let ran = Smoke::new().suite(&suite).env("MINE", SECRET).run();
    ran.exits(5);
    stars_out(&ran, SECRET);
    assert!(!ran.stderr.contains('ü'), "{}", ran.stderr);
}

#[test]
fn own_words_are_not_redacted() {
    let server = server();
    let suite = format!(
        "[vars]\nmine = {{ env = \"MINE\", secret = true }}\n[[health]]\nname = \"up\"\nurl = \"{}\"\n",
        server.url("/login")
    );
    let ran = Smoke::new().suite(&suite).env("MINE", "pass").run();
    ran.exits(0);
    assert!(ran.stderr.contains("PASSED smoke: 1 passed"), "{}", ran.stderr);
}
