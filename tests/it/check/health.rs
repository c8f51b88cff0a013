//! `[[health]]`: which responses pass, over HTTP, TCP and TLS.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::fault::{Fault, FaultServer};
use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health, suite};

/// Answers `/204` with 204, `/503` with 503, and so on.
fn statuses() -> HttpServer {
    HttpServer::start(|request| Response::new(request.path.trim_start_matches('/').parse().unwrap_or(200)))
}

#[test]
fn without_expect_any_2xx_passes_and_nothing_else() {
    let server = statuses();
    let cases = [200, 201, 204, 299, 301, 302, 304, 400, 404, 500, 503].map(|status| {
        let failure = match status {
            200..300 => String::new(),
            _ => format!("expected status 2xx, got {status}"),
        };
        case(format!("url = {:?}", server.url(&format!("/{status}"))), failure)
    });
    let _ = health(&cases);
    assert_eq!(server.requests().len(), cases.len(), "one request a check");
}

#[test]
fn a_status_is_a_number_a_class_or_a_list_of_both() {
    let server = statuses();
    let cases = [
        (200, "200", ""),
        (201, "200", "expected status 200, got 201"),
        (503, "503", ""),
        (404, "\"4xx\"", ""),
        (200, "\"4xx\"", "expected status 4xx, got 200"),
        (302, "[200, 302]", ""),
        (404, "[200, \"3xx\", 404]", ""),
        (500, "[200, \"3xx\"]", "expected status 200 or 3xx, got 500"),
    ];
    let cases = cases.map(|(status, expected, failure)| {
        case(format!("url = {:?}\nexpect.status = {expected}", server.url(&format!("/{status}"))), failure)
    });
    let _ = health(&cases);
}

#[test]
fn other_expectations_do_not_replace_the_status() {
    let server = HttpServer::start(|_| Response::json("{\"status\": \"ok\"}").status(500));
    let keys = format!("url = {:?}\nexpect.json.\"$.status\" = \"ok\"", server.url("/"));
    let _ = health(&[case(keys, "expected status 2xx, got 500")]);
}

#[test]
fn an_answer_slower_than_within_fails_inside_the_budget() {
    let server = HttpServer::start(|_| Response::new(200).delay(Duration::from_millis(150)));
    let cases = [
        case(format!("url = {:?}\nexpect.within = \"4s\"", server.url("/")), ""),
        case(
            format!("url = {:?}\nexpect.within = \"100ms\"", server.url("/")),
            "expected an answer within 100ms, got one after …",
        ),
    ];
    let _ = health(&cases);
}

#[test]
fn a_port_is_open_or_it_is_refused() {
    let open = TcpListener::bind("127.0.0.1:0").expect("listen");
    let closed = TcpListener::bind("127.0.0.1:0").expect("listen").local_addr().expect("know the port");
    let open_address = open.local_addr().expect("know the port");
    let cases = [
        case(format!("url = \"tcp://{open_address}\""), ""),
        case(format!("url = \"tcp://localhost:{}\"", open_address.port()), ""),
        case(format!("url = \"tcp://{closed}\""), format!("connecting to {closed}: connection refused")),
        case(format!("url = \"http://{closed}/\""), format!("connecting to {closed}: connection refused")),
        case("url = \"tcp://no-such-host.invalid:80\"", "looking up `no-such-host.invalid`: …"),
        case("url = \"http://no-such-host.invalid/\"", "looking up `no-such-host.invalid`: …"),
    ];
    let ran = health(&cases);
    let report = ran.junit();
    for (name, kind) in [("case 2", "connect"), ("case 3", "connect"), ("case 4", "dns"), ("case 5", "dns")] {
        assert_eq!(report.case(name).kind.as_deref(), Some(kind));
        assert!(report.case(name).text.contains("hint: "), "{}", report.case(name).text);
    }
}

#[test]
fn the_remaining_days_of_a_certificate_are_counted() {
    let certificates = Certificates::shared();
    let tls = format!("tls.ca = {:?}", certificates.authority());
    let good = HttpServer::start_tls(TlsIdentity::Good, |_| Response::new(200));
    let soon = HttpServer::start_tls(TlsIdentity::SoonExpiring, |_| Response::new(200));
    let min = "expect.certificate.days-left = { min = 14 }";
    let (good_port, soon_port) = (good.address().port(), soon.address().port());
    let cases = [
        case(format!("url = \"tls://localhost:{good_port}\"\n{tls}\n{min}"), ""),
        case(format!("url = \"tls://localhost:{good_port}\"\n{tls}"), ""),
        case(format!("url = {:?}\n{tls}\n{min}", good.url("/")), ""),
        case(
            format!("url = \"tls://localhost:{soon_port}\"\n{tls}\n{min}"),
            "expected certificate days-left at least 14, got 10",
        ),
        case(
            format!("url = {:?}\n{tls}\n{min}", soon.url("/")),
            "expected certificate days-left at least 14, got 10",
        ),
        case(format!("url = \"tls://localhost:{soon_port}\"\n{tls}\nexpect.certificate.days-left = 10"), ""),
    ];
    let _ = health(&cases);
}

