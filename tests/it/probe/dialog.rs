//! What is said on a connection: `send`, `received`, `starttls`, and connections that must be refused.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use rustls::{ServerConnection, StreamOwned};

use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::postgres::Postgres;
use crate::support::raw::{close, serve};
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health, health_in, suite};

/// Answers each line with what `answer` makes of it.
fn answers(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    serve(move |mut stream| {
        while let Some(line) = read_line(&mut stream) {
            stream.write_all(&answer(&line)).ok()?;
        }
        Some(())
    })
}

fn read_line(stream: &mut impl std::io::Read) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        line.push(byte[0]);
    }
    String::from_utf8(line).ok()
}

/// Says each piece as a packet of its own, and goes on only when the other side has had time to read the one before.
fn in_pieces(pieces: &'static [&'static str]) -> SocketAddr {
    serve(move |mut stream| {
        read_line(&mut stream)?;
        for piece in pieces {
            stream.write_all(piece.as_bytes()).ok()?;
            stream.flush().ok()?;
            std::thread::yield_now();
        }
        close(stream)
    })
}

#[test]
fn an_answer_is_read_until_it_is_as_expected_or_over() {
    let echo = answers(|line| format!("+{line}").into_bytes());
    let pieces = in_pieces(&["+PO", "NG", "\r\n"]);
    let banner = serve(|mut stream| {
        stream.write_all(b"220 mail.test ESMTP\r\n").ok()?;
        close(stream)
    });
    let nothing = serve(close);
    let ping = |address: SocketAddr, expect: &str| {
        format!("url = \"tcp://{address}\"\nsend = \"PING\\r\\n\"\nexpect.received = {expect}")
    };
    health(&[
        case(ping(echo, r#"{ contains = "+PING" }"#), ""),
        case(ping(echo, r#""+PING\r\n""#), ""),
        case(ping(echo, r#"{ not = { contains = "-ERR" } }"#), ""),
        case(ping(echo, r#"{ contains = "PONG" }"#), "expected received to contain \"PONG\", got \"+PING…"),
        case(ping(pieces, r"{ matches = '^\+PONG\r\n$' }"), ""),
        case(format!("url = \"tcp://{banner}\"\nexpect.received = {{ matches = '^220 ' }}"), ""),
        case(
            format!("url = \"tcp://{nothing}\"\nexpect.received = {{ contains = \"220\" }}"),
            "expected received to contain \"220\", got \"\"",
        ),
    ]);
}

#[test]
fn a_server_that_says_nothing_is_cut_where_it_waits_and_one_that_never_stops_is_read_so_far() {
    let mute = serve(|mut stream| {
        while stream.read(&mut [0; 64]).ok()? > 0 {}
        Some(())
    });
    let endless = serve(|mut stream| {
        loop {
            stream.write_all(&[b'x'; 4096]).ok()?;
        }
    });
    health(&[
        case(
            format!("url = \"tcp://{mute}\"\nbudget = \"1s\"\nsend = \"a\"\nexpect.received = \"b\""),
            "no answer within 1s (check budget), while waiting for the first byte of the answer (first byte)",
        ),
        case(
            format!("url = \"tcp://{endless}\"\nexpect.received = {{ contains = \"y\" }}"),
            "expected received to contain \"y\", got \"xxxxxx…",
        ),
    ]);
}

#[test]
fn a_dialog_goes_through_tls() {
    let config = Arc::new(Certificates::shared().server_config(TlsIdentity::Good));
    let server = serve(move |stream| {
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).ok()?, stream);
        let line = read_line(&mut tls)?;
        tls.write_all(format!("+{line}").as_bytes()).ok()?;
        tls.flush().ok()
    });
    let ca = Certificates::shared().authority();
    let keys = format!(
        "url = \"tls://localhost:{}\"\ntls.ca = {ca:?}\nsend = \"hello {{{{name}}}}\\n\"\n",
        server.port()
    );
    health_in(
        Smoke::new(),
        "[vars]\nname = \"smoke\"",
        &[
            case(format!("{keys}expect.received = {{ contains = \"+hello smoke\" }}"), ""),
            case(format!("{keys}expect.received = \"no\""), "expected received \"no\", got \"+hello smoke…"),
        ],
    );
}

#[test]
fn what_must_be_refused_fails_where_it_answers() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("listen").local_addr().expect("know the port");
    let open = serve(close);
    let silent = serve(|mut stream| {
        while stream.read(&mut [0; 64]).ok()? > 0 {}
        Some(())
    });
    let config = |identity| Arc::new(Certificates::shared().server_config(identity));
    let accepts = |config: Arc<rustls::ServerConfig>| {
        serve(move |stream| {
            let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).ok()?, stream);
            while tls.read(&mut [0; 64]).ok()? > 0 {}
            Some(())
        })
    };
    let asks = accepts(config(TlsIdentity::ClientCertificateRequired));
    let trusts = accepts(config(TlsIdentity::Good));
    let ca = Certificates::shared().authority();
    let (cert, key) = (Certificates::shared().client_certificate(), Certificates::shared().client_key());
    let tls =
        |address: SocketAddr| format!("url = \"tls://localhost:{}\"\ntls.ca = {ca:?}\n", address.port());
    let accepted = "expected the connection refused: nothing may answer here, got accepted";
    health(&[
        case(format!("url = \"tcp://{closed}\"\nexpect.refused = true"), ""),
        case(format!("url = \"tcp://{open}\"\nexpect.refused = true"), accepted),
        case(format!("{}expect.refused = true", tls(closed)), ""),
        case(format!("{}expect.refused = true", tls(asks)), ""),
        case(format!("{}tls.cert = {cert:?}\ntls.key = {key:?}\nexpect.refused = true", tls(asks)), accepted),
        case(format!("{}expect.refused = true", tls(trusts)), accepted),
        case(format!("{}expect = {{ refused = true, within = \"300ms\" }}", tls(silent)), ""),
        case(
            format!("url = \"tls://localhost:{}\"\nexpect.refused = true", trusts.port()),
            format!("the TLS handshake with localhost:{}: …", trusts.port()),
        ),
        case("url = \"tcp://nowhere.invalid:1\"\nexpect.refused = true", "looking up `nowhere.invalid`: …"),
    ]);
}

/// Speaks the plain part of a protocol, then shakes hands.
fn upgrades(plain: impl Fn(&mut TcpStream) -> Option<()> + Send + Sync + 'static) -> SocketAddr {
    let config = Arc::new(Certificates::shared().server_config(TlsIdentity::Good));
    serve(move |mut stream| {
        plain(&mut stream)?;
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).ok()?, stream);
        while tls.read(&mut [0; 64]).ok()? > 0 {}
        Some(())
    })
}

fn says(stream: &mut TcpStream, text: &[u8]) -> Option<()> {
    stream.write_all(text).ok()
}

fn hears(stream: &mut TcpStream, text: &[u8]) -> Option<()> {
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).ok()?;
    (heard == text).then_some(())
}

