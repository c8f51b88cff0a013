//! `[[boot]]`: it starts, stays, and is gone afterwards with everything it started.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::guard::is_running;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::{Ran, Running, Smoke, program};
use crate::support::{scratch, thorough, wait};

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("bind a free port").local_addr().expect("know the port").port()
}

/// A `[[boot]]` that runs this script.
fn boot(name: &str, script: &str, keys: &str) -> String {
    format!("[[boot]]\nname = \"{name}\"\ncommand = [\"sh\", \"-c\", '''{script}''']\n{keys}\n")
}

/// A `[[boot]]` of the demo's shop, which opens late.
fn shop(port: u16, ready: &str) -> String {
    let smoke = program();
    format!(
        "[[boot]]\nname = \"shop\"\n\
         command = [\"sh\", \"-c\", \"sleep 0.3; exec {smoke} demo --serve {port} --database shop.db\"]\n\
         env = {{ SHOP_PASSWORD = \"correct horse\" }}\nready = {ready}\n\n\
         [[health]]\nname = \"up\"\nurl = \"http://127.0.0.1:{port}/health\"\n"
    )
}

#[test]
fn it_is_ready_when_its_url_answers_as_expected() {
    let port = free_port();
    let ready = format!("{{ url = \"http://127.0.0.1:{port}/health\", expect.json.\"$.status\" = \"ok\" }}");
    let ran = Smoke::new().suite(&shop(port, &ready)).run();
    ran.exits(0);
    assert!(ran.stderr.contains("READY"), "{}", ran.stderr);
    assert_eq!(ran.junit().count(Outcome::Passed), 2);
}

#[test]
fn it_is_ready_when_its_port_accepts() {
    let port = free_port();
    Smoke::new().suite(&shop(port, &format!("{{ port = {port} }}"))).run().exits(0);
}

#[test]
fn it_is_ready_when_its_log_says_so() {
    let port = free_port();
    Smoke::new().suite(&shop(port, "{ log = \"listening on\" }")).run().exits(0);
}

#[test]
fn an_answer_that_is_not_as_expected_is_not_ready() {
    let port = free_port();
    let ready = format!("{{ url = \"http://127.0.0.1:{port}/health\", expect.json.\"$.status\" = \"no\" }}");
    let ran = Smoke::new().suite(&shop(port, &ready).replacen("ready", "budget = \"1s\"\nready", 1)).run();
    ran.exits(5);
    assert!(ran.stderr.contains("never gave the expected answer"), "{}", ran.stderr);
}

#[test]
fn an_exit_before_it_is_ready_is_told_with_code_and_last_output() {
    let script = "for i in $(seq 30); do echo line $i; done; echo out of memory >&2; exit 7";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never said\" }")).run();
    ran.exits(5);
    let report = ran.junit();
    let case = report.case("shop");
    assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Failed, Some("exit")));
    for text in [&ran.stderr, &case.text] {
        assert!(text.contains("exit code 7") && text.contains("out of memory"), "{text}");
        assert!(text.contains("line 30"), "{text}");
    }
    assert!(!ran.stderr.contains("line 3\n") && case.text.contains("line 3\n"), "{}", ran.stderr);
}

#[test]
fn the_end_of_a_long_line_is_what_is_shown() {
    let script = "head -c 9000 /dev/zero | tr '\\0' x; echo; echo the reason; exit 1";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never said\" }")).run();
    ran.exits(5);
    assert!(ran.stderr.contains("the reason"), "{}", ran.stderr);
}

