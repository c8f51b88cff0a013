//! CI output: annotations and a summary on GitHub, a section on GitLab, and nothing elsewhere.

use std::time::Duration;

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Smoke};

/// Text that the CI runner could take for a workflow command.
const COMMAND: &str = "::add-mask::checks\n  ::error title=forged::forged\n##[error]forged";

fn server() -> HttpServer {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    HttpServer::start(move |request| match request.path.as_str() {
        "/bad" => Response::new(500).body("100% bad\nreally"),
        "/forged" => Response::new(200).body(COMMAND),
        "/second" => {
            let before = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Response::new(if before == 0 { 503 } else { 200 })
        }
        _ => Response::new(200).delay(Duration::from_millis(1)),
    })
}

fn check(name: &str, url: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
}

fn suite(server: &HttpServer) -> String {
    "[suite]\nname = \"shop\"\nfail-fast = false\n".to_owned()
        + &check("up", &server.url("/"), "")
        + &check("status, or: not | 50%", &server.url("/bad"), "expect.status = 500\nexpect.body = \"good\"")
        + &check("needing", &server.url("/"), "needs = [\"status, or: not | 50%\"]")
        + &check("odd", &server.url("/bad"), "severity = \"warn\"")
        + &check("flaky", &server.url("/second"), "retry = { attempts = 2, delay = \"10ms\" }")
}

fn on_github(smoke: Smoke) -> Smoke {
    let workspace = smoke.path(".");
    let summary = smoke.path("summary.md");
    smoke.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", workspace).env("GITHUB_STEP_SUMMARY", summary)
}

/// The commands that the GitHub runner would execute, parsed as in its `ActionCommandManager.cs`.
fn obeyed(output: &str) -> Vec<(String, String, String)> {
    let mut token: Option<String> = None;
    let mut obeyed = Vec::new();
    for line in output.lines() {
        let modern = line.trim_start().strip_prefix("::").and_then(|rest| rest.split_once("::"));
        let old = line.split_once("##[").and_then(|(_, rest)| rest.split_once(']'));
        let Some((command, data)) = modern.or(old) else { continue };
        let (name, properties) = command.split_once(' ').unwrap_or((command, ""));
        match &token {
            Some(waited) if name == waited => token = None,
            Some(_) => {}
            None if name == "stop-commands" => token = Some(data.to_owned()),
            None => obeyed.push((name.to_owned(), properties.to_owned(), data.to_owned())),
        }
    }
    assert_eq!(token, None, "commands stay off\n{output}");
    obeyed
}

fn summary(ran: &Ran) -> String {
    std::fs::read_to_string(ran.path("summary.md")).expect("the summary is there")
}

#[test]
fn on_github_each_red_check_is_annotated_at_its_line() {
    let server = server();
    let ran = on_github(Smoke::new().suite(&suite(&server))).run();
    ran.exits(1);
    assert_eq!(ran.stdout, "");
    let obeyed = obeyed(&ran.stderr);
    let levels: Vec<(&str, &str)> = obeyed.iter().map(|(name, at, _)| (name.as_str(), at.as_str())).collect();
    let expected = [
        ("error", "file=smoke.toml,line=12,title=status%2C or%3A not | 50%25"),
        ("warning", "file=smoke.toml,line=19,title=odd"),
        ("warning", "file=smoke.toml,line=23,title=flaky"),
    ];
    assert_eq!(levels, expected);
    let message = &obeyed[0].2;
    assert!(message.contains("100%25 bad"), "{message}");
    assert!(message.contains("%0Areproduce: curl "), "{message}");
    assert!(obeyed[2].2.starts_with("flaky: passed at attempt 2, after: "), "{}", obeyed[2].2);
}

#[test]
fn annotations_use_paths_from_the_repository_root() {
    let server = server();
    let smoke = Smoke::bare().suite(&check("bad", &server.url("/bad"), ""));
    std::fs::create_dir(smoke.path("deploy")).expect("a folder");
    std::fs::rename(smoke.path("smoke.toml"), smoke.path("deploy/live.toml")).expect("move the suite");
    let absolute = smoke.path("deploy/live.toml");
    let ran = on_github(smoke).arg("run").arg(absolute).run();
    ran.exits(1);
    assert_eq!(obeyed(&ran.stderr)[0].1, "file=deploy/live.toml,line=3,title=bad");
}

#[test]
fn server_output_cannot_be_a_workflow_command() {
    let server = server();
    let suite = check("forged", &server.url("/forged"), "expect.body = \"other\"");
    for smoke in [Smoke::new(), Smoke::bare().args(["run", "--junit", "junit.xml"])] {
        let ran = on_github(smoke.suite(&suite)).run();
        ran.exits(1);
        assert!(ran.stderr.contains(r"\u{23}#[error]forged"), "{}", ran.stderr);
        let obeyed = obeyed(&ran.stderr);
        assert_eq!(obeyed.len(), 1, "{obeyed:?}");
        assert_eq!(
            (obeyed[0].0.as_str(), obeyed[0].1.as_str()),
            ("error", "file=smoke.toml,line=4,title=forged")
        );
    }
}

