//! `addresses = "all"`: every address of a name is checked individually, and must pass.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::http::{HttpServer, Response};
use crate::support::names::{FILE, change, line, with_names};
use crate::support::smoke::{Ran, Smoke};
use crate::support::wait;

const NAME: &str = "shop.test";

fn says(version: &str) -> impl Fn(&crate::support::http::Request) -> Response + Send + Sync + use<> {
    let body = json!({ "version": version }).to_string();
    move |request| match request.path.as_str() {
        "/moved" => Response::redirect("/version"),
        _ => Response::json(&body),
    }
}

/// Starts a server at each of the addresses, all on one port.
fn servers(of: &[(&str, &str)]) -> (u16, Vec<HttpServer>) {
    // Only one test at a time searches for a port that is free on all addresses.
    static LOOKING: Mutex<()> = Mutex::new(());
    let _looking = LOOKING.lock();
    for _ in 0..100 {
        let mut port = 0;
        let started: std::io::Result<Vec<HttpServer>> = of
            .iter()
            .map(|(address, version)| {
                let at = SocketAddr::new(address.parse().expect("an address"), port);
                let server = HttpServer::start_at(at, says(version))?;
                port = server.address().port();
                Ok(server)
            })
            .collect();
        if let Ok(servers) = started {
            return (port, servers);
        }
    }
    panic!("no port is free at every address");
}

fn gate(url: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"all\"\nurl = \"{url}\"\naddresses = \"all\"\n{keys}\n")
}

const NEW: &str = "expect.json.\"$.version\" = \"2\"";

fn run(addresses: &[&str], suite: &str) -> Ran {
    let smoke = Smoke::new().suite(suite).args(["--json", "smoke.json"]);
    with_names(smoke, &line(NAME, addresses)).run()
}

fn result(ran: &Ran) -> Value {
    let text = std::fs::read_to_string(ran.path("smoke.json")).expect("the report");
    serde_json::from_str::<Value>(&text).expect("JSON")["checks"][0].clone()
}

#[test]
fn every_address_is_asked_by_itself_and_must_pass() {
    let (port, servers) = servers(&[("127.0.0.1", "2"), ("127.0.0.2", "2"), ("::1", "2")]);
    let addresses = ["127.0.0.1", "127.0.0.2", "::1"];
    let ran = run(&addresses, &gate(&format!("http://{NAME}:{port}/version"), NEW));
    ran.exits(0);
    for server in &servers {
        let asked = server.requests();
        assert_eq!(asked.len(), 1, "{}", server.address());
        assert_eq!(asked[0].header("host"), Some(&*format!("{NAME}:{port}")));
    }
    let expected = format!("127.0.0.1:{port}, 127.0.0.2:{port}, [::1]:{port}");
    assert_eq!((&result(&ran)["address"], &result(&ran)["unreachable"]), (&json!(expected), &json!([])));
}

#[test]
fn a_failure_names_the_address_and_can_be_reproduced() {
    let (port, _servers) = servers(&[("127.0.0.1", "2"), ("127.0.0.2", "1"), ("127.0.0.3", "2")]);
    let addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    let ran = run(&addresses, &gate(&format!("http://{NAME}:{port}/version"), NEW));
    ran.exits(1);
    let case = ran.junit().case("all").clone();
    let message = format!("expected json $.version at 127.0.0.2:{port} \"2\", got \"1\"");
    assert_eq!(case.message.as_deref(), Some(&*message));
    assert!(
        ran.stderr.contains("--connect-to ::127.0.0.2: ")
            && ran.stderr.contains(&format!(" http://{NAME}:{port}/version")),
        "{}",
        ran.stderr
    );
    let result = result(&ran);
    assert_eq!(result["address"], json!(format!("127.0.0.2:{port}")));
    assert_eq!(result["failure"]["mismatches"][0]["location"]["line"], 5);
}

#[test]
fn all_that_fail_are_named() {
    let (port, servers) = servers(&[("127.0.0.1", "2"), ("127.0.0.2", "1"), ("127.0.0.3", "2")]);
    let gone = "127.0.0.4";
    let addresses = ["127.0.0.1", "127.0.0.2", gone];
    let ran = run(&addresses, &gate(&format!("http://{NAME}:{port}/version"), NEW));
    ran.exits(1);
    let message = ran.junit().case("all").message.clone().expect("a message");
    let expected = format!(
        "expected json $.version at 127.0.0.2:{port} \"2\", got \"1\"; expected an answer of {gone}:{port}, got "
    );
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.ends_with("connection refused"), "{message}");
    drop(servers);
    let ran = run(&addresses, &gate(&format!("tcp://{NAME}:{port}"), ""));
    let message = ran.junit().case("all").message.clone().expect("a message");
    for address in addresses {
        assert!(message.contains(&format!("{address}:{port}")), "{message}");
    }
}

#[test]
fn an_address_that_is_silent_is_named_when_the_budget_ends() {
    let (port, _servers) = servers(&[("127.0.0.1", "2")]);
    // It accepts connections, and never responds.
    let silent = std::net::TcpListener::bind(("127.0.0.2", port)).expect("the port is free there");
    let ran = run(&["127.0.0.1", "127.0.0.2"], &gate(&format!("http://{NAME}:{port}/"), "budget = \"1s\""));
    ran.exits(1);
    assert_eq!(
        ran.junit().case("all").message.as_deref(),
        Some(&*format!(
            "no answer within 1s (check budget), while waiting for the first byte of the answer (first byte): at 127.0.0.2:{port}"
        ))
    );
    drop(silent);
}

