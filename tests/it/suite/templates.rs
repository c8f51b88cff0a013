//! The values of `{{…}}`: built-in names, filters, and values of every type in every position.

mod names;
mod numbers;
mod sql;

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::ask::quoted;
use crate::support::http::{HttpServer, Request, Response};
use crate::support::journeys::{journey, step};
use crate::support::smoke::{Ran, Smoke};
use crate::support::verdicts::suite;

fn echo() -> HttpServer {
    HttpServer::start(|_| Response::new(200))
}

/// Runs checks that `POST` to `server`, each with these keys.
fn post(server: &HttpServer, head: &str, checks: &[String]) -> Ran {
    let checks: Vec<String> = (0..)
        .zip(checks)
        .map(|(number, keys)| {
            let url = server.url(&format!("/{number}"));
            format!("[[health]]\nname = \"{number}\"\nurl = {url:?}\nmethod = \"POST\"\n{keys}\n")
        })
        .collect();
    Smoke::new().suite(&suite(&format!("{head}\n{}", checks.concat()))).run()
}

/// The request to `/NUMBER`.
fn sent(server: &HttpServer, number: usize) -> Request {
    let path = format!("/{number}");
    server.requests().into_iter().find(|request| request.path == path).expect("a request")
}

fn document(request: &Request) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

