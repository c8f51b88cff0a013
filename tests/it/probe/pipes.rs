//! Files that block, such as a pipe without a writer. They delay only the check that reads them, until the end of its
//! budget.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;
use crate::support::verdicts::suite;

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("run mkfifo");
    assert!(made.success(), "mkfifo {}: {made}", path.display());
}

const CUT: &str = "no answer within 500ms (check budget), before anything was sent";

/// Runs `held`, each with a budget of half a second, and `free`. Asserts that each of `held` is cut by its own budget.
#[track_caller]
fn are_cut(held: &[(&str, String)], free: &str) {
    let checks: Vec<String> = held
        .iter()
        .map(|(name, keys)| format!("[[health]]\nname = \"{name}\"\nbudget = \"500ms\"\n{keys}\n"))
        .collect();
    let smoke =
        Smoke::new().suite(&suite(&format!("{}[[health]]\nname = \"free\"\n{free}\n", checks.concat())));
    pipe(&smoke.path("pipe"));
    let ran = smoke.run();
    ran.exits(1);
    let report = ran.junit();
    for (name, _) in held {
        let case = report.case(name);
        assert_eq!((case.kind.as_deref(), case.message.as_deref()), (Some("timeout"), Some(CUT)), "{name}");
    }
    assert_eq!(report.case("free").message, None);
}

#[test]
fn a_multipart_file_that_is_a_blocked_pipe_delays_only_its_own_check() {
    let server = HttpServer::start(|_| Response::new(200));
    let part = format!(
        "method = \"POST\"\nurl = {:?}\nmultipart = {{ up = {{ file = \"pipe\" }} }}",
        server.url("/up")
    );
    // More than there are worker threads.
    let names: Vec<String> = (0..8).map(|number| format!("held {number}")).collect();
    let held: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), part.clone())).collect();
    are_cut(&held, &format!("url = {:?}", server.url("/free")));
    assert!(server.requests().iter().all(|request| request.path == "/free"));
}

#[test]
fn a_certificate_that_is_a_blocked_pipe_delays_only_its_own_check() {
    let server = HttpServer::start_tls(TlsIdentity::Good, |_| Response::new(200));
    let (certificates, url) = (Certificates::shared(), server.url("/"));
    let port = server.address().port();
    let certificate = format!("cert = {:?}", certificates.client_certificate());
    let held = [
        ("https", format!("url = {url:?}\ntls = {{ ca = \"pipe\" }}")),
        ("tls", format!("url = \"tls://localhost:{port}\"\ntls = {{ ca = \"pipe\" }}")),
        ("key", format!("url = {url:?}\ntls = {{ {certificate}, key = \"pipe\" }}")),
    ];
    are_cut(&held, &format!("url = {url:?}\ntls = {{ ca = {:?} }}", certificates.authority()));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_certificate_from_a_pipe_is_read_once_for_all_checks() {
    let server = HttpServer::start_tls(TlsIdentity::Good, |_| Response::new(200));
    let check = |number| {
        format!("[[health]]\nname = \"{number}\"\nurl = {:?}\ntls = {{ ca = \"pipe\" }}\n", server.url("/"))
    };
    let smoke = Smoke::new().suite(&suite(&(0..8).map(check).collect::<String>()));
    let path = smoke.path("pipe");
    pipe(&path);
    // Like `ca = "/dev/fd/63"` from a shell's `<(…)`: it can be read only once.
    let text = fs::read(Certificates::shared().authority()).expect("read the authority");
    let writes = thread::spawn(move || fs::write(path, text));
    smoke.run().exits(0);
    writes.join().expect("the thread that writes").expect("write to the pipe");
    assert_eq!(server.requests().len(), 8);
}