#[test]
fn each_protocol_is_asked_for_tls_in_its_own_words() {
    let smtp = upgrades(|stream| {
        says(stream, b"220-mail.test\r\n220 ready\r\n")?;
        hears(stream, b"EHLO smoke.invalid\r\n")?;
        says(stream, b"250-mail.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")?;
        hears(stream, b"STARTTLS\r\n")?;
        says(stream, b"220 go ahead\r\n")
    });
    let imap = upgrades(|stream| {
        says(stream, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")?;
        hears(stream, b"a1 STARTTLS\r\n")?;
        says(stream, b"* CAPABILITY IMAP4rev1\r\na1 OK begin\r\n")
    });
    let pop3 = upgrades(|stream| {
        says(stream, b"+OK ready\r\n")?;
        hears(stream, b"STLS\r\n")?;
        says(stream, b"+OK begin\r\n")
    });
    let ftp = upgrades(|stream| {
        says(stream, b"220 ready\r\n")?;
        hears(stream, b"AUTH TLS\r\n")?;
        says(stream, b"234 begin\r\n")
    });
    let ldap = upgrades(|stream| {
        hears(stream, b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037")?;
        says(stream, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")
    });
    let mysql = upgrades(|stream| {
        let mut body = b"\x0a8.4.0\0\x01\0\0\x0012345678\0\xff\xff\x2d\x02\0\xff\xdf\x15".to_vec();
        body.extend_from_slice(&[0; 10]);
        body.extend_from_slice(b"123456789012\0caching_sha2_password\0");
        let length = u8::try_from(body.len()).ok()?;
        says(stream, &[&[length, 0, 0, 0], &body[..]].concat())?;
        hears(stream, &[&[32, 0, 0, 1, 0, 0x8a, 0, 0, 0, 0, 0, 1, 45][..], &[0; 23]].concat())
    });
    let refuses = answers(|_| b"454 TLS not available\r\n".to_vec());
    let ca = Certificates::shared().authority();
    let check = |protocol: &str, address: SocketAddr| {
        format!(
            "url = \"tls://localhost:{}\"\ntls.ca = {ca:?}\nstarttls = \"{protocol}\"\n\
             expect.certificate.days-left = {{ min = 0 }}",
            address.port()
        )
    };
    let no_smtp = serve(|mut stream| {
        says(&mut stream, b"220 ready\r\n")?;
        read_line(&mut stream)?;
        says(&mut stream, b"250 hello\r\n")?;
        read_line(&mut stream)?;
        says(&mut stream, b"454 TLS not available\r\n")?;
        close(stream)
    });
    let postgres = Postgres::shared();
    let ran = health(&[
        case(check("smtp", smtp), ""),
        case(check("imap", imap), ""),
        case(check("pop3", pop3), ""),
        case(check("ftp", ftp), ""),
        case(check("ldap", ldap), ""),
        case(check("mysql", mysql), ""),
        case(
            format!(
                "url = \"tls://localhost:{}\"\ntls.ca = {:?}\nstarttls = \"postgres\"",
                postgres.port(),
                postgres.ca_path()
            ),
            "",
        ),
        case(
            check("smtp", no_smtp),
            format!(
                "asking localhost:{} for TLS (`starttls = \"smtp\"`): expected `220`, got `454 TLS not available`",
                no_smtp.port()
            ),
        ),
        case(
            format!("{}\nbudget = \"1s\"", check("imap", refuses)),
            "no connection within 1s (check budget), during the TLS handshake (tls)",
        ),
    ]);
    assert!(ran.stderr.contains("-starttls smtp"), "{}", ran.stderr);
}

#[test]
fn text_is_sent_on_a_read_only_run_only_where_the_suite_says_that_it_changes_nothing() {
    let echo = answers(|line| line.as_bytes().to_vec());
    let check = |name: &str, keys: &str| {
        format!(
            "[[health]]\nname = \"{name}\"\nurl = \"tcp://{echo}\"\nsend = \"x\\n\"\nexpect.received = \"x\\n\"\n{keys}\n"
        )
    };
    let checks = [check("may change", ""), check("is safe", "safe = true")].concat();
    let ran = Smoke::new().suite(&suite(&checks)).arg("--read-only").run();
    ran.exits(0);
    let report = ran.junit();
    let skipped = report.case("may change").message.clone().unwrap_or_default();
    assert!(skipped.contains("sends text with `send`"), "{skipped}");
    assert!(report.case("is safe").message.is_none());
}
