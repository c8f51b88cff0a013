//! A shop with a login, and the text of journeys through it.

use std::time::Duration;

use crate::support::http::{HttpServer, Request, Response};
use crate::support::smoke::{Ran, Smoke};
use crate::support::verdicts::suite;

const PAGE: &str = r#"<form><input name="csrf" value="c5rf-1"><h1> Log <b>in</b> </h1></form>"#;

/// A shop with a login: `/me` requires its cookie, `/orders` its token.
pub fn shop() -> HttpServer {
    HttpServer::start(|request| {
        let cookie = request.header("cookie").unwrap_or_default();
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/login") => Response::html(PAGE).header("set-cookie", "visit=1; Path=/"),
            ("POST", "/login") if request.text() == "csrf=c5rf-1" && cookie == "visit=1" => {
                Response::redirect("/me")
                    .header("set-cookie", "session=s3ss10n-id; Path=/")
                    .header("x-token", "tok-12345")
            }
            ("GET", "/me") if cookie.contains("session=s3ss10n-id") => {
                Response::json("{\"id\": 7, \"name\": \"Ann\"}")
            }
            ("GET", "/slow") => Response::new(200).delay(Duration::from_secs(30)),
            (_, path)
                if path.starts_with("/orders")
                    && request.header("authorization") == Some("Bearer tok-12345") =>
            {
                Response::json("{\"id\": 99}").status(201)
            }
            (_, "/open") => Response::new(200),
            _ => Response::new(403),
        }
    })
}

pub fn step(name: &str, keys: &str) -> String {
    format!("[[journey.step]]\nname = \"{name}\"\n{keys}\n")
}

pub fn cleanup(name: &str, keys: &str) -> String {
    format!("[[journey.cleanup]]\nname = \"{name}\"\n{keys}\n")
}

pub fn journey(name: &str, keys: &str, steps: &[String]) -> String {
    format!("[[journey]]\nname = \"{name}\"\n{keys}\n{}", steps.concat())
}

pub fn run(server: &HttpServer, checks: &str) -> Ran {
    Smoke::new().suite(&suite(&format!("[vars]\nbase = {:?}\n{checks}", server.url("")))).run()
}

pub fn asked(server: &HttpServer) -> Vec<String> {
    server.requests().iter().map(|Request { method, path, .. }| format!("{method} {path}")).collect()
}
