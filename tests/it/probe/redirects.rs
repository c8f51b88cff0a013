//! Redirects: followed as often as the suite allows, without credentials to another origin.

use std::net::SocketAddr;

use crate::support::background::Background;
use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::fault::{Fault, FaultServer};
use crate::support::http::{HttpServer, Request, Response};
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health, suite};

/// `/302/there` redirects with 302 to `/there`; every other path answers 200.
fn redirecting() -> HttpServer {
    HttpServer::start(|request| match request.path.strip_prefix('/').and_then(|path| path.split_once('/')) {
        Some((status, rest)) => {
            Response::redirect(&format!("/{rest}")).status(status.parse().expect("a status"))
        }
        None => Response::json("{\"arrived\": true}"),
    })
}

fn methods(requests: &[Request]) -> Vec<(String, String)> {
    requests.iter().map(|request| (request.method.clone(), request.path.clone())).collect()
}

#[test]
fn redirects_are_not_followed_by_default() {
    let server = redirecting();
    let (once, twice) = (server.url("/302/there"), server.url("/302/302/there"));
    let there = server.url("/there");
    let cases = [
        case(format!("url = {once:?}"), "expected status 2xx, got 302"),
        case(format!("url = {once:?}\nexpect.status = 302\nexpect.header.location = \"/there\""), ""),
        case(format!("url = {once:?}\nredirects = 0\nexpect.status = 302"), ""),
        case(format!("url = {once:?}\nredirects = 1\nexpect.url = {there:?}"), ""),
        case(format!("url = {twice:?}\nredirects = 2\nexpect.json.\"$.arrived\" = true"), ""),
        case(
            format!("url = {twice:?}\nredirects = 9\nexpect.url = {twice:?}"),
            format!("expected url {twice:?}, got {there:?}"),
        ),
        case(
            format!("url = {twice:?}\nredirects = 1"),
            format!(
                "expected an end to the redirects after 1 (`redirects`), got another 302: {twice} → {once}"
            ),
        ),
    ];
    let _ = health(&cases);
}

#[test]
fn a_redirect_loop_ends_and_is_reported() {
    let server = FaultServer::start(Fault::RedirectLoop);
    let url = server.url();
    let failure = format!(
        "expected an end to the redirects after 5 (`redirects`), got another 302: {url}2 → {url}3 → {url}4 → {url}5"
    );
    let _ = health(&[case(format!("url = {url:?}\nredirects = 5"), failure)]);
    assert_eq!(server.connections(), 6);
}

#[test]
fn a_response_that_is_no_redirect_is_the_answer_after_any_number_of_redirects() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/304" => Response::new(304),
        path => Response::redirect(&path["/to".len()..]),
    });
    let _ =
        health(&[case(format!("url = {:?}\nredirects = 1\nexpect.status = 304", server.url("/to/304")), "")]);
}

#[test]
fn a_redirect_that_nobody_can_follow_fails_where_it_is_to_be_followed() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/nowhere" => Response::new(302),
        "/port" => Response::redirect("http://127.0.0.1:99999/"),
        "/mail" => Response::redirect("mailto:somebody@example.com"),
        "/arrived/%E9" => Response::new(200),
        _ => Response::new(404),
    });
    let redirect = "expected a redirect that can be followed (`redirects`), got a 302";
    let case = |path: &str, got: &str| {
        case(
            format!("url = {:?}\nredirects = 1\nexpect.status = 302", server.url(path)),
            format!("{redirect} {got}"),
        )
    };
    let _ = health(&[
        case("/nowhere", "without a Location"),
        case("/port", "to `http://127.0.0.1:99999/`, which is not a URL: invalid port number"),
        case("/mail", "to `mailto:somebody@example.com`, whose scheme `mailto` is not http or https"),
    ]);
}

#[test]
fn the_method_changes_as_in_a_browser() {
    for (status, method, arrives_as) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (302, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ] {
        let server = redirecting();
        let url = server.url(&format!("/{status}/there"));
        let body = if method == "HEAD" { "" } else { "json = { a = 1 }" };
        let _ = health(&[case(format!("url = {url:?}\nmethod = {method:?}\nredirects = 1\n{body}"), "")]);
        let requests = server.requests();
        let expected = [(method, format!("/{status}/there")), (arrives_as, "/there".to_owned())];
        assert_eq!(methods(&requests), expected.map(|(method, path)| (method.to_owned(), path)));
        let keeps = arrives_as != "GET" && method != "HEAD";
        assert_eq!(requests[1].text(), if keeps { "{\"a\":1}" } else { "" }, "{status} {method}");
        assert_eq!(requests[1].header("content-type").is_some(), keeps, "{status} {method}");
    }
}

