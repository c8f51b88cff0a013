//! The README is true: what it shows of the command line is what the command line says.

use std::path::Path;
use std::process::Command;

use crate::support::smoke::Smoke;

const BINARY: &str = env!("CARGO_BIN_EXE_smoke");

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).expect("the README is there")
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
    for arguments in ["--help", "run -h"] {
        assert_eq!(
            shown(arguments),
            said(arguments),
            "copy the new output of `smoke {arguments}` into the README"
        );
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for (shell, file) in [
        ("bash", "smoke.bash"),
        ("zsh", "_smoke"),
        ("fish", "smoke.fish"),
        ("powershell", "_smoke.ps1"),
        ("elvish", "smoke.elv"),
    ] {
        let output = Command::new(BINARY).args(["completions", shell]).output().expect("smoke runs");
        let committed = std::fs::read_to_string(folder.join(file)).expect("the completions are there");
        let current = String::from_utf8(output.stdout).expect("completions are text");
        assert_eq!(committed, current, "run `smoke completions {shell} > completions/{file}`");
    }
}
