//! `--trace`: every request and response, redacted, with truncated bodies.

use crate::support::http::{HttpServer, Request, Response};
use crate::support::postgres::Postgres;
use crate::support::smoke::Smoke;

fn shop(request: &Request) -> Response {
    match request.path.as_str() {
        "/login" => Response::json(r#"{"ticket":"tick-4711","greeting":"hello"}"#),
        "/away" => Response::redirect("/long"),
        _ => Response::new(200).header("content-type", "text/plain").body("0123456789".repeat(1_000)),
    }
}

#[test]
fn every_exchange_is_shown_redacted_and_truncated() {
    let server = HttpServer::start(shop);
    let database = Postgres::shared().create_database();
    let (base, db_url) = (server.url(""), database.url());
    let suite = format!(
        "[suite]\nname = \"s\"\n[vars]\npassword = {{ env = \"SHOP_PASSWORD\" }}\n\
         [[journey]]\nname = \"j\"\n\
         [[journey.step]]\nname = \"log in\"\npost = \"{base}/login\"\n\
         form = {{ user = \"smoke\", password = \"{{{{password}}}}\", secret = \"in-clear\" }}\n\
         capture.ticket = {{ json = \"$.ticket\", secret = true }}\n\
         [[journey.step]]\nname = \"go\"\nget = \"{base}/away\"\nauth = {{ bearer = \"{{{{ticket}}}}\" }}\nredirects = 1\n\
         [[journey.step]]\nname = \"ask\"\ndatabase = {db_url:?}\nquery = \"select {{{{ticket}}}}::text as ticket, {{{{ 1 + 1 }}}}::int as two\"\n"
    );
    let ran = Smoke::new().suite(&suite).arg("--trace").env("SHOP_PASSWORD", "hunter2-x").run();
    ran.exits(0);
    for line in [
        format!("> POST {base}/login"),
        "> accept: */*".to_owned(),
        "> accept-encoding: gzip, deflate".to_owned(),
        concat!("> user-agent: smoke/", env!("CARGO_PKG_VERSION")).to_owned(),
        "< content-length: 41".to_owned(),
        "> user=smoke&password=$SHOP_PASSWORD&secret=$SECRET".to_owned(),
        "< HTTP/1.1 200".to_owned(),
        "< {\"ticket\":\"***\",\"greeting\":\"hello\"}".to_owned(),
        format!("> GET {base}/away"),
        "> authorization: Bearer ***".to_owned(),
        "< HTTP/1.1 302".to_owned(),
        "< location: /long".to_owned(),
        format!("> GET {base}/long"),
        "> select '$TICKET'::text as ticket, 2::int as two".to_owned(),
        "< 1 row, the first: ticket = \"***\", two = 2".to_owned(),
    ] {
        assert!(ran.stderr.lines().any(|shown| shown.trim() == line), "no `{line}` in\n{}", ran.stderr);
    }
    let body =
        ran.stderr.lines().find(|line| line.trim().starts_with("< 0123456789")).expect("the long body");
    assert!(body.ends_with("… (10000 bytes in all)") && body.len() < 2_100, "{body}");
    for secret in ["hunter2-x", "tick-4711", "in-clear"] {
        assert!(!ran.stderr.contains(secret), "{secret}\n{}", ran.stderr);
    }
}

#[test]
fn captures_stay_secret_when_the_answer_fails_first() {
    let server = HttpServer::start(shop);
    let suite = format!(
        "[suite]\nname = \"s\"\n[[journey]]\nname = \"j\"\n[[journey.step]]\nname = \"log in\"\nget = \"{}\"\n\
         expect.status = 201\ncapture.ticket = {{ json = \"$.ticket\", secret = true }}\n",
        server.url("/login")
    );
    for tracing in [&["--trace"][..], &[]] {
        let ran = Smoke::new().suite(&suite).args(tracing.iter().copied()).run();
        ran.exits(1);
        assert!(ran.stderr.contains(r#"{"ticket":"***","greeting":"hello"}"#), "{}", ran.stderr);
        let report = std::fs::read_to_string(ran.path("junit.xml")).expect("the report");
        assert!(
            !ran.stderr.contains("tick-4711") && !report.contains("tick-4711"),
            "{}\n{report}",
            ran.stderr
        );
    }
}

#[test]
fn nothing_is_shown_by_default() {
    let server = HttpServer::start(shop);
    let suite = format!("[[health]]\nname = \"h\"\nurl = \"{}\"\n", server.url("/long"));
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(0);
    assert!(!ran.stderr.contains("TRACE") && !ran.stderr.contains("0123456789"), "{}", ran.stderr);
}
