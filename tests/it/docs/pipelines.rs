//! The recipes of `docs/ci.md` are what a pipeline reads, and each ends a deploy as an engineer would have decided.

use saphyr::{LoadableYamlNode as _, YamlOwned};

use crate::support::deploys::{Deployed, Target, Weather, deploy, section_of};
use crate::support::pages::{blocks, page};

/// The YAML documents of this text.
fn yaml(text: &str, place: &str) -> Vec<YamlOwned> {
    YamlOwned::load_from_str(text).unwrap_or_else(|error| panic!("{place}: {error}"))
}

/// The only block of this language in a section of the page.
fn block(section: &str, language: &str) -> String {
    let mut found: Vec<String> = section_of(&page("docs/ci.md"), section)
        .blocks()
        .into_iter()
        .filter(|block| block.language == language)
        .map(|block| block.text)
        .collect();
    assert_eq!(found.len(), 1, "{section}: {language}");
    found.remove(0)
}

fn at<'y>(node: &'y YamlOwned, path: &[&str]) -> &'y YamlOwned {
    path.iter().fold(node, |node, key| node.as_mapping_get(key).unwrap_or_else(|| panic!("no {key}")))
}

#[test]
fn the_manifests_are_yaml() {
    let documents = blocks("yaml").into_iter().flat_map(|block| yaml(&block.text, &block.place));
    let kinds: Vec<String> = documents
        .filter_map(|document| Some(document.as_mapping_get("kind")?.as_str()?.to_owned()))
        .collect();
    assert_eq!(kinds, ["PersistentVolumeClaim", "Job", "Rollout"]);
}

/// The commands that a recipe is run with.
fn on_github() -> String {
    let text = block("GitHub Actions", "yaml");
    let document = yaml(&text, "GitHub").remove(0);
    let steps = at(&document, &["jobs", "deploy", "steps"]).as_sequence().expect("steps").clone();
    let runs: Vec<&str> = steps.iter().filter_map(|step| step.as_mapping_get("run")?.as_str()).collect();
    assert_eq!(runs.len(), 1);
    assert!(document.as_mapping_get("concurrency").is_some(), "one deploy at a time");
    runs[0].to_owned()
}

fn on_gitlab() -> String {
    let document = yaml(&block("GitLab CI", "yaml"), "GitLab").remove(0);
    assert!(at(&document, &["deploy"]).as_mapping_get("resource_group").is_some(), "one deploy at a time");
    let script = at(&document, &["deploy", "script"]).as_sequence().expect("a script");
    script.iter().map(|line| line.as_str().expect("a line")).collect::<Vec<_>>().join("\n")
}

fn on_jenkins() -> String {
    let text = block("Jenkins", "groovy");
    assert!(text.contains("disableConcurrentBuilds()"), "one deploy at a time");
    let script = regex::Regex::new(r"sh\(script: '([^']+)', returnStatus: true\)").expect("a pattern");
    let found: Vec<&str> =
        script.captures_iter(&text).filter_map(|found| found.get(1)).map(|found| found.as_str()).collect();
    assert_eq!(found.len(), 1, "{text}");
    found[0].to_owned()
}

/// What ends a deploy in each weather: the exit code, and what was done to the shop.
type Ends<'e> = [(Weather, i32, &'e [&'e str]); 5];

/// A deploy in the place of the old version, where `rolled_back` is the exit code for one that does not come up.
fn live(rolled_back: i32) -> Ends<'static> {
    [
        (Weather::Fine, 0, &["deploy"]),
        (Weather::CrashLoop, rolled_back, &["deploy", "roll back"]),
        (Weather::WrongPage, 1, &["deploy", "roll back"]),
        (Weather::ProviderDown, 7, &["deploy"]),
        (Weather::NoRoute, 5, &[]),
    ]
}

