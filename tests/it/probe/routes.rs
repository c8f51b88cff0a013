//! The route of a request: `resolve`, proxies, and the version of HTTP.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::support::background::Background;
use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::http::{HttpServer, Response};
use crate::support::raw;
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health, health_in};

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

#[test]
fn resolve_changes_the_address_and_keeps_the_host() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        // Like real servers, it redirects to itself under the requested name.
        "/absolute" => {
            Response::redirect(&format!("http://{}/there", request.header("host").expect("a host")))
        }
        "/relative" => Response::redirect("/there"),
        _ if request.header("authorization").is_some() => Response::new(200),
        _ => Response::new(401),
    });
    let to = server.address();
    let resolve = format!(
        "resolve = {{ \"shop.test:8123\" = \"{to}\", \"shop.test:80\" = \"{to}\", \"192.0.2.1:80\" = \"{to}\" }}"
    );
    let auth = "auth = { bearer = \"token-12345\" }\nredirects = 1";
    let cases = [
        ("http://shop.test:8123/", ""),
        ("http://shop.test/", ""),
        ("http://SHOP.test/", ""),
        ("http://192.0.2.1/", ""),
        ("http://shop.test:8123/absolute", "expect.url = \"http://shop.test:8123/there\""),
        ("http://shop.test:8123/relative", "expect.url = \"http://shop.test:8123/there\""),
        ("http://shop.test/absolute", "expect.url = \"http://shop.test/there\""),
    ]
    .map(|(url, expect)| case(format!("url = {url:?}\n{resolve}\n{auth}\n{expect}"), ""));
    let _ = health(&cases);
    let hosts: Vec<String> =
        server.requests().iter().filter_map(|request| request.header("host").map(str::to_owned)).collect();
    for host in hosts {
        assert!(["shop.test:8123", "shop.test", "192.0.2.1"].contains(&host.as_str()), "{host}");
    }
}

#[test]
fn resolve_does_not_apply_to_another_port_and_needs_one() {
    let server = HttpServer::start(|_| Response::new(200));
    let resolve = format!("resolve = {{ \"shop.invalid:1\" = \"{}\" }}", server.address());
    let _ = health(&[case(
        format!("url = \"http://shop.invalid:2/\"\n{resolve}"),
        "looking up `shop.invalid`: …",
    )]);
    let ran = Smoke::new()
        .suite("[[health]]\nname = \"it\"\nurl = \"http://shop.test/\"\nresolve = { \"shop.test\" = \"127.0.0.1:1\" }\n")
        .run();
    ran.exits(2);
    assert!(ran.stderr.contains("this has no port, so it would never apply"), "{}", ran.stderr);
}

#[test]
fn resolve_works_for_tls_and_tcp_and_the_certificate_must_match_the_urls_name() {
    let server = HttpServer::start_tls(TlsIdentity::WrongHost, |_| Response::new(200));
    let to = server.address();
    let tls = format!("tls.ca = {:?}", Certificates::shared().authority());
    let resolve = |from: &str| format!("resolve = {{ \"{from}\" = \"{to}\" }}");
    let cases = [
        case(
            format!("url = \"https://elsewhere.example/\"\n{tls}\n{}", resolve("elsewhere.example:443")),
            "",
        ),
        case(
            format!("url = \"https://elsewhere.example:444/\"\n{tls}\n{}", resolve("elsewhere.example:444")),
            "",
        ),
        case(
            format!("url = \"tls://elsewhere.example:443\"\n{tls}\n{}", resolve("elsewhere.example:443")),
            "",
        ),
        case(format!("url = \"tcp://elsewhere.example:1\"\n{}", resolve("elsewhere.example:1")), ""),
        case(
            format!("url = \"https://shop.test/\"\n{tls}\n{}", resolve("shop.test:443")),
            "the TLS handshake with shop.test:443: the server's certificate is not valid for this host name, only for elsewhere.example; …",
        ),
    ];
    let _ = health(&cases);
}

