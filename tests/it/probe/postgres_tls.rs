//! `sslmode` and related parameters: smoke treats a URL as libpq does.

use std::fs;

use crate::support::ask::Asked;
use crate::support::postgres::{CERT, MD5, PASSWORD, PLAIN_ONLY, Postgres, SMOKE, TLS_ONLY};
use crate::support::psql::End::{Refused, Says};
use crate::support::psql::{End, Expected, both_end, smoke_ends};
use crate::support::scratch;

/// Whether the session is encrypted, as the server sees it.
const SSL: &str = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
const ENCRYPTED: End = Says("true");
const PLAIN: End = Says("false");

/// Converts the boolean to text, because `psql` prints it differently.
const QUERY: &str = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";

fn url(server: &Postgres, role: &str, parameters: &str) -> String {
    format!("{}?{parameters}", server.url(role, PASSWORD, "postgres"))
}

#[track_caller]
fn at(server: &Postgres, role: &str, ends: &[(&str, End<'static>)]) {
    let ends: Vec<Expected> =
        ends.iter().map(|(parameters, end)| (url(server, role, parameters), *end)).collect();
    both_end(QUERY, &ends);
}

#[test]
fn each_sslmode_encrypts_and_verifies_as_documented() {
    let server = Postgres::shared();
    let ca = server.ca_path();
    let root = |mode: &str| format!("sslmode={mode}&sslrootcert={}", ca.display());
    let no_root = Refused("template", "there is no root certificate");
    at(
        server,
        SMOKE,
        &[
            ("", ENCRYPTED),
            ("sslmode=disable", PLAIN),
            ("sslmode=allow", PLAIN),
            ("sslmode=prefer", ENCRYPTED),
            ("sslmode=require", ENCRYPTED),
            ("ssl=true", ENCRYPTED),
            ("sslmode=verify-ca", no_root),
            ("sslmode=verify-full", no_root),
            (&root("disable"), PLAIN),
            (&root("allow"), PLAIN),
            (&root("prefer"), ENCRYPTED),
            (&root("require"), ENCRYPTED),
            (&root("verify-ca"), ENCRYPTED),
            (&root("verify-full"), ENCRYPTED),
        ],
    );
    at(server, MD5, &[("sslmode=require", ENCRYPTED), ("sslmode=disable", PLAIN)]);
}

#[test]
fn a_certificate_from_another_authority_is_refused_when_one_is_configured() {
    let server = Postgres::shared();
    let other = server.other_ca_path();
    let root = |mode: &str| format!("sslmode={mode}&sslrootcert={}", other.display());
    let stranger = Refused("tls", "not issued by an authority that this machine trusts");
    at(
        server,
        SMOKE,
        &[
            (&root("require"), stranger),
            (&root("verify-ca"), stranger),
            (&root("verify-full"), stranger),
            // These two modes then fall back to a connection without TLS.
            (&root("prefer"), PLAIN),
            (&root("allow"), PLAIN),
            (&root("disable"), PLAIN),
        ],
    );
}

#[test]
fn a_missing_root_certificate_is_an_error_only_in_modes_that_verify() {
    let server = Postgres::shared();
    let root = |mode: &str| format!("sslmode={mode}&sslrootcert=/nowhere/root.crt");
    let missing = Refused("template", "the root certificate `/nowhere/root.crt` is not there");
    let garbage = scratch::folder().join("garbage.pem");
    fs::write(&garbage, "not a certificate").expect("write a file");
    let garbled = |mode: &str| format!("sslmode={mode}&sslrootcert={}", garbage.display());
    let unusable = Refused("local", "garbage.pem");
    at(
        server,
        SMOKE,
        &[
            (&root("verify-ca"), missing),
            (&root("verify-full"), missing),
            (&root("require"), ENCRYPTED),
            (&root("prefer"), ENCRYPTED),
            (&garbled("require"), unusable),
            (&garbled("verify-full"), unusable),
            (&garbled("prefer"), PLAIN),
        ],
    );
}

#[test]
fn verify_full_checks_the_host_name_and_verify_ca_does_not() {
    let server = Postgres::shared();
    let ca = server.ca_path();
    let ca = ca.display();
    let host = |host: &str, parameters: &str| {
        url(server, SMOKE, &format!("{parameters}&sslrootcert={ca}"))
            .replace("@127.0.0.1", &format!("@{host}"))
    };
    both_end(
        QUERY,
        &[
            (host("127.0.0.2", "sslmode=verify-full"), Refused("tls", "only for localhost, 127.0.0.1")),
            (host("127.0.0.2", "sslmode=verify-ca"), ENCRYPTED),
            (host("127.0.0.2", "sslmode=require"), ENCRYPTED),
            (host("localhost", "sslmode=verify-full"), ENCRYPTED),
            (host("localhost", "sslmode=verify-full&hostaddr=127.0.0.2"), ENCRYPTED),
            (
                host("elsewhere.example", "sslmode=verify-full&hostaddr=127.0.0.1"),
                Refused("tls", "not valid for this host"),
            ),
        ],
    );
}

#[test]
fn system_certificates_require_verify_full() {
    let server = Postgres::shared();
    let ends = [
        (
            "sslmode=verify-full&sslrootcert=system",
            Refused("tls", "not issued by an authority that this machine trusts"),
        ),
        ("sslrootcert=system", Refused("tls", "not issued by an authority that this machine trusts")),
    ];
    // psql supports `system` since version 16.
    let ends = ends.map(|(parameters, end)| (url(server, SMOKE, parameters), end));
    smoke_ends(QUERY, &ends);
    for weak in ["prefer", "require", "verify-ca"] {
        let parameters = format!("sslmode={weak}&sslrootcert=system");
        let ran = Asked::at(&url(server, SMOKE, &parameters)).check("x", "").run();
        ran.exits(2);
        assert!(ran.stderr.contains("goes with `sslmode=verify-full` only"), "{}", ran.stderr);
    }

    let trusted = Asked::at(&url(server, SMOKE, "sslrootcert=system")).query(SSL, "value = true");
    trusted.smoke().env("SSL_CERT_FILE", server.ca_path()).run().exits(0);
    let elsewhere = url(server, SMOKE, "sslrootcert=system").replace("127.0.0.1", "127.0.0.2");
    let ran = Asked::at(&elsewhere).check("x", "").smoke().env("SSL_CERT_FILE", server.ca_path()).run();
    assert!(ran.stderr.contains("not valid for this host name"), "{}", ran.stderr);
}

#[test]
fn a_server_without_tls_is_refused_when_the_url_requires_it() {
    let server = Postgres::without_tls();
    let ca = server.ca_path();
    let none = Refused("tls", "the server does not offer TLS");
    at(
        server,
        SMOKE,
        &[
            ("", PLAIN),
            ("sslmode=disable", PLAIN),
            ("sslmode=allow", PLAIN),
            ("sslmode=prefer", PLAIN),
            ("sslmode=require", none),
            (&format!("sslmode=verify-full&sslrootcert={}", ca.display()), none),
            (&format!("sslmode=prefer&sslrootcert={}", ca.display()), PLAIN),
        ],
    );
}

#[test]
fn a_server_without_tls_gets_one_login() {
    let server = Postgres::without_tls();
    server.admin_sql("create role knocks_once login password 'something else'");
    let url = server.url("knocks_once", PASSWORD, "postgres");
    let report = Asked::at(&url).check("x", "").fails();
    assert_eq!(report.case("x").kind.as_deref(), Some("auth"));
    let refusals = server.log().matches("password authentication failed for user \"knocks_once\"").count();
    assert_eq!(refusals, 1);
}

#[test]
fn prefer_and_allow_fall_back_for_roles_that_need_the_other_mode() {
    let server = Postgres::shared();
    let rejected = Refused("auth", "pg_hba.conf rejects connection");
    at(
        server,
        TLS_ONLY,
        &[
            ("sslmode=disable", rejected),
            ("sslmode=allow", ENCRYPTED),
            ("sslmode=prefer", ENCRYPTED),
            ("sslmode=require", ENCRYPTED),
        ],
    );
    at(
        server,
        PLAIN_ONLY,
        &[
            ("sslmode=disable", PLAIN),
            ("sslmode=allow", PLAIN),
            ("sslmode=prefer", PLAIN),
            ("sslmode=require", rejected),
        ],
    );
}

#[test]
fn a_client_certificate_logs_in() {
    let server = Postgres::shared();
    let (certificate, key) = (server.client_cert_path(), server.client_key_path());
    let (certificate, key, ca) = (certificate.display(), key.display(), server.ca_path());
    let shown = format!("sslcert={certificate}&sslkey={key}");
    at(
        server,
        CERT,
        &[
            (&shown, ENCRYPTED),
            (&format!("sslmode=require&{shown}"), ENCRYPTED),
            (&format!("sslmode=verify-full&{shown}&sslrootcert={}", ca.display()), ENCRYPTED),
            (&format!("sslmode=allow&{shown}"), ENCRYPTED),
            (&format!("sslmode=disable&{shown}"), Refused("auth", "pg_hba.conf rejects connection")),
            ("sslmode=require", Refused("auth", "requires a valid client certificate")),
            (
                &format!("sslmode=require&sslcert=/nowhere/client.crt&sslkey={key}"),
                Refused("auth", "the client certificate `/nowhere/client.crt` of the URL is not there"),
            ),
            (&format!("sslmode=require&sslcert={certificate}"), Refused("template", "not its private key")),
            (
                &format!("sslmode=require&sslcert={certificate}&sslkey=/nowhere/client.key"),
                Refused("template", "not its private key"),
            ),
            (
                &format!("sslmode=require&sslcert={certificate}&sslkey={certificate}"),
                Refused("local", "client.pem"),
            ),
        ],
    );
    // An unrequested certificate does no harm, and neither does a missing one.
    at(server, SMOKE, &[(&shown, ENCRYPTED), ("sslmode=require&sslcert=/nowhere/client.crt", ENCRYPTED)]);
}

#[test]
fn channel_binding_ties_the_login_to_the_certificate() {
    let server = Postgres::shared();
    at(
        server,
        SMOKE,
        &[
            ("sslmode=require&channel_binding=require", ENCRYPTED),
            ("channel_binding=require", ENCRYPTED),
            ("sslmode=require&channel_binding=disable", ENCRYPTED),
            ("sslmode=disable&channel_binding=prefer", PLAIN),
        ],
    );
    at(server, SMOKE, &[("sslmode=disable&channel_binding=require", Refused("auth", "channel binding"))]);
    at(server, MD5, &[("sslmode=require&channel_binding=require", Refused("auth", "channel binding"))]);
}

#[test]
fn an_expired_certificate_is_refused_in_modes_that_verify() {
    let server = Postgres::with_expired_certificate();
    let ca = server.ca_path();
    let root = |mode: &str| format!("sslmode={mode}&sslrootcert={}", ca.display());
    let expired = Refused("tls", "the server's certificate has expired");
    at(
        server,
        SMOKE,
        &[
            ("sslmode=require", ENCRYPTED),
            ("sslmode=prefer", ENCRYPTED),
            (&root("require"), expired),
            (&root("verify-ca"), expired),
            (&root("verify-full"), expired),
            (&root("prefer"), PLAIN),
        ],
    );
}

#[test]
fn a_unix_socket_needs_no_tls() {
    let server = Postgres::shared();
    let socket = format!("host={}&port={}", server.socket_folder().display(), server.port());
    let url = |parameters: &str| format!("postgres://{SMOKE}:{PASSWORD}@/postgres?{socket}&{parameters}");
    both_end(
        QUERY,
        &[
            (url(""), PLAIN),
            (url("sslmode=disable"), PLAIN),
            (url("sslmode=require"), PLAIN),
            (url("sslmode=verify-full"), PLAIN),
        ],
    );
}
