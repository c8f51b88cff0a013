//! A planted secret is in no output, in any encoding.

mod addresses;
mod databases;
mod expressions;
mod issued;
mod mistakes;
mod processes;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::support::http::{HttpServer, Request, Response};
use crate::support::outputs::{are_all_starred, asked_for_all, forms, have_none_of, json};
use crate::support::smoke::{Ran, Smoke};

const SECRET: &str = "p@ss:/w+0%rd&\"'<\nü";

/// The part of the secret that a header can contain.
const IN_HEADER: &str = "p@ss:/w+0%rd&\"'<x";

/// A secret that is a valid name in a `JSONPath`.
const IN_NAME: &str = "s3cretName";

/// Asserts that no output contains any encoding of the secret, nor the middle part that a cut would leave.
#[track_caller]
fn keeps_quiet(ran: &Ran, secret: &str) {
    let parts = ["w+0%rd", "w%2B0%25rd", "w%2b0%25rd"].map(|part| ("a part", part.to_owned()));
    have_none_of(ran, &[forms(secret), parts.to_vec()].concat());
}

/// Asserts the same, and that the secret did reach an output.
#[track_caller]
fn stars_out(ran: &Ran, secret: &str) {
    keeps_quiet(ran, secret);
    assert!(ran.stderr.contains("***"), "it was never near an output\n{}", ran.stderr);
}

fn basic(user: &str) -> String {
    STANDARD.encode(format!("{user}:{SECRET}"))
}

/// Answers with the secret in the encoding that the path names, in the body and, if possible, in headers.
fn echo(request: &Request) -> Response {
    let name = request.path.trim_start_matches('/');
    if name == "login" {
        return Response::json(&format!("{{\"key\": \"{}\"}}", json(SECRET))).header("x-token", IN_HEADER);
    }
    if name == "token" {
        return Response::new(200).header("x-token", IN_HEADER);
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
    // It must also be redacted in a truncated body. More than half of the raw form remains, which is searched for.
    response.body(format!("{body}{}{body}", ".".repeat(368)))
}

fn server() -> HttpServer {
    HttpServer::start(echo)
}

const HEAD: &str = "[suite]\nfail-fast = false\n[vars]\nmine = { env = \"MINE\", secret = true }\n";

/// A check for each encoding that the server can send, with expectations that display it.
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
    let ran = smoke.suite(suite).args(["--keep-going"]).run();
    ran.exits(1);
    stars_out(&ran, SECRET);
    // The characters that encode only bytes of the secret, at each of the three alignments.
    have_none_of(&ran, &["", "a", "ab"].map(|user| ("a part of a pair", basic(user)[8..20].to_owned())));
    are_all_starred(&ran);
}

#[test]
fn a_secret_of_the_environment_is_in_no_output_in_no_form() {
    let server = server();
    given(asked_for_all().env("MINE", SECRET), &(HEAD.to_owned() + &echoes(&server).replace("NEEDS", "[]")));
}

#[test]
fn a_secret_of_a_file_is_in_no_output_in_no_form() {
    let server = server();
    let head = HEAD.replace("env = \"MINE\", secret = true", "file = \"secret.txt\", secret = true");
    let suite = head + &echoes(&server).replace("NEEDS", "[]");
    given(asked_for_all().file("secret.txt", format!("{SECRET}\n")), &suite);
}

#[test]
fn a_secret_of_the_command_line_is_in_no_output_in_no_form() {
    let server = server();
    let suite = HEAD.to_owned() + &echoes(&server).replace("NEEDS", "[]");
    given(asked_for_all().arg("--var").arg(format!("mine={SECRET}")), &suite);
}

#[test]
fn a_captured_secret_is_in_no_output_in_no_form() {
    let server = server();
    let login = format!(
        "[suite]\nfail-fast = false\n[[journey]]\nname = \"log in\"\nshare = [\"mine\"]\n[[journey.step]]\n\
         name = \"a\"\nget = \"{}\"\ncapture.mine = {{ json = \"$.key\", secret = true }}\n\n",
        server.url("/login")
    );
    given(asked_for_all(), &(login + &echoes(&server).replace("NEEDS", "[\"log in\"]")));
}