#[test]
fn cookies_set_by_a_redirect_are_sent_to_its_target() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/login" => Response::redirect("/home").header("set-cookie", "session=abc; Path=/; HttpOnly"),
        _ if request.header("cookie") == Some("session=abc") => Response::new(200),
        _ => Response::new(401),
    });
    let _ = health(&[case(format!("url = {:?}\nredirects = 1", server.url("/login")), "")]);
}

/// A check with everything that must not leave its origin, sent to a server that redirects it elsewhere and back.
#[test]
fn credentials_are_not_sent_to_another_origin() {
    let elsewhere = HttpServer::start(|_| Response::new(200));
    // The same host with another port is another origin.
    let target = elsewhere.url("/taken");
    let home = HttpServer::start(move |_| {
        Response::redirect(&target).status(307).header("set-cookie", "session=abcdef")
    });
    let checks = format!(
        r#"
        [[health]]
        name = "headers"
        url = "{url}"
        redirects = 1
        headers = {{ x-api-key = "key-12345", cookie = "own=98765", accept = "text/plain" }}
        auth = {{ bearer = "token-12345" }}
        [[health]]
        name = "password"
        url = "http://ann:password-12345@{address}/"
        redirects = 1
        "#,
        url = home.url("/"),
        address = home.address(),
    );
    Smoke::new().suite(&suite(&checks)).run().exits(0);
    let at_home = home.requests();
    assert_eq!(at_home.iter().filter(|request| request.header("authorization").is_some()).count(), 2);
    assert_eq!(at_home.iter().filter(|request| request.header("x-api-key").is_some()).count(), 1);
    let taken = elsewhere.requests();
    assert_eq!(taken.len(), 2);
    for request in taken {
        for name in ["authorization", "cookie", "x-api-key", "referer"] {
            assert_eq!(request.header(name), None, "{name} left home");
        }
        assert!(matches!(request.header("accept"), Some("text/plain" | "*/*")));
    }
}

#[test]
fn credentials_are_sent_to_the_same_origin() {
    let server = redirecting();
    let keys = format!(
        "url = {:?}\nredirects = 1\nheaders = {{ x-api-key = \"key-12345\" }}\nauth = {{ bearer = \"token-12345\" }}",
        server.url("/302/there")
    );
    let _ = health(&[case(keys, "")]);
    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer token-12345"));
        assert_eq!(request.header("x-api-key"), Some("key-12345"));
    }
}

#[test]
fn a_client_certificate_is_not_sent_to_another_origin() {
    let elsewhere = HttpServer::start_tls(TlsIdentity::ClientCertificateAsked, |_| Response::new(200));
    let target = elsewhere.url("/taken");
    let home =
        HttpServer::start_tls(TlsIdentity::ClientCertificateRequired, move |_| Response::redirect(&target));
    let certificates = Certificates::shared();
    let keys = format!(
        "url = {:?}\nredirects = 1\ntls = {{ ca = {:?}, cert = {:?}, key = {:?} }}",
        home.url("/"),
        certificates.authority(),
        certificates.client_certificate(),
        certificates.client_key()
    );
    let _ = health(&[case(keys, "")]);
    assert!(home.requests()[0].client_certificate);
    assert_eq!(elsewhere.requests().len(), 1);
    assert!(!elsewhere.requests()[0].client_certificate, "the client certificate left home");
}

/// One port that speaks both `http` and `https`. These are still two origins.
fn one_port_for(plain: SocketAddr, tls: SocketAddr) -> (SocketAddr, Background) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
    listener.set_nonblocking(true).expect("listen without blocking");
    let address = listener.local_addr().expect("know the port");
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("hand the listener over");
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut first = [0];
                client.peek(&mut first).await.expect("a client that speaks first");
                // A TLS record of a handshake.
                let to = if first[0] == 0x16 { tls } else { plain };
                let mut server = tokio::net::TcpStream::connect(to).await.expect("reach the server");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    };
    (address, Background::start(serve))
}