#[test]
fn a_request_uses_the_proxy_of_the_suite_or_the_environment() {
    let server = HttpServer::start(|_| Response::new(200));
    // A proxy for plain HTTP is an HTTP server that receives absolute URLs.
    let proxy = HttpServer::start(|request| Response::new(200).body(format!("proxied {}", request.target)));
    let through = "expect.body = \"proxied http://shop.test/a\"";
    let _ =
        health(&[case(format!("url = \"http://shop.test/a\"\nproxy = {:?}\n{through}", proxy.url("")), "")]);

    let by_environment = Smoke::new().env("HTTP_PROXY", proxy.url("")).env("NO_PROXY", "127.0.0.1,.internal");
    let cases = [
        case(format!("url = \"http://shop.test/a\"\n{through}"), ""),
        case(format!("url = {:?}\nexpect.body = \"\"", server.url("/direct")), ""),
        case(
            format!(
                "url = {:?}\nproxy = {:?}\nexpect.body = \"proxied {}\"",
                server.url("/x"),
                proxy.url(""),
                server.url("/x")
            ),
            "",
        ),
    ];
    let _ = health_in(by_environment, "", &cases);
    assert_eq!(proxy.requests().len(), 3);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn proxy_variables_are_read_in_upper_and_lower_case() {
    for (variable, url, proxied) in [
        ("HTTP_PROXY", "http://shop.test/", true),
        ("http_proxy", "http://shop.test/", true),
        ("HTTPS_PROXY", "https://shop.test/", true),
        ("https_proxy", "https://shop.test/", true),
        ("ALL_PROXY", "http://shop.test/", true),
        ("all_proxy", "https://shop.test/", true),
        ("HTTP_PROXY", "https://shop.invalid/", false),
        ("HTTPS_PROXY", "http://shop.invalid/", false),
    ] {
        // It refuses every tunnel, so that the request for one is recorded and goes no further.
        let proxy = HttpServer::start(|_| Response::new(407));
        let through = |no_proxy: Option<(&str, &str)>| {
            let smoke = Smoke::new().env(variable, proxy.url(""));
            let smoke = no_proxy.into_iter().fold(smoke, |smoke, (name, value)| smoke.env(name, value));
            let before = proxy.requests().len();
            smoke
                .suite(&format!("[[health]]\nname = \"it\"\nurl = {url:?}\nbudget = \"2s\"\n"))
                .run()
                .exits(1);
            proxy.requests().len() > before
        };
        assert_eq!(through(None), proxied, "{variable} {url}");
        for name in ["NO_PROXY", "no_proxy"] {
            assert!(!through(Some((name, "elsewhere.test,shop.test"))), "{variable} {url} {name}");
        }
        assert_eq!(through(Some(("NO_PROXY", "elsewhere.test"))), proxied, "{variable} {url}");
    }
}

#[test]
fn an_unreachable_proxy_is_named_instead_of_the_server() {
    let nobody = free_address();
    let cases = [
        case(
            format!("url = \"http://shop.test/\"\nproxy = \"http://user:secret-word@{nobody}\""),
            format!("connecting to shop.test:80 through the proxy {nobody}: connection refused"),
        ),
        case(
            format!("url = \"https://shop.test/\"\nproxy = \"http://{nobody}\""),
            format!("connecting to shop.test:443 through the proxy {nobody}: connection refused"),
        ),
        case(
            "url = \"http://shop.test/\"\nproxy = \"http://proxy.invalid:3128\"",
            "looking up the proxy `proxy.invalid`: …",
        ),
        // Not a proxy variable, despite its name.
        case(
            format!("url = \"http://{nobody}/proxy-tunnel\""),
            format!("connecting to {nobody}: connection refused"),
        ),
    ];
    let ran = health(&cases);
    let report = ran.junit();
    let kinds: Vec<&str> = report.cases.iter().filter_map(|case| case.kind.as_deref()).collect();
    assert_eq!(kinds, ["proxy", "proxy", "proxy", "connect"]);
    assert!(report.case("case 0").text.contains("hint: check `proxy`, HTTP_PROXY"), "{}", report.xml);
    assert!(!report.xml.contains("secret-word"), "{}", report.xml);
}

#[test]
fn a_proxy_that_refuses_the_tunnel_is_reported() {
    let proxy = HttpServer::start(|_| Response::new(407));
    let _ = health(&[case(
        format!("url = \"https://shop.test/\"\nproxy = {:?}", proxy.url("")),
        format!("connecting to shop.test:443 through the proxy {}: …", proxy.address()),
    )]);
    assert_eq!(proxy.requests()[0].method, "CONNECT");
}

/// Reads one client hello, and returns the protocols that it offers.
fn hears_alpn() -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("know the port");
    let hear = move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut acceptor = Acceptor::default();
        loop {
            acceptor.read_tls(&mut stream).expect("read the hello");
            if let Some(accepted) = acceptor.accept().map_err(|(error, _)| error).expect("a hello") {
                let offered = accepted.client_hello().alpn().into_iter().flatten();
                return offered.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            }
        }
    };
    (address, thread::spawn(hear))
}

