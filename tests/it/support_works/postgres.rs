//! The PostgreSQL servers, tested with psql.

use std::process::Command;

use super::{Said, ask};
use crate::support::guard;
use crate::support::postgres::{ADMIN, CERT, MD5, PASSWORD, PLAIN_ONLY, Postgres, SMOKE, TLS_ONLY, TRUST};

const WHO: &str =
    "select current_user, coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false)";

/// `psql`, with the URL as its only setting.
fn psql(server: &Postgres, url: &str, query: &str) -> Said {
    let mut psql = Command::new(server.programs().join("psql"));
    psql.env_clear().args(["--no-psqlrc", "-Atc", query, url]);
    ask(&mut psql)
}

fn who(url: &str) -> Result<String, String> {
    let said = psql(Postgres::shared(), url, WHO);
    if said.code == Some(0) { Ok(said.stdout.trim().to_owned()) } else { Err(said.stderr) }
}

#[track_caller]
fn refused(url: &str, complaint: &str) {
    let error = who(url).expect_err("this should be refused");
    assert!(error.contains(complaint), "{error}");
}

#[test]
fn a_password_logs_in_with_and_without_tls() {
    let server = Postgres::shared();
    let url = server.url(SMOKE, PASSWORD, "postgres");
    assert_eq!(who(&format!("{url}?sslmode=disable")), Ok("smoke|f".to_owned()));
    assert_eq!(who(&format!("{url}?sslmode=require")), Ok("smoke|t".to_owned()));
    refused(&server.url(SMOKE, "wrong: p@ss/word", "postgres"), "password authentication failed");
    let stored = server.admin_sql("select left(rolpassword, 13) from pg_authid where rolname = 'smoke'");
    assert_eq!(stored, [[Some("SCRAM-SHA-256".to_owned())]]);
}

#[test]
fn the_certificate_can_be_verified() {
    let server = Postgres::shared();
    let (ca, other) = (server.ca_path(), server.other_ca_path());
    let (ca, other) = (ca.display(), other.display());
    let url = server.url(SMOKE, PASSWORD, "postgres");
    assert_eq!(who(&format!("{url}?sslmode=verify-full&sslrootcert={ca}")), Ok("smoke|t".to_owned()));
    refused(&format!("{url}?sslmode=verify-ca&sslrootcert={other}"), "certificate verify failed");

    let by_name = url.replace("127.0.0.1", "localhost");
    assert_eq!(who(&format!("{by_name}?sslmode=verify-full&sslrootcert={ca}")), Ok("smoke|t".to_owned()));
    let elsewhere = url.replace("127.0.0.1", "127.0.0.2");
    assert_eq!(who(&format!("{elsewhere}?sslmode=verify-ca&sslrootcert={ca}")), Ok("smoke|t".to_owned()));
    refused(&format!("{elsewhere}?sslmode=verify-full&sslrootcert={ca}"), "does not match host name");
}

#[test]
fn each_role_has_its_own_way_to_log_in() {
    let server = Postgres::shared();
    let url = |role| server.url(role, PASSWORD, "postgres");
    assert_eq!(who(&url(ADMIN)), Ok("smoke_admin|t".to_owned()));
    assert_eq!(who(&url(TLS_ONLY)), Ok("smoke_tls_only|t".to_owned()));
    refused(&format!("{}?sslmode=disable", url(TLS_ONLY)), "rejects connection");
    assert_eq!(who(&url(PLAIN_ONLY)), Ok("smoke_plain_only|f".to_owned()));
    refused(&format!("{}?sslmode=require", url(PLAIN_ONLY)), "rejects connection");
    assert_eq!(who(&url(MD5)), Ok("smoke_md5|t".to_owned()));
    assert_eq!(who(&server.url(TRUST, "", "postgres")), Ok("smoke_trust|t".to_owned()));
    refused(&server.url(SMOKE, "", "postgres"), "no password supplied");
}

#[test]
fn a_client_certificate_logs_in() {
    let server = Postgres::shared();
    let (certificate, key) = (server.client_cert_path(), server.client_key_path());
    let shown = format!("sslcert={}&sslkey={}", certificate.display(), key.display());
    let url = server.url(CERT, "", "postgres");
    assert_eq!(who(&format!("{url}?{shown}")), Ok("smoke_cert|t".to_owned()));
    refused(&format!("{url}?sslmode=require"), "requires a valid client certificate");
    refused(&format!("{url}?sslmode=disable"), "rejects connection");
}

#[test]
fn another_server_declines_tls() {
    let server = Postgres::without_tls();
    let url = server.url(SMOKE, PASSWORD, "postgres");
    let preferred = psql(server, &format!("{url}?sslmode=prefer"), WHO);
    assert_eq!(preferred.stdout.trim(), "smoke|f", "{}", preferred.stderr);
    let required = psql(server, &format!("{url}?sslmode=require"), WHO);
    assert!(required.stderr.contains("server does not support SSL"), "{}", required.stderr);
}

#[test]
fn another_server_has_an_expired_certificate() {
    let server = Postgres::with_expired_certificate();
    let url = server.url(SMOKE, PASSWORD, "postgres");
    let unverified = psql(server, &format!("{url}?sslmode=require"), WHO);
    assert_eq!(unverified.stdout.trim(), "smoke|t", "{}", unverified.stderr);
    let ca = server.ca_path();
    let verified = psql(server, &format!("{url}?sslmode=verify-ca&sslrootcert={}", ca.display()), WHO);
    assert!(verified.stderr.contains("certificate verify failed"), "{}", verified.stderr);
}

#[test]
fn every_test_has_a_database_of_its_own() {
    let server = Postgres::shared();
    let (one, two) = (server.create_database(), server.create_database());
    one.sql("create table orders (id int); insert into orders values (1), (null)");
    assert_eq!(one.sql("select id from orders order by id"), [[Some("1".to_owned())], [None]]);
    assert_eq!(two.value("select count(*) from pg_tables where tablename = 'orders'"), "0");
    assert_eq!(one.value("select count(*) from orders"), "2");
    assert_eq!(who(&one.url()), Ok("smoke|t".to_owned()));
    assert_eq!(who(&two.url_for(MD5)), Ok("smoke_md5|t".to_owned()));
    assert_eq!(one.admin_sql("select current_user"), [[Some(ADMIN.to_owned())]]);
    assert_ne!(one.name, two.name);
}

#[test]
fn it_has_a_socket_a_log_and_a_process() {
    let server = Postgres::shared();
    let url = format!(
        "postgres://{SMOKE}:{PASSWORD}@/postgres?host={}&port={}",
        server.socket_folder().display(),
        server.port()
    );
    assert_eq!(who(&url), Ok("smoke|f".to_owned()));
    assert!(server.log().contains("database system is ready to accept connections"), "{}", server.log());
    assert!(guard::is_running(server.process()));
}

#[tokio::test]
async fn it_can_be_used_in_async_tests() {
    assert_eq!(Postgres::shared().admin_sql("select 1"), [[Some("1".to_owned())]]);
}
