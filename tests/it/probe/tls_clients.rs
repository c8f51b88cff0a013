//! Both sides of TLS: certificates of any age and version, rejected clients, and connections that end.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::wire::{request_line, serve};
use crate::support::background::Background;
use crate::support::certificates::{Certificates, TlsIdentity, provider};
use crate::support::http::{HttpServer, Response};
use crate::support::journeys::{journey, step};
use crate::support::scratch;
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health, suite};

fn openssl(folder: &Path, arguments: &str) {
    let output =
        Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().expect("run openssl");
    assert!(output.status.success(), "{arguments}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn trusted() -> String {
    format!("tls.ca = \"{}\"", Certificates::shared().authority().display())
}

#[test]
fn a_refusal_of_the_clients_certificate_is_seen_by_a_handshake_alone() {
    let folder = scratch::for_a_test();
    openssl(
        folder.path(),
        "req -x509 -newkey rsa:2048 -nodes -keyout rogue.key -out rogue.pem -subj /CN=rogue -days 9",
    );
    let certificates = Certificates::shared();
    let required = HttpServer::start_tls(TlsIdentity::ClientCertificateRequired, |_| Response::new(200));
    let optional = HttpServer::start_tls(TlsIdentity::ClientCertificateAsked, |_| Response::new(200));
    let url = |server: &HttpServer| format!("url = \"tls://localhost:{}\"", server.address().port());
    let pair = |cert: &Path, key: &Path| {
        format!("tls = {{ ca = {:?}, cert = {cert:?}, key = {key:?} }}", certificates.authority())
    };
    let rogue = pair(&folder.path().join("rogue.pem"), &folder.path().join("rogue.key"));
    let good = pair(&certificates.client_certificate(), &certificates.client_key());
    let handshake = format!("the TLS handshake with localhost:{}", required.address().port());
    let _ = health(&[
        case(
            format!("{}\n{}", url(&required), trusted()),
            format!("{handshake}: the server wants a client certificate"),
        ),
        case(
            format!("{}\n{rogue}", url(&required)),
            format!("{handshake}: the server refused the client's certificate: …"),
        ),
        case(format!("{}\n{good}", url(&required)), ""),
        case(format!("{}\n{}", url(&optional), trusted()), ""),
    ]);
}

/// A server that presents these certificates, valid or not, and answers every request.
fn shows(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
) -> (std::net::SocketAddr, Background) {
    #[derive(Debug)]
    struct Shown(Arc<CertifiedKey>);
    impl ResolvesServerCert for Shown {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }
    let provider: Arc<CryptoProvider> = provider();
    let key = provider.key_provider.load_private_key(key.clone_key()).expect("take the key");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shown(Arc::new(CertifiedKey::new(chain, key)))));
    let tls = TlsAcceptor::from(Arc::new(config));
    serve(move |_, stream| {
        let tls = tls.clone();
        async move {
            let mut stream = tls.accept(stream).await?;
            request_line(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
            stream.flush().await?;
            while stream.read(&mut [0; 64]).await? > 0 {}
            Ok(())
        }
    })
}

#[test]
fn the_days_left_are_those_of_the_chain_and_the_certificate_is_named() {
    let now = std::time::SystemTime::now();
    let days = |days: u64| now + std::time::Duration::from_hours(24 * days + 1);
    let made = |name: &str, ends: std::time::SystemTime, is_ca: bool| {
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).expect("take the name");
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.not_after = ends.into();
        if is_ca {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }
        (parameters, KeyPair::generate().expect("generate a key"))
    };
    let (root, root_key) = made("root", days(3_000), true);
    let root_certificate = root.self_signed(&root_key).expect("sign");
    let root = Issuer::new(root, root_key);
    let (middle, middle_key) = made("the one in between", days(2), true);
    let middle_certificate = middle.signed_by(&middle_key, &root).expect("sign");
    let middle = Issuer::new(middle, middle_key);
    let (leaf, leaf_key) = made("localhost", days(200), false);
    let leaf_certificate = leaf.signed_by(&leaf_key, &middle).expect("sign");
    // It is presented, but nothing depends on it.
    let (other, other_key) = made("another", days(1), true);
    let other_certificate = other.self_signed(&other_key).expect("sign");
    let chain = vec![
        leaf_certificate.der().clone(),
        middle_certificate.der().clone(),
        other_certificate.der().clone(),
    ];
    let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).expect("a key");
    let (address, _server) = shows(chain, &key);
    let folder = scratch::for_a_test();
    let ca = folder.path().join("root.pem");
    fs::write(&ca, root_certificate.pem()).expect("write the root");
    let cases = ["tls", "https"].map(|scheme| {
        case(
            format!("url = \"{scheme}://localhost:{}\"\ntls.ca = {ca:?}\nexpect.certificate.days-left = {{ min = 14 }}", address.port()),
            "expected certificate days-left at least 14, got 2, of a certificate between it and its root: the certificate is for CN=the one in between, issued by CN=root…",
        )
    });
    let _ = health(&cases);
}

