//! Tests of the support code: the servers are tested with well-known clients (curl, psql, openssl) instead of smoke.

mod fault;
mod guard;
mod http;
mod junit;
mod postgres;
mod smoke;

use std::process::{Command, Stdio};

/// The output of a client.
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs a client to its end.
fn ask(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Said {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// `curl`, without the user's settings and proxies, for at most five seconds.
fn curl(arguments: &[&str]) -> Said {
    let mut curl = Command::new("curl");
    curl.args(["-q", "--noproxy", "*", "--silent", "--show-error", "--max-time", "5"]).args(arguments);
    ask(&mut curl)
}
