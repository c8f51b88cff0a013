//! The fault server, tested with curl, sockets and tokio-postgres.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use super::{ask, curl};
use crate::support::fault::{BYTE_EVERY, Fault, FaultServer};
use crate::support::http::{HttpServer, Response};
use crate::support::{scratch, thorough};

/// `curl` with this time limit in seconds, discarding the body.
fn curl_code(server: &FaultServer, seconds: &str) -> Option<i32> {
    curl(&["--insecure", "--max-time", seconds, "--output", "/dev/null", &server.url()]).code
}

#[test]
fn curl_sees_each_fault_as_intended() {
    const HTTP_0_9: i32 = 1;
    const PARTIAL_FILE: i32 = 18;
    const TIMED_OUT: i32 = 28;
    const TLS_FAILED: i32 = 35;
    const EMPTY_REPLY: i32 = 52;
    const RECEIVE_FAILED: i32 = 56;
    for (fault, code) in [
        (Fault::Mute, TIMED_OUT),
        (Fault::NeverAccept, TIMED_OUT),
        (Fault::Reset, RECEIVE_FAILED),
        (Fault::CloseAtOnce, EMPTY_REPLY),
        (Fault::SlowHeader, TIMED_OUT),
        (Fault::EndlessHeader, RECEIVE_FAILED),
        (Fault::SlowBody, TIMED_OUT),
        (Fault::EndlessBody, TIMED_OUT),
        (Fault::TruncatedBody, PARTIAL_FILE),
        (Fault::ResetInBody, RECEIVE_FAILED),
        (Fault::Garbage, HTTP_0_9),
        (Fault::SshBanner, HTTP_0_9),
        (Fault::StalledTls, TIMED_OUT),
        (Fault::TlsGarbage, TLS_FAILED),
    ] {
        let server = FaultServer::start(fault.clone());
        assert_eq!(curl_code(&server, if code == TIMED_OUT { "0.3" } else { "20" }), Some(code), "{fault:?}");
        assert_eq!(server.connections(), usize::from(fault != Fault::NeverAccept), "{fault:?}");
    }
}

#[test]
fn a_full_backlog_leaves_a_connection_pending() {
    let server = FaultServer::start(Fault::NeverAccept);
    let error =
        TcpStream::connect_timeout(&server.address(), Duration::from_millis(300)).expect_err("no connection");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_slow_body_arrives_byte_by_byte() {
    let server = FaultServer::start(Fault::SlowBody);
    let body = curl(&["--max-time", "2", "--no-buffer", &server.url()]).stdout;
    let most = Duration::from_secs(2).as_millis() / BYTE_EVERY.as_millis() + 1;
    assert!((2..=most).contains(&(body.len() as u128)), "{body}");
}

#[test]
fn the_bomb_is_small_until_decompressed() {
    let server = FaultServer::start(Fault::CompressedBomb);
    let folder = scratch::for_a_test();
    let path = folder.path().join("bomb.gz");
    let said = curl(&["--output", path.to_str().expect("a plain path"), &server.url()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let packed = path.metadata().expect("the bomb").len();
    assert!(packed < 300 * 1024, "{packed}");
    let mut gzip = Command::new("gzip");
    gzip.arg("-dc").stdin(File::open(&path).expect("open the bomb")).stdout(Stdio::piped());
    let mut gzip = gzip.spawn().expect("run gzip");
    let mut unpacked = gzip.stdout.take().expect("the output of gzip");
    let length = std::io::copy(&mut unpacked, &mut std::io::sink()).expect("read the output of gzip");
    assert!(gzip.wait().expect("wait for gzip").success(), "the checksum is right");
    assert_eq!(length, 256 * 1024 * 1024);
}

#[test]
fn redirects_loop_or_lead_elsewhere() {
    let server = FaultServer::start(Fault::RedirectLoop);
    let round = curl(&["-L", "--max-redirs", "5", "-w", "%{url_effective}", &server.url()]);
    assert_eq!(round.code, Some(47), "{}", round.stderr);
    assert_eq!(round.stdout, format!("{}5", server.url()));
    assert_eq!(server.connections(), 6);

    let target = HttpServer::start(|_| Response::new(200).body("elsewhere"));
    let server = FaultServer::start(Fault::RedirectTo(target.url("/x")));
    assert_eq!(curl(&["-L", &server.url()]).stdout, "elsewhere");
}

async fn connect(server: &FaultServer) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[tokio::test]
async fn the_postgres_faults_are_silent_stall_or_send_garbage() {
    let (moment, patience) = (Duration::from_millis(300), Duration::from_secs(20));
    for fault in [Fault::PostgresMute, Fault::PostgresStalledLogin] {
        let server = FaultServer::start(fault.clone());
        assert!(timeout(moment, connect(&server)).await.is_err(), "{fault:?} lets nobody in");
    }
    let server = FaultServer::start(Fault::PostgresGarbage);
    let answer = timeout(patience, connect(&server)).await.expect("an answer");
    assert!(answer.is_err(), "noise is no welcome");

    let server = FaultServer::start(Fault::PostgresStalledQuery);
    let client = timeout(patience, connect(&server)).await.expect("an answer").expect("a welcome");
    assert!(timeout(moment, client.simple_query("select 1")).await.is_err(), "no query is answered");
}

#[test]
fn the_postgres_fault_accepts_tls_and_stalls() {
    let server = FaultServer::start(Fault::PostgresStalledTls);
    let mut stream = TcpStream::connect(server.address()).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set a limit");
    stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).expect("ask for TLS");
    let mut answer = [0; 2];
    assert_eq!(stream.read(&mut answer).expect("an answer"), 1);
    assert_eq!(answer[0], b'S');
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("set a limit");
    stream.write_all(&[22, 3, 1, 0, 0]).expect("begin the handshake");
    let error = stream.read(&mut answer).expect_err("silence");
    assert!([ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()), "{error}");
}

#[test]
fn every_fault_ends_with_its_server() {
    for fault in Fault::every("http://127.0.0.1:1/") {
        let scheme = fault.scheme();
        let server = FaultServer::start(fault.clone());
        assert!(server.url().starts_with(&format!("{scheme}://")));
        let address = server.address();
        let mut open = (fault != Fault::NeverAccept).then(|| TcpStream::connect(address).expect("connect"));
        let started = Instant::now();
        drop(server);
        assert!(started.elapsed() < thorough::bound(Duration::from_secs(1)), "{fault:?}");
        if let Some(stream) = &mut open {
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set a limit");
            let closed = stream.read_to_end(&mut Vec::new());
            assert!(!matches!(&closed, Err(error) if error.kind() == ErrorKind::WouldBlock), "{fault:?}");
        }
        let refused = TcpStream::connect_timeout(&address, Duration::from_secs(20)).map(drop);
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused), "{fault:?}");
    }
}

#[test]
fn psql_is_refused_with_garbage() {
    let server = FaultServer::start(Fault::PostgresGarbage);
    let said = ask(Command::new("psql").args(["-Atc", "select 1", &server.url()]));
    assert_eq!(said.code, Some(2), "{}", said.stderr);
}