#[test]
fn a_secret_echoed_by_the_server_is_in_no_output() {
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
        let ran = asked_for_all().suite(&suite).env("MINE", secret).arg("--keep-going").run();
        // The first secret is not allowed unescaped in a URL, so nothing is sent.
        ran.exits(if secret == SECRET { 2 } else { 1 });
        keeps_quiet(&ran, secret);
        let arguments = ["--keep-going", "--skip", "bad url"];
        let ran = asked_for_all().suite(&suite).env("MINE", secret).args(arguments).run();
        ran.exits(1);
        stars_out(&ran, secret);
    }
}

#[test]
fn a_password_in_a_url_is_secret_without_being_declared() {
    let server = server();
    let percent = utf8_percent_encode(SECRET, NON_ALPHANUMERIC).to_string();
    let head = format!(
        "[suite]\nfail-fast = false\n[vars]\nurl = \"postgres://alice:{percent}@127.0.0.1:1/shop\"\n"
    );
    let echoes = echoes(&server).replace("NEEDS", "[]").replace("{{mine}}", "x");
    for check in [
        // Where it is only a variable, where a database URL contains it, and where a check does.
        String::new(),
        "[[database]]\nname = \"refused\"\nurl = \"{{url}}\"\n".to_owned(),
        format!(
            "[[health]]\nname = \"in the URL\"\nurl = \"http://alice:{percent}@{}/request\"\n",
            server.address()
        ),
    ] {
        let ran = asked_for_all().suite(&format!("{head}{check}{echoes}")).run();
        ran.exits(1);
        stars_out(&ran, SECRET);
    }
}

#[test]
fn a_captured_token_header_is_secret_by_its_name() {
    let server = server();
    let suite = format!(
        "[[journey]]\nname = \"flow\"\n[[journey.step]]\nname = \"a\"\nget = \"{}\"\n\
         capture.token = {{ header = \"x-token\" }}\n[[journey.step]]\nname = \"b\"\nget = \"{}\"\n\
         headers = {{ x-anything = \"{{{{token}}}}\" }}\n",
        server.url("/token"),
        server.url("/request")
    );
    let ran = asked_for_all().suite(&suite).run();
    ran.exits(1);
    stars_out(&ran, IN_HEADER);
}

#[test]
fn an_uncaptured_token_header_is_in_no_output() {
    let server = server();
    let suite = format!("[[health]]\nname = \"it\"\nurl = {:?}\n", server.url("/token"));
    let ran = asked_for_all().suite(&suite).run();
    ran.exits(0);
    stars_out(&ran, IN_HEADER);
}

#[test]
fn a_secret_used_as_a_key_is_in_no_output() {
    let long = "a text that is long enough for the difference to be told place by place";
    let server = HttpServer::start(move |_| {
        Response::json(&format!("{{\"{}\": {{\"{IN_NAME}\": 1}}, \"a\": \"{long}\"}}", json(SECRET)))
    });
    let check = |name: &str, expected: &str| {
        let url = server.url("/");
        format!(
            "[[health]]\nname = \"{name}\"\nurl = \"{url}\"\nexpect.json.\"$\" = {{ equals = {expected} }}\n"
        )
    };
    let suite = HEAD.to_owned()
        + "plain = { env = \"PLAIN\", secret = true }\n"
        + &check("more", &format!("{{ a = {long:?} }}"))
        + &check("other", &format!("{{ a = {long:?}, {SECRET:?} = {{ b = 1 }} }}"));
    let ran = asked_for_all().suite(&suite).env("MINE", SECRET).env("PLAIN", IN_NAME).run();
    ran.exits(1);
    stars_out(&ran, SECRET);
    have_none_of(&ran, &[("a name", IN_NAME.to_owned())]);
    assert!(ran.stderr.contains("json $[\"***\"].*** not to exist, got 1"), "{}", ran.stderr);
}