#[test]
fn built_in_variables_have_their_documented_values() {
    const BODY: &str = r#"json = { id = "{{run.id}}", started = "{{run.started}}", dir = "{{suite.dir}}", uuid = "{{uuid()}}", now = "{{now()}}", both = "{{uuid()}} {{uuid()}}" }"#;
    let server = echo();
    let before = Timestamp::now();
    let ran = post(&server, "", &[BODY.to_owned(), BODY.to_owned()]);
    ran.exits(0);
    let [one, other] = [0, 1].map(|number| document(&sent(&server, number)));
    let text = |of: &Value, key: &str| of[key].as_str().expect("text").to_owned();
    let time = |of: &Value, key: &str| text(of, key).parse::<Timestamp>().expect("RFC 3339");

    assert_eq!((&one["id"], &one["started"]), (&other["id"], &other["started"]), "one run");
    assert!(text(&one, "id").len() >= 8 && text(&one, "id").chars().all(|c| c.is_ascii_alphanumeric()));
    let folder = std::fs::canonicalize(ran.path(".")).expect("the run's folder");
    assert_eq!(
        Path::new(&text(&one, "dir")),
        folder,
        "the whole path, though the suite was found by its name"
    );
    for of in [&one, &other] {
        assert!(before <= time(of, "started") && time(of, "started") <= time(of, "now"), "{of}");
        assert!(time(of, "now") <= Timestamp::now(), "{of}");
    }
    let uuids: Vec<String> = [&one, &other]
        .iter()
        .flat_map(|of| {
            let both = text(of, "both");
            [text(of, "uuid")].into_iter().chain(both.split(' ').map(str::to_owned).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(uuids.iter().collect::<BTreeSet<_>>().len(), 6, "{uuids:?}");
    for text in &uuids {
        assert_eq!(uuid::Uuid::parse_str(text).expect("a UUID").get_version_num(), 4);
    }

    post(&server, "", &[BODY.replace("{{run.id}}", "again {{run.id}}")]).exits(0);
    let again = server.requests().pop().expect("a request");
    assert_ne!(text(&document(&again), "id"), format!("again {}", text(&one, "id")), "another run");
}

#[test]
fn filters_encode_for_their_context() {
    let awkward = "a \"b\" & c=d+e%20?#/\\ <ü€>\nnext";
    let head = format!("[vars]\nawkward = {}\nn = 7\nlist = {{ value = [1, \"x\"] }}", quoted(awkward));
    let server = echo();
    let body = |body: &str| format!("body = {}", quoted(body));
    let ran = post(
        &server,
        &head,
        &[
            body("{{awkward|urlencode}}"),
            body("{\"text\": {{awkward|tojson}}, \"list\": {{list|tojson}}, \"n\": {{n|tojson}}}"),
            body("{{awkward|b64encode}}"),
            body("{{n|b64encode}} {{true|b64encode}} {{list|urlencode}} {{true}} {{none}} {{list}}"),
            body(
                "{{awkward|upper|replace(\" \", \"_\")|urlencode}} {{n|urlencode}} {{none|default(\"-\", true)}}",
            ),
        ],
    );
    ran.exits(0);
    let told = |number| sent(&server, number).text();
    let encoded = "a%20%22b%22%20%26%20c%3Dd%2Be%2520%3F%23%2F%5C%20%3C%C3%BC%E2%82%AC%3E%0Anext";
    assert_eq!(told(0), encoded);
    assert_eq!(
        document(&sent(&server, 1)),
        json!({ "text": awkward, "list": [1, "x"], "n": 7 }),
        "{}",
        told(1)
    );
    assert_eq!(told(2), "YSAiYiIgJiBjPWQrZSUyMD8jL1wgPMO84oKsPgpuZXh0");
    assert_eq!(told(3), "Nw== dHJ1ZQ== %5B1%2C%22x%22%5D true null [1,\"x\"]");
    assert!(told(4).starts_with("A_%22B%22_%26_C%3DD") && told(4).ends_with("NEXT 7 -"), "{}", told(4));
}

#[test]
fn values_of_every_type_are_inserted_as_written() {
    let head = "[vars]\ntext = \"té\"\nint = 7\nfloat = 0.5\nbig = 9007199254740993\nyes = true\nlist = { value = [1, { a = \"b\" }] }";
    let server = echo();
    let names = ["text", "int", "float", "big", "yes"];
    let each = |write: fn(&str) -> String| names.map(write).join(", ");
    let fields = each(|name| format!("{name} = \"{{{{{name}}}}}\""));
    let ran = post(
        &server,
        head,
        &[
            format!(
                "query = {{ {fields} }}\njson = {{ {fields}, list = \"{{{{list}}}}\", none = \"{{{{none}}}}\" }}"
            ),
            format!("form = {{ {fields} }}"),
            format!("multipart = {{ {fields} }}"),
            format!("headers = {{ {} }}", each(|name| format!("x-{name} = \"{{{{{name}}}}}\""))),
        ],
    );
    ran.exits(0);
    let written = ["té", "7", "0.5", "9007199254740993", "true"];
    let pairs = |encoded: &str| -> Vec<(String, String)> {
        url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect()
    };
    let expected: Vec<(String, String)> =
        names.iter().zip(written).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect();
    assert_eq!(pairs(&sent(&server, 0).query), expected);
    assert_eq!(
        document(&sent(&server, 0)),
        json!({ "text": "té", "int": 7, "float": 0.5, "big": 9_007_199_254_740_993_i64, "yes": true,
            "list": [1, { "a": "b" }], "none": null })
    );
    assert_eq!(pairs(&sent(&server, 1).text()), expected);
    let parts = sent(&server, 2).text();
    for (name, value) in &expected {
        assert!(parts.contains(&format!("name=\"{name}\"\r\n\r\n{value}\r\n--")), "{name} in\n{parts}");
        assert_eq!(sent(&server, 3).header(&format!("x-{name}")), Some(value.as_str()));
    }
}

#[test]
fn any_text_arrives_intact() {
    // Characters that TOML must escape, and lookalikes of quotes.
    let any = "[ -~äß€🚀\n\r\t\u{0}\u{1b}\u{feff}\u{2028}\"&%+=;{}\\\\]{0,12}"
        .prop_map(|text: String| text.replace('\u{7f}', ""));
    let mut runner = TestRunner::deterministic();
    let mut texts: Vec<String> =
        (0..60).map(|_| any.new_tree(&mut runner).expect("a text").current()).collect();
    texts.extend(
        ["", "a+b c", "a=b&c", "\"q\"", "ü", "{{text}}", "--", "%", "\r\n", "a\r\n\r\nb", "\u{0}"]
            .map(str::to_owned),
    );
    let vars: Vec<String> =
        (0..).zip(&texts).map(|(number, text)| format!("v{number} = {}\n", escaped(text))).collect();
    let kinds =
        ["json = { t = \"V\" }\nquery = { t = \"V\" }", "form = { t = \"V\" }", "multipart = { t = \"V\" }"];
    let checks: Vec<String> = (0..texts.len())
        .flat_map(|number| kinds.map(|keys| keys.replace('V', &format!("{{{{v{number}}}}}"))))
        .collect();
    let server = echo();
    post(&server, &format!("[vars]\n{}", vars.concat()), &checks).exits(0);
    let field = |encoded: &str| {
        url::form_urlencoded::parse(encoded.as_bytes()).next().map(|(_, text)| text.into_owned())
    };
    for (number, text) in texts.iter().enumerate() {
        let [plain, form, multipart] = [0, 1, 2].map(|kind| sent(&server, number * 3 + kind));
        assert_eq!(document(&plain)["t"], Value::from(text.as_str()));
        assert_eq!(field(&plain.query).as_ref(), Some(text), "in the query");
        assert_eq!(field(&form.text()).as_ref(), Some(text), "in the form");
        let kind = multipart.header("content-type").expect("a type");
        let boundary = kind.split("boundary=").nth(1).expect("a boundary");
        let whole = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n{text}\r\n--{boundary}--\r\n"
        );
        assert_eq!(multipart.text(), whole);
    }
}

/// Returns a TOML string that escapes only what must be escaped, and in which no text starts an expression, because
/// variables are templates themselves.
fn escaped(text: &str) -> String {
    let literal = text.replace("{{", "{{'{{'}}");
    let escaped: String = literal
        .chars()
        .map(|c| match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

#[test]
fn values_in_a_url_are_not_encoded() {
    let server = echo();
    let ran = Smoke::new()
        .suite(&suite(&format!(
            "[vars]\nbase = \"{}/a\"\npart = \"b?c=d&e=ü%20f\"\n[[health]]\nname = \"it\"\nurl = \"{{{{base}}}}/{{{{part}}}}\"\n",
            server.url("")
        )))
        .run();
    ran.exits(0);
    assert_eq!(server.requests()[0].target, "/a/b?c=d&e=%C3%BC%20f");
}

#[test]
fn a_value_that_would_break_a_header_or_url_is_an_error() {
    let server = echo();
    let head = "[vars]\nbroken = \"a\\r\\nx-evil: 1\"\nnothing = \"\\u0000\"";
    let header = |name: &str| {
        format!(
            "rendering a header: the value of the header `{name}` has a character that no header may have"
        )
    };
    let cases = [
        ("headers = { x-a = \"{{broken}}\" }", header("x-a")),
        ("headers = { cookie = \"b={{nothing}}\" }", header("cookie")),
        ("auth = { bearer = \"{{broken}}\" }", header("authorization")),
        ("headers = { content-type = \"{{broken}}\" }\nbody = \"\"", header("content-type")),
        (
            "resolve = { \"127.0.0.1:1\" = \"{{broken}}\" }",
            "rendering `resolve`: expected an address such as".to_owned(),
        ),
    ];
    let ran = post(&server, head, &cases.clone().map(|(keys, _)| keys.to_owned()));
    ran.exits(1);
    let report = ran.junit();
    for (number, (keys, message)) in cases.iter().enumerate() {
        let case = report.case(&number.to_string());
        assert_eq!(case.kind.as_deref(), Some("template"), "{keys}");
        let told = case.message.clone().unwrap_or_default();
        assert!(told.starts_with(message), "{keys}\nexpected: {message}\nactual:   {told}");
    }
    // In a URL, this is known before the run.
    for (url, told) in [
        ("http://127.0.0.1:1/{{broken}}", "'\\r' is not allowed in a URL"),
        ("{{nothing}}", "is not allowed in a URL"),
    ] {
        let suite = format!("{head}\n[[health]]\nname = \"it\"\nurl = \"{url}\"\n");
        let ran = Smoke::new().suite(&suite).run();
        ran.exits(2);
        assert!(ran.stderr.contains(told), "{told} in\n{}", ran.stderr);
    }
    // A value from a server is known only when it arrives.
    let server = HttpServer::start(|_| Response::json("{\"next\": \"a\\nb\"}"));
    let look = step("look", "get = \"{{base}}/\"\ncapture.next = { json = \"$.next\" }");
    let url = step("url", "get = \"{{base}}/{{next}}\"");
    let header = step("header", "get = \"{{base}}/\"\nheaders.x-a = \"{{next}}\"");
    let checks = journey("url", "", &[look.clone(), url]) + &journey("header", "", &[look, header]);
    let ran = crate::support::journeys::run(&server, &checks);
    ran.exits(1);
    let told = |name: &str| ran.junit().case(name).message.clone().unwrap_or_default();
    assert!(
        told("url").starts_with("step 2 `url`: rendering the URL: '\\n' is not allowed in a URL"),
        "{}",
        told("url")
    );
    assert!(told("header").starts_with("step 2 `header`: rendering a header: "), "{}", told("header"));
    assert_eq!(server.requests().len(), 2, "nothing that is broken is sent");
}

#[test]
fn an_external_value_gets_the_type_of_the_literal_it_overrides() {
    let head = "[vars]\nmigrations = 79\nratio = 0.5\nopen = false\nsku = \"7\"\nplain = { value = 1 }\n\
                port = { env = \"PORT\", default = 80 }\nlevel = 1\n\n\
                [env.staging.vars]\nlevel = \"low\"\n";
    let names = ["migrations", "ratio", "open", "sku", "plain", "port", "level"];
    let fields: Vec<String> = names.iter().map(|name| format!("{name} = \"{{{{{name}}}}}\"")).collect();
    let json = format!("json = {{ {} }}", fields.join(", "));
    let given = |arguments: &[&str], port: Option<&str>| {
        let server = echo();
        let check =
            format!("[[health]]\nname = \"it\"\nurl = {:?}\nmethod = \"POST\"\n{json}\n", server.url("/0"));
        let smoke = Smoke::new().suite(&suite(&format!("{head}\n{check}"))).args(arguments.iter().copied());
        let smoke = port.into_iter().fold(smoke, |smoke, port| smoke.env("PORT", port));
        smoke.run().exits(0);
        document(&sent(&server, 0))
    };
    let all = |values: [&'static str; 7]| -> Vec<&'static str> {
        let pairs = names.iter().zip(values).map(|(name, value)| format!("{name}={value}").leak() as &str);
        pairs.flat_map(|pair| ["-v", pair]).collect()
    };
    assert_eq!(
        given(&[], Some("8080")),
        json!({ "migrations": 79, "ratio": 0.5, "open": false, "sku": "7", "plain": 1, "port": 8080, "level": 1 }),
    );
    assert_eq!(
        given(&all(["80", "2", "true", "8", "-2", "81", "3"]), None),
        json!({ "migrations": 80, "ratio": 2, "open": true, "sku": "8", "plain": -2, "port": 81, "level": 3 }),
    );
    assert_eq!(
        given(&all(["1.25", "1.50", "yes", "true", "007", "1e3", "inf"]), Some("1")),
        json!({ "migrations": 1.25, "ratio": "1.50", "open": "yes", "sku": "true", "plain": "007", "port": "1e3", "level": "inf" }),
        "what would be written in another way stays text",
    );
    assert_eq!(
        given(&["-e", "staging", "-v", "level=3"], None)["level"],
        json!("3"),
        "text in this environment"
    );
}
