//! The server that is asked: the name comes from the suite, and the address is one that responds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::wire::{frame, http_2_over, request_line, serve};
use crate::support::background::Background;
use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::fault::{Fault, FaultServer};
use crate::support::smoke::Smoke;
use crate::support::stalled_dns;
use crate::support::verdicts::{case, health, health_in, suite};

/// A server that answers over HTTP/2 with the authority and the `host` of the request.
fn tells_the_host() -> (std::net::SocketAddr, Background) {
    let mut config = Certificates::shared().server_config(TlsIdentity::Good);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tls = TlsAcceptor::from(Arc::new(config));
    serve(move |_, stream| {
        let tls = tls.clone();
        async move {
            let stream = tls.accept(stream).await?;
            let is_http_2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            tell(stream, is_http_2).await;
            Ok(())
        }
    })
}

async fn tell(stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>, is_http_2: bool) {
    use hyper::body::{Bytes, Incoming};
    let answer = |request: hyper::Request<Incoming>| async move {
        let text = |part: Option<String>| part.unwrap_or_else(|| "none".to_owned());
        let authority = text(request.uri().authority().map(ToString::to_string));
        let host = text(
            request.headers().get("host").map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned()),
        );
        Ok::<_, std::convert::Infallible>(hyper::Response::new(http_body_util::Full::<Bytes>::from(format!(
            "{authority} {host}"
        ))))
    };
    let (io, service) = (hyper_util::rt::TokioIo::new(stream), hyper::service::service_fn(answer));
    if is_http_2 {
        let server = hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
        let _ = server.serve_connection(io, service).await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
    }
}

#[test]
fn where_the_host_is_not_the_urls_the_server_is_asked_over_http_1() {
    let (address, _server) = tells_the_host();
    let ca = format!("tls.ca = {:?}", Certificates::shared().authority());
    let resolve = format!("resolve = {{ \"shop.example:8443\" = \"{address}\" }}");
    let case = |url: &str, keys: &str, told: &str| {
        case(format!("url = {url:?}\n{ca}\n{keys}\nexpect.body = {told:?}"), "")
    };
    let here = format!("https://{address}/");
    let _ = health(&[
        case(&here, "", &format!("{address} none")),
        case(&here, "headers = { host = \"shop.example\" }", "none shop.example"),
        case(&here, "headers = { host = \"shop.example\" }\nhttp = \"1.1\"", "none shop.example"),
        case(&here, "headers = { host = \"not a host\" }", "none not a host"),
        case("https://shop.example:8443/", &resolve, "none shop.example:8443"),
        case("https://shop.example:8443/", &format!("{resolve}\nhttp = \"1.1\""), "none shop.example:8443"),
    ]);
}

#[test]
fn a_host_that_http_2_cannot_name_is_an_error() {
    let (address, _server) = tells_the_host();
    let keys = format!("url = \"https://{address}/\"\nheaders = {{ host = \"not a host\" }}\nhttp = \"2\"");
    let _ = health(&[case(
        keys,
        "sending the header `host`: over HTTP/2 the host is the one of the URL, and not `not a host`",
    )]);
}

#[test]
fn what_a_server_does_over_http_1_only_is_asked_for_over_http_1() {
    const HTTP_1_1_REQUIRED: u8 = 13;
    let refuses = frame(3, 0, 1, &[0, 0, 0, HTTP_1_1_REQUIRED]);
    let mut config = Certificates::shared().server_config(TlsIdentity::Good);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tls = TlsAcceptor::from(Arc::new(config));
    let (address, _server) = serve(move |_, stream| {
        let (tls, refuses) = (tls.clone(), refuses.clone());
        async move {
            let mut stream = tls.accept(stream).await?;
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                return http_2_over(stream, refuses).await;
            }
            request_line(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
            while stream.read(&mut [0; 64]).await? > 0 {}
            Ok(())
        }
    });
    let keys = format!("url = \"https://{address}/\"\ntls.ca = {:?}", Certificates::shared().authority());
    let _ = health(&[
        case(keys.clone(), ""),
        case(
            format!("{keys}\nhttp = \"2\""),
            format!(
                "waiting for the answer of https://{address}/: the server ended the exchange (HTTP/2): endpoint requires HTTP/1.1"
            ),
        ),
    ]);
}

#[test]
fn a_path_that_would_be_sent_otherwise_is_an_error_at_its_place() {
    for (path, part) in [("/a/../b", ".."), ("/a/%2E%2e/b", "%2E%2e"), ("/a/.", "."), ("/a\\\\b", "\\")] {
        let ran = Smoke::new()
            .suite(&suite(&format!("[[health]]\nname = \"it\"\nurl = \"http://127.0.0.1:1{path}\"")))
            .run();
        ran.exits(2);
        let told = format!("`{part}` in the path of a URL would be resolved before it is sent");
        assert!(ran.stderr.contains(&told), "{path}\n{}", ran.stderr);
    }
}

#[test]
fn dots_that_are_no_segment_are_sent_as_they_are() {
    let server = crate::support::http::HttpServer::start(|_| crate::support::http::Response::new(200));
    let _ = health(&[case(format!("url = {:?}", server.url("/a..b/.well-known/...?x=/../y")), "")]);
    assert_eq!(server.requests()[0].target, "/a..b/.well-known/...?x=/../y");
}

#[test]
fn names_that_are_not_ascii_are_resolved_over_every_protocol() {
    let server = crate::support::http::HttpServer::start(|_| crate::support::http::Response::new(200));
    let to = server.address();
    let cases = ["http", "tcp"].map(|scheme| {
        case(
            format!("url = \"{scheme}://bücher.test:8080\"\nresolve = {{ \"bücher.test:8080\" = \"{to}\" }}"),
            "",
        )
    });
    let _ = health(&cases);
}

#[test]
fn a_dead_address_of_a_name_costs_a_moment_and_no_second_request() {
    let dead = FaultServer::start(Fault::NeverAccept);
    let port = dead.address().port();
    let listener = std::net::TcpListener::bind(("127.0.0.2", port)).expect("listen beside it");
    listener.set_nonblocking(true).expect("listen without blocking");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let _server = Background::start(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("hand the listener over");
        while let Ok((mut stream, _)) = listener.accept().await {
            if request_line(&mut stream).await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        }
    });
    let keys = format!("url = \"http://two.test:{port}/\"\nbudget = \"4s\"");
    let _ = health_in(Smoke::new().env("LD_PRELOAD", stalled_dns::library()), "", &[case(keys, "")]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
