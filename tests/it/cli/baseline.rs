//! `--baseline`, `dependency` and exit code 7: red, but not by this deploy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::{Ran, Smoke};

/// A server whose pages are of two versions.
struct Site {
    server: HttpServer,
    is_new: Arc<AtomicBool>,
}

impl Site {
    /// `/old` is broken before the deploy and after it, `/new` after it, `/mended` before it, and `/slow` gets slow.
    fn start() -> Site {
        let is_new = Arc::new(AtomicBool::new(false));
        let version = Arc::clone(&is_new);
        let server = HttpServer::start(move |request| {
            let is_new = version.load(Ordering::SeqCst);
            match request.path.as_str() {
                "/old" => Response::new(500),
                "/new" if is_new => Response::new(500),
                "/mended" if !is_new => Response::new(500),
                "/slow" if is_new => Response::new(200).delay(Duration::from_millis(900)),
                _ => Response::new(200),
            }
        });
        Site { server, is_new }
    }

    fn deploy(&self) {
        self.is_new.store(true, Ordering::SeqCst);
    }

    fn check(&self, name: &str, keys: &str) -> String {
        let path = name.replace(' ', "/");
        format!("[[health]]\nname = \"{name}\"\nurl = \"{}\"\n{keys}\n", self.server.url(&format!("/{path}")))
    }

    /// The suite before the deploy and after it.
    fn around_a_deploy(&self, suite: &str, arguments: &[&str]) -> Ran {
        let before = before(suite);
        self.deploy();
        after(before, arguments)
    }
}

const HEAD: &str = "[suite]\nname = \"shop\"\nbudget = \"20s\"\n";

fn before(suite: &str) -> Ran {
    Smoke::bare().args(["run", "--keep-going", "--json", "before.json"]).suite(suite).run()
}

fn after(before: Ran, arguments: &[&str]) -> Ran {
    before
        .again()
        .args(["--baseline", "before.json", "--json", "after.json", "--junit", "junit.xml"])
        .args(arguments.iter().copied())
        .run()
}

fn document(ran: &Ran) -> Value {
    let text = std::fs::read_to_string(ran.path("after.json")).expect("the document is there");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

fn of<'d>(document: &'d Value, name: &str) -> &'d Value {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name:?} in {document:#}"))
}

