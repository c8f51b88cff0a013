//! Suites and responses with errors in them: no abort, no hang, and no secret shown.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::support::certificates::TlsIdentity;
use crate::support::corpus;
use crate::support::http::{HttpServer, Response};
use crate::support::outputs::{asked_for_all, have_none_of};
use crate::support::raw::{self, Random};
use crate::support::smoke::Smoke;
use crate::support::thorough::repeats;

const SECRET: &str = "s3cr3t-0f-th3-sh0p";

#[test]
fn mutated_suites_are_read_or_refused() {
    let own = "[vars]\npw = { env = \"PW\", secret = true }\nshop = \"http://127.0.0.1:1\"\n\
        [[health]]\nname = \"it\"\nurl = \"{{shop}}/{{pw}}?a={{pw|urlencode}}\"\nauth.bearer = \"{{pw}}\"\n\
        [[database]]\nname = \"db\"\nurl = \"postgres://u:{{pw}}@127.0.0.1:1/d\"\nquery = \"select {{pw}}\"\n";
    let suites = corpus::suites("valid").into_iter().map(|suite| suite.text);
    let suites: Vec<String> = suites.chain([own.to_owned()]).collect();
    let mut random = Random(1);
    for number in 0..repeats(150, 25_000) {
        let text = &suites[random.below(suites.len())];
        let text = if number % 2 == 0 { own } else { text };
        let mutated = random.mutate(text.as_bytes());
        let command = if number % 3 == 0 { "plan" } else { "check" };
        let smoke = Smoke::bare().arg(command).env("PW", SECRET).file("smoke.toml", &mutated);
        let ran = smoke.limit(Duration::from_secs(30)).run();
        let shown = format!("{}{}", ran.stdout, ran.stderr);
        let suite = String::from_utf8_lossy(&mutated);
        assert!(matches!(ran.code, Some(0..=2)), "{:?} {:?}\n{shown}\n{suite}", ran.code, ran.signal);
        assert!(!shown.contains(SECRET) && !shown.contains("panicked"), "{shown}\n{suite}");
    }
}

/// Sends this many requests, in runs of at most 250 checks. `check` returns a table without its name.
#[track_caller]
fn ask(answers: usize, check: impl Fn(usize) -> String) {
    for run in 0..answers.div_ceil(250) {
        let count = 250.min(answers - run * 250);
        let mut suite =
            "[suite]\nname = \"s\"\nbudget = \"50s\"\nfail-fast = false\n[defaults]\nbudget = \"2s\"\n\
            [vars]\npw = { env = \"PW\", secret = true }\n"
                .to_owned();
        for number in 0..count {
            let check = check(number);
            let (kind, keys) = check.split_once('\n').expect("a table");
            suite += &format!("{kind}\nname = \"c{number}\"\n{keys}");
        }
        let ran = asked_for_all().arg("--jobs").arg("32").env("PW", SECRET).suite(&suite).run();
        assert!(matches!(ran.code, Some(0 | 1)), "{:?} {:?}\n{}", ran.code, ran.signal, ran.stderr);
        assert_eq!(ran.junit().cases.len(), count);
        assert!(!ran.stderr.contains("bug in smoke"), "{}", ran.stderr);
        have_none_of(&ran, &[("the secret", SECRET.to_owned())]);
    }
}