#[test]
fn an_undeclared_session_and_token_are_in_no_output() {
    let server = HttpServer::start(|request| {
        let said = format!("{:?} has s3ss10n-0123456789abcdef", request.header("authorization"));
        Response::new(500).header("set-cookie", "id=s3ss10n-0123456789abcdef; Path=/").body(said)
    });
    let suite = format!(
        "[[health]]\nname = \"it\"\nurl = {:?}\nheaders = {{ authorization = \"Bearer in-clear-4711\" }}\n",
        server.url("/")
    );
    let ran = asked_for_all().suite(&suite).run();
    ran.exits(1);
    let secrets = ["s3ss10n-0123456789abcdef", "in-clear-4711"];
    have_none_of(&ran, &secrets.map(|secret| (secret, secret.to_owned())));
    assert!(ran.stderr.contains("has ***"), "{}", ran.stderr);
}

#[test]
fn a_part_of_a_captured_document_is_in_no_output() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/login" => Response::json(r#"{"keys": {"main": "k3y-main-1", "spare": ["k3y-spare-2", 471147]}}"#),
        _ => Response::new(500).body(format!("{} and 471147", request.text())),
    });
    let suite = format!(
        "[[journey]]\nname = \"it\"\n[[journey.step]]\nname = \"a\"\nget = \"{}\"\n\
         capture.mine = {{ json = \"$.keys\", secret = true }}\n[[journey.step]]\nname = \"b\"\npost = \"{}\"\n\
         body = \"{{{{mine.main}}}} and {{{{mine.spare[0]}}}}\"\n",
        server.url("/login"),
        server.url("/")
    );
    let ran = asked_for_all().suite(&suite).run();
    ran.exits(1);
    have_none_of(&ran, &["k3y-main-1", "k3y-spare-2", "471147"].map(|part| (part, part.to_owned())));
    assert!(ran.stderr.contains("*** and *** and ***"), "{}", ran.stderr);
}

#[test]
fn smokes_own_words_are_not_redacted() {
    let server = server();
    let suite = format!(
        "[suite]\nfail-fast = false\n[vars]\nmine = {{ env = \"MINE\", secret = true }}\n\
         [[health]]\nname = \"up\"\nurl = {:?}\n[[health]]\nname = \"down\"\nurl = {:?}\n",
        server.url("/login"),
        server.url("/request")
    );
    for (secret, said) in [
        ("pass", "1 failed, 1 passed"),
        ("failed", "1 failed, 1 passed"),
        ("expected", "expected status 2xx, got 500"),
        ("status", "expected status 2xx, got 500"),
        ("health", "health    down"),
        ("critical", "exit code 1: a critical check failed"),
    ] {
        let ran = asked_for_all().suite(&suite).env("MINE", secret).run();
        ran.exits(1);
        assert!(ran.stderr.contains(said), "{secret}\n{}", ran.stderr);
        let report = ran.junit();
        assert_eq!(report.case("down").message.as_deref(), Some("expected status 2xx, got 500"), "{secret}");
    }
}

/// Answers every request with these pieces, each as a separate chunk.
fn chunked(pieces: Vec<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("know the port");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a client"));
            let head = stream.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            assert!(head.count() > 0, "a request");
            let stream = stream.get_mut();
            stream.set_nodelay(true).expect("send each piece by itself");
            let _ = stream
                .write_all(b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
            for piece in pieces.iter().map(String::as_str).chain([""]) {
                let _ = stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
            }
        }
    });
    address
}

#[test]
fn a_secret_that_arrives_in_pieces_is_in_no_output() {
    let pieces = SECRET.chars().map(String::from).collect();
    let server = chunked(pieces);
    let script = "for part in 'p@ss:/w' '+0%rd&' '\\\"'; do printf '%s' \\\"$part\\\"; sleep 0.05; done; printf '%s' \\\"$REST\\\"; exit 1";
    let rest = &SECRET["p@ss:/w+0%rd&\"".len()..];
    let suite = format!(
        "{HEAD}[[health]]\nname = \"chunks\"\nurl = \"http://{server}/\"\n\
         [[boot]]\nname = \"pipe\"\ngate = false\ncommand = [\"sh\", \"-c\", \"\"\"{script}\"\"\"]\nready = {{ log = \"never\" }}\n"
    );
    let ran = asked_for_all().suite(&suite).env("MINE", SECRET).env("REST", rest).run();
    ran.exits(1);
    stars_out(&ran, SECRET);
    let stars = ran.junit().cases.iter().filter(|case| case.text.contains("***")).count();
    assert_eq!(stars, 2, "{}", ran.stderr);
}
