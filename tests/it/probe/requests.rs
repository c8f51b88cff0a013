//! The contents of requests: values, each encoded for its position, and credentials.

use std::sync::Arc;

use crate::support::fault::{Fault, FaultServer};
use crate::support::http::{HttpServer, Request, Response};
use crate::support::smoke::{Ran, Smoke};
use crate::support::verdicts::suite;

/// Text that reveals any missing encoding.
const AWKWARD: &str = "a \"b\" & c=d+e%20?#/\\ <ü€>\nnext";

fn echo() -> HttpServer {
    HttpServer::start(|_| Response::new(200))
}

/// Runs one check with these keys and the variable `awkward`; returns the request that the server received.
fn asked(keys: &str) -> Request {
    let server = echo();
    let (ran, mut requests) = run(&server, &format!("url = {:?}\n{keys}", server.url("/path?first=1")));
    ran.exits(0);
    requests.pop().expect("a request")
}

fn run(server: &HttpServer, keys: &str) -> (Ran, Vec<Request>) {
    let vars = format!("[vars]\nawkward = {}\n", toml_string(AWKWARD));
    let ran = Smoke::new().suite(&suite(&format!("{vars}[[health]]\nname = \"it\"\n{keys}\n"))).run();
    (ran, server.requests())
}

/// TOML's basic strings have the same escapes as JSON's.
fn toml_string(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

fn pairs(encoded: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn query_and_form_fields_arrive_intact() {
    let fields = "{ \"q&a\" = \"{{awkward}}\", n = 7, yes = true, tag = [\"x\", \"y z\"] }";
    let expected =
        [pair("q&a", AWKWARD), pair("n", "7"), pair("yes", "true"), pair("tag", "x"), pair("tag", "y z")];

    let request = asked(&format!("query = {fields}"));
    assert_eq!(request.method, "GET");
    assert_eq!(pairs(&request.query), [&[pair("first", "1")], &expected[..]].concat());

    let request = asked(&format!("method = \"POST\"\nform = {fields}"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(pairs(&request.text()), expected);
}

#[test]
fn json_keeps_types_and_text() {
    let request =
        asked("method = \"POST\"\njson = { text = \"{{awkward}}\", n = 1.5, deep = [{ yes = true }] }");
    assert_eq!(request.header("content-type"), Some("application/json"));
    let document: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(document, serde_json::json!({ "text": AWKWARD, "n": 1.5, "deep": [{ "yes": true }] }));
}

#[test]
fn multipart_parts_arrive_intact() {
    let server = echo();
    let parts =
        "{ \"für \\\"x\\\"\" = \"{{awkward}}\", up = { file = \"né w.txt\", type = \"text/plain\" } }";
    let checks = format!(
        "[vars]\nawkward = {}\n[[health]]\nname = \"it\"\nurl = {:?}\nmethod = \"POST\"\nmultipart = {parts}\n",
        toml_string(AWKWARD),
        server.url("/")
    );
    Smoke::new().file("né w.txt", b"\x00\xff bytes").suite(&suite(&checks)).run().exits(0);
    let request = server.requests().pop().expect("a request");
    let kind = request.header("content-type").expect("a type");
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").expect("a boundary");
    let expected = [
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"für %22x%22\"\r\n\r\n{AWKWARD}\r\n")
            .as_bytes(),
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"up\"; filename=\"né w.txt\"\r\n")
            .as_bytes(),
        b"Content-Type: text/plain\r\n\r\n\x00\xff bytes\r\n",
        format!("--{boundary}--\r\n").as_bytes(),
    ]
    .concat();
    assert_eq!(String::from_utf8_lossy(&request.body), String::from_utf8_lossy(&expected));
}

#[test]
fn a_text_body_and_no_body_are_sent_as_they_are() {
    let request = asked("method = \"PUT\"\nbody = \"{{awkward}}\"");
    assert_eq!((request.method.as_str(), request.text()), ("PUT", AWKWARD.to_owned()));
    let request = asked("method = \"POST\"");
    assert_eq!(request.header("content-length"), Some("0"), "some servers insist on a length");
    assert_eq!(asked("").header("user-agent"), Some(concat!("smoke/", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn headers_override_the_defaults() {
    let server = echo();
    let checks = format!(
        "[defaults.http]\nheaders = {{ accept = \"text/html\", x-a = \"default\" }}\n\
         [[health]]\nname = \"it\"\nurl = {:?}\nheaders = {{ X-A = \"own\", x-latin = \"naïve\" }}\n",
        server.url("/")
    );
    Smoke::new().suite(&suite(&checks)).run().exits(0);
    let request = server.requests().pop().expect("a request");
    assert_eq!(request.header("accept"), Some("text/html"));
    assert_eq!(request.header("x-a"), Some("own"));
    assert_eq!(request.header("x-latin"), Some("naïve"));
}

#[test]
fn a_line_break_in_a_header_is_refused_before_anything_is_sent() {
    let server = echo();
    let (ran, requests) =
        run(&server, &format!("url = {:?}\nheaders.x-a = \"{{{{awkward}}}}\"", server.url("/")));
    ran.exits(1);
    let report = ran.junit();
    let case = report.case("it");
    assert_eq!(case.kind.as_deref(), Some("template"));
    let message = case.message.as_deref().expect("a message");
    let start = "rendering a header: the value of the header `x-a` has a character that no header may have";
    assert!(message.starts_with(start), "{message}");
    assert_eq!(requests.len(), 0);
}

#[test]
fn a_space_in_a_url_is_a_suite_error_that_urlencode_fixes() {
    let server = echo();
    let (ran, requests) = run(&server, &format!("url = \"{}/{{{{awkward}}}}\"", server.url("")));
    ran.exits(2);
    for part in ["' ' is not allowed in a URL", "smoke.toml:", "{{name|urlencode}}", "^"] {
        assert!(ran.stderr.contains(part), "{part} in\n{}", ran.stderr);
    }
    assert_eq!(requests.len(), 0);
    let (ran, requests) = run(&server, &format!("url = \"{}/{{{{awkward|urlencode}}}}\"", server.url("")));
    ran.exits(0);
    let path = requests[0].path.trim_start_matches('/');
    assert_eq!(percent_encoding::percent_decode_str(path).decode_utf8_lossy(), AWKWARD);
}

#[test]
fn a_captured_space_in_a_url_fails_its_step() {
    let server = HttpServer::start(|_| Response::json("{\"next\": \"a b\"}"));
    let url = server.url("");
    let ran = Smoke::new()
        .suite(&suite(&format!(
            "[[journey]]\nname = \"it\"\n\
             [[journey.step]]\nname = \"look\"\nget = \"{url}/\"\ncapture.next = {{ json = \"$.next\" }}\n\
             [[journey.step]]\nname = \"go on\"\nget = \"{url}/{{{{next}}}}\"\n"
        )))
        .run();
    ran.exits(1);
    let report = ran.junit();
    assert_eq!(
        report.case("it").message.as_deref(),
        Some(format!("step 2 `go on`: rendering the URL: ' ' is not allowed in a URL: `{url}/a b`").as_str())
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn basic_and_bearer_credentials_are_sent_and_not_shown() {
    let basic = asked("auth = { basic = { user = \"ünn\", password = \"p:w d/+\" } }");
    assert_eq!(basic.header("authorization"), Some("Basic w7xubjpwOncgZC8r"));
    assert_eq!(asked("auth = { bearer = \"abc.def\" }").header("authorization"), Some("Bearer abc.def"));

    let server = HttpServer::start(|request| {
        Response::new(401).body(format!("no entry with {:?}", request.header("authorization")))
    });
    let (ran, _) =
        run(&server, &format!("url = {:?}\nauth = {{ bearer = \"abc.def-secret\" }}", server.url("/")));
    ran.exits(1);
    let report = ran.junit();
    assert!(report.xml.contains("no entry with"), "{}", report.xml);
    assert!(
        !report.xml.contains("abc.def-secret") && !ran.stderr.contains("abc.def-secret"),
        "{}",
        ran.stderr
    );
}

fn oauth2(server: &HttpServer) -> String {
    let one = |number: usize| {
        format!(
            "[[health]]\nname = \"{number}\"\nurl = {:?}\nauth.oauth2 = {{ token-url = {:?}, client-id = \"me\", \
             client-secret = \"p&ss word+1\", scope = \"read write\" }}\n",
            server.url("/api"),
            server.url("/token")
        )
    };
    suite(&(1..=5).map(one).collect::<String>())
}

#[test]
fn an_oauth2_token_is_fetched_once_for_all_checks() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/token" => Response::json("{\"access_token\": \"tok-123456\", \"token_type\": \"Bearer\"}"),
        _ if request.header("authorization") == Some("Bearer tok-123456") => Response::new(200),
        _ => Response::new(401),
    });
    Smoke::new().suite(&oauth2(&server)).run().exits(0);
    let (tokens, calls): (Vec<_>, Vec<_>) =
        server.requests().into_iter().partition(|request| request.path == "/token");
    assert_eq!((tokens.len(), calls.len()), (1, 5));
    let mut fields = pairs(&tokens[0].text());
    fields.sort();
    let expected = [
        pair("client_id", "me"),
        pair("client_secret", "p&ss word+1"),
        pair("grant_type", "client_credentials"),
        pair("scope", "read write"),
    ];
    assert_eq!((tokens[0].method.as_str(), fields), ("POST", expected.to_vec()));
}

#[test]
fn an_oauth2_client_is_known_by_basic_authentication_and_a_token_is_for_an_audience() {
    // `me:p&ss word+1`, with each part form-encoded first.
    let basic = "Basic bWU6cCUyNnNzK3dvcmQlMkIx";
    let server = HttpServer::start(move |request| match request.path.as_str() {
        "/token"
            if request.header("authorization") == Some(basic) && !request.text().contains("client_id") =>
        {
            Response::json("{\"access_token\": \"tok-123456\"}")
        }
        "/token" => Response::json("{\"error\": \"invalid_client\"}").status(401),
        _ if request.header("authorization") == Some("Bearer tok-123456") => Response::new(200),
        _ => Response::new(401),
    });
    let tokens = |more: &str| {
        let before = server.requests().len();
        let oauth2 = oauth2(&server).replace("scope = \"read write\"", more);
        Smoke::new().suite(&oauth2).run().exits(0);
        let requests = server.requests().split_off(before);
        requests.into_iter().filter(|request| request.path == "/token").collect::<Vec<_>>()
    };
    let asked = tokens("client-auth = \"basic\", audience = \"https://api.example\"");
    assert_eq!(asked.len(), 1);
    let expected = [pair("audience", "https://api.example"), pair("grant_type", "client_credentials")];
    let mut fields = pairs(&asked[0].text());
    fields.sort();
    assert_eq!(fields, expected);
    assert_eq!(tokens("scope = \"read\"").len(), 2, "the server takes the other way");
}

#[test]
fn a_refused_oauth2_token_says_who_refused_it() {
    let server = HttpServer::start(|_| Response::json("{\"error\": \"invalid_client\"}").status(401));
    let ran = Smoke::new().suite(&oauth2(&server)).run();
    ran.exits(1);
    let report = ran.junit();
    let case = report.case("1");
    assert_eq!(case.kind.as_deref(), Some("auth"));
    let start = format!("fetching a token from {}: HTTP/1.1 401, application/json", server.url("/token"));
    assert!(case.text.starts_with(&start), "{}", case.text);
    assert!(
        case.text.contains("invalid_client") && case.text.contains("hint: check client-id"),
        "{}",
        case.text
    );
    assert!(server.requests().iter().all(|request| request.path == "/token"));
}

/// A check of `/api` with a token from `token_url`.
fn with_token(name: &str, server: &HttpServer, token_url: &str, secret: &str, keys: &str) -> String {
    format!(
        "[[health]]\nname = {name:?}\nurl = {:?}\n{keys}\nauth.oauth2 = {{ token-url = {token_url:?}, \
         client-id = \"me\", client-secret = {secret:?} }}\n",
        server.url("/api")
    )
}

/// Answers `/token` to clients that know the secret, and every other path to anyone.
fn provider(secret: &'static str) -> HttpServer {
    HttpServer::start(move |request| match request.path.as_str() {
        "/token" if request.text().contains(&format!("client_secret={secret}&")) => {
            Response::json("{\"access_token\": \"tok-123456\"}")
        }
        "/token" => Response::json("{\"error\": \"invalid_client\"}").status(401),
        _ => Response::new(200),
    })
}

#[test]
fn a_token_is_shared_only_between_equal_credentials() {
    let server = provider("rotated-2");
    let url = server.url("/token");
    let checks = with_token("new", &server, &url, "rotated-2", "")
        + &with_token("old", &server, &url, "rotated-1", "needs = [\"new\"]");
    let ran = Smoke::new().suite(&suite(&checks)).run();
    ran.exits(1);
    let report = ran.junit();
    assert_eq!(report.case("new").kind, None);
    assert_eq!(report.case("old").kind.as_deref(), Some("auth"));
}

#[test]
fn a_token_is_shared_only_between_equal_routes() {
    let (blue, green) = (provider("s3cret-blue"), provider("s3cret-green"));
    let towards = |server: &HttpServer| format!("resolve = {{ \"idp.test:80\" = \"{}\" }}", server.address());
    let check =
        |name: &str, keys: &str| with_token(name, &blue, "http://idp.test/token", "s3cret-blue", keys);
    let proxy = format!("proxy = {:?}", green.url(""));
    let checks = check("blue", &towards(&blue))
        + &check("green", &format!("needs = [\"blue\"]\n{}", towards(&green)))
        + &check("proxy", &format!("needs = [\"blue\"]\n{proxy}"));
    let ran = Smoke::new().suite(&suite(&checks)).run();
    ran.exits(1);
    let report = ran.junit();
    let kind = |name: &str| report.case(name).kind.clone().unwrap_or_default();
    assert_eq!((kind("blue"), kind("green"), kind("proxy")), (String::new(), "auth".into(), "auth".into()));
}

#[test]
fn a_hanging_token_provider_delays_no_other_token() {
    let hangs = Arc::new(FaultServer::start(Fault::Mute));
    let is_asked = Arc::clone(&hangs);
    let server = HttpServer::start(move |request| match request.path.as_str() {
        "/is-asked" if is_asked.connections() == 0 => Response::new(503),
        "/token" => Response::json("{\"access_token\": \"tok-123456\"}"),
        _ => Response::new(200),
    });
    let asked = format!(
        "[[health]]\nname = \"asked\"\nurl = {:?}\npoll = {{ every = \"10ms\" }}\n",
        server.url("/is-asked")
    );
    let checks = with_token("held", &server, &hangs.url(), "a", "severity = \"warn\"\nbudget = \"6s\"")
        + &asked
        + &with_token("free", &server, &server.url("/token"), "a", "needs = [\"asked\"]\nbudget = \"3s\"");
    let ran = Smoke::new().suite(&suite(&checks)).run();
    ran.exits(0);
    assert_eq!(ran.junit().case("free").kind, None);
    assert_eq!(hangs.connections(), 1);
}

#[test]
fn a_token_that_one_check_ran_out_of_time_for_is_fetched_by_the_next() {
    let hangs = Arc::new(FaultServer::start(Fault::Mute));
    let is_asked = Arc::clone(&hangs);
    let server = HttpServer::start(move |request| match request.path.as_str() {
        "/is-asked" if is_asked.connections() == 0 => Response::new(503),
        _ => Response::new(200),
    });
    let asked = format!(
        "[[health]]\nname = \"asked\"\nurl = {:?}\npoll = {{ every = \"10ms\" }}\n",
        server.url("/is-asked")
    );
    let checks = with_token("first", &server, &hangs.url(), "a", "budget = \"2s\"")
        + &asked
        + &with_token("second", &server, &hangs.url(), "a", "needs = [\"asked\"]\nbudget = \"4s\"");
    let ran = Smoke::new().suite(&suite(&checks)).run();
    ran.exits(1);
    let report = ran.junit();
    let waited = "while waiting for the first byte of the answer (first byte)";
    for (name, budget) in [("first", "2s"), ("second", "4s")] {
        let message = format!("no answer within {budget} (check budget), {waited}");
        assert_eq!(report.case(name).message.as_deref(), Some(message.as_str()));
    }
    assert_eq!(hangs.connections(), 2, "each asked, one after the other");
}