#[test]
fn one_that_never_becomes_ready_fails_with_its_budget_and_says_what_it_printed() {
    let keys = "budget = \"400ms\"\nready = { log = \"listening\" }";
    let ran = Smoke::new().suite(&boot("shop", "echo still migrating; exec sleep 1000", keys)).run();
    ran.exits(5);
    assert_eq!(ran.junit().case("shop").kind.as_deref(), Some("timeout"));
    for text in ["within 400ms (check budget)", "never contained the `ready` text", "still migrating"] {
        assert!(ran.stderr.contains(text), "{text}\n{}", ran.stderr);
    }
    assert!(ran.took < Duration::from_secs(3), "{:?}", ran.took);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let suite = "[[boot]]\nname = \"shop\"\ncommand = [\"./no-such-shop\"]\n";
    let ran = Smoke::new().suite(suite).run();
    ran.exits(5);
    assert_eq!(ran.junit().case("shop").kind.as_deref(), Some("local"));
    assert!(ran.stderr.contains("starting `./no-such-shop`: no such file"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_not_executable_is_said_to_be_that() {
    let suite = "[[boot]]\nname = \"shop\"\ncommand = [\"./shop\"]\n";
    let ran = Smoke::new().suite(suite).file("shop", "#!/bin/sh\n").run();
    ran.exits(5);
    assert!(ran.stderr.contains("permission denied") && ran.stderr.contains("executable"), "{}", ran.stderr);
}

#[test]
fn it_gets_its_environment_and_its_folder() {
    let script = "[ \"$GREETING\" = 'hello 5' ] && [ -n \"$PATH\" ] && cat here && exec sleep 1000";
    let keys = "cwd = \"inner\"\nenv = { GREETING = \"hello {{n}}\" }\nready = { log = \"found\" }";
    let smoke = Smoke::new().suite(&format!("[vars]\nn = 5\n{}", boot("shop", script, keys)));
    fs::create_dir(smoke.path("inner")).expect("create a folder");
    smoke.file("inner/here", "found\n").run().exits(0);
}

#[test]
fn a_death_while_the_suite_runs_is_the_root_cause() {
    let server = HttpServer::start(|_| Response::new(200).delay(Duration::from_secs(20)));
    let suite = format!(
        "{}\n[[health]]\nname = \"slow\"\nbudget = \"20s\"\nurl = \"{}\"\n",
        boot("shop", "echo ready; sleep 0.3; echo last words; exit 3", "ready = { log = \"ready\" }"),
        server.url("/")
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.contains("`shop`") && cause.contains("exit code 3"), "{cause}");
    let report = ran.junit();
    assert_eq!(report.case("shop").outcome, Outcome::Failed);
    assert!(report.case("shop").text.contains("last words"), "{}", report.xml);
    assert_eq!(report.case("slow").outcome, Outcome::Skipped);
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
}

/// Answers everywhere with 200, for as long as it is not dropped.
fn stale() -> HttpServer {
    HttpServer::start(|_| Response::new(200))
}

/// A boot that cannot start while something else answers its question.
fn refuses_to_share(ready: &str, said: &str, command: &str) {
    let ran = Smoke::new().suite(&boot("app starts", "touch started; sleep 1; exit 1", ready)).run();
    ran.exits(5);
    let report = ran.junit();
    let case = report.case("app starts");
    assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Errored, Some("local")));
    for text in [&ran.stderr, &case.text] {
        for part in [said, "so it was not started", "--skip 'app starts'", command] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }
    assert!(!ran.path("started").exists(), "it was started");
}

#[test]
fn a_url_that_something_else_answers_already_is_not_ready() {
    let server = stale();
    let url = server.url("/health");
    let said = format!("something else already answers `GET {url}` as expected");
    refuses_to_share(
        &format!("ready = {{ url = {url:?} }}"),
        &said,
        &format!("reproduce: curl -sS -i --max-time 2 {url}"),
    );
}

#[test]
fn a_port_that_something_else_listens_on_already_is_not_ready() {
    let server = stale();
    let port = server.address().port();
    let said = format!("something else already accepts connections on 127.0.0.1:{port}");
    let command = format!("reproduce: curl -sS --max-time 2 telnet://127.0.0.1:{port}");
    refuses_to_share(&format!("ready = {{ port = {port} }}"), &said, &command);
}

#[test]
fn one_that_has_ended_is_not_ready_whoever_answers() {
    // Something else begins to answer once the process has ended, which is known later: what it left holds its output.
    let folder = scratch::for_a_test();
    let number = folder.path().join("number");
    let script = format!("echo $$ > '{0}.new'; mv '{0}.new' '{0}'; sleep 1 & exit 3", number.display());
    let server = HttpServer::start(move |_| {
        let Ok(text) = fs::read_to_string(&number) else { return Response::new(503) };
        let process = text.trim().parse().expect("a number");
        wait::until("the end of the process", Duration::from_secs(5), || {
            (!is_running(process)).then_some(())
        });
        Response::new(200)
    });
    let ran = Smoke::new()
        .suite(&boot("shop", &script, &format!("ready = {{ url = {:?} }}", server.url("/"))))
        .run();
    ran.exits(5);
    assert!(ran.stderr.contains("exit code 3"), "{}", ran.stderr);
}

#[test]
fn it_boots_again_each_round_though_the_one_before_is_slow_to_stop() {
    let port = free_port();
    let ready = format!("{{ url = \"http://127.0.0.1:{port}/health\" }}\nstop = {{ grace = \"200ms\" }}");
    let suite = shop(port, &ready).replace("sleep 0.3;", "trap '' TERM;");
    let ran = Smoke::bare().arg("run").suite(&suite).args(["--repeat", "3"]).run();
    ran.exits(0);
    assert_eq!(ran.stdout.matches("3/3").count(), 2, "{}", ran.stdout);
}

#[test]
fn a_line_of_the_log_is_found_however_much_comes_after_it() {
    let log = format!("{}\nlistening on 8080\n{}", "x".repeat(4_090), "y\n".repeat(500_000));
    let boot =
        boot("chatty", "cat log; exec sleep 1000", "ready = { log = \"listening on\" }\nbudget = \"5s\"");
    Smoke::new().suite(&boot).file("log", log).run().exits(0);
}

#[test]
fn children_that_smoke_had_before_are_left_alone() {
    let command = format!("sleep 60 >/dev/null 2>&1 & echo $! > before; exec {} run", program());
    let boot = boot("shop", "echo ready; exec sleep 1000", "ready = { log = \"ready\" }");
    let ran = Smoke::imitated_by("bash").args(["-c", &command]).suite(&boot).run();
    ran.exits(0);
    let before =
        fs::read_to_string(ran.path("before")).expect("its number").trim().parse().expect("a number");
    assert!(is_running(before));
    let _ = kill_process(Pid::from_raw(before.cast_signed()).expect("a process"), Signal::KILL);
}

#[test]
fn nothing_is_left_of_what_cleared_its_environment() {
    let script = "env -i setsid sh -c 'echo $$ > pids; exec sleep 1000' & \
                  until [ -s pids ]; do sleep 0.01; done; echo ready; exec sleep 1000";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"ready\" }")).run();
    ran.exits(0);
    all_gone(&ran, "pids", 1);
}

