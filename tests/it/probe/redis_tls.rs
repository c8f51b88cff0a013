//! Redis over TLS: by the one configuration, from the `tls` key or the URL.

use crate::support::ask::{Asked, quoted};
use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::junit::Case;
use crate::support::redis::Redis;
use crate::support::smoke::Smoke;

fn health(url: &str, keys: &str) -> Smoke {
    let suite = format!(
        "[suite]\nname = \"s\"\n[[health]]\nname = \"x\"\nbudget = \"20s\"\nurl = {}\n{keys}\n",
        quoted(url)
    );
    Smoke::new().suite(&suite)
}

#[track_caller]
fn red(url: &str, keys: &str) -> Case {
    let ran = health(url, keys).run();
    ran.exits(1);
    ran.junit().case("x").clone()
}

fn with_ca() -> String {
    format!("tls = {{ ca = {} }}", quoted(&Certificates::shared().authority().display().to_string()))
}

fn by_url() -> String {
    format!("?ssl_ca_certs={}", Certificates::shared().authority().display())
}

#[test]
fn a_certificate_is_verified_by_the_key_or_the_url() {
    let server = Redis::with_tls(TlsIdentity::Good, &["requirepass pw"]);
    let url = format!("rediss://:pw@localhost:{}", server.tls_port());
    health(&url, &with_ca()).run().exits(0);
    health(&url, &format!("{}\nexpect.certificate.days-left = {{ min = 14 }}", with_ca())).run().exits(0);
    health(&format!("{url}{}", by_url()), "").run().exits(0);
    health(&url, "tls = { insecure = true }").run().exits(0);
    health(&format!("{url}?ssl_cert_reqs=none"), "").run().exits(0);
    Asked::at(&format!("{url}/1{}", by_url())).query("DBSIZE", "value = 0").passes();
    let unknown = red(&url, "");
    assert_eq!(unknown.kind.as_deref(), Some("tls"), "{}", unknown.told());
    let mismatch = red(&url, &format!("{}\nexpect.certificate.days-left = {{ min = 9999 }}", with_ca()));
    assert!(mismatch.told().contains("certificate days-left"), "{}", mismatch.told());
}

#[test]
fn a_certificate_that_is_not_good_is_told_as_for_every_protocol() {
    for (identity, expected) in [
        (TlsIdentity::Expired, "expired"),
        (TlsIdentity::WrongHost, "elsewhere.example"),
        (TlsIdentity::OtherAuthority, "no authority that this machine trusts"),
    ] {
        let server = Redis::with_tls(identity, &[]);
        let case = red(&format!("rediss://localhost:{}", server.tls_port()), &with_ca());
        assert!(case.told().starts_with("tls: the TLS handshake with localhost:"), "{}", case.told());
        assert!(case.told().contains(expected), "{}", case.told());
    }
    let server = Redis::with_tls(TlsIdentity::WrongHost, &[]);
    let url = format!("rediss://localhost:{}{}&ssl_check_hostname=false", server.tls_port(), by_url());
    health(&url, "").run().exits(0);
}

#[test]
fn a_client_certificate_is_shown_where_the_server_asks_for_it() {
    let server = Redis::with_tls(TlsIdentity::ClientCertificateRequired, &[]);
    let url = format!("rediss://localhost:{}", server.tls_port());
    let case = red(&url, &with_ca());
    assert_eq!(case.kind.as_deref(), Some("tls"), "{}", case.told());
    assert!(case.told().contains("the server wants a client certificate"), "{}", case.told());
    let certificates = Certificates::shared();
    let [ca, cert, key] =
        [certificates.authority(), certificates.client_certificate(), certificates.client_key()]
            .map(|path| path.display().to_string());
    let keys = format!("tls = {{ ca = {}, cert = {}, key = {} }}", quoted(&ca), quoted(&cert), quoted(&key));
    health(&url, &keys).run().exits(0);
    let url = format!("{url}?ssl_ca_certs={ca}&ssl_certfile={cert}&ssl_keyfile={key}");
    Asked::at(&url).query("PING", "value = \"PONG\"").passes();
}

#[test]
fn the_wrong_port_says_which_scheme_it_is_for() {
    let server = Redis::with_tls(TlsIdentity::Good, &[]);
    let case = red(&format!("redis://localhost:{}", server.tls_port()), "");
    assert!(case.text.contains("rediss://"), "{}", case.text);
    let checked = Smoke::bare()
        .suite("[[health]]\nname = \"x\"\nurl = \"redis://localhost\"\ntls = { insecure = true }\n")
        .args(["check"])
        .run();
    checked.exits(2);
    assert!(checked.stderr.contains("`tls` has no effect on a connection without TLS"), "{}", checked.stderr);
}
