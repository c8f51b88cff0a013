//! Failing steps of a journey, with the steps before them.

use super::answers;
use crate::support::http::{HttpServer, Response};
use crate::support::seeded::Seeded;

#[test]
fn a_step_that_needs_a_login() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/login" => Response::new(302)
            .header("set-cookie", "session=0123456789abcdef; Path=/")
            .header("x-token", "tok-123456"),
        _ => Response::json(r#"{"error":"no stock"}"#).status(409),
    });
    let base = server.url("");
    let suite = format!(
        "[vars]\nbase_url = {base:?}\npassword = {{ env = \"SHOP_PASSWORD\" }}\n\n[[journey]]\nname = \"order\"\n\
         [[journey.step]]\nname = \"log in\"\npost = \"{{{{base_url}}}}/login\"\n\
         form = {{ user = \"smoke\", password = \"{{{{password}}}}\" }}\nexpect.status = 302\n\
         capture.token = {{ header = \"x-token\" }}\n\
         [[journey.step]]\nname = \"place it\"\npost = \"{{{{base_url}}}}/orders\"\n\
         auth = {{ bearer = \"{{{{token}}}}\" }}\njson = {{ sku = \"it's \\\"new\\\"\", secret = \"in-clear\" }}\nexpect.status = 201\n"
    );
    Seeded::new("step", &suite)
        .env("SHOP_PASSWORD", "pa$$ w'ord\"")
        .env("TOKEN", "tok-123456")
        .env("SESSION", "0123456789abcdef")
        .env("SECRET", "in-clear")
        .says("step 2 `place it`: expected status 201, got 409", "no stock");
    let asked: Vec<_> = server.requests().into_iter().filter(|request| request.path == "/orders").collect();
    let [by_smoke, by_hand] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(by_smoke.text(), by_hand.text());
    for header in ["authorization", "cookie", "content-type"] {
        assert_eq!(by_smoke.header(header), by_hand.header(header), "{header}");
    }
}

#[test]
fn the_login_itself() {
    let server = answers(|| Response::html("<p class=error>wrong password</p>").status(403));
    let suite = format!(
        "[vars]\npassword = {{ file = \"password.txt\" }}\n\n[[journey]]\nname = \"log in\"\n\
         [[journey.step]]\nname = \"form\"\npost = {:?}\nform = {{ user = \"smoke\", password = \"{{{{password}}}}\" }}\n",
        server.url("/login")
    );
    Seeded::new("login_step", &suite)
        .file("password.txt", b"p@ss w\"ord$1\n")
        .says("step 1 `form`", "wrong password");
    let [by_smoke, by_hand] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
    assert_eq!(by_smoke.text(), by_hand.text().replace("%20", "+"));
}