#[test]
fn the_last_answer_says_what_was_expected_and_what_came() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/health");
    let ready = format!("{{ url = {url:?}, expect.json.\"$.status\" = \"pong\" }}");
    let suite = shop(port, &ready).replacen("ready", "budget = \"2s\"\nready", 1);
    let ran = Smoke::new().suite(&suite).args(["--json", "all.json"]).run();
    ran.exits(5);
    assert!(!ran.stderr.contains("internal error"), "{}", ran.stderr);
    let report = ran.junit();
    for text in [&ran.stderr, &report.case("shop").text] {
        for part in [
            "expected json $.status \"pong\", got \"ok\"",
            "HTTP/1.1 200, application/json",
            &format!("`GET {url}` never gave the expected answer"),
            &format!("& sleep 2; curl -sS -i --max-time 2 {url}; kill $!"),
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }
    let document: Value =
        serde_json::from_str(&fs::read_to_string(ran.path("all.json")).expect("JSON")).expect("JSON");
    let failure = &document["checks"][0]["failure"];
    assert_eq!(failure["type"], "timeout");
    assert_eq!(failure["mismatches"][0]["actual"], "\"ok\"", "{failure:#}");
    assert!(failure["answer"].as_str().is_some_and(|answer| answer.contains("200")), "{failure:#}");
    assert!(failure["log"].as_str().is_some_and(|log| log.contains("listening on")), "{failure:#}");
}

#[test]
fn a_connection_that_is_refused_and_an_answer_that_never_comes_are_told() {
    let port = free_port();
    let mute = HttpServer::start(|_| Response::new(200).delay(Duration::from_secs(30)));
    for (ready, said) in [
        (format!("{{ port = {port} }}"), format!("connecting to 127.0.0.1:{port}: connection refused")),
        (format!("{{ url = \"http://127.0.0.1:{port}/\" }}"), "connection refused".to_owned()),
        (
            format!("{{ url = {:?} }}", mute.url("/")),
            "no answer, while waiting for the first byte".to_owned(),
        ),
    ] {
        let keys = format!("budget = \"500ms\"\nready = {ready}");
        let ran = Smoke::new().suite(&boot("shop", "exec sleep 1000", &keys)).run();
        ran.exits(5);
        let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
        assert!(cause.contains(&said) && cause.contains("not ready within 500ms (check budget)"), "{cause}");
    }
}

