//! The completion scripts in a real shell: names from the suite are offered, quoted.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::scratch;

const SUITE: &str = r#"
[env.staging.vars]
[env.production.vars]

[[health]]
name = "shop is healthy"
tags = ["shop", "fast"]
url = "http://127.0.0.1:1"

[[health]]
name = "shop's [new] $HOME"
tags = ["shop"]
url = "http://127.0.0.1:1"

[[health]]
name = "certificate"
url = "http://127.0.0.1:1"
"#;

/// Returns the completions of bash for the last of `words`, in a folder with this suite.
fn offered(suite: &str, words: &[&str]) -> Vec<String> {
    let folder = scratch::for_a_test();
    fs::write(folder.path().join(suite), SUITE).expect("write the suite");
    fs::create_dir(folder.path().join("deeper")).expect("make a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions/smoke.bash");
    let asked = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                 _smoke \"$1\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; \
                 printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["--norc", "-c", asked, "bash"])
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_smoke"))
        .args(words)
        .current_dir(folder.path().join("deeper"))
        .output()
        .expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let offered = String::from_utf8(output.stdout).expect("text");
    offered.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_offers_check_names_quoted_for_the_shell() {
    let shop = ["shop\\ is\\ healthy", "shop\\'s\\ \\[\\[\\]new\\[\\]\\]\\ \\$HOME"];
    for command in ["run", "plan", "list"] {
        for option in ["--only", "--skip"] {
            assert_eq!(offered("smoke.toml", &[command, option, "sh"]), shop, "{command} {option}");
        }
    }
    assert_eq!(offered("smoke.toml", &["run", "--only", ""]).len(), 3);
    assert_eq!(offered("smoke.toml", &["run", "--only", "shop\\ i"]), ["shop\\ is\\ healthy"]);
    assert_eq!(offered("smoke.toml", &["run", "--only", "\"shop i"]), ["shop is healthy"]);
    assert_eq!(offered("smoke.toml", &["run", "--only", "zzz"]), [""; 0]);
}

#[test]
fn bash_offers_tags_and_environments() {
    assert_eq!(offered("smoke.toml", &["run", "--tag", ""]), ["fast", "shop"]);
    assert_eq!(offered("smoke.toml", &["run", "-t", "sh"]), ["shop"]);
    assert_eq!(offered("smoke.toml", &["run", "--skip-tag", "f"]), ["fast"]);
    assert_eq!(offered("smoke.toml", &["list", "-e", ""]), ["production", "staging"]);
    assert_eq!(offered("smoke.toml", &["plan", "--env", "st"]), ["staging"]);
}

#[test]
fn bash_reads_the_named_suite_and_offers_nothing_without_one() {
    assert_eq!(offered("other.toml", &["run", "../other.toml", "--tag", "f"]), ["fast"]);
    assert_eq!(offered("other.toml", &["run", "--tag", ""]), [""; 0]);
}

#[test]
fn every_script_that_can_completes_check_names() {
    let script = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
        fs::read_to_string(folder.join(name)).expect("the script is there")
    };
    for name in ["smoke.bash", "_smoke", "smoke.fish"] {
        let script = script(name);
        for what in ["names", "tags", "environments"] {
            // At least in `run`, `plan` and `list`.
            let asked = script.matches(&format!("_smoke_listed {what}")).count();
            assert!(asked >= 3, "{name}: {asked} times {what}");
        }
    }
}
