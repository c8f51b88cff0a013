//! A journey keeps the cookies that a browser would keep, and no others.

use crate::support::http::{HttpServer, Response};
use crate::support::journeys::{journey, run, step};

/// Sets this cookie at `/set`, and requires it elsewhere.
fn server(cookie: &str) -> HttpServer {
    let cookie = cookie.to_owned();
    HttpServer::start(move |request| match request.path.as_str() {
        "/set" => Response::new(200).header("set-cookie", "old=1; Path=/").header("set-cookie", &cookie),
        _ => Response::new(200).body(request.header("cookie").unwrap_or_default()),
    })
}

/// Returns the `Cookie` header of the step after `/set`.
fn sent_after(cookie: &str) -> String {
    let server = server(cookie);
    let steps = ["/set", "/then"].map(|path| step(path, &format!("get = \"{{{{base}}}}{path}\"")));
    run(&server, &journey("it", "", &steps)).exits(0);
    server.requests()[1].header("cookie").unwrap_or_default().to_owned()
}

#[test]
fn cookies_that_no_browser_keeps_are_not_kept() {
    let long = format!("sid={}; Path=/", "a".repeat(4_094));
    for refused in [
        "__Host-sid=1; Path=/; Domain=127.0.0.1",
        "__Host-sid=1; Path=/",
        "__Host-sid=1; Secure",
        "__secure-sid=1; Path=/",
        long.as_str(),
    ] {
        assert_eq!(sent_after(refused), "old=1", "{refused:.60}");
    }
    let longest = format!("sid={}; Path=/", "a".repeat(4_093));
    assert_eq!(sent_after(&longest).len(), "old=1; sid=".len() + 4_093);
}

#[test]
fn a_date_in_the_past_removes_a_cookie_however_it_is_written() {
    for date in [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 UTC",
        "Thu, 01-Jan-70 00:00:01 +0000",
        "Thu Jan 1 00:00:01 1970",
    ] {
        assert_eq!(sent_after(&format!("old=; Path=/; Expires={date}")), "", "{date}");
    }
    assert_eq!(sent_after("old=2; Path=/; Expires=some day"), "old=2");
}