#[test]
fn mutated_http_answers_are_read_or_refused() {
    let json = format!("{{\"id\": 1, \"token\": \"{SECRET}\", \"items\": [{{\"id\": [1, null, 2.5e3]}}]}}");
    let page = format!("<!DOCTYPE html><h1 class=a>Hello {SECRET}</h1><table><tr><td>&amp;<form><b><p>");
    let with_length = |head: &str, body: &str| {
        format!(
            "HTTP/1.1 {head}\r\ncontent-length: {}\r\nset-cookie: sid={SECRET}; Path=/\r\n\r\n{body}",
            body.len()
        )
    };
    let answers = [
        with_length("200 OK\r\ncontent-type: application/json", &json),
        with_length("200 OK\r\ncontent-type: text/html; charset=utf-8", &page),
        with_length("500 No\r\ncontent-type: text/plain; charset=iso-8859-1\r\ndate: now", "\u{1b}[1m no"),
        with_length(&format!("302 Found\r\nlocation: /next?token={SECRET}"), ""),
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/plain\r\n\r\n{:x}\r\n{SECRET}\r\n3;a=b\r\nabc\r\n0\r\nx: y\r\n\r\n",
            SECRET.len()
        ),
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"a\"\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 23\r\n\r\n\x1f".to_owned(),
    ];
    let random = Mutex::new(Random(2));
    let server = raw::serve(move |mut stream| {
        raw::read_head(&mut stream)?;
        let answer = {
            let mut random = random.lock().expect("nobody panics");
            let answer = &answers[random.below(answers.len())];
            random.mutate(answer.as_bytes())
        };
        stream.write_all(&answer).ok()?;
        raw::close(stream)
    });
    let expect = [
        "expect.json.\"$..id\" = { count = { min = 1 } }",
        "expect.html.h1 = { contains = \"Hello\" }",
        "expect.body = { matches = \"^[a-z]+$\" }",
        "expect.header.content-type = { contains = \"json\" }",
    ];
    ask(repeats(250, 5_000), |number| {
        let keys = expect[number % expect.len()];
        format!("[[health]]\nurl = \"http://{server}/\"\nauth.bearer = \"{{{{pw}}}}\"\n{keys}\n")
    });
}

#[test]
fn mutated_postgresql_answers_are_read_or_refused() {
    let random = Mutex::new(Random(3));
    let cell = format!("{{\"a\": \"{SECRET}\", \"b\": [1, {{}}]}}");
    let server = raw::postgres(cell.as_bytes(), move |answer| {
        let mut random = random.lock().expect("nobody panics");
        if random.below(3) == 0 { random.mutate(&answer) } else { answer }
    });
    ask(repeats(250, 5_000), |number| {
        let query = ["query = \"select a\"", "query = \"show a\"", "query = \"select {{pw}}\""][number % 3];
        format!("[[database]]\nurl = \"postgres://u:{{{{pw}}}}@{server}/d?sslmode=disable\"\n{query}\n")
    });
}

/// Forwards the bytes of both sides, and corrupts those of the server.
fn mutating_proxy(to: SocketAddr) -> SocketAddr {
    let random = Mutex::new(Random(4));
    raw::serve(move |client| {
        let server = TcpStream::connect(to).ok()?;
        let (asks, hears) = (client.try_clone().ok()?, server.try_clone().ok()?);
        thread::spawn(move || pass_on(asks, hears, |bytes| bytes));
        pass_on(server, client, |bytes| {
            let mut random = random.lock().expect("nobody panics");
            if random.below(3) == 0 { random.mutate(&bytes) } else { bytes }
        })
    })
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, edit: impl Fn(Vec<u8>) -> Vec<u8>) -> Option<()> {
    let mut piece = [0; 4096];
    loop {
        match from.read(&mut piece) {
            Ok(length) if length > 0 => to.write_all(&edit(piece[..length].to_vec())).ok()?,
            Ok(_) | Err(_) => return to.shutdown(std::net::Shutdown::Both).ok(),
        }
    }
}

#[test]
fn mutated_tls_answers_are_read_or_refused() {
    let real = HttpServer::start_tls(TlsIdentity::Good, |_| {
        Response::json(&format!("{{\"token\": \"{SECRET}\"}}")).status(500)
    });
    let proxy = mutating_proxy(real.address());
    ask(repeats(250, 5_000), |number| match number % 3 {
        0 => format!("[[health]]\nurl = \"tls://{proxy}\"\ntls.insecure = true\n"),
        _ => {
            format!(
                "[[health]]\nurl = \"https://{proxy}/\"\ntls.insecure = true\nauth.bearer = \"{{{{pw}}}}\"\n"
            )
        }
    });
}
