//! Text that a CI machine would treat as a command, or that is invisible, is shown as its code points.

use crate::support::http::{HttpServer, Response};
use crate::support::outputs::asked_for_all;
use crate::support::smoke::Smoke;

const COMMANDS: &str = "no ##vso[task.complete result=Succeeded;]\n##teamcity[testFinished]\n##[error]it\n\
                        ::set-output name=code::0\n  ::add-mask::e\n";
const UNSEEN: &str = "line\u{2028}zero\u{200b}width\u{2060} tag\u{e0041} escape\u{1b}[31m c1\u{9b}";

fn suite(server: &HttpServer) -> String {
    format!("[[health]]\nname = \"it\"\nurl = \"{}\"\n", server.url("/"))
}

#[test]
fn no_output_gives_a_machine_a_command_of_a_server() {
    let server = HttpServer::start(|_| Response::new(500).body(COMMANDS));
    let ran = asked_for_all().suite(&suite(&server)).run();
    ran.exits(1);
    for output in ["junit.xml", "report.json", "events.jsonl"] {
        let Ok(text) = std::fs::read_to_string(ran.path(output)) else { continue };
        assert!(!text.contains("##vso[") && !text.contains("##teamcity[") && !text.contains("##["), "{text}");
    }
    for text in ["##vso[", "##teamcity[", "##["] {
        assert!(!ran.stderr.contains(text) && !ran.stdout.contains(text), "{text}\n{}", ran.stderr);
    }
    assert!(ran.stderr.contains(r"\u{23}#vso[task.complete"), "{}", ran.stderr);
    // If the report itself is printed, commands are not disabled.
    let on_github = Smoke::bare().args(["run", "--junit", "-"]).env("GITHUB_ACTIONS", "true");
    let ran = on_github.suite(&suite(&server)).run();
    ran.exits(1);
    assert!(ran.stdout.contains("set-output"), "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|line| !line.trim_start().starts_with("::")), "{}", ran.stdout);
}

#[test]
fn what_is_not_seen_is_shown_as_its_code_point() {
    let server = HttpServer::start(|_| {
        Response::new(500).header("content-type", "text/plain; charset=utf-8").body(UNSEEN)
    });
    let ran = Smoke::bare()
        .args(["run", "--trace", "--json", "it.json", "--events", "it.jsonl"])
        .suite(&suite(&server))
        .run();
    ran.exits(1);
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(ran.path("it.json")).expect("the report"))
            .expect("JSON");
    let events = std::fs::read_to_string(ran.path("it.jsonl")).expect("the events");
    let events = events.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    for document in [json].into_iter().chain(events) {
        texts(&document, &mut |text| {
            assert!(
                !text.contains(['\u{2028}', '\u{200b}', '\u{2060}', '\u{e0041}', '\u{1b}', '\u{9b}']),
                "{text:?}"
            );
        });
    }
    assert!(
        ran.stderr.contains(r"line\u{2028}zero\u{200b}width\u{2060} tag\u{e0041} escape\u{1b}[31m c1\u{9b}"),
        "{}",
        ran.stderr
    );
}

#[test]
fn neither_arguments_nor_suites_give_a_machine_a_command() {
    let forged = "x\n ::add-mask::checks\n##vso[task.complete]\u{202e}";
    let is_command = |text: &str| {
        let is_forged = |line: &str| line.trim_start().starts_with("::add-mask");
        text.contains("##vso[") || text.contains('\u{202e}') || text.lines().any(is_forged)
    };
    let good = "[[health]]\nname = \"it\"\nurl = \"http://127.0.0.1:1/\"\n";
    let bad = "[suite]\nnam = \"##vso[task.complete] \u{202e}\"\n[[health]]\nname = \"it\"\n\
        url = \"http://127.0.0.1:1/\"\nneeds = [\"x\\n::add-mask::checks\"]\n";
    let all: [(&[&str], &str); 9] = [
        (&[forged], good),
        (&["run", "--jobs", forged], good),
        (&["completions", forged], good),
        (&["run", "--only", forged], good),
        (&["run", "--env", forged], good),
        (&["run", "--var", forged], good),
        (&["run", "--junit", forged, "--json", forged], good),
        (&["check", forged], good),
        (&["check"], bad),
    ];
    for (arguments, suite) in all {
        let arguments = arguments.iter().copied();
        let ran = Smoke::bare().args(arguments.clone()).suite(suite).env("GITHUB_ACTIONS", "true").run();
        assert!(ran.code.is_some_and(|code| code > 0), "{arguments:?}\n{}", ran.stderr);
        assert!(!is_command(&ran.stderr) && !is_command(&ran.stdout), "{arguments:?}\n{}", ran.stderr);
    }
}

/// Visits every string in a document.
fn texts(document: &serde_json::Value, each: &mut dyn FnMut(&str)) {
    match document {
        serde_json::Value::String(text) => each(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, each)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| texts(field, each)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

#[test]
fn an_escape_in_the_name_of_a_suite_is_shown_as_one() {
    let name = "a\u{1b}[31mb.toml";
    for text in ["[[health]]\nname = \"it\"\nurl = \"http://127.0.0.1:1/\"\n", "nonsense = 1\n"] {
        let ran = Smoke::bare().args(["run", name, "--json", "it.json"]).file(name, text).run();
        let json = std::fs::read_to_string(ran.path("it.json")).expect("the report");
        assert!(!ran.stderr.contains('\u{1b}') && !json.contains(r"\u001b"), "{:?}", ran.stderr);
    }
    let ran = Smoke::bare().args(["run", "no\u{1b}[31m.toml"]).run();
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
}
