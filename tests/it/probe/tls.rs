//! TLS: verified unless the suite says otherwise, and every refusal describes the certificate.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::support::certificates::{Certificates, TlsIdentity, provider};
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::scratch;
use crate::support::smoke::{Ran, Smoke};
use crate::support::verdicts::{case, health, health_in, suite};

fn server(identity: TlsIdentity) -> HttpServer {
    HttpServer::start_tls(identity, |_| Response::new(200))
}

/// Runs one check over HTTPS and one that is only a handshake.
fn asked(server: &HttpServer, keys: &str) -> Ran {
    let port = server.address().port();
    let checks = format!(
        "[[health]]\nname = \"https\"\nurl = \"https://localhost:{port}/\"\n{keys}\n\
         [[health]]\nname = \"tls\"\nurl = \"tls://localhost:{port}\"\n{keys}\n"
    );
    Smoke::new().suite(&suite(&checks)).run()
}

/// Asserts that the check errors with `cause`, and names the certificate's subject, its expiry, and a hint.
#[track_caller]
fn is_refused(server: &HttpServer, keys: &str, cause: &str, hint: &str) {
    let ran = asked(server, keys);
    ran.exits(1);
    let report = ran.junit();
    for name in ["https", "tls"] {
        let case = report.case(name);
        assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Errored, Some("tls")), "{}", case.text);
        let message = case.message.as_deref().expect("a message");
        let whole = format!("the TLS handshake with localhost:{}: {cause}; ", server.address().port());
        assert!(message.starts_with(&whole), "{message}");
        assert!(message.contains("the certificate is for CN=smoke test server, issued by CN="), "{message}");
        let date = message.rsplit_once("valid until ").expect("its expiry").1;
        assert!(date.len() == 10 && date.starts_with("20"), "{message}");
        assert!(case.text.contains(&format!("hint: {hint}")), "{}", case.text);
    }
    assert_eq!(server.requests().len(), 0, "nothing is sent to a server that is not trusted");
}

const NOBODY: &str = "the server's certificate is not issued by an authority that this machine trusts";
/// An untrusted authority cannot be distinguished from an intermediate that was not sent.
const ALONE: &str = "the server sent its own certificate and not its issuer's, which is no authority that this machine trusts";
const CHAIN: &str = "if the issuer is an intermediate CA, have the server send the whole chain";

fn trusted() -> String {
    format!("tls.ca = \"{}\"", Certificates::shared().authority().display())
}

#[test]
fn only_certificates_of_the_configured_authority_pass() {
    let good = server(TlsIdentity::Good);
    let other = format!("tls.ca = {:?}", Certificates::shared().other_authority());
    is_refused(&good, &other, ALONE, CHAIN);
    asked(&good, &trusted()).exits(0);
    is_refused(&server(TlsIdentity::OtherAuthority), &trusted(), ALONE, CHAIN);
}

#[test]
fn a_machine_without_authorities_is_told_apart() {
    let server = server(TlsIdentity::Good);
    let ran = health_in(
        Smoke::new().env("SSL_CERT_FILE", "/nowhere.pem").env("SSL_CERT_DIR", "/nowhere"),
        "",
        &[case(
            format!("url = {:?}", server.url("/")),
            format!(
                "the TLS handshake with localhost:{}: this machine has no CA certificates to check the server's certificate with; …",
                server.address().port()
            ),
        )],
    );
    assert!(ran.stderr.contains("hint: install them (the package `ca-certificates`)"), "{}", ran.stderr);
}

#[test]
fn an_expired_certificate_is_refused() {
    is_refused(
        &server(TlsIdentity::Expired),
        &trusted(),
        "the server's certificate has expired",
        "renew the certificate",
    );
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    is_refused(
        &server(TlsIdentity::WrongHost),
        &trusted(),
        "the server's certificate is not valid for this host name, only for elsewhere.example",
        "use a name of the certificate in the URL",
    );
}

#[test]
fn a_self_signed_certificate_is_refused_unless_it_is_configured() {
    let server = server(TlsIdentity::SelfSigned);
    is_refused(&server, &trusted(), NOBODY, "name the issuing CA's PEM file");

    // Certificates of `openssl req -x509` are also authorities, which no verifier accepts as a server certificate.
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let folder = scratch::for_a_test();
        let (certificate, key) = (folder.path().join("own.pem"), folder.path().join("own.key"));
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).expect("take the name");
        parameters.is_ca = is_ca;
        let own_key = KeyPair::generate().expect("generate a key");
        let own = parameters.self_signed(&own_key).expect("sign");
        fs::write(&certificate, own.pem()).expect("write the certificate");
        fs::write(&key, own_key.serialize_pem()).expect("write the key");
        let (address, served) = shakes_hands_once(&certificate, &key);
        let keys = format!("url = \"tls://localhost:{}\"\ntls.ca = {certificate:?}", address.port());
        let _ = health(&[case(keys, "")]);
        served.join().expect("the server's thread");
    }
}

/// A server that performs one handshake with this certificate.
fn shakes_hands_once(certificate: &Path, key: &Path) -> (SocketAddr, JoinHandle<()>) {
    let chain = vec![CertificateDer::from_pem_file(certificate).expect("read the certificate")];
    let key = PrivateKeyDer::from_pem_file(key).expect("read the key");
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .expect("take the certificate");
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("know the port");
    let serve = move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut connection = ServerConnection::new(Arc::new(config)).expect("begin");
        // A client that refuses the certificate ends here; the client's side of the test asserts it.
        let _ = connection.complete_io(&mut stream);
    };
    (address, thread::spawn(serve))
}