#[test]
fn the_line_that_says_why_is_the_cause_and_what_is_left_out_is_counted() {
    let trace = "echo started; echo 'error: password authentication failed for user \"shop\"'; \
                 for n in $(seq 40); do echo \"    at frame $n (shop.js:$n)\"; done; \
                 echo \"  severity: 'FATAL',\"; echo '}'; echo; echo 'Node.js v20.20.2'; exit 1";
    let ran = Smoke::new().suite(&boot("shop", trace, "ready = { log = \"listening\" }")).run();
    ran.exits(5);
    let said = "exit code 1; it said: error: password authentication failed for user \"shop\"";
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.ends_with(said), "{cause}");
    assert!(
        ran.stderr.contains("… 26 lines left out\n") && !ran.stderr.contains("frame 24 "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("frame 25 ") && ran.stderr.contains("v20.20.2"), "{}", ran.stderr);
    let report = ran.junit();
    let text = &report.case("shop").text;
    assert!(text.contains("started\n") && text.contains("frame 1 ") && !text.contains("left out"), "{text}");
}

#[test]
fn of_a_long_output_the_reports_have_the_end_and_say_how_much_was_before_it() {
    let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done; exit 1";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never\" }")).run();
    ran.exits(5);
    let report = ran.junit();
    let text = &report.case("shop").text;
    assert!(text.contains("… 19800 lines left out\nline 19801\n"), "{text}");
    assert!(text.contains("line 20000\n"), "{text}");
    assert!(ran.stderr.contains("… 19980 lines left out\n"), "{}", ran.stderr);
}

#[test]
fn what_a_signal_ended_did_not_say_why() {
    let script = "echo error: a warning from long ago; kill -KILL $$";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never\" }")).run();
    ran.exits(5);
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.ends_with("the process ended: killed by signal 9"), "{cause}");
    assert!(ran.stderr.contains("a warning from long ago"), "{}", ran.stderr);
}

/// Ignores SIGTERM, forks twice into sessions of their own, and all of them keep the pipes. Their numbers are in `pids`.
const STUBBORN: &str = "trap '' TERM INT HUP; \
     ( trap '' TERM; setsid sh -c 'echo $$ >> pids; setsid sh -c \"echo \\$\\$ >> pids; sleep 1000\" & sleep 1000' & ); \
     echo $$ >> pids; \
     until [ $(wc -l < pids) -ge 3 ]; do sleep 0.01; done; echo ready; while :; do sleep 1000; done";

/// Waits until everything that the script started is gone, for a second at most.
fn all_gone(ran: &Ran, file: &str, at_least: usize) {
    let text = fs::read_to_string(ran.path(file)).expect("read the numbers");
    let processes: Vec<u32> = text.lines().map(|line| line.trim().parse().expect("a number")).collect();
    assert!(processes.len() >= at_least, "{processes:?}");
    wait::until("the end of all that was booted", Duration::from_secs(1), || {
        processes.iter().all(|process| !is_running(*process)).then_some(())
    });
    assert!(ran.pipes_closed);
}

fn stubborn(suite_keys: &str, rest: &str) -> Smoke {
    let keys = "ready = { log = \"ready\" }\nstop = { grace = \"100ms\" }";
    Smoke::new().suite(&format!("[suite]\n{suite_keys}\n{}\n{rest}", boot("stubborn", STUBBORN, keys)))
}

fn slow() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/bad" => Response::new(500),
        "/slow" => Response::new(200).delay(Duration::from_secs(30)),
        _ => Response::new(200),
    })
}

fn health(server: &HttpServer, path: &str) -> String {
    format!("[[health]]\nname = \"{path}\"\nbudget = \"20s\"\nurl = \"{}\"\n", server.url(path))
}

fn repeat(each: impl Fn()) {
    let count = thorough::repeats(2, 20);
    (0..count).for_each(|_| each());
    println!("nothing left 1 s after the exit, {count} of {count}");
}

#[test]
fn nothing_is_left_of_a_boot_when_the_run_passes() {
    let server = slow();
    repeat(|| all_gone(stubborn("", &health(&server, "/")).run().exits(0), "pids", 3));
}