#[test]
fn http_keys_on_tcp_and_tls_are_errors() {
    for (keys, message) in [
        ("url = \"tcp://127.0.0.1:1\"\nexpect.status = 200", "`status` does not apply to a `tcp://` check"),
        ("url = \"tcp://127.0.0.1:1\"\nmethod = \"POST\"", "`method` does not apply to a `tcp://` check"),
        (
            "url = \"tls://127.0.0.1:1\"\nheaders = { a = \"b\" }",
            "`headers` does not apply to a `tls://` check",
        ),
        ("url = \"tcp://127.0.0.1\"", "`tcp://` needs a host and a port"),
        (
            "url = \"http://127.0.0.1\"\nexpect.certificate.days-left = 1",
            "needs an `https://` or `tls://` URL",
        ),
        ("url = \"ftp://127.0.0.1\"", "unsupported scheme `ftp`"),
        ("url = \"127.0.0.1:80\"", "relative URL without a base"),
    ] {
        let ran = Smoke::new().suite(&suite(&format!("[[health]]\nname = \"it\"\n{keys}\n"))).run();
        ran.exits(2);
        assert!(ran.stderr.contains(message), "{message} in\n{}", ran.stderr);
    }
}

#[test]
fn a_body_is_read_up_to_max_body_and_no_further() {
    let server = HttpServer::start(|_| Response::new(200).body("x".repeat(2000)));
    let endless = FaultServer::start(Fault::EndlessBody);
    let cases = [
        case(format!("url = {:?}\nmax-body = 2000\nexpect.body = {{ length = 2000 }}", server.url("/")), ""),
        case(
            format!("url = {:?}\nmax-body = \"1kB\"", server.url("/")),
            "expected a body of at most 1000 bytes (`max-body`), got a larger one; it was not read to its end",
        ),
        case(
            format!("url = {:?}", endless.url()),
            "expected a body of at most 1048576 bytes (`max-body`), got a larger one; it was not read to its end",
        ),
    ];
    let _ = health(&cases);
}

#[test]
fn a_compressed_body_is_decompressed() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"{\"packed\": true}").expect("pack");
    let packed = packed.finish().expect("pack");
    let server = HttpServer::start(move |request| {
        assert!(request.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip")));
        Response::new(200).header("content-encoding", "gzip").body(packed.clone())
    });
    let broken = HttpServer::start(|_| Response::new(200).header("content-encoding", "gzip").body("plain"));
    let cases = [
        case(format!("url = {:?}\nexpect.json.\"$.packed\" = true", server.url("/")), ""),
        case(
            format!("url = {:?}", broken.url("/")),
            format!("reading the body of {}: the body cannot be decoded: …", broken.url("/")),
        ),
    ];
    let _ = health(&cases);
}

#[test]
fn a_compression_bomb_uses_no_more_memory_than_max_body() {
    const BOUND: u64 = 64 * 1024 * 1024;
    let server = FaultServer::start(Fault::CompressedBomb);
    let checks: Vec<String> =
        (0..8).map(|number| format!("[[health]]\nname = \"{number}\"\nurl = {:?}\n", server.url())).collect();
    let ran = Smoke::new().suite(&suite(&checks.concat())).watch_memory().run();
    ran.exits(1);
    for case in ran.junit().cases {
        assert_eq!(
            case.message.as_deref(),
            Some(
                "expected a body of at most 1048576 bytes (`max-body`), got a larger one; it was not read to its end"
            )
        );
    }
    let peak = ran.peak_memory.expect("the memory was watched");
    assert!(peak < BOUND, "{peak} bytes for bombs of 256 MiB");
}

#[test]
fn a_poll_that_times_out_reports_the_previous_answer() {
    let server = HttpServer::start({
        let asked = std::sync::atomic::AtomicUsize::new(0);
        move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Response::new(503),
            _ => Response::new(200).delay(Duration::from_secs(30)),
        }
    });
    let keys = format!("url = {:?}\nbudget = \"2s\"\npoll = {{ every = \"10ms\" }}", server.url("/"));
    let _ = health(&[case(
        keys,
        "expected status 2xx, got 503; no answer within 2s (check budget), while waiting for the first byte of the answer (first byte): got 503 in 1 of 2 attempts",
    )]);
}