fn ends(section: &str, command: &str, target: Target, ends: Ends<'_>) -> Vec<Deployed> {
    let ends = ends.iter().map(|(weather, code, done)| {
        let deployed = deploy(section, command, target, *weather);
        assert_eq!(
            (deployed.code, &deployed.done[..]),
            (Some(*code), &done.iter().map(|what| (*what).to_owned()).collect::<Vec<_>>()[..]),
            "{section}, {weather:?}\n{}",
            deployed.output
        );
        deployed
    });
    ends.collect()
}

#[test]
fn on_github_a_deploy_ends_as_an_engineer_would_have_decided() {
    let ended = ends("GitHub Actions", &on_github(), Target::Live, live(5));
    let [fine, crash_loop, wrong_page, provider_down, no_route] = &ended[..] else { panic!("five") };

    // The version gate met the balancer's own answer, and waited.
    let after = std::fs::read_to_string(fine.path("after.json")).expect("a report");
    assert!(after.contains("got 503, which seems to come from HAProxy itself, not from the app"), "{after}");
    assert!(after.contains("\"sha\": \"abc123\""), "{after}");
    // Neither report of a try takes the place of the other.
    for name in ["smoke-before.xml", "smoke-first.xml", "smoke.xml", "after.json", "again.json"] {
        assert!(crash_loop.path(name).exists(), "{name}\n{}", crash_loop.output);
    }
    assert!(!fine.path("smoke-first.xml").exists());
    assert!(wrong_page.output.contains("new: it passed before the deploy"), "{}", wrong_page.output);
    let said = "expected status 2xx, got 503, which seems to come from the app";
    assert!(provider_down.output.contains(said), "{}", provider_down.output);
    assert!(provider_down.output.contains("gate: red, but not by this deploy"), "{}", provider_down.output);
    assert!(no_route.output.contains("nothing could be reached from here"), "{}", no_route.output);
    assert!(no_route.output.contains("nothing is deployed"), "{}", no_route.output);
}

#[test]
fn on_gitlab_a_deploy_ends_as_an_engineer_would_have_decided() {
    let _ = ends("GitLab CI", &on_gitlab(), Target::Live, live(5));
}

#[test]
fn on_jenkins_a_deploy_ends_as_an_engineer_would_have_decided() {
    let _ = ends("Jenkins", &on_jenkins(), Target::Live, live(5));
}

#[test]
fn on_kubernetes_a_deploy_ends_as_an_engineer_would_have_decided() {
    let ended = ends("Kubernetes", &block("Kubernetes", "sh"), Target::Live, live(1));
    // Each run was a Job of its own, and what it said was shown.
    let jobs = std::fs::read_dir(ended[0].path("cluster/jobs")).expect("jobs").count();
    assert_eq!(jobs, 2);
    assert!(ended[0].output.contains("PASSED shop"), "{}", ended[0].output);
    // What kubectl says is no verdict of smoke's.
    let deployed = deploy("Kubernetes", &block("Kubernetes", "sh"), Target::Live, Weather::NoCluster);
    assert_eq!((deployed.code, deployed.done.len()), (Some(6), 0), "{}", deployed.output);
}

#[test]
fn with_helm_a_deploy_ends_as_an_engineer_would_have_decided() {
    let _ = ends("Helm", &block("Helm", "sh"), Target::Live, live(1));
}

#[test]
fn with_argo_a_deploy_ends_as_an_engineer_would_have_decided() {
    let command = block("Argo Rollouts", "sh");
    let preview = "http://shop-preview:8080";
    assert!(command.contains(preview), "{command}");
    let expected = [
        (Weather::Fine, 0, &["deploy", "promote"][..]),
        (Weather::CrashLoop, 1, &["deploy", "roll back"]),
        (Weather::WrongPage, 1, &["deploy", "roll back"]),
        // It stays paused.
        (Weather::ProviderDown, 7, &["deploy"]),
        (Weather::NoRoute, 5, &[]),
    ];
    let _ =
        ends("Argo Rollouts", &command.replace(preview, "$PREVIEW_OF_THE_TEST"), Target::Preview, expected);
}
