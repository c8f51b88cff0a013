//! Processes that crash, are never ready, or are not the ones that respond.

use super::{answers, closed_port};
use crate::support::ask::quoted;
use crate::support::http::Response;
use crate::support::seeded::Seeded;
use crate::support::smoke::program;

fn boot(name: &'static str, script: &str, keys: &str) -> Seeded {
    let command = format!("command = [\"sh\", \"-c\", {}]", quoted(script));
    Seeded::new(name, &format!("[[boot]]\nname = \"it\"\n{command}\n{keys}\n"))
}

fn command(name: &'static str, script: &str, keys: &str) -> Seeded {
    let run = format!("run = [\"sh\", \"-c\", {}]", quoted(script));
    Seeded::new(name, &format!("[[command]]\nname = \"it\"\n{run}\n{keys}\n"))
}

#[test]
fn a_process_that_crashes() {
    boot("crash", "echo 'config: no such key: port' >&2; exit 78", "ready = { port = 1 }")
        .says("exit code 78; it said: config: no such key: port", "config: no such key: port");
}

#[test]
fn a_process_that_crashes_with_a_long_trace() {
    let script =
        "for n in $(seq 30); do echo \"  at frame $n\"; done; echo 'ValueError: no such key: port'; exit 1";
    boot("trace", script, "ready = { log = 'listening' }")
        .says("it said: ValueError: no such key: port", "ValueError: no such key: port");
}

#[test]
fn a_program_that_fails() {
    let script = "echo applying 0007_orders >&2; echo 'error: column \"total\" does not exist' >&2; exit 1";
    command("program_fails", script, "env = { DATABASE_URL = \"sqlite:shop.db\" }").says(
        "expected exit code 0, got 1; it said: error: column \"total\" does not exist",
        "does not exist",
    );
}

#[test]
fn a_program_that_does_not_end() {
    command("program_hangs", "echo waiting for the lock; sleep 3; echo late", "budget = \"500ms\"")
        .says("no exit within 500ms (check budget), while the program ran (run)", "late");
}

#[test]
fn a_missing_program() {
    Seeded::new(
        "no_program",
        "[[boot]]\nname = \"it\"\ncommand = [\"./no-such-program\", \"--port\", \"1\"]\n",
    )
    .says("no-such-program", "no-such-program");
}

#[test]
fn a_process_that_is_never_ready() {
    boot(
        "never_ready",
        "echo starting; exec timeout 2 sleep 60",
        "ready = { log = 'listening' }\nbudget = \"1s\"",
    )
    .says("never contained the `ready` text", "starting");
}

#[test]
fn a_process_that_answers_something_else() {
    let port = closed_port();
    let ready = format!(
        "ready = {{ url = \"http://127.0.0.1:{port}/version\", expect.json.\"$.version\" = \"2.0.0\" }}\nbudget = \"5s\""
    );
    boot("wrong_answer", "exec \"$SMOKE\" demo --serve \"$PORT\" --database shop.db", &ready)
        .env("SMOKE", &program())
        .env("PORT", &port.to_string())
        .env("SHOP_PASSWORD", "correct horse")
        .says("expected json $.version \"2.0.0\", got \"1.4.2\"", "\"version\":\"1.4.2\"");
}

#[test]
fn a_port_already_in_use() {
    let server = answers(|| Response::new(200));
    let ready = format!("ready = {{ url = {:?} }}", server.url("/health"));
    boot("somebody_else", "exec ./shop", &ready).says("already answers", "HTTP/1.1 200 OK");
}
