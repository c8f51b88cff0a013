//! The HTTP server, tested with curl.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{ask, curl};
use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::http::{HttpServer, Response};

#[test]
fn it_sends_the_given_responses_and_records_the_requests() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/login" => Response::redirect("/dashboard").header("set-cookie", "session=1"),
        "/page" => Response::html("<h1>Welcome</h1>"),
        "/broken" => Response::json(r#"{"status":"down"}"#).status(503),
        _ => Response::new(404).body("no such page"),
    });
    let login = curl(&["-i", "-d", "user=smoke", "-H", "X-Test: yes", &server.url("/login?next=%2F")]);
    assert!(login.stdout.starts_with("HTTP/1.1 302 Found\r\n"), "{}", login.stdout);
    assert!(login.stdout.contains("location: /dashboard\r\nset-cookie: session=1\r\n"), "{}", login.stdout);
    assert_eq!(curl(&[&server.url("/page")]).stdout, "<h1>Welcome</h1>");
    let broken = curl(&["-w", " %{http_code} %{content_type}", &server.url("/broken")]);
    assert_eq!(broken.stdout, r#"{"status":"down"} 503 application/json"#);
    assert_eq!(curl(&[&server.url("/elsewhere")]).stdout, "no such page");

    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(server.connections(), 4);
    let login = &requests[0];
    assert_eq!((login.method.as_str(), login.query.as_str()), ("POST", "next=%2F"));
    assert_eq!((login.target.as_str(), login.text().as_str()), ("/login?next=%2F", "user=smoke"));
    assert_eq!(login.header("x-test"), Some("yes"));
    assert_eq!(login.header("x-other"), None);
    assert!(!login.client_certificate);
}

#[test]
fn a_response_can_be_delayed() {
    let server = HttpServer::start(|_| Response::new(200).delay(Duration::from_millis(200)));
    let started = Instant::now();
    assert_eq!(curl(&[&server.url("/")]).code, Some(0));
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[test]
fn dropping_it_ends_pending_responses() {
    let server = HttpServer::start(|_| Response::new(200).delay(Duration::from_mins(1)));
    let address = server.address().to_string();
    let url = server.url("/");
    let mut waiting = Command::new("curl")
        .args(["-q", "--noproxy", "*", "--silent", "--max-time", "50", &url])
        .stdout(Stdio::null())
        .spawn()
        .expect("run curl");
    crate::support::wait::until("the request", Duration::from_secs(20), || server.requests().pop());
    drop(server);
    assert_eq!(waiting.wait().expect("wait for curl").code(), Some(52), "an empty reply");
    assert_eq!(curl(&[&format!("http://{address}/")]).code, Some(7), "refused");
}

#[test]
fn each_tls_identity_is_what_it_says() {
    let authority = Certificates::shared().authority();
    let authority = authority.to_str().expect("a plain path");
    let other = Certificates::shared().other_authority();
    let other = other.to_str().expect("a plain path");
    let ask_as = |identity, trusted: &str| {
        let server = HttpServer::start_tls(identity, |_| Response::new(200).body("hello"));
        curl(&["--cacert", trusted, &server.url("/")])
    };
    for identity in [TlsIdentity::Good, TlsIdentity::SoonExpiring, TlsIdentity::ClientCertificateAsked] {
        let said = ask_as(identity, authority);
        assert_eq!(said.stdout, "hello", "{identity:?}: {}", said.stderr);
    }
    for (identity, complaint) in [
        (TlsIdentity::Expired, "expired"),
        (TlsIdentity::WrongHost, "no alternative certificate subject name matches"),
        (TlsIdentity::SelfSigned, "self-signed certificate"),
        (TlsIdentity::OtherAuthority, "unable to get local issuer certificate"),
    ] {
        let said = ask_as(identity, authority);
        assert_eq!(said.code, Some(60), "{identity:?}: {}", said.stderr);
        assert!(said.stderr.contains(complaint), "{identity:?}: {}", said.stderr);
    }
    assert_eq!(ask_as(TlsIdentity::Good, other).code, Some(60));
    assert_eq!(ask_as(TlsIdentity::OtherAuthority, other).code, Some(0));
    assert_eq!(ask_as(TlsIdentity::ClientCertificateRequired, authority).code, Some(56));
}

#[test]
fn it_sees_client_certificates() {
    let certificates = Certificates::shared();
    let authority = certificates.authority();
    let (certificate, key) = (certificates.client_certificate(), certificates.client_key());
    for identity in [TlsIdentity::ClientCertificateRequired, TlsIdentity::ClientCertificateAsked] {
        let server = HttpServer::start_tls(identity, |_| Response::new(204));
        let mut curl = Command::new("curl");
        curl.args(["-q", "--noproxy", "*", "--silent", "--show-error", &server.url("/")]);
        curl.arg("--cacert").arg(&authority).arg("--cert").arg(&certificate).arg("--key").arg(&key);
        let said = ask(&mut curl);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(server.requests()[0].client_certificate);
    }
}

#[test]
fn the_soon_expiring_certificate_has_ten_days_left() {
    let server = HttpServer::start_tls(TlsIdentity::SoonExpiring, |_| Response::new(200));
    let outlives_days = |days: u32| {
        let script = format!(
            "openssl s_client -connect {} </dev/null 2>/dev/null | openssl x509 -noout -checkend {}",
            server.address(),
            days * 24 * 60 * 60
        );
        ask(Command::new("sh").args(["-c", &script])).code == Some(0)
    };
    assert!(outlives_days(10));
    assert!(!outlives_days(11));
}