#[test]
fn insecure_accepts_any_certificate_and_is_marked() {
    for identity in [TlsIdentity::Expired, TlsIdentity::WrongHost, TlsIdentity::SelfSigned] {
        let ran = asked(&server(identity), "tls.insecure = true");
        ran.exits(0);
        let said = ran.stderr.matches("(insecure: the certificate is not verified)").count();
        assert_eq!(said, 2, "{identity:?}\n{}", ran.stderr);
    }
    let ran = asked(&server(TlsIdentity::Good), &trusted());
    assert!(!ran.stderr.contains("insecure"), "{}", ran.stderr);
}

#[test]
fn an_insecure_step_is_marked_on_its_journeys_line() {
    let server = server(TlsIdentity::SelfSigned);
    let ran = Smoke::new()
        .suite(&suite(&format!(
            "[[journey]]\nname = \"it\"\n[[journey.step]]\nname = \"a\"\nget = {:?}\ntls.insecure = true\n",
            server.url("/")
        )))
        .run();
    ran.exits(0);
    assert!(ran.stderr.contains("(insecure: the certificate is not verified)"), "{}", ran.stderr);
}

#[test]
fn a_client_certificate_is_sent_when_configured() {
    let certificates = Certificates::shared();
    let server = server(TlsIdentity::ClientCertificateRequired);
    let tls = format!(
        "tls = {{ ca = {:?}, cert = {:?}, key = {:?} }}",
        certificates.authority(),
        certificates.client_certificate(),
        certificates.client_key()
    );
    asked(&server, &tls).exits(0);
    assert!(server.requests().iter().all(|request| request.client_certificate));
}

#[test]
fn omitted_tls_keys_come_from_the_defaults() {
    let certificates = Certificates::shared();
    let required = server(TlsIdentity::ClientCertificateRequired);
    let expired = server(TlsIdentity::Expired);
    let (cert, key) = (certificates.client_certificate(), certificates.client_key());
    let cases = [
        case(format!("url = {:?}\ntls = {{ cert = {cert:?}, key = {key:?} }}", required.url("/")), ""),
        case(format!("url = {:?}\ntls = {{ insecure = true }}", expired.url("/")), ""),
        case(format!("url = {:?}", expired.url("/")), "the TLS handshake with localhost:…"),
    ];
    let _ = health_in(Smoke::new(), &format!("[defaults.http]\n{}", trusted()), &cases);
}

#[test]
fn a_missing_client_certificate_is_reported() {
    let server = server(TlsIdentity::ClientCertificateRequired);
    let ran = health(&[case(
        format!("url = {:?}\n{}", server.url("/"), trusted()),
        format!(
            "the TLS handshake with localhost:{}: the server wants a client certificate",
            server.address().port()
        ),
    )]);
    let report = ran.junit();
    let case = report.case("case 0");
    assert_eq!(case.kind.as_deref(), Some("tls"));
    assert!(case.text.contains("hint: give the client's PEM files"), "{}", case.text);
}

#[test]
fn a_pem_file_that_cannot_be_used_is_named() {
    let server = server(TlsIdentity::Good);
    let url = server.url("/");
    let certificates = Certificates::shared();
    let key = certificates.client_key();
    let ran = health(&[case(
        format!("url = {url:?}\ntls.ca = {key:?}"),
        format!("reading `{}`: there is no certificate in it", key.display()),
    )]);
    assert_eq!(ran.junit().case("case 0").kind.as_deref(), Some("local"));
}

#[test]
fn a_pem_file_that_is_not_there_is_found_by_check_where_its_path_is_known() {
    let certificate = Certificates::shared().client_certificate();
    let keys = [
        "url = \"https://shop.example/\"\ntls.ca = \"/nowhere/ca.pem\"".to_owned(),
        format!(
            "url = \"tls://shop.example:443\"\ntls = {{ cert = {certificate:?}, key = \"/nowhere/key\" }}"
        ),
        "url = \"https://shop.example/\"\ntls.ca = \"{{folder}}/ca.pem\"".to_owned(),
        "url = \"https://shop.example/\"\ntls.ca = \"{{outside}}/ca.pem\"".to_owned(),
    ];
    let checks: Vec<String> =
        (0..).zip(&keys).map(|(number, keys)| format!("[[health]]\nname = \"{number}\"\n{keys}\n")).collect();
    let vars = "[vars]\nfolder = \"certs\"\noutside = { env = \"CERTS\" }\n[env.production.vars]\nfolder = \"live\"\n";
    let ran = Smoke::bare().arg("check").suite(&format!("{vars}{}", checks.concat())).run();
    ran.exits(2);
    let told: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    let expected = ["/nowhere/ca.pem", "/nowhere/key", "certs/ca.pem", "live/ca.pem"];
    assert_eq!(told, expected.map(|path| format!("error: cannot read `{path}`: no such file or directory")));
}

#[test]
fn plain_http_behind_https_and_tls_behind_http_are_recognised() {
    let plain = HttpServer::start(|_| Response::new(200));
    let tls = server(TlsIdentity::Good);
    let (plain, tls) = (plain.address(), tls.address());
    let cases = [
        case(
            format!("url = \"https://{plain}/\""),
            format!("the TLS handshake with {plain}: the other side does not speak TLS"),
        ),
        case(format!("url = \"http://{tls}/\""), format!("waiting for the answer of http://{tls}/: …")),
    ];
    let _ = health(&cases);
}