#[test]
fn nothing_is_left_of_a_boot_when_a_check_fails() {
    let server = slow();
    repeat(|| all_gone(stubborn("fail-fast = false", &health(&server, "/bad")).run().exits(1), "pids", 3));
}

#[test]
fn nothing_is_left_of_a_boot_when_a_failure_ends_the_run() {
    let server = slow();
    let rest = health(&server, "/bad") + &health(&server, "/slow");
    repeat(|| all_gone(stubborn("", &rest).run().exits(1), "pids", 3));
}

#[test]
fn nothing_is_left_of_a_boot_when_the_budget_ends() {
    let server = slow();
    let rest = health(&server, "/slow").replace("20s", "1s");
    repeat(|| all_gone(stubborn("budget = \"1s\"", &rest).run().exits(4), "pids", 3));
}

fn signalled(signal: Signal, code: i32) {
    let server = slow();
    repeat(|| {
        let running: Running = stubborn("", &health(&server, "/slow")).spawn();
        running.wait_for_stderr("READY");
        running.signal(signal);
        all_gone(running.wait().exits(code), "pids", 3);
    });
}

#[test]
fn nothing_is_left_of_a_boot_after_sigint() {
    signalled(Signal::INT, 130);
}

#[test]
fn nothing_is_left_of_a_boot_after_sigterm() {
    signalled(Signal::TERM, 143);
}

#[test]
fn nothing_is_left_of_a_boot_that_was_cut_before_it_was_ready() {
    let keys = "budget = \"700ms\"\nready = { log = \"never\" }\nstop = { grace = \"100ms\" }";
    repeat(|| all_gone(Smoke::new().suite(&boot("stubborn", STUBBORN, keys)).run().exits(5), "pids", 3));
}

#[test]
fn nothing_is_left_of_a_boot_that_died_while_the_suite_ran() {
    let server = slow();
    let script = STUBBORN.replace("while :; do sleep 1000; done", "sleep 0.2; exit 1");
    let keys = "ready = { log = \"ready\" }\nstop = { grace = \"100ms\" }";
    let suite = boot("dying", &script, keys) + &health(&server, "/slow");
    repeat(|| all_gone(Smoke::new().suite(&suite).run().exits(1), "pids", 3));
}

#[test]
fn one_boot_that_ends_takes_nothing_of_another_with_it() {
    // The second one fails twice before it is ready, and what it left is ended each time. The first one must still be
    // whole at the end: that is what the third asks.
    let first = boot("first", STUBBORN, "ready = { log = \"ready\" }\nstop = { grace = \"100ms\" }");
    let second = boot(
        "second",
        "echo x >> tries; [ $(wc -l < tries) -ge 3 ] && echo second ready && exec sleep 1000; exit 1",
        "needs = [\"first\"]\nready = { log = \"second ready\" }\nretry = { attempts = 3, delay = \"10ms\" }",
    );
    let third = boot(
        "third",
        "for pid in $(cat pids); do kill -0 $pid || exit 9; done; echo whole; exec sleep 1000",
        "needs = [\"second\"]\nready = { log = \"whole\" }",
    );
    let ran = Smoke::new().suite(&(first + &second + &third)).run();
    ran.exits(0);
    all_gone(&ran, "pids", 3);
}

#[test]
fn the_stop_signal_is_the_one_that_was_chosen_and_its_grace_is_given() {
    let script = "trap 'sleep 0.3; echo INT > how; exit 0' INT; trap 'echo TERM > how; exit 0' TERM; \
                  echo ready; while :; do sleep 0.01; done";
    let keys = "ready = { log = \"ready\" }\nstop = { signal = \"INT\", grace = \"5s\" }";
    let ran = Smoke::new().suite(&format!("[suite]\ngrace = \"6s\"\n{}", boot("polite", script, keys))).run();
    ran.exits(0);
    assert_eq!(fs::read_to_string(ran.path("how")).expect("it said how it was stopped"), "INT\n");
    assert!(ran.took < Duration::from_secs(4), "{:?}", ran.took);
}

#[test]
fn the_grace_of_a_stop_is_not_overrun() {
    let keys = "ready = { log = \"ready\" }\nstop = { grace = \"200ms\" }";
    let ran = Smoke::new().suite(&boot("deaf", "trap '' TERM; echo ready; sleep 1000", keys)).run();
    ran.exits(0);
    assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
}
