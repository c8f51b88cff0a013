//! Readiness, and whether it comes from this build.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{boot, free_port};
use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Smoke, program};
use crate::support::{scratch, wait};

/// The demo shop as an older build that is still running.
struct OlderBuild(Child);

impl OlderBuild {
    fn start(port: u16, folder: &std::path::Path) -> OlderBuild {
        let child = Command::new(program())
            .args(["demo", "--serve", &port.to_string(), "--database", "old.db"])
            .current_dir(folder)
            .envs([("SHOP_PASSWORD", "correct horse"), ("SHOP_FAULT", "version")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start the older build");
        wait::until("the older build", Duration::from_secs(20), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        OlderBuild(child)
    }
}

impl Drop for OlderBuild {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_older_build_that_listens_is_not_taken_for_the_one_that_took_another_port() {
    let folder = scratch::for_a_test();
    let port = free_port();
    let _older = OlderBuild::start(port, folder.path());
    // Like a dev server, it takes the next free port and reports that it listens.
    let ready = format!("ready = {{ log = \"listening on\", port = {port} }}");
    let ran = Smoke::new().suite(&boot("shop", "echo listening on another; exec sleep 1000", &ready)).run();
    ran.exits(5);
    let said = format!("already accepts connections on port {port}");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(!cfg!(target_os = "linux") || ran.stderr.contains("something else, process "), "{}", ran.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_of_an_older_build_is_not_readiness() {
    // The older build answers 503 before the start, and 200 once the new build runs.
    let folder = scratch::for_a_test();
    let started = folder.path().join("started");
    let script = format!("touch {}; exec sleep 1000", started.display());
    let server = HttpServer::start(move |_| Response::new(if started.exists() { 200 } else { 503 }));
    let keys = format!("budget = \"2s\"\nready = {{ url = {:?} }}", server.url("/"));
    let ran = Smoke::new().suite(&boot("shop", &script, &keys)).run();
    ran.exits(5);
    let port = server.address().port();
    let said = format!("has listened on port {port} since before the start");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_boot_that_replaces_the_older_build_is_ready() {
    let folder = scratch::for_a_test();
    let port = free_port();
    let older = OlderBuild::start(port, folder.path());
    let script = format!(
        "kill {}; while grep -q '^State:.[^Z]' /proc/{0}/status; do sleep 0.01; done; \
         exec {} demo --serve {port} --database shop.db",
        older.0.id(),
        program()
    );
    let keys = format!(
        "env = {{ SHOP_PASSWORD = \"correct horse\" }}\n\
         ready = {{ url = \"http://127.0.0.1:{port}/version\", expect.json.\"$.version\" = \"1.4.2\" }}"
    );
    Smoke::new().suite(&boot("shop", &script, &keys)).run().exits(0);
}

/// Listens only on `::1`.
const ON_IPV6: &str = "import socket, sys, time\n\
                       listener = socket.socket(socket.AF_INET6)\n\
                       listener.bind(('::1', int(sys.argv[1])))\n\
                       listener.listen()\n\
                       time.sleep(1000)\n";

#[test]
fn a_process_on_ipv6_alone_is_ready() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let script = format!("exec python3 server.py {port}");
    let keys = format!("ready = {{ port = {port} }}");
    Smoke::new().suite(&boot("shop", &script, &keys)).file("server.py", ON_IPV6).run().exits(0);
}

#[test]
fn lines_that_match_are_counted() {
    let script = "echo ready to accept connections; sleep 0.3; echo down; sleep 0.3; touch real; \
                  echo ready to accept connections; exec sleep 1000";
    let ready = "ready = { log = { matches = \"^ready to .* connections$\", count = 2 } }";
    let ran = Smoke::new().suite(&boot("database", script, ready)).run();
    ran.exits(0);
    assert!(ran.path("real").exists());
    let ready = "budget = \"2s\"\nready = { log = { matches = \"^ready to .* connections$\", count = 3 } }";
    let ran = Smoke::new().suite(&boot("database", script, ready)).run();
    ran.exits(5);
    let said = "its output never had 3 lines that matched /^ready to .* connections$/, only 2";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[test]
fn all_that_says_so_must_hold() {
    let server = HttpServer::start(|_| Response::new(503));
    for (ready, said) in [
        (format!("{{ log = \"listening\", url = {:?} }}", server.url("/")), "expected status 2xx, got 503"),
        (format!("{{ log = \"never\", url = {:?} }}", server.url("/")), "never contained the `ready` text"),
        (format!("{{ log = \"listening\", port = {} }}", free_port()), "never accepted a connection"),
    ] {
        let keys = format!("budget = \"2s\"\nready = {ready}");
        let ran = Smoke::new().suite(&boot("shop", "echo listening; exec sleep 1000", &keys)).run();
        ran.exits(5);
        assert!(ran.stderr.contains(said), "no {said:?} in\n{}", ran.stderr);
    }
}

#[test]
fn a_process_that_dies_at_once_is_red_every_time() {
    for _ in 0..5 {
        let ran = Smoke::new().suite(&boot("shop", "sleep 0.1; echo no such key >&2; exit 3", "")).run();
        ran.exits(5);
        assert!(ran.stderr.contains("exit code 3; it said: no such key"), "{}", ran.stderr);
    }
}

#[test]
fn questions_become_fewer_with_time() {
    let server = HttpServer::start(|_| Response::new(503));
    let keys = format!("budget = \"4s\"\nready = {{ url = {:?} }}", server.url("/"));
    Smoke::new().suite(&boot("shop", "exec sleep 1000", &keys)).run().exits(5);
    let asked = server.requests().len();
    // At 25 ms intervals it would be 160.
    assert!((5..40).contains(&asked), "{asked}");
}