#[test]
fn a_redirect_stays_at_its_address() {
    let (port, servers) = servers(&[("127.0.0.1", "2"), ("127.0.0.2", "2")]);
    let keys = format!("redirects = 1\n{NEW}");
    run(&["127.0.0.1", "127.0.0.2"], &gate(&format!("http://{NAME}:{port}/moved"), &keys)).exits(0);
    for server in &servers {
        let paths: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(paths, ["/moved", "/version"]);
    }
}

#[test]
fn tcp_and_tls_ask_every_address_too() {
    let (port, servers) = servers(&[("127.0.0.1", "2"), ("127.0.0.2", "2")]);
    run(&["127.0.0.1", "127.0.0.2"], &gate(&format!("tcp://{NAME}:{port}"), "")).exits(0);
    assert_eq!(servers.iter().map(HttpServer::connections).collect::<Vec<_>>(), [1, 1]);

    let tls = HttpServer::start_tls(TlsIdentity::Good, |_| Response::new(200));
    let port = tls.address().port();
    let keys = format!("tls.ca = \"{}\"", Certificates::shared().authority().display());
    let suite = gate(&format!("tls://localhost:{port}"), &keys)
        + &gate(&format!("https://localhost:{port}/"), &keys).replace("\"all\"\nurl", "\"https\"\nurl");
    let smoke = Smoke::new().suite(&suite);
    let ran = with_names(smoke, &line("localhost", &["127.0.0.1"])).run();
    ran.exits(0);
    // The certificate is for the name, whatever the address.
    let smoke = Smoke::new().suite(&(format!("[suite]\nfail-fast = false\n{suite}")));
    let ran = with_names(smoke, &line("localhost", &["127.0.0.1", "127.0.0.2"])).run();
    ran.exits(1);
    for name in ["all", "https"] {
        let message = ran.junit().case(name).message.clone().expect("a message");
        assert!(message.contains(&format!("127.0.0.2:{port}")), "{message}");
        assert!(message.ends_with("connection refused"), "{message}");
    }
}

#[test]
fn a_family_without_a_route_is_reported_and_does_not_fail() {
    let (port, _servers) = servers(&[("127.0.0.1", "2")]);
    let suite = gate(&format!("http://{NAME}:{port}/"), NEW);
    let ran = run(&["127.0.0.1", "2001:db8::7"], &suite);
    ran.exits(0);
    let not_asked = format!("[2001:db8::7]:{port}: no route from here (network is unreachable)");
    assert!(ran.stderr.contains(&format!("not asked: {not_asked}")), "{}", ran.stderr);
    assert!(ran.junit().case("all").output.contains(&not_asked));
    assert_eq!(result(&ran)["unreachable"], json!([not_asked]));

    // At least one must pass.
    let ran = run(&["2001:db8::7"], &suite);
    ran.exits(1);
    let message = ran.junit().case("all").message.clone().expect("a message");
    assert!(message.starts_with(&format!("connecting to {NAME}:{port}: {not_asked}")), "{message}");

    // An address in a reachable family is treated like any other.
    let ran = run(&["127.0.0.1", "203.0.113.7"], &suite);
    ran.exits(1);
    let message = ran.junit().case("all").message.clone().expect("a message");
    assert!(message.contains(&format!("203.0.113.7:{port}")), "{message}");
}

#[test]
fn the_name_is_looked_up_anew_for_each_attempt() {
    let (port, servers) = servers(&[("127.0.0.1", "2"), ("127.0.0.2", "2"), ("127.0.0.3", "1")]);
    let keys = format!("{NEW}\npoll = {{ every = \"10ms\", hold = 3 }}\nbudget = \"50s\"");
    let suite = gate(&format!("http://{NAME}:{port}/"), &keys);
    let running = with_names(Smoke::new().suite(&suite), &line(NAME, &["127.0.0.1", "127.0.0.3"])).spawn();
    wait::until("an attempt", Duration::from_secs(40), || (servers[2].requests().len() > 3).then_some(()));
    assert_eq!(servers[1].requests().len(), 0);
    change(Path::new(&running.path(FILE)), &line(NAME, &["127.0.0.1", "127.0.0.2"]));
    running.wait().exits(0);
    assert!(servers[1].requests().len() >= 3, "all must hold");
}

#[test]
fn a_proxy_of_the_environment_is_no_way_to_ask_every_address() {
    let (port, servers) = servers(&[("127.0.0.1", "2")]);
    let proxied = |keys: &str| {
        let smoke = Smoke::new().suite(&gate(&format!("http://{NAME}:{port}/"), keys));
        let smoke = smoke.env("HTTP_PROXY", format!("http://127.0.0.1:{port}"));
        with_names(smoke, &line(NAME, &["127.0.0.1"])).run()
    };
    let ran = proxied(NEW);
    ran.exits(1);
    let message = ran.junit().case("all").message.clone().expect("a message");
    assert!(message.contains(&format!("the request goes through the proxy 127.0.0.1:{port}")), "{message}");
    assert_eq!(servers[0].connections(), 0);
    proxied(&format!("{NEW}\nproxy = \"\"")).exits(0);
}
