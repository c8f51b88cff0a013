//! A lack of resources in smoke itself is no verdict on the application.

use std::time::Duration;

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Smoke, program};

fn slow() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/bad" => Response::new(500),
        _ => Response::new(200).delay(Duration::from_millis(500)),
    })
}

/// Many concurrent checks with slow responses.
fn many(server: &HttpServer, rest: &str) -> String {
    let checks = (0..40).map(|n| format!("[[health]]\nname = \"{n}\"\nurl = \"{}\"\n", server.url("/")));
    format!("[suite]\nconcurrency = 40\nfail-fast = false\n{}{rest}", checks.collect::<String>())
}

/// Runs the suite after this shell command.
fn after(command: &str, suite: &str) -> Ran {
    let command = format!("{command}; exec {} run --junit junit.xml", program());
    Smoke::imitated_by("sh").args(["-c", &command]).suite(suite).run()
}

#[test]
fn too_few_descriptors_are_no_verdict() {
    let server = slow();
    let ran = after("ulimit -n 32", &many(&server, ""));
    ran.exits(6);
    assert!(ran.stderr.contains("smoke itself lacks something: too many open files"), "{}", ran.stderr);
    assert!(ran.stderr.contains("NO VERDICT"), "{}", ran.stderr);
    let report = ran.junit();
    assert!(report.cases.iter().any(|case| case.kind.as_deref() == Some("shortage")), "{}", report.xml);
}

#[test]
fn what_is_red_is_red_whatever_smoke_lacks() {
    let server = slow();
    let bad = format!("[[health]]\nname = \"bad\"\ngate = true\nurl = \"{}\"\n", server.url("/bad"));
    // As a gate it runs first, and alone.
    after("ulimit -n 32", &many(&server, &bad)).exits(5);
    let bad = bad.replace("gate = true", "budget = \"20s\"\npoll = { every = \"2s\", hold = 2 }");
    after("ulimit -n 32", &many(&server, &bad.replace("20s", "3s"))).exits(1);
}

#[test]
fn the_limit_is_raised_for_smoke_and_not_for_what_it_starts() {
    let server = slow();
    let boot = "[[boot]]\nname = \"it\"\ncommand = [\"sh\", \"-c\", \"echo limit $(ulimit -n); exec sleep 1000\"]\n\
                ready = { log = \"limit 32\\n\" }\n";
    after("ulimit -S -n 32", &many(&server, boot)).exits(0);
}

#[test]
fn a_limit_on_threads_ends_the_run_with_6() {
    let server = slow();
    // No thread can have a stack of this size.
    let suite = format!("[[health]]\nname = \"it\"\nurl = \"{}\"\n", server.url("/"));
    let size = (1_u64 << 47).to_string();
    let ran = Smoke::new().suite(&suite).env("RUST_MIN_STACK", &size).limit(Duration::from_secs(20)).run();
    ran.exits(6);
    assert!(ran.stderr.contains("does not let smoke start threads"), "{}", ran.stderr);
}