#[test]
fn on_github_the_step_summary_has_the_root_cause_and_red_checks_first() {
    let server = server();
    let ran = on_github(Smoke::new().suite(&suite(&server)).file("summary.md", "before\n")).run();
    ran.exits(1);
    let summary = summary(&ran);
    assert!(
        summary.starts_with("before\n### FAILED shop: 1 failed, 1 warned, 1 skipped, 2 passed (1 flaky) in "),
        "{summary}"
    );
    let name = "status&#44; or&#58; not &#124; 50&#37;";
    let places = [
        "Exit code 1".to_owned(),
        format!("**Root cause:** <code>{name}</code> (smoke&#46;toml&#58;12)"),
        "Because of it 1 check did not run: <code>needing</code>".to_owned(),
        "```sh\ncurl ".to_owned(),
        format!("| FAIL | {name} | health | "),
        "| WARN | odd | health | ".to_owned(),
        "| FLAKY | flaky | health | ".to_owned(),
        "| SKIP | needing | health |  | ".to_owned(),
        "<details><summary>1 passed</summary>".to_owned(),
        "| PASS | up | health | ".to_owned(),
    ];
    let found: Vec<usize> = places
        .iter()
        .map(|place| summary.find(place).unwrap_or_else(|| panic!("no {place:?} in\n{summary}")))
        .collect();
    assert!(found.is_sorted(), "{summary}");
    let rows = summary.lines().filter(|line| line.starts_with("| "));
    assert!(rows.clone().all(|row| row.matches('|').count() == 6), "{}", rows.collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_step_summary_stays_below_githubs_limit() {
    let server = server();
    let name = |n: usize| format!("{n} {}", "|".repeat(300));
    let many: String =
        (0..2_000).map(|n| check(&name(n), &server.url("/"), "skip = \"not today\"")).collect();
    let ran = on_github(Smoke::new().suite(&many)).run();
    ran.exits(3);
    let summary = summary(&ran);
    assert!(summary.len() < 1024 * 1024 && summary.contains(" more\n"), "{} bytes", summary.len());

    let full = "x".repeat(1024 * 1024 - 10);
    let ran =
        on_github(Smoke::new().suite(&check("up", &server.url("/"), "")).file("summary.md", &full)).run();
    ran.exits(0);
    assert_eq!(std::fs::metadata(ran.path("summary.md")).expect("the summary").len(), full.len() as u64);
    assert!(ran.stderr.contains("warning: cannot write the step's summary"), "{}", ran.stderr);
}

#[test]
fn on_github_suite_errors_are_annotated_at_their_lines() {
    let ran = on_github(Smoke::new().suite("[suite]\nnam = \"a\"\n")).run();
    ran.exits(2);
    let obeyed = obeyed(&ran.stderr);
    assert_eq!(obeyed.len(), 1, "{obeyed:?}");
    assert_eq!(
        (obeyed[0].0.as_str(), obeyed[0].1.as_str()),
        ("error", "file=smoke.toml,line=2,title=the suite is wrong")
    );
    assert!(obeyed[0].2.starts_with("unknown key `nam`"), "{}", obeyed[0].2);
    let summary = summary(&ran);
    assert!(summary.contains("NOTHING RAN") && summary.contains("- smoke&#46;toml&#58;2&#58;1"), "{summary}");
}

#[test]
fn on_gitlab_check_lines_are_a_section_followed_by_the_summary() {
    let server = server();
    let ran = Smoke::new().suite(&suite(&server)).env("GITLAB_CI", "true").run();
    ran.exits(1);
    let pattern = "\u{1b}\\[0Ksection_start:([0-9]{10}):(smoke_[0-9]+)\r\u{1b}\\[0Ksmoke: shop\n([^\u{1b}]*)\
                   \u{1b}\\[0Ksection_end:([0-9]{10}):(smoke_[0-9]+)\r\u{1b}\\[0K\n([^\u{1b}]*)$";
    let found = regex::Regex::new(pattern).expect("a pattern").captures(&ran.stderr);
    let found = found.unwrap_or_else(|| panic!("{:?}", ran.stderr));
    assert_eq!(&found[2], &found[5]);
    assert!(
        found[3].contains("PASS")
            && found[3].contains("50%  smoke.toml:12\n")
            && !found[3].contains("root cause"),
        "{}",
        &found[3]
    );
    assert!(found[6].contains("FAILED shop") && found[6].contains("root cause"), "{}", &found[6]);
}

#[test]
fn outside_ci_nothing_is_added() {
    let server = server();
    let others: [&[(&str, &str)]; 4] =
        [&[], &[("CI", "true"), ("JENKINS_URL", "x")], &[("GITHUB_ACTIONS", "false")], &[("GITLAB_CI", "")]];
    for environment in others {
        let smoke = Smoke::new().suite(&suite(&server));
        let file = smoke.path("summary.md");
        let smoke = smoke.env("GITHUB_STEP_SUMMARY", file);
        let ran = environment.iter().fold(smoke, |smoke, (name, value)| smoke.env(name, value)).run();
        ran.exits(1);
        for text in ["::error", "::warning", "::stop-commands", "section_start", "\u{1b}"] {
            assert!(
                !ran.stderr.contains(text) && !ran.stdout.contains(text),
                "{environment:?}: {}",
                ran.stderr
            );
        }
        assert!(!ran.path("summary.md").exists());
    }
}
