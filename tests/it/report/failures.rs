//! Seeded faults: the first lines name the cause, and the command under them reproduces it.
//!
//! `tests/suites/faults/` has the output for each. `INSTA_UPDATE=always tests/run --test it failures` updates it.

mod databases;
mod journeys;
mod names;
mod processes;

use std::net::TcpListener;

use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::fault::{Fault, FaultServer};
use crate::support::http::{HttpServer, Response};
use crate::support::seeded::Seeded;

fn health(name: &'static str, url: &str, keys: &str) -> Seeded {
    Seeded::new(name, &format!("[[health]]\nname = \"it\"\nurl = {url:?}\n{keys}\n"))
}

fn answers(response: impl Fn() -> Response + Send + Sync + 'static) -> HttpServer {
    HttpServer::start(move |_| response())
}

/// A port without a listener: it was free a moment ago.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

// --- unexpected answers -------------------------------------------------------------------------------------------

#[test]
fn a_wrong_status() {
    let server = answers(|| Response::json(r#"{"error":"database is down"}"#).status(503));
    health("wrong_status", &server.url("/health"), "expect.status = 200")
        .says("expected status 200, got 503", "database is down");
}

#[test]
fn a_wrong_field() {
    let server = answers(|| Response::json(r#"{"status":"degraded","queue":{"depth":1200}}"#));
    let keys = "expect.json.\"$.status\" = \"ok\"\nexpect.json.\"$.queue.depth\" = { max = 100 }";
    health("wrong_field", &server.url("/health"), keys)
        .says("expected json $.status \"ok\", got \"degraded\"", "\"degraded\"");
}

#[test]
fn a_missing_field() {
    let server = answers(|| Response::json(r#"{"state":"ok"}"#));
    health("missing_field", &server.url("/health"), "expect.json.\"$.status\" = \"ok\"")
        .says("json $.status", r#"{"state":"ok"}"#);
}

#[test]
fn a_document_that_differs_in_places() {
    let server = answers(|| {
        Response::json(r#"{"build":{"version":"1.4.1","flags":["a","c"]},"region":"eu","up":true}"#)
    });
    let keys = "expect.json.\"$\" = { equals = { build = { version = \"1.4.2\", flags = [\"a\", \"b\"] }, \
                region = \"eu\", up = true } }";
    health("document", &server.url("/version"), keys)
        .says("expected json $.build.version \"1.4.2\", got \"1.4.1\"", r#""version":"1.4.1""#);
}

#[test]
fn a_text_that_differs_in_one_line() {
    let server = answers(|| Response::new(200).body("one\ntwo\nthree\n"));
    health("text", &server.url("/"), "expect.body = \"one\\n2\\nthree\\n\"")
        .says("expected body line 2 \"2\", got \"two\"", "two");
}

#[test]
fn a_long_body_without_the_text() {
    let server = answers(|| Response::new(200).body("lorem ipsum ".repeat(2_000)));
    health("long_body", &server.url("/"), "expect.body = { contains = \"dolor\" }").says("dolor", "lorem");
}

#[test]
fn an_answer_that_is_too_slow() {
    let server = answers(|| Response::new(200).delay(std::time::Duration::from_millis(400)));
    health("slow", &server.url("/"), "expect.within = \"200ms\"")
        .says("expected an answer within 200ms", "200 OK");
}

#[test]
fn a_page_instead_of_json() {
    let server = answers(|| Response::html("<h1>Bad gateway</h1><p>nginx</p>"));
    health("html_for_json", &server.url("/health"), "expect.json.\"$.status\" = \"ok\"")
        .says("Bad gateway", "Bad gateway");
}

#[test]
fn a_redirect_to_the_login() {
    let server = answers(|| Response::redirect("/login?next=/orders"));
    health("login", &server.url("/orders"), "expect.status = 200").says("/login?next=/orders", "302");
}

#[test]
fn an_empty_answer() {
    let server = answers(|| Response::new(204));
    health("empty", &server.url("/"), "expect.json.\"$.status\" = \"ok\"").says("empty body", "204");
}

#[test]
fn a_missing_header() {
    let server = answers(|| Response::new(200));
    health("header", &server.url("/"), "expect.header.strict-transport-security = { exists = true }")
        .says("strict-transport-security", "200 OK");
}

#[test]
fn a_page_with_another_heading() {
    let server = answers(|| Response::html("<h1>Maintenance</h1>"));
    health("heading", &server.url("/"), "expect.html.h1 = \"Shop\"")
        .says("got \"Maintenance\"", "Maintenance");
}

#[test]
fn an_old_version_that_is_still_live() {
    let server = answers(|| Response::json(r#"{"version":"1.4.1"}"#));
    let keys =
        "expect.json.\"$.version\" = \"1.4.2\"\npoll = { every = \"300ms\", hold = 3 }\nbudget = \"2s\"";
    health("old_version", &server.url("/version"), keys)
        .says("expected json $.version \"1.4.2\", got \"1.4.1\"", "1.4.1");
}

#[test]
fn a_redirect_that_never_ends() {
    let server = FaultServer::start(Fault::RedirectLoop);
    health("redirects", &server.url(), "redirects = 3")
        .says("an end to the redirects", "Maximum (3) redirects followed");
}

#[test]
fn a_redirect_that_would_take_a_password_elsewhere() {
    let elsewhere = HttpServer::start(|_| Response::new(200));
    let target = elsewhere.url("/taken");
    let server = answers(move || Response::redirect(&target).status(307));
    let form = "method = \"POST\"\nredirects = 1\nform = { user = \"ann\", password = \"hunter2-long\" }";
    health("body_away", &server.url("/login"), form).says("expected the request's body to stay at", "307");
    let step = format!(
        "[[journey]]\nname = \"it\"\n[[journey.step]]\nname = \"log in\"\nurl = {:?}\n{form}\n",
        server.url("/login")
    );
    Seeded::new("body_away_in_a_step", &step).says("expected the request's body to stay at", "307");
    assert_eq!(elsewhere.requests().len(), 0, "neither smoke nor the command takes it there");
}

// --- no answer ----------------------------------------------------------------------------------------------------

#[test]
fn a_connection_that_is_refused() {
    let url = format!("http://127.0.0.1:{}/health", closed_port());
    health("refused", &url, "").says("connection refused", "Failed to connect");
}

#[test]
fn a_port_that_is_closed() {
    let url = format!("tcp://127.0.0.1:{}", closed_port());
    health("port", &url, "").says("connection refused", "Failed to connect");
}

#[test]
fn a_name_that_is_not_found() {
    health("dns", "http://shop.invalid/health", "")
        .says("looking up `shop.invalid`", "Could not resolve host");
}

#[test]
fn a_proxy_that_is_refused() {
    let proxy = format!("proxy = \"http://smoke:in-clear@127.0.0.1:{}\"", closed_port());
    health("proxy", "http://shop.invalid/", &proxy).says("through the proxy", "Failed to connect");
}

#[test]
fn a_server_that_is_mute() {
    let server = FaultServer::start(Fault::Mute);
    health("mute", &server.url(), "budget = \"1s\"").says("(first byte)", "timed out");
}

#[test]
fn a_server_that_never_accepts() {
    let server = FaultServer::start(Fault::NeverAccept);
    health("never_accepts", &server.url(), "budget = \"1s\"").says("(connect)", "imed out");
}

#[test]
fn a_server_that_resets() {
    let server = FaultServer::start(Fault::Reset);
    health("reset", &server.url(), "").says("the connection was reset", "reset by peer");
}

#[test]
fn a_server_that_closes_without_an_answer() {
    let server = FaultServer::start(Fault::CloseAtOnce);
    health("closed", &server.url(), "").says("closed without an answer", "Empty reply from server");
}

#[test]
fn a_body_that_is_cut_short() {
    let server = FaultServer::start(Fault::TruncatedBody);
    health("truncated", &server.url(), "").says("before the body was complete", "transfer closed");
}

#[test]
fn a_body_that_never_ends() {
    let server = FaultServer::start(Fault::SlowBody);
    health("slow_body", &server.url(), "budget = \"1s\"").says("(body)", "timed out");
}

#[test]
fn what_is_not_http() {
    let server = FaultServer::start(Fault::Garbage);
    health("not_http", &server.url(), "budget = \"5s\"").says("what came is not HTTP", "HTTP/0.9");
}

// --- certificates -------------------------------------------------------------------------------------------------

fn over_tls(name: &'static str, identity: TlsIdentity, cause: &str, again: [&str; 2]) {
    let server = HttpServer::start_tls(identity, |_| Response::new(200));
    let port = server.address().port();
    let ca = format!("tls.ca = \"{}\"", Certificates::shared().authority().display());
    health(name, &format!("https://localhost:{port}/"), &ca).says(cause, again[0]);
    let handshake: &'static str = format!("{name}_handshake").leak();
    health(handshake, &format!("tls://localhost:{port}"), &ca).says(cause, again[1]);
}

#[test]
fn a_certificate_that_has_expired() {
    let again = ["certificate has expired", "certificate has expired"];
    over_tls("expired", TlsIdentity::Expired, "the server's certificate has expired", again);
}

#[test]
fn a_self_signed_certificate() {
    let again = ["self-signed certificate", "self-signed certificate"];
    over_tls(
        "self_signed",
        TlsIdentity::SelfSigned,
        "not issued by an authority that this machine trusts",
        again,
    );
}

#[test]
fn a_certificate_for_another_host() {
    let again = ["no alternative certificate subject name matches", "ostname mismatch"];
    over_tls("wrong_host", TlsIdentity::WrongHost, "elsewhere.example", again);
}

#[test]
fn a_certificate_that_expires_soon() {
    let server = HttpServer::start_tls(TlsIdentity::SoonExpiring, |_| Response::new(200));
    let ca = Certificates::shared().authority();
    let keys = format!("tls.ca = \"{}\"\nexpect.certificate.days-left = {{ min = 14 }}", ca.display());
    health("days_left", &format!("tls://localhost:{}", server.address().port()), &keys)
        .says("got 10", "NotAfter");
}

#[test]
fn a_port_that_does_not_speak_tls() {
    let server = answers(|| Response::new(200));
    let url = format!("https://localhost:{}/", server.address().port());
    health("no_tls", &url, "").says("does not speak TLS", "wrong version number");
}