#[test]
fn the_http_version_decides_what_the_handshake_offers() {
    for (key, offered) in
        [("", &["h2", "http/1.1"][..]), ("http = \"2\"", &["h2"]), ("http = \"1.1\"", &["http/1.1"])]
    {
        let (address, heard) = hears_alpn();
        let _ = health(&[case(
            format!("url = \"https://{address}/\"\n{key}"),
            format!("the TLS handshake with {address}: …"),
        )]);
        assert_eq!(heard.join().expect("the server's thread"), offered, "{key}");
    }
}

/// A server that speaks only HTTP/2, and answers with the version of the request.
fn speaks_http_2(tls: Option<TlsAcceptor>) -> (SocketAddr, Background) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    listener.set_nonblocking(true).expect("listen without blocking");
    let address = listener.local_addr().expect("know the port");
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("hand the listener over");
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => converse(stream).await,
                    Some(tls) => {
                        // A client that does not offer HTTP/2 is refused.
                        let Ok(stream) = tls.accept(stream).await else { return };
                        converse(stream).await;
                    }
                }
            });
        }
    };
    (address, Background::start(serve))
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let answer = |request: hyper::Request<Incoming>| async move {
        let version = format!("{:?}", request.version());
        Ok::<_, Infallible>(hyper::Response::new(Full::<Bytes>::from(version)))
    };
    let server = http2::Builder::new(TokioExecutor::new());
    let _ = server.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

#[test]
fn http_2_is_used_when_negotiated_or_required() {
    let mut config = Certificates::shared().server_config(TlsIdentity::Good);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (tls, _serves_tls) = speaks_http_2(Some(TlsAcceptor::from(Arc::new(config))));
    let (plain, _serves_plain) = speaks_http_2(None);
    let ca = format!("tls.ca = {:?}\nexpect.body = \"HTTP/2.0\"", Certificates::shared().authority());
    let cases = [
        case(format!("url = \"https://{tls}/\"\n{ca}"), ""),
        case(format!("url = \"https://{tls}/\"\nhttp = \"2\"\n{ca}"), ""),
        case(format!("url = \"http://{plain}/\"\nhttp = \"2\"\nexpect.body = \"HTTP/2.0\""), ""),
        case(
            format!("url = \"https://{tls}/\"\nhttp = \"1.1\"\n{ca}"),
            format!(
                "the TLS handshake with {tls}: the server speaks none of the protocols that were offered"
            ),
        ),
    ];
    let _ = health(&cases);
}

