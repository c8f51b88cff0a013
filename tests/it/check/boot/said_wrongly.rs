//! Failures that used to be reported as something else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{boot, free_port};
use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Smoke};

fn cause(ran: &Ran) -> String {
    ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause").to_owned()
}

#[test]
fn a_crash_has_its_own_time() {
    let server = HttpServer::start(|_| Response::new(200).delay(std::time::Duration::from_secs(20)));
    let suite =
        boot("shop", "sleep 0.3; echo ready; sleep 0.8; kill -KILL $$", "ready = { log = \"ready\" }")
            + &format!("[[health]]\nname = \"slow\"\nbudget = \"20s\"\nurl = {:?}\n", server.url("/"));
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let cause = cause(&ran);
    assert!(cause.contains("after it was ready: killed by SIGKILL: out of memory?"), "{cause}");
    let line = ran.stderr.lines().find(|line| line.starts_with(" FAIL")).expect("its line");
    let took: f64 =
        line.split_whitespace().nth(1).and_then(|took| took.strip_suffix('s')?.parse().ok()).unwrap_or(0.0);
    assert!(took > 1.0, "{line}");
}

#[test]
fn a_process_that_is_not_ready_is_said_before_what_it_refused() {
    let port = free_port();
    let keys = format!("budget = \"1s\"\nready = {{ port = {port} }}");
    let ran = Smoke::new().suite(&boot("shop", "exec sleep 1000", &keys)).run();
    let cause = cause(&ran);
    let (first, then) = (cause.find("not ready within 1s"), cause.find("connection refused"));
    assert!(first.is_some() && then > first, "{cause}");
}

#[test]
fn an_exit_code_of_0_is_explained() {
    let ran =
        Smoke::new().suite(&boot("shop", "echo error: none; exit 0", "ready = { log = \"never\" }")).run();
    ran.exits(5);
    let cause = cause(&ran);
    assert!(cause.contains("exit code 0; a boot runs in the foreground"), "{cause}");
    assert!(!cause.contains("it said"), "{cause}");
}

#[test]
fn a_missing_folder_is_named() {
    let ran = Smoke::new().suite(&boot("shop", "true", "cwd = \"no-such-folder\"")).run();
    ran.exits(5);
    let cause = cause(&ran);
    assert!(
        cause.contains("its working directory `") && cause.contains("no-such-folder` does not exist"),
        "{cause}"
    );
    assert!(ran.stderr.contains("hint: check `cwd`"), "{}", ran.stderr);
}

#[test]
fn a_script_that_cannot_be_run_says_why() {
    for (first, said) in [
        ("#!/bin/sh\r", "its first line `#!/bin/sh` ends with a carriage return"),
        ("#!/opt/no-such/python3 -u", "its interpreter `/opt/no-such/python3` does not exist"),
    ] {
        let smoke = Smoke::new()
            .suite("[[boot]]\nname = \"shop\"\ncommand = [\"./shop\"]\n")
            .file("shop", format!("{first}\necho hi\r\n"));
        fs::set_permissions(smoke.path("shop"), fs::Permissions::from_mode(0o755))
            .expect("make it executable");
        let ran = smoke.run();
        ran.exits(5);
        assert!(ran.stderr.contains(said), "no {said:?} in\n{}", ran.stderr);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_for_another_system_names_its_loader() {
    // This machine's `sh`, with the path of its loader changed to another one of the same length.
    let mut program = fs::read("/bin/sh").expect("a program");
    let at = program.windows(6).position(|window| window == b"/lib64" || window == b"/lib/l");
    let Some(at) = at else { return };
    program[at..at + 4].copy_from_slice(b"/nix");
    let smoke =
        Smoke::new().suite("[[boot]]\nname = \"shop\"\ncommand = [\"./shop\"]\n").file("shop", program);
    fs::set_permissions(smoke.path("shop"), fs::Permissions::from_mode(0o755)).expect("make it executable");
    let ran = smoke.run();
    ran.exits(5);
    assert!(ran.stderr.contains("its loader `/nix") && ran.stderr.contains("musl"), "{}", ran.stderr);
}

#[test]
fn what_was_booted_is_kept_running_after_a_red_run_and_the_summary_says_how_to_stop_it() {
    let port = free_port();
    let suite = super::shop(port, &format!("{{ log = \"listening on\", port = {port} }}"))
        .replace("/health\"", "/no-such-page\"");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    assert!(ran.stderr.contains("`shop` has been stopped; to reproduce a failure by hand"), "{}", ran.stderr);

    let ran = ran.again().arg("--keep-running").run();
    ran.exits(1);
    let line = ran.stderr.lines().find(|line| line.contains("`shop` still runs")).expect("how to stop it");
    let command = line.split('`').nth(3).expect("a command").to_owned();
    let file = line.split('`').nth(5).expect("a file").to_owned();
    let reproduce =
        ran.stderr.lines().find_map(|line| line.trim().strip_prefix("reproduce: ")).expect("a command");
    let shell = |command: &str| {
        let output = std::process::Command::new("sh").args(["-c", command]).output().expect("a shell");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let answer = shell(reproduce);
    let log = fs::read_to_string(&file).expect("what it printed");
    shell(&command);
    assert!(answer.contains("404"), "{reproduce}: {answer}");
    assert!(log.contains("listening on"), "{log}");
    fs::remove_file(&file).expect("the file is the test's");
    crate::support::wait::until("its end", std::time::Duration::from_secs(10), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_err().then_some(())
    });
}

#[test]
fn what_was_booted_is_stopped_after_a_green_run_whatever_is_kept() {
    let port = free_port();
    let suite = super::shop(port, &format!("{{ log = \"listening on\", port = {port} }}"));
    let ran = Smoke::new().suite(&suite).arg("--keep-running").run();
    ran.exits(0);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(!ran.stderr.contains("still runs"), "{}", ran.stderr);
}
