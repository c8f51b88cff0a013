//! Processes that left the process group, stopped processes, and zombies.

use std::fs;

use super::{boot, free_port};
use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;
use crate::support::wait;

/// Writes `TERM` to the file `how` when it is asked to stop.
const POLITE: &str = "trap 'echo TERM >> how; exit 0' TERM; echo ready; while :; do sleep 0.02; done";

fn is_asked_to_stop(script: &str, times: usize) {
    is_asked_to_stop_once_it_says(script, "ready", times);
}

fn is_asked_to_stop_once_it_says(script: &str, said: &str, times: usize) {
    let keys = format!("ready = {{ log = \"{said}\" }}\nstop = {{ grace = \"20s\" }}");
    let suite = format!("[suite]\ngrace = \"25s\"\n{}", boot("shop", script, &keys));
    let ran = Smoke::new().suite(&suite).file("polite", POLITE).run();
    ran.exits(0);
    let how = fs::read_to_string(ran.path("how")).unwrap_or_default();
    assert_eq!(how.matches("TERM").count(), times, "{how:?}");
    assert!(ran.took < std::time::Duration::from_secs(15), "{:?}", ran.took);
}

#[test]
#[cfg(target_os = "linux")]
fn what_job_control_put_into_another_group_gets_its_signal_and_its_grace() {
    is_asked_to_stop("exec bash -c 'set -m; sh polite & wait'", 1);
}

#[test]
#[cfg(target_os = "linux")]
fn what_has_a_session_of_its_own_gets_its_signal_and_its_grace() {
    is_asked_to_stop("setsid -w sh polite", 1);
}

#[test]
#[cfg(target_os = "linux")]
fn an_orphan_gets_its_signal_and_its_grace() {
    is_asked_to_stop("(setsid env -i PATH=\"$PATH\" sh polite &); exec sh polite", 2);
}

#[test]
fn a_stopped_process_is_continued_to_be_stopped() {
    is_asked_to_stop_once_it_says("(sleep 0.2; kill -STOP $$; echo stopped) & . ./polite", "stopped", 1);
}

#[test]
#[cfg(target_os = "linux")]
fn nobody_stays_a_zombie() {
    let server = HttpServer::start(|_| Response::new(200).delay(std::time::Duration::from_secs(30)));
    let script = "for n in 1 2 3 4 5; do setsid sh -c '(sleep 0.01 &)'; done; echo ready; exec sleep 1000";
    let suite = boot("shop", script, "ready = { log = \"ready\" }")
        + &format!("[[health]]\nname = \"slow\"\nbudget = \"20s\"\nurl = {:?}\n", server.url("/"));
    let running = Smoke::new().suite(&suite).spawn();
    running.wait_for_stderr("READY");
    let own = running.process().to_string();
    // They end after a moment. Smoke has reaped each of them, and the running child is still there.
    wait::until("no zombies", std::time::Duration::from_secs(10), || {
        let children = children_of(&own);
        (children == ["S"]).then_some(())
    });
    running.signal(rustix::process::Signal::TERM);
    running.wait().exits(143);
}

/// Returns the states of its children.
#[cfg(target_os = "linux")]
fn children_of(parent: &str) -> Vec<String> {
    let stats = fs::read_dir("/proc").expect("processes").filter_map(|entry| {
        let stat = fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ');
        let state = fields.next()?.to_owned();
        (fields.next()? == parent).then_some(state)
    });
    stats.collect()
}

/// A server without `SO_REUSEADDR` that keeps its connections open.
const NO_REUSE: &str = r"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        self.send_response(200); self.send_header('content-length', '2'); self.end_headers(); self.wfile.write(b'ok')
    def log_message(*_): pass
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = False
    daemon_threads = True
Server(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
";

#[test]
#[cfg(target_os = "linux")]
fn a_server_gets_its_port_again_in_the_next_run() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/");
    let suite = boot(
        "shop",
        &format!("exec python3 server.py {port}"),
        &format!("ready = {{ url = {url:?} }}"),
    ) + &format!(
        "[[health]]\nname = \"up\"\nurl = {url:?}\n[[journey]]\nname = \"flow\"\n[[journey.step]]\nname = \"a\"\nget = {url:?}\n"
    );
    let ran = Smoke::new().suite(&suite).file("server.py", NO_REUSE).run();
    ran.exits(0);
    let mut again = ran.again().run();
    for _ in 0..3 {
        again.exits(0);
        again = again.again().run();
    }
    again.exits(0);
}
