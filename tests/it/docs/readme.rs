//! The README is true: what it shows of the command line is what the command line says.

use std::process::Command;

use crate::support::corpus;
use crate::support::smoke::Smoke;

const BINARY: &str = env!("CARGO_BIN_EXE_smoke");

fn readme() -> String {
    corpus::text("README.md")
}

/// What stands between `<!-- smoke ARGUMENTS -->` and `<!-- end -->`.
fn shown(arguments: &str) -> String {
    let readme = readme();
    let start = format!("<!-- smoke {arguments} -->\n");
    let from = readme.find(&start).unwrap_or_else(|| panic!("the README has `{start}`")) + start.len();
    let to = readme[from..].find("<!-- end -->").expect("the block ends");
    readme[from..from + to].to_owned()
}

fn said(arguments: &str) -> String {
    let output = Command::new(BINARY).args(arguments.split(' ')).output().expect("smoke runs");
    let help = String::from_utf8(output.stdout).expect("help is text");
    format!("```console\n$ smoke {arguments}\n{help}```\n")
}

#[test]
fn the_help_in_the_readme_is_what_the_program_says() {
    for arguments in ["--help", "run -h", "plan smoke.example.toml"] {
        assert_eq!(
            shown(arguments),
            said(arguments),
            "copy the new output of `smoke {arguments}` into the README"
        );
    }
}

/// The YAML documents of the README.
fn yaml() -> Vec<saphyr::YamlOwned> {
    use saphyr::LoadableYamlNode as _;
    let readme = readme();
    let blocks = readme.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().expect("an end"));
    blocks
        .flat_map(|block| {
            saphyr::YamlOwned::load_from_str(block).unwrap_or_else(|error| panic!("{error} in\n{block}"))
        })
        .collect()
}

/// Every text in it, and every list of texts as one.
fn texts(node: &saphyr::YamlOwned, found: &mut Vec<String>) {
    if let Some(text) = node.as_str() {
        found.push(text.to_owned());
    } else if let Some(mapping) = node.as_mapping() {
        for value in mapping.values() {
            texts(value, found);
        }
    } else if let Some(items) = node.as_sequence() {
        let words: Vec<&str> = items.iter().filter_map(saphyr::YamlOwned::as_str).collect();
        found.push(words.join(" "));
        for item in items {
            texts(item, found);
        }
    }
}

#[test]
fn the_wiring_in_the_readme_is_yaml_and_calls_smoke_as_it_can_be_called() {
    let documents = yaml();
    let kinds: Vec<_> =
        documents.iter().filter_map(|document| document.as_mapping_get("kind")?.as_str()).collect();
    assert_eq!((documents.len(), kinds), (6, vec!["Job", "Pod", "AnalysisTemplate", "Rollout"]));
    let mut found = Vec::new();
    for document in &documents {
        texts(document, &mut found);
    }
    // In a shell `smoke` comes first, in a list of arguments it is the command beside it.
    let in_shells =
        found.iter().flat_map(|text| text.lines()).filter_map(|line| line.trim().strip_prefix("smoke "));
    let in_lists = found.iter().map(String::as_str).filter(|text| text.starts_with("run "));
    let groovy = readme();
    let in_groovy = groovy.lines().filter_map(|line| line.split_once("'smoke ")).map(|(_, rest)| rest);
    let calls: Vec<&str> = in_shells.chain(in_lists).chain(in_groovy).collect();
    assert_eq!(calls.len(), 7, "{calls:#?}");
    for call in calls {
        let call = call.split(" || ").next().expect("a call").trim_end_matches('\'');
        let call = call.replace("{{ .Release.Name }}", "shop").replace('"', "");
        let parsed =
            <smoke::cli::Cli as clap::Parser>::try_parse_from(["smoke"].into_iter().chain(call.split(' ')));
        assert!(parsed.is_ok(), "{call}: {}", parsed.expect_err("a mistake"));
    }
}

#[test]
fn the_suites_in_the_readme_have_no_mistakes_and_no_warnings() {
    let readme = readme();
    let suites: Vec<&str> = readme
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|block| block.starts_with("[suite]") && block.contains("[[health]]"))
        .collect();
    assert!(!suites.is_empty());
    for suite in suites {
        let ran = Smoke::bare().args(["check", "--strict"]).suite(suite).run();
        ran.exits(0);
    }
}

#[test]
fn every_exit_code_is_in_the_readme_with_its_number() {
    let readme = readme();
    for exit in smoke::exit::Exit::ALL {
        let code = exit.code();
        assert!(
            readme.contains(&format!("| {code} "))
                || readme.contains(&format!("130, {code}"))
                || readme.contains(&format!("| {code}, ")),
            "{code}"
        );
    }
}

#[test]
fn the_completions_are_what_the_program_prints() {
    for (shell, file) in [
        ("bash", "smoke.bash"),
        ("zsh", "_smoke"),
        ("fish", "smoke.fish"),
        ("powershell", "_smoke.ps1"),
        ("elvish", "smoke.elv"),
    ] {
        let output = Command::new(BINARY).args(["completions", shell]).output().expect("smoke runs");
        let committed = corpus::text(&format!("completions/{file}"));
        let current = String::from_utf8(output.stdout).expect("completions are text");
        assert_eq!(committed, current, "run `smoke completions {shell} > completions/{file}`");
    }
}

/// The lines of a run without what differs: times, ports, and the order of checks that run side by side.
fn lines_of_a_run(text: &str) -> Vec<String> {
    let differs = regex::Regex::new(r"127\.0\.0\.1:\d+|\d+(\.\d+)?m?s\b|\d+ attempts").expect("a pattern");
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| differs.replace_all(line, "?").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_runs_of_the_demo_look_as_they_are_shown() {
    let readme = readme();
    for arguments in ["demo", "demo --break version"] {
        let start = format!("```console\n$ smoke {arguments}\n");
        let from =
            readme.find(&start).unwrap_or_else(|| panic!("the README shows `{arguments}`")) + start.len();
        let shown = &readme[from..from + readme[from..].find("```").expect("the block ends")];
        let ran = Smoke::bare().args(arguments.split(' ')).run();
        assert_eq!(lines_of_a_run(shown), lines_of_a_run(&ran.stderr), "`smoke {arguments}`");
    }
}
