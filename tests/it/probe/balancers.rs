//! A 503 that a balancer made looks different from one that the app made: real balancers, in front of an app and of nobody.

use std::net::SocketAddr;

use crate::support::haproxy::Proxy;
use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;

/// What is said of the answer at this URL.
fn said(url: &str) -> String {
    let suite = format!("[[health]]\nname = \"up\"\nurl = \"{url}\"\n");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    ran.junit().case("up").message.clone().expect("a message")
}

#[test]
fn an_answer_says_whose_it_seems_to_be() {
    let app = HttpServer::start(|request| match request.path.as_str() {
        "/json" => Response::json("{\"status\": \"down\"}").status(503),
        "/page" => Response::html("<h1>Closed for the night</h1>").status(503),
        "/named" => Response::new(503).header("server", "gunicorn").body("busy"),
        _ => Response::new(503),
    });
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    for (proxy, own, status) in
        [(Proxy::haproxy as fn(SocketAddr) -> Proxy, "HAProxy", 503), (Proxy::nginx, "nginx", 502)]
    {
        let alone = proxy(nobody);
        let expected = format!(
            "expected status 2xx, got {status}, which seems to come from {own} itself, not from the app"
        );
        assert_eq!(said(&alone.url("/")), expected);
        let passes_on = proxy(app.address());
        for path in ["/json", "/named"] {
            let expected = "expected status 2xx, got 503, which seems to come from the app";
            assert_eq!(said(&passes_on.url(path)), expected, "{own} {path}");
        }
    }
    // nginx puts its own name in the place of the app's, and not its page.
    let expected = "expected status 2xx, got 503, which seems to come from the app";
    assert_eq!(said(&Proxy::nginx(app.address()).url("/page")), expected);
    // Where nothing tells, nothing is said.
    assert_eq!(said(&Proxy::haproxy(app.address()).url("/")), "expected status 2xx, got 503");
    assert_eq!(said(&app.url("/")), "expected status 2xx, got 503");
}
