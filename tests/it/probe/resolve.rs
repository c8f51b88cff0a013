//! `resolve`: keys with variables, all spellings of a host, and entries that match nothing.

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health_in, suite};

const UNUSED: &str = "(an entry of `resolve` applies to nothing that is asked)";

#[test]
fn the_keys_of_resolve_read_variables_so_that_a_preview_is_tested_and_not_the_live_system() {
    let (live, preview) =
        (HttpServer::start(|_| Response::new(200)), HttpServer::start(|_| Response::new(503)));
    let port = live.address().port();
    let text = |to: &HttpServer| {
        format!(
            "[vars]\nhost = \"127.0.0.1\"\nport = {port}\npreview = \"{}\"\n[[health]]\nname = \"it\"\n\
             url = \"http://{{{{host}}}}:{{{{port}}}}/\"\nresolve = {{ \"{{{{host}}}}:{{{{port}}}}\" = \"{{{{preview}}}}\" }}\n",
            to.address()
        )
    };
    Smoke::new().suite(&text(&preview)).run().exits(1);
    assert_eq!((live.requests().len(), preview.requests().len()), (0, 1));
    Smoke::new().suite(&text(&live)).run().exits(0);
}

#[test]
fn a_host_is_the_same_however_it_is_written() {
    let server = HttpServer::start(|_| Response::new(200));
    let written = [
        "bücher.invalid",
        "BÜCHER.invalid",
        "bücher.invalid.",
        "xn--bcher-kva.invalid",
        "XN--BCHER-KVA.invalid.",
    ];
    let mut cases = Vec::new();
    for asked in written {
        for entry in written {
            for scheme in ["http", "tcp"] {
                let url = format!("url = \"{scheme}://{asked}:81\"");
                cases.push(case(
                    format!("{url}\nresolve = {{ \"{entry}:81\" = \"{}\" }}", server.address()),
                    "",
                ));
            }
        }
    }
    let ran = health_in(Smoke::new(), "", &cases);
    assert!(!ran.stderr.contains(UNUSED), "{}", ran.stderr);
}

#[test]
fn a_run_says_which_check_has_an_entry_that_applies_to_nothing() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/away" => Response::redirect("/"),
        _ => Response::new(200),
    });
    let url = |path: &str| format!("url = {:?}", server.url(path));
    let entry = |from: &str| format!("resolve = {{ \"{from}\" = \"{}\" }}", server.address());
    let own = server.address().to_string();
    let checks = [
        ("used", url("/"), entry(&own)),
        ("another port", url("/"), entry("127.0.0.1:1")),
        ("another host", url("/"), entry("shop.example:80")),
        ("may be where it leads", format!("{}\nredirects = 1", url("/away")), entry("shop.example:80")),
        ("of the defaults", url("/"), String::new()),
    ];
    let checks: Vec<String> = checks
        .iter()
        .map(|(name, url, entry)| format!("[[health]]\nname = \"{name}\"\n{url}\n{entry}\n"))
        .collect();
    let head = "[defaults.http]\nresolve = { \"elsewhere.example:80\" = \"127.0.0.1:1\" }\n";
    let ran = Smoke::new().suite(&suite(&format!("{head}{}", checks.concat()))).run();
    ran.exits(0);
    let told: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(UNUSED)).collect();
    assert_eq!(told.len(), 2, "{}", ran.stderr);
    assert!(told.iter().all(|line| line.contains("another ")), "{told:?}");
}