#[test]
fn a_server_without_http_2_is_reported() {
    let tls = HttpServer::start_tls(TlsIdentity::Good, |_| Response::new(200));
    let plain = HttpServer::start(|_| Response::new(200));
    let ca = Certificates::shared().authority();
    let cases = [
        case(
            format!("url = {:?}\nhttp = \"2\"\ntls.ca = {ca:?}", tls.url("/")),
            format!(
                "the TLS handshake with localhost:{}: the server speaks none of the protocols that were offered",
                tls.address().port()
            ),
        ),
        case(
            format!("url = {:?}\nhttp = \"2\"", plain.url("/")),
            // It answers with HTTP/1.1, closes or resets the connection: whichever is seen first.
            format!("waiting for the answer of {}: …", plain.url("/")),
        ),
        case(format!("url = {:?}\nhttp = \"1.1\"\ntls.ca = {ca:?}", tls.url("/")), ""),
    ];
    let ran = health(&cases);
    let report = ran.junit();
    for (name, hint) in [("case 0", "omit `http`"), ("case 1", "try it without `http = \"2\"`")] {
        let text = &report.case(name).text;
        assert!(text.contains(hint), "{text}");
    }
    let message = report.case("case 1").message.clone().unwrap_or_default();
    assert!(message.contains("HTTP/2"), "{message}");
}

#[test]
fn an_unusable_proxy_is_an_error_and_not_bypassed() {
    let server = HttpServer::start(|_| Response::new(200));
    let expected = |whose: &str| {
        format!(
            "going through the proxy of `{whose}`: expected a proxy such as http://proxy.internal:3128 or \
             socks5://127.0.0.1:1080, got `ftp://127.0.0.1:1`"
        )
    };
    let url = format!("url = {:?}", server.url("/"));
    let ftp = "ftp://user:secret-word@127.0.0.1:1";
    let head = format!("[vars]\nthrough = {ftp:?}\n");
    let keys = format!("{url}\nproxy = \"{{{{through}}}}\"");
    let ran = health_in(Smoke::new(), &head, &[case(keys, expected("proxy"))]);
    assert_eq!(ran.junit().case("case 0").kind.as_deref(), Some("proxy"));
    for (variable, more) in
        [("HTTP_PROXY", ""), ("http_proxy", ""), ("ALL_PROXY", ""), ("HTTP_PROXY", "redirects = 1")]
    {
        let keys = format!("{url}\n{more}");
        let ran = health_in(Smoke::new().env(variable, ftp), "", &[case(keys, expected(variable))]);
        let report = ran.junit();
        assert_eq!(report.case("case 0").kind.as_deref(), Some("proxy"));
        assert!(
            report.case("case 0").text.contains(&format!("hint: correct `{variable}`")),
            "{}",
            report.xml
        );
        assert!(!report.xml.contains("secret-word") && !ran.stderr.contains("secret-word"), "{}", report.xml);
    }
    assert_eq!(server.connections(), 0, "nothing goes another way than it was told to");

    // An unused proxy may be unavailable.
    let direct = [case(url.clone(), "")];
    let _ = health_in(Smoke::new().env("HTTPS_PROXY", ftp), "", &direct);
    let _ = health_in(Smoke::new().env("HTTP_PROXY", ftp).env("NO_PROXY", "127.0.0.1"), "", &direct);
}

#[test]
fn an_empty_proxy_overrides_the_environment_and_the_defaults() {
    let server = HttpServer::start(|_| Response::new(200));
    let nobody = free_address();
    let head = format!("[vars]\ndirect = \"\"\n[defaults.http]\nproxy = \"http://{nobody}\"\n");
    let url = server.url("/");
    let cases = ["", "{{direct}}"].map(|proxy| case(format!("url = {url:?}\nproxy = {proxy:?}"), ""));
    for (variable, proxy) in
        [("HTTP_PROXY", format!("http://{nobody}")), ("HTTP_PROXY", "ftp://x".to_owned())]
    {
        let _ = health_in(Smoke::new().env(variable, proxy), &head, &cases);
    }
    let ran = health(&[case(
        "url = \"http://127.0.0.1:1/\"\nproxy = \"\"",
        "connecting to 127.0.0.1:1: connection refused",
    )]);
    assert!(ran.stderr.contains("curl -sS -i --max-time 5 -x '' "), "{}", ran.stderr);
}

