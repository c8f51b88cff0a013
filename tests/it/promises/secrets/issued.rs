//! What a server issues is secret, whether or not anything captures it.

use crate::support::http::{HttpServer, Request, Response};
use crate::support::outputs::{asked_for_all, have_none_of};

const ACCESS: &str = "acc3ss-0123456789";
const REFRESH: &str = "r3fresh-0123456789";

fn issue(request: &Request) -> Response {
    match request.path.as_str() {
        "/token" => Response::json(&format!(
            "{{\"access_token\": \"{ACCESS}\", \"refreshToken\": \"{REFRESH}\", \"scope\": \"read\"}}"
        )),
        "/token-of-another-shape" => {
            Response::json(&format!("{{\"tokn\": \"{ACCESS}\", \"note\": \"{REFRESH}\"}}"))
        }
        "/login" => {
            Response::redirect(&format!("http://shop:{REFRESH}@127.0.0.1:1/callback?state=1&code={ACCESS}"))
        }
        "/header" => Response::new(500)
            .header("authorization", &format!("Bearer {ACCESS}"))
            .header("x-auth", REFRESH)
            .body(format!("no {ACCESS}, {REFRESH}")),
        _ => {
            let headers = request.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
            Response::new(500).body(format!(
                "{}\n{}{}",
                request.target,
                headers.collect::<String>(),
                request.text()
            ))
        }
    }
}

fn tokens() -> [(&'static str, String); 2] {
    [("a token", ACCESS.to_owned()), ("the other", REFRESH.to_owned())]
}

#[test]
fn a_token_beside_a_captured_one_is_in_no_output() {
    let server = HttpServer::start(issue);
    let suite = format!(
        "[[journey]]\nname = \"it\"\n[[journey.step]]\nname = \"a\"\nget = \"{0}\"\n\
         capture.access_token = {{ json = \"$.access_token\" }}\nexpect.json.\"$.scope\" = \"write\"\n\
         [[health]]\nname = \"nothing captured\"\nurl = \"{0}\"\nexpect.json.\"$.scope\" = \"write\"\n",
        server.url("/token")
    );
    let ran = asked_for_all().suite(&suite).arg("--keep-going").run();
    ran.exits(1);
    have_none_of(&ran, &tokens());
    assert!(ran.stderr.contains("\"refreshToken\": \"***\""), "{}", ran.stderr);
}

#[test]
fn an_answer_of_a_token_endpoint_is_not_shown() {
    let server = HttpServer::start(issue);
    let suite = format!(
        "[[health]]\nname = \"it\"\nurl = \"{}\"\n[health.auth.oauth2]\ntoken-url = \"{}\"\n\
         client-id = \"smoke\"\nclient-secret = \"client-s3cret\"\n",
        server.url("/"),
        server.url("/token-of-another-shape")
    );
    let ran = asked_for_all().suite(&suite).run();
    ran.exits(1);
    have_none_of(&ran, &tokens());
    assert!(
        ran.stderr.contains("HTTP/1.1 200, application/json, without an `access_token`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_a_location_and_a_header_have_in_them_is_in_no_output() {
    let server = HttpServer::start(issue);
    let suite = format!(
        "[[health]]\nname = \"login\"\nurl = \"{}\"\n[[health]]\nname = \"header\"\nurl = \"{}\"\n",
        server.url("/login"),
        server.url("/header")
    );
    let ran = asked_for_all().suite(&suite).arg("--keep-going").run();
    ran.exits(1);
    have_none_of(&ran, &tokens());
    assert!(ran.stderr.contains("callback?state=1&code=***"), "{}", ran.stderr);
}

#[test]
fn credentials_that_are_sent_are_in_no_output_wherever_they_stand() {
    let server = HttpServer::start(issue);
    let (url, address) = (server.url("/"), server.address());
    let requests = [
        // The API key is the user, and the password is empty.
        format!("url = \"{url}\"\nauth = {{ basic = {{ user = \"k3y-4711-a\", password = \"\" }} }}"),
        format!("url = \"http://k3y-4711-b@{address}/\""),
        format!("url = \"{url}\"\nheaders = {{ authorization = \"Basic azN5LTQ3MTEtYzo=\" }}"),
        format!("url = \"{url}\"\nheaders = {{ cookie = \"sid=k3y-4711-d\" }}"),
        format!("url = \"{url}\"\nheaders = {{ proxy-authorization = \"Bearer k3y-4711-e\" }}"),
        format!("url = \"{url}\"\nquery = {{ accessToken = \"k3y-4711-f\", jwt = \"k3y-4711-g\" }}"),
        format!("url = \"{url}\"\nmethod = \"POST\"\nform = {{ pass = \"k3y-4711-h\" }}"),
        format!(
            "url = \"{url}\"\nmethod = \"POST\"\njson = {{ login = {{ clientSecret = \"k3y-4711-i\" }} }}"
        ),
        format!("url = \"{url}\"\nmethod = \"POST\"\nmultipart = {{ privateKey = \"k3y-4711-j\" }}"),
        format!("url = \"{url}?bearer=k3y-4711-k\""),
    ];
    let mut suite = String::new();
    for (number, keys) in requests.iter().enumerate() {
        suite += &format!("[[health]]\nname = \"request {number}\"\n{keys}\n");
    }
    let ran = asked_for_all().suite(&suite).arg("--keep-going").run();
    ran.exits(1);
    have_none_of(&ran, &[("a key", "k3y-4711".to_owned()), ("the pair", "azN5LTQ3MTEt".to_owned())]);
    assert_eq!(ran.junit().failures, 10, "{}", ran.stderr);
}

#[test]
fn credentials_of_a_proxy_of_the_environment_are_in_no_output() {
    let server = HttpServer::start(|request| {
        Response::new(500).body(format!("{:?} of proxy-pw-4711", request.header("proxy-authorization")))
    });
    let suite = "[[health]]\nname = \"it\"\nurl = \"http://shop.example/\"\n";
    let proxy = format!("http://shop:proxy-pw-4711@{}", server.address());
    let ran = asked_for_all().suite(suite).env("http_proxy", proxy).run();
    ran.exits(1);
    have_none_of(&ran, &[("the password", "proxy-pw-4711".to_owned())]);
    assert!(ran.stderr.contains("of ***"), "{}", ran.stderr);
}