/// The names under this name among the properties of the JUnit report.
fn properties(ran: &Ran, name: &str) -> Vec<String> {
    let xml = ran.junit().xml;
    let document = roxmltree::Document::parse(&xml).expect("XML");
    let found = document.descendants().filter(|node| node.attribute("name") == Some(name));
    found
        .filter(|node| node.has_tag_name("property"))
        .filter_map(|node| node.attribute("value"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_was_red_before_the_deploy_is_known_and_does_not_stop_it() {
    let site = Site::start();
    let suite = HEAD.to_owned()
        + &site.check("old", "")
        + &site.check("up", "")
        + &site.check("needing", "needs = [\"old\"]");
    let ran = site.around_a_deploy(&suite, &[]);
    ran.exits(7);
    // It ended nothing.
    assert!(ran.stderr.contains("PASS"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("\nHOLD shop: 1 failed (1 known), 1 skipped, 1 passed in "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("known: it was red before the deploy, too"), "{}", ran.stderr);
    assert!(ran.stderr.contains("known: what it needs was red before the deploy, too"), "{}", ran.stderr);
    assert!(ran.stderr.contains("  baseline: before.json, of the run at "), "{}", ran.stderr);
    assert!(ran.stderr.contains("exit code 7: red, but not by this deploy"), "{}", ran.stderr);
    let document = document(&ran);
    assert_eq!(document["exit"]["code"], 7);
    assert_eq!(
        (&document["baseline"]["file"], &document["baseline"]["exit_code"]),
        (&json!("before.json"), &json!(1))
    );
    assert_eq!(
        (&of(&document, "old")["baseline"], &of(&document, "old")["excuse"]),
        (&json!("known"), &json!("known"))
    );
    assert_eq!(
        (&of(&document, "needing")["baseline"], &of(&document, "needing")["excuse"]),
        (&Value::Null, &json!("known"))
    );
    assert_eq!(
        (&of(&document, "up")["baseline"], &of(&document, "up")["excuse"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(document["root_causes"][0]["excuse"], "known");
    assert_eq!(properties(&ran, "smoke.known"), ["old", "needing"]);
    assert_eq!(properties(&ran, "smoke.baseline"), ["before.json"]);
    let case = ran.junit().case("old").clone();
    assert_eq!(case.outcome, Outcome::Failed);
    assert!(case.text.contains("known: it was red before the deploy, too\n"), "{}", case.text);
}

#[test]
fn what_is_red_since_the_deploy_is_new_and_is_the_root_cause() {
    let site = Site::start();
    let suite = HEAD.to_owned()
        + &site.check("old", "")
        + &site.check("new", "needs = [\"up\"]")
        + &site.check("up", "");
    let ran = site.around_a_deploy(&suite, &[]);
    ran.exits(1);
    assert!(ran.stderr.contains("new: it passed before the deploy"), "{}", ran.stderr);
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.contains("`new`"), "what is new comes first: {cause}");
    let document = document(&ran);
    assert_eq!(
        (&of(&document, "new")["baseline"], &of(&document, "new")["excuse"]),
        (&json!("new"), &Value::Null)
    );
    assert_eq!(properties(&ran, "smoke.new"), ["new"]);
}

#[test]
fn only_a_new_red_ends_the_run() {
    let site = Site::start();
    let slow = site.check("slow", "budget = \"10s\"").replace("name = \"slow\"", "name = \"in flight\"");
    let red = |name: &str| HEAD.to_owned() + &site.check(name, "") + &slow;
    let ran = site.around_a_deploy(&red("old"), &[]);
    ran.exits(7);
    assert_eq!(of(&document(&ran), "in flight")["outcome"], "passed");
    let site_again = Site::start();
    let suite = HEAD.to_owned() + &site_again.check("new", "") + &slow;
    let ran = site_again.around_a_deploy(&suite, &[]);
    ran.exits(1);
    assert_eq!(document(&ran)["cancelled"]["check"], "new");
}

#[test]
fn what_was_not_in_the_baseline_or_was_skipped_there_is_new() {
    let site = Site::start();
    let suite = HEAD.to_owned() + &site.check("old", "") + &site.check("up", "");
    let before = Smoke::bare().args(["run", "--json", "before.json", "--skip", "old"]).suite(&suite).run();
    before.exits(0);
    let ran = after(before, &["--keep-going"]);
    ran.exits(1);
    assert!(ran.stderr.contains("new: the baseline has no result of it"), "{}", ran.stderr);

    let skipped = HEAD.to_owned() + &site.check("old", "skip = \"later\"") + &site.check("up", "");
    let before = before_with(&skipped, &suite);
    let ran = after(before, &["--keep-going"]);
    ran.exits(1);
    assert_eq!(of(&document(&ran), "old")["baseline"], "new");
}

/// A run of the one suite, and then the other in its place.
fn before_with(suite: &str, later: &str) -> Ran {
    let ran = before(suite);
    std::fs::write(ran.path("smoke.toml"), later).expect("write the suite");
    ran
}

#[test]
fn a_dependency_is_nobodys_deploy_with_a_baseline_or_without() {
    let site = Site::start();
    site.deploy();
    let suite = HEAD.to_owned()
        + &site.check("new", "dependency = true")
        + &site.check("up", "")
        + &site.check("needing", "needs = [\"new\"]");
    let ran = Smoke::new().args(["--json", "after.json"]).suite(&suite).run();
    ran.exits(7);
    assert!(ran.stderr.contains("1 failed (1 dependency), 1 skipped, 1 passed"), "{}", ran.stderr);
    assert!(ran.stderr.contains("dependency: a deploy does not change it"), "{}", ran.stderr);
    let document_alone = document(&ran);
    let check = of(&document_alone, "new");
    assert_eq!(
        (&check["dependency"], &check["excuse"], &check["baseline"]),
        (&json!(true), &json!("dependency"), &Value::Null)
    );
    assert_eq!(properties(&ran, "smoke.dependency"), ["new", "needing"]);

    let site = Site::start();
    let suite = HEAD.to_owned() + &site.check("new", "dependency = true") + &site.check("up", "");
    let ran = site.around_a_deploy(&suite, &[]);
    ran.exits(7);
    let told = document(&ran);
    assert_eq!(
        (&of(&told, "new")["baseline"], &of(&told, "new")["excuse"]),
        (&json!("new"), &json!("dependency"))
    );
}

#[test]
fn what_a_warning_keeps_from_running_takes_its_excuse() {
    let site = Site::start();
    let needing = site.check("up", "needs = [\"old\"]");
    let excused = HEAD.to_owned() + &site.check("old", "severity = \"warn\"\ndependency = true") + &needing;
    Smoke::new().suite(&excused).run().exits(7);
    let blamed = HEAD.to_owned() + &site.check("old", "severity = \"warn\"") + &needing;
    Smoke::new().suite(&blamed).run().exits(1);
}

#[test]
fn watch_says_what_is_known_and_what_is_new() {
    let site = Site::start();
    let suite = HEAD.to_owned() + &site.check("old", "") + &site.check("new", "");
    let before = before(&suite);
    site.deploy();
    let state = before.path("before.json");
    let watching = Smoke::bare().args(["watch", "-n", "60s", "--baseline"]).arg(state).suite(&suite).spawn();
    watching.wait_for_stderr(
        "`old` FAIL: expected status 2xx, got 500; known: it was red before the deploy, too\n",
    );
    watching.wait_for_stderr("`new` FAIL: expected status 2xx, got 500; new: it passed before the deploy\n");
    watching.signal(rustix::process::Signal::TERM);
    watching.wait().exits(143);
}

#[test]
fn a_gate_is_never_excused() {
    let site = Site::start();
    let suite = HEAD.to_owned() + &site.check("old", "gate = true") + &site.check("up", "");
    let ran = site.around_a_deploy(&suite, &[]);
    ran.exits(5);
    assert!(ran.stderr.contains("but a gate is never excused"), "{}", ran.stderr);
    let told = document(&ran);
    let gate = of(&told, "old");
    assert_eq!((&gate["baseline"], &gate["excuse"]), (&json!("known"), &Value::Null));
    // Nor if it could not run.
    let suite = HEAD.to_owned()
        + &site.check("old", "dependency = true")
        + &site.check("up", "gate = true\nneeds = [\"old\"]");
    Smoke::new().suite(&suite).run().exits(5);
    let wrong = HEAD.to_owned() + &site.check("up", "gate = true\ndependency = true");
    let ran = Smoke::new().suite(&wrong).run();
    ran.exits(2);
    assert!(ran.stderr.contains("a gate cannot be a `dependency`: it is never excused"), "{}", ran.stderr);
}

#[test]
fn the_more_urgent_exit_code_counts() {
    let site = Site::start();
    // 1 before 7: the new red beside the known one; with the dependency first, so that nothing is cut.
    let suite = HEAD.to_owned() + &site.check("old", "") + &site.check("new", "");
    site.around_a_deploy(&suite, &["--keep-going"]).exits(1);
    // 7 before 4: a check has no result, and a dependency is red.
    let late = format!(
        "[[health]]\nname = \"late\"\nurl = \"{}\"\npoll = {{ every = \"50ms\" }}\nbudget = \"1s\"\n",
        site.server.url("/old")
    );
    let suite = "[suite]\nname = \"shop\"\nbudget = \"1s\"\n".to_owned()
        + &site.check("old", "dependency = true")
        + &late;
    Smoke::new().suite(&suite).run().exits(7);
    // 6 before 7.
    let suite = HEAD.to_owned() + &site.check("old", "dependency = true");
    Smoke::bare().args(["run", "--junit", "/dev/full"]).suite(&suite).run().exits(6);
}

#[test]
fn a_check_that_takes_over_three_times_as_long_is_shown_as_slower() {
    let site = Site::start();
    let suite = HEAD.to_owned() + &site.check("slow", "") + &site.check("up", "");
    let ran = site.around_a_deploy(&suite, &["--quiet"]);
    ran.exits(0);
    let line = ran.stderr.lines().find(|line| line.contains("slower: ")).expect("a line, however quiet");
    assert!(line.contains(" slow  slower: ") && line.ends_with("before the deploy"), "{line}");
    assert!(ran.stderr.contains("2 passed (1 slower)"), "{}", ran.stderr);
    let document = document(&ran);
    assert_eq!(
        (&of(&document, "slow")["slower"], &of(&document, "up")["slower"]),
        (&json!(true), &json!(false))
    );
    assert!(of(&document, "slow")["baseline_ms"].as_f64().is_some_and(|took| took < 300.0), "{document:#}");
    assert_eq!(properties(&ran, "smoke.slower"), ["slow"]);
    assert!(ran.junit().case("slow").output.contains("slower: "), "{}", ran.junit().xml);
}

#[test]
fn a_baseline_that_is_none_is_a_mistake() {
    let site = Site::start();
    let suite = HEAD.to_owned() + &site.check("up", "");
    let rejected = r#"{"schema_version": 1, "suite": null, "environment": null, "started": "", "exit": {"code": 2}, "checks": []}"#;
    for (file, text, said) in [
        ("missing.json", None, "cannot read the baseline `missing.json`: "),
        ("other.json", Some("{}"), "`other.json` is not what `smoke run --json` writes: "),
        ("text.json", Some("no JSON"), "`text.json` is not what `smoke run --json` writes: "),
        ("rejected.json", Some(rejected), "the baseline `rejected.json` is of a run that sent nothing"),
        (
            "suite.json",
            Some(
                r#"{"schema_version": 1, "suite": "bank", "environment": null, "started": "", "exit": {"code": 0}, "checks": []}"#,
            ),
            "the baseline `suite.json` is of the suite `bank`, and this one is `shop`",
        ),
        (
            "later.json",
            Some(
                r#"{"schema_version": 2, "suite": "shop", "environment": null, "started": "", "exit": {"code": 0}, "checks": []}"#,
            ),
            "its schema version is 2",
        ),
    ] {
        let mut smoke = Smoke::new().args(["--baseline", file, "--json", "after.json"]).suite(&suite);
        if let Some(text) = text {
            smoke = smoke.file(file, text);
        }
        let ran = smoke.run();
        ran.exits(2);
        assert!(ran.stderr.contains(said), "{said}\n{}", ran.stderr);
        let mistake = document(&ran)["mistakes"][0]["message"].clone();
        assert!(mistake.as_str().is_some_and(|text| text.contains(said)), "{mistake}");
    }
    for report in ["--json", "--junit", "--events"] {
        let ran = Smoke::bare()
            .args(["run", "--baseline", "./a.json", report, "a.json"])
            .suite(&suite)
            .file("a.json", "{}")
            .run();
        ran.exits(2);
        assert!(
            ran.stderr.contains(&format!("`{report}` goes to `a.json`, which is the baseline")),
            "{}",
            ran.stderr
        );
        assert_eq!(std::fs::read_to_string(ran.path("a.json")).expect("it is still there"), "{}");
    }
    assert_eq!(site.server.connections(), 0);
}

#[test]
fn a_baseline_of_another_environment_knows_nothing_and_says_so() {
    let site = Site::start();
    let suite = HEAD.to_owned() + "[env.staging.vars]\nx = \"y\"\n" + &site.check("old", "");
    let ran = site.around_a_deploy(&suite, &["--env", "staging"]);
    ran.exits(1);
    let note = "note: the baseline is of no environment, and this run is of the environment `staging`";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
}

#[test]
fn labels_are_in_every_report() {
    let site = Site::start();
    let suite = HEAD.to_owned()
        + "[vars]\nkey = { value = \"correct horse\", secret = true }\n"
        + &site.check("up", "expect.header.x = { not.equals = \"{{key}}\" }");
    let run = |suite: &str| {
        let smoke = Smoke::new().suite(suite).args(["--json", "after.json", "--events", "events.jsonl"]);
        let summary = smoke.path("summary.md");
        smoke
            .args([
                "--label",
                "sha=abc123",
                "--label",
                "by=<a&b>",
                "--label",
                "sha=def456",
                "--label",
                "k=correct horse",
            ])
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", summary)
            .run()
    };
    let ran =
        run(&suite.replace("expect.header.x = { not.equals = \"{{key}}\" }", "headers.x = \"{{key}}\""));
    ran.exits(0);
    assert!(ran.stderr.contains("  labels: by=<a&b>, sha=def456, k=***\n"), "{}", ran.stderr);
    assert_eq!(document(&ran)["labels"], json!({"by": "<a&b>", "sha": "def456", "k": "***"}));
    assert_eq!(
        (properties(&ran, "sha"), properties(&ran, "by")),
        (vec!["def456".to_owned()], vec!["<a&b>".to_owned()])
    );
    let events = std::fs::read_to_string(ran.path("events.jsonl")).expect("events");
    let first: Value = serde_json::from_str(events.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["labels"]["sha"], "def456");
    let summary = std::fs::read_to_string(ran.path("summary.md")).expect("the summary");
    assert!(summary.contains("sha&#61;def456"), "{summary}");

    // Also of a suite that is wrong.
    let ran = run("[suite]\nnam = \"shop\"\n");
    ran.exits(2);
    assert_eq!(document(&ran)["labels"]["sha"], "def456");
    assert_eq!(properties(&ran, "sha"), ["def456"]);
    let ran = Smoke::new().suite(&suite).args(["--label", "sha"]).run();
    ran.exits(2);
    assert!(ran.stderr.contains("a value of '--label <NAME=VALUE>' is not NAME=VALUE"), "{}", ran.stderr);
}

#[test]
fn on_github_what_is_not_this_deploys_is_a_warning() {
    let site = Site::start();
    let suite = HEAD.to_owned() + &site.check("old", "") + &site.check("new", "");
    let before = before(&suite);
    site.deploy();
    let smoke = before.again().args(["--baseline", "before.json", "--keep-going"]);
    let summary = smoke.path("summary.md");
    let ran = smoke.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", summary).run();
    ran.exits(1);
    let annotation = |level: &str| {
        ran.stderr.lines().filter(|line| line.starts_with(level)).collect::<Vec<_>>().join("\n")
    };
    let (errors, warnings) = (annotation("::error "), annotation("::warning "));
    assert!(
        errors.contains("title=new::") && errors.contains("; new: it passed before the deploy"),
        "{errors}"
    );
    assert!(
        warnings.contains("title=old::") && warnings.contains("; known: it was red before the deploy"),
        "{warnings}"
    );
    let summary = std::fs::read_to_string(ran.path("summary.md")).expect("the summary");
    assert!(summary.contains("new&#58; it passed before the deploy"), "{summary}");
    assert!(summary.contains("baseline&#58; before&#46;json"), "{summary}");
}