#[test]
fn resolve_of_a_check_is_added_to_that_of_the_defaults() {
    let (one, other) = (HttpServer::start(|_| Response::new(200)), HttpServer::start(|_| Response::new(204)));
    let head = format!(
        "[defaults.http]\nresolve = {{ \"a.test:80\" = \"{0}\", \"b.test:80\" = \"{0}\" }}\n",
        one.address()
    );
    let own = format!("resolve = {{ \"B.test:80\" = \"{}\" }}", other.address());
    let cases = [("a.test", 200), ("b.test", 204)]
        .map(|(host, status)| case(format!("url = \"http://{host}/\"\n{own}\nexpect.status = {status}"), ""));
    let _ = health_in(Smoke::new(), &head, &cases);
}

/// A proxy that answers every request for a tunnel like this, and opens one to `target` if it is a success.
fn tunnels(target: SocketAddr, status: &'static str) -> SocketAddr {
    raw::serve(move |mut client| {
        raw::read_head(&mut client)?;
        client.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).ok()?;
        if !status.starts_with('2') {
            return raw::close(client);
        }
        let mut server = TcpStream::connect(target).ok()?;
        let (mut there, mut back) = (client.try_clone().ok()?, server.try_clone().ok()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut there, &mut back);
            back.shutdown(std::net::Shutdown::Write)
        });
        std::io::copy(&mut server, &mut client).ok()?;
        client.shutdown(std::net::Shutdown::Write).ok()
    })
}

#[test]
fn any_success_of_a_proxy_is_a_tunnel() {
    let server = HttpServer::start_tls(TlsIdentity::Good, |_| Response::new(200).body("through"));
    let ca = Certificates::shared().authority();
    let proxies = ["200 OK", "201 Created", "299 Fine"].map(|status| tunnels(server.address(), status));
    let url = format!("https://localhost:{}/", server.address().port());
    let keys = |proxy: &SocketAddr| {
        format!(
            "url = {url:?}\nproxy = \"http://user:passw0rd@{proxy}\"\ntls.ca = {ca:?}\nexpect.body = \"through\""
        )
    };
    let ran = health(&proxies.each_ref().map(|proxy| case(keys(proxy), "")));
    // A journey keeps its connection, and knows at the second step how to get through.
    let step = |name: &str| {
        format!(
            "[[journey.step]]\nname = \"{name}\"\nget = {url:?}\nproxy = \"http://{}\"\ntls.ca = {ca:?}\n",
            proxies[1]
        )
    };
    Smoke::new().suite(&format!("[[journey]]\nname = \"j\"\n{}{}", step("a"), step("b"))).run().exits(0);
    assert!(!ran.stderr.contains("passw0rd"), "{}", ran.stderr);
}

#[test]
fn what_a_proxy_says_that_opens_no_tunnel_is_in_the_message() {
    let nobody = free_address();
    let cases = ["403 Forbidden", "502 Bad Gateway", "503 Out of tunnels", "302 Found"].map(|status| {
        let proxy = tunnels(nobody, status);
        case(
            format!("url = \"https://shop.test/\"\nproxy = \"http://{proxy}\""),
            format!("connecting to shop.test:443 through the proxy {proxy}: the proxy refused the tunnel with {status}"),
        )
    });
    let _ = health(&cases);
}

#[test]
fn every_address_that_refuses_is_named() {
    let nobody = free_address();
    let port = nobody.port();
    let _ = health(&[
        case(
            format!("url = \"http://localhost:{port}/\""),
            format!("connecting to localhost:{port}: 127.0.0.1:{port}: connection refused…"),
        ),
        case(
            format!(
                "url = \"http://shop.test:{port}/\"\nresolve = {{ \"shop.test:{port}\" = \"{nobody}\" }}"
            ),
            format!("connecting to shop.test:{port}: {nobody}: connection refused"),
        ),
        case(format!("url = \"http://{nobody}/\""), format!("connecting to {nobody}: connection refused")),
    ]);
}