#[test]
fn scheme_host_and_port_each_make_another_origin() {
    let moves = |request: &Request| match request.query.strip_prefix("to=") {
        Some(to) => {
            let to = to.replace("%3A", ":").replace("%2F", "/");
            Response::redirect(&to).status(307).header("set-cookie", "session=abcdefabcdef; Path=/")
        }
        None => Response::new(200),
    };
    let (plain, tls) = (HttpServer::start(moves), HttpServer::start_tls(TlsIdentity::Good, moves));
    let other = HttpServer::start(moves);
    let (both, _serves_both) = one_port_for(plain.address(), tls.address());
    let certificates = Certificates::shared();
    let (home, port) = (both.port(), other.address().port());
    for (from, to) in [
        (format!("http://127.0.0.1:{home}"), format!("https://127.0.0.1:{home}")),
        (format!("https://127.0.0.1:{home}"), format!("http://127.0.0.1:{home}")),
        (format!("http://127.0.0.1:{home}"), format!("http://localhost:{home}")),
        (format!("http://127.0.0.1:{home}"), format!("http://127.0.0.1:{port}")),
    ] {
        let check = format!(
            "[[health]]\nname = \"it\"\nurl = \"{from}/home\"\nquery = {{ to = \"{to}/taken\" }}\nredirects = 1\n\
             headers = {{ x-api-key = \"key-12345\", cookie = \"own=98765\" }}\nauth = {{ bearer = \"token-12345\" }}\n\
             tls = {{ ca = {:?}, cert = {:?}, key = {:?} }}\n",
            certificates.authority(),
            certificates.client_certificate(),
            certificates.client_key()
        );
        Smoke::new().suite(&suite(&check)).run().exits(0);
        let asked: Vec<Request> =
            [&plain, &tls, &other].iter().flat_map(|server| server.requests()).collect();
        let of = |path: &str| asked.iter().filter(|request| request.path == path).collect::<Vec<_>>();
        assert!(of("/home").iter().all(|request| request.header("authorization").is_some()), "{from} {to}");
        let taken = of("/taken");
        assert!(!taken.is_empty(), "{from} {to}");
        for request in taken {
            for name in ["authorization", "cookie", "x-api-key"] {
                assert_eq!(request.header(name), None, "{name} left {from} for {to}");
            }
            assert!(!request.client_certificate, "the client certificate left {from} for {to}");
        }
    }
}

#[test]
fn a_body_is_not_sent_to_another_origin() {
    let elsewhere = HttpServer::start(|_| Response::new(200));
    let target = elsewhere.url("/taken");
    let home = HttpServer::start(move |request| {
        let status = request.path.trim_start_matches('/').parse().expect("a status");
        Response::redirect(&target).status(status)
    });
    let origins = [home.url(""), elsewhere.url("")];
    let refused = |status: u16, method: &str, body: &str| {
        let keys = format!(
            "url = {:?}\nmethod = {method:?}\nredirects = 3\n{body}",
            home.url(&format!("/{status}"))
        );
        case(
            keys,
            format!(
                "expected the request's body to stay at {}, got a {status} that takes it to {}: set \
                 `redirects = 0` and expect the {status}, or give the final URL",
                origins[0], origins[1]
            ),
        )
    };
    let form = "form = { user = \"a\", password = \"hunter2-long\" }";
    let _ = health(&[
        refused(307, "POST", form),
        refused(308, "POST", "json = { password = \"hunter2-long\" }"),
        refused(302, "PUT", "body = \"hunter2-long\""),
        refused(307, "POST", "multipart = { password = \"hunter2-long\" }"),
    ]);
    assert_eq!(elsewhere.requests().len(), 0, "the body left home");
    // The redirect is followed, but without data that must not leave its origin.
    let goes = |status: u16| {
        format!("url = {:?}\nmethod = \"POST\"\nredirects = 1\n{form}", home.url(&format!("/{status}")))
    };
    let _ = health(&[case(goes(302), ""), case(goes(303), "")]);
    assert!(elsewhere.requests().iter().all(|request| request.method == "GET" && request.text().is_empty()));
}

#[test]
fn a_body_follows_an_upgrade_to_https_but_not_a_downgrade() {
    let tls = HttpServer::start_tls(TlsIdentity::Good, |request| match request.path.as_str() {
        "/down" => Response::redirect("http://shop.example/taken").status(307),
        _ => Response::new(200),
    });
    let plain = HttpServer::start(|_| Response::redirect("https://shop.example/taken").status(307));
    let way = format!(
        "method = \"POST\"\nbody = \"hunter2-long\"\nredirects = 1\ntls.ca = {:?}\n\
         resolve = {{ \"shop.example:80\" = \"{}\", \"shop.example:443\" = \"{}\" }}",
        Certificates::shared().authority(),
        plain.address(),
        tls.address()
    );
    let down = "expected the request's body to stay at https://shop.example, got a 307 that takes it to http://shop.example: …";
    let _ = health(&[
        case(format!("url = \"http://shop.example/up\"\n{way}"), ""),
        case(format!("url = \"https://shop.example/down\"\n{way}"), down),
    ]);
    let bodies = |server: &HttpServer, path: &str| -> Vec<String> {
        let requests = server.requests();
        requests.iter().filter(|request| request.path == path).map(Request::text).collect()
    };
    assert_eq!(bodies(&tls, "/taken"), ["hunter2-long"]);
    assert_eq!(bodies(&plain, "/taken"), [""; 0]);
}