#[test]
fn insecure_takes_any_certificate_and_a_pinned_one_may_be_of_the_first_version() {
    let folder = scratch::for_a_test();
    openssl(folder.path(), "req -new -newkey rsa:2048 -nodes -keyout v1.key -subj /CN=localhost -out v1.csr");
    openssl(folder.path(), "x509 -req -in v1.csr -signkey v1.key -days 30 -out v1.pem");
    let pem = folder.path().join("v1.pem");
    let certificate = CertificateDer::from_pem_file(&pem).expect("read the certificate");
    let key = PrivateKeyDer::from_pem_file(folder.path().join("v1.key")).expect("read the key");
    let (address, _server) = shows(vec![certificate], &key);
    let url = format!("url = \"https://localhost:{}/\"", address.port());
    let elsewhere = format!("url = \"https://127.0.0.1:{}/\"", address.port());
    let _ = health(&[
        case(format!("{url}\ntls.insecure = true"), ""),
        case(format!("{url}\ntls.ca = {pem:?}"), ""),
        // Its common name differs, and it has no other names.
        case(format!("{elsewhere}\ntls.ca = {pem:?}"), "the TLS handshake with 127.0.0.1:…"),
        case(url, "the TLS handshake with localhost:…"),
    ]);
}

#[test]
fn keys_that_cannot_be_used_say_why() {
    let folder = scratch::for_a_test();
    let certificates = Certificates::shared();
    openssl(folder.path(), "genrsa -out other.key 2048");
    openssl(folder.path(), "pkey -in other.key -aes256 -passout pass:secret -out pkcs8.key");
    openssl(folder.path(), "rsa -in other.key -aes256 -passout pass:secret -traditional -out pkcs1.key");
    let server = HttpServer::start_tls(TlsIdentity::Good, |_| Response::new(200));
    let case = |key: &str, why: &str| {
        let key = folder.path().join(key);
        let keys = format!(
            "url = {:?}\ntls = {{ ca = {:?}, cert = {:?}, key = {key:?} }}",
            server.url("/"),
            certificates.authority(),
            certificates.client_certificate()
        );
        case(keys, format!("reading `{}`: {why}", key.display()))
    };
    let _ = health(&[
        case("pkcs8.key", "the key is encrypted"),
        case("pkcs1.key", "the key is encrypted"),
        case("other.key", "it is the key of another certificate than `cert`"),
    ]);
}

/// Answers one request per connection over TLS, and closes the connection at the next one without `close_notify`.
fn closes_without_farewell(answer: &'static [u8]) -> (std::net::SocketAddr, Background) {
    let tls = TlsAcceptor::from(Arc::new(Certificates::shared().server_config(TlsIdentity::Good)));
    serve(move |_, stream| {
        let tls = tls.clone();
        async move {
            let mut stream = tls.accept(stream).await?;
            request_line(&mut stream).await?;
            stream.write_all(answer).await?;
            stream.flush().await?;
            if answer.windows(15).any(|part| part == b"content-length:") {
                request_line(&mut stream).await?;
            }
            let (mut stream, _) = stream.into_inner();
            stream.shutdown().await
        }
    })
}

#[test]
fn a_kept_connection_that_ends_without_close_notify_fails_nothing() {
    let (address, _server) = closes_without_farewell(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let steps =
        ["/1", "/2"].map(|path| step(path, &format!("get = \"https://{address}{path}\"\n{}", trusted())));
    Smoke::new().suite(&suite(&journey("it", "", &steps))).run().exits(0);
}

#[test]
fn a_body_that_ends_with_a_connection_without_close_notify_may_be_cut() {
    let (address, _server) =
        closes_without_farewell(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhalf a page");
    let _ = health(&[case(
        format!("url = \"https://{address}/\"\n{}", trusted()),
        format!(
            "reading the body of https://{address}/: the connection was closed without close_notify, and nothing else says where the body ends: it may have been cut"
        ),
    )]);
}
