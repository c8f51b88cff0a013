//! Monitoring plugins: Debian's own, by their convention.

use crate::support::junit::Outcome;
use crate::support::plugins;
use crate::support::smoke::Smoke;

/// The keys that run the plugin with these arguments.
fn run(plugin: &str, arguments: &[&str]) -> String {
    let arguments: String = arguments.iter().map(|argument| format!(", {argument:?}")).collect();
    format!("run = [\"{}/{plugin}\"{arguments}]\nplugin = true", plugins::folder())
}

fn plugin(name: &str, words: &[&str], keys: &str) -> String {
    format!("[[command]]\nname = \"{name}\"\n{}\n{keys}\n", run(words[0], &words[1..]))
}

#[test]
fn each_exit_code_is_its_verdict_and_the_first_line_the_message() {
    let suite = "[suite]\nfail-fast = false\n".to_owned()
        + &plugin("passed", &["check_dummy", "0", "all is well"], "")
        + &plugin("warned", &["check_dummy", "1", "getting full"], "")
        + &plugin("needs what warned", &["check_dummy", "0"], "needs = [\"warned\"]")
        + &plugin("failed", &["check_dummy", "2", "full"], "")
        + &plugin("needs what failed", &["check_dummy", "0"], "needs = [\"failed\"]")
        + &plugin("errored", &["check_dummy", "3", "no such disk"], "");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let report = ran.junit();
    for (name, outcome, message) in [
        ("passed", Outcome::Passed, ""),
        ("warned", Outcome::Skipped, "WARNING: getting full"),
        ("needs what warned", Outcome::Passed, ""),
        ("failed", Outcome::Failed, "CRITICAL: full"),
        ("needs what failed", Outcome::Skipped, ""),
        ("errored", Outcome::Errored, "UNKNOWN: no such disk"),
    ] {
        let case = report.case(name);
        assert_eq!(case.outcome, outcome, "{name}");
        assert!(case.text.contains(message) && ran.stderr.contains(message), "{name}: {}", ran.stderr);
    }
    let kinds = ["failed", "errored"].map(|name| report.case(name).kind.clone().unwrap_or_default());
    assert_eq!(kinds, ["plugin", "plugin"]);
}

#[test]
fn a_warning_alone_is_green_and_shows() {
    let ran = Smoke::new().suite(&plugin("disk", &["check_dummy", "1", "getting full"], "gate = true")).run();
    ran.exits(0);
    assert!(ran.stderr.contains("WARN") && ran.stderr.contains("WARNING: getting full"), "{}", ran.stderr);
    assert!(ran.stderr.contains("warning only, does not fail the run"), "{}", ran.stderr);
}

#[test]
fn a_disk_that_is_too_full_fails_and_the_performance_data_is_left_out() {
    let full = plugin("disk", &["check_disk", "-w", "101%", "-c", "100%", "-p", "/"], "");
    let ran = Smoke::new().suite(&full).run();
    ran.exits(1);
    let report = ran.junit();
    let message = &report.case("disk").text;
    assert!(message.starts_with("DISK CRITICAL - free space: / "), "{message}");
    let line = ran.stderr.lines().find(|line| line.contains("DISK CRITICAL")).expect("the message");
    assert!(!line.contains('|'), "{line}");
    let command = format!("reproduce: {}/check_disk -w 101% -c 100% -p / </dev/null", plugins::folder());
    assert!(ran.stderr.contains(&command), "{}", ran.stderr);
    let free = plugin("disk", &["check_disk", "-w", "1", "-c", "0", "-u", "bytes", "-p", "/"], "");
    Smoke::new().suite(&free).run().exits(0);
}

#[test]
fn a_port_that_refuses_and_one_that_answers_are_told_apart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port().to_string();
    let suite = plugin("port", &["check_tcp", "-H", "127.0.0.1", "-p", &port], "");
    Smoke::new().suite(&suite).run().exits(0);
    drop(listener);
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    assert_eq!(ran.junit().case("port").outcome, Outcome::Failed);
    assert!(ran.stderr.contains("onnect"), "{}", ran.stderr);
}

#[test]
fn what_is_no_code_of_a_plugin_is_an_error() {
    for (script, said) in [
        ("echo broken; exit 7", "exit code 7, and a plugin has 0 to 3; it said: broken"),
        ("kill -KILL $$", "killed by SIGKILL: out of memory?; it printed nothing"),
        ("exit 2", "exit code 2; it printed nothing"),
    ] {
        let suite =
            format!("[[command]]\nname = \"it\"\nrun = [\"sh\", \"-c\", \"{script}\"]\nplugin = true\n");
        let ran = Smoke::new().suite(&suite).run();
        ran.exits(1);
        assert!(ran.stderr.contains(said), "{script}: {}", ran.stderr);
    }
}

#[test]
fn a_plugin_that_warns_is_judged_by_the_rest_and_passes_its_captures_on() {
    let keys = "capture.state = { regex = \"^[A-Z]+\" }\nshare = [\"state\"]";
    let suite = plugin("disk", &["check_dummy", "1", "getting full"], keys)
        + "[[command]]\nname = \"after\"\nneeds = [\"disk\"]\nrun = [\"test\", \"{{state}}\", \"=\", \"WARNING\"]\n";
    Smoke::new().suite(&suite).run().exits(0);
    let unmet = plugin("disk", &["check_dummy", "1", "getting full"], "expect.stdout = \"x\"");
    let ran = Smoke::new().suite(&unmet).run();
    ran.exits(1);
    assert!(ran.stderr.contains("expected stdout \"x\", got \"WARNING: getting full\""), "{}", ran.stderr);
}

#[test]
fn a_journey_goes_on_after_a_plugin_that_warns_and_is_a_warning() {
    let step = |name: &str, code: u8| {
        let run = run("check_dummy", &[&code.to_string(), name]);
        format!("[[journey.step]]\nname = \"{name}\"\n{run}\n")
    };
    let suite = format!("[[journey]]\nname = \"j\"\n{}{}", step("first", 1), step("second", 0));
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(0);
    assert!(ran.stderr.contains("step 1 `first`: WARNING: first"), "{}", ran.stderr);
    assert!(ran.junit().case("j").output.contains("step 2 `second`: passed"), "{}", ran.junit().xml);
    let suite = format!("[[journey]]\nname = \"j\"\n{}{}", step("first", 1), step("second", 2));
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    assert!(ran.stderr.contains("step 2 `second`: CRITICAL: second"), "{}", ran.stderr);
}
