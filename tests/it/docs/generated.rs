//! The generated parts of the documentation match the program.
//!
//! A generated part starts with the line `<!-- generated: WHAT -->` and ends with `<!-- end -->`.
//! `UPDATE_DOCS=1 tests/run docs` rewrites all of them.

use std::ops::Range;
use std::process::{Command, Output};
use std::{env, fs};

use super::reference::{Reference, cell};
use crate::support::corpus;
use crate::support::pages::{Page, anchor, pages};
use crate::support::smoke::Smoke;

/// A generated part of a page.
#[derive(Debug, Clone)]
pub struct Part {
    pub what: String,
    /// The heading above it.
    pub anchor: String,
    /// The range of its body in the page.
    body: Range<usize>,
}

const START: &str = "<!-- generated: ";
const END: &str = "<!-- end -->\n";

/// Returns the generated parts of a page, from top to bottom.
///
/// # Panics
/// When one does not end.
pub fn parts(page: &Page) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut heading = String::new();
    let (mut at, mut is_code) = (0, false);
    for line in page.text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if parts.last().is_some_and(|part| start < part.body.end) {
            continue;
        }
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
        } else if let Some(what) = line.strip_prefix(START) {
            let what = what.trim_end().strip_suffix(" -->").expect("the end of the comment").to_owned();
            let length =
                page.text[at..].find(END).unwrap_or_else(|| panic!("{}: `{what}` does not end", page.path));
            parts.push(Part { what, anchor: heading.clone(), body: at..at + length });
        } else if line.starts_with('#') {
            heading = anchor(line.trim_start_matches('#').trim());
        }
    }
    parts
}

#[test]
fn every_generated_part_is_up_to_date() {
    let pages = pages();
    let reference = Reference::of(&pages);
    let mut stale = Vec::new();
    let mut count = 0;
    for page in &pages {
        let mut text = page.text.clone();
        // From last to first, so that the earlier ranges stay valid.
        for part in parts(page).into_iter().rev() {
            count += 1;
            let new = generated(&part, page, &reference);
            let old = &page.text[part.body.clone()];
            if !is_same(&part, old, &new) {
                stale.push(format!("{}: `{}` is now\n{new}", page.path, part.what));
                text.replace_range(part.body, &new);
            }
        }
        if is_update() && text != page.text {
            fs::write(corpus::path(&page.path), text).expect("write a page");
        }
    }
    assert!(count > 30, "{count}");
    assert!(
        is_update() || stale.is_empty(),
        "the documentation is stale, run `UPDATE_DOCS=1 tests/run docs`:\n{}",
        stale.join("\n")
    );
}

#[test]
fn the_completion_scripts_are_up_to_date() {
    for (shell, file) in [
        ("bash", "smoke.bash"),
        ("zsh", "_smoke"),
        ("fish", "smoke.fish"),
        ("powershell", "_smoke.ps1"),
        ("elvish", "smoke.elv"),
    ] {
        let path = format!("completions/{file}");
        let current = text_of(smoke(&format!("completions {shell}")));
        if is_update() {
            fs::write(corpus::path(&path), &current).expect("write the script");
        }
        assert!(corpus::text(&path) == current, "{path} is stale, run `UPDATE_DOCS=1 tests/run docs`");
    }
}

fn is_update() -> bool {
    env::var_os("UPDATE_DOCS").is_some()
}

/// Generates the current body of the part.
fn generated(part: &Part, page: &Page, reference: &Reference) -> String {
    if let Some(rows) = reference.rows(part, page) {
        return rows;
    }
    if let Some(arguments) = part.what.strip_prefix("run of smoke ") {
        let ran = Smoke::bare().args(arguments.split(' ')).run();
        return console(arguments, &ran.stderr);
    }
    if let Some(arguments) = part.what.strip_prefix("smoke ") {
        return console(arguments, &text_of(smoke(arguments)));
    }
    match part.what.as_str() {
        "exit codes" => {
            let rows =
                smoke::exit::Exit::ALL.map(|exit| row(&[exit.code().to_string(), exit.meaning().to_owned()]));
            table(&["code", "meaning"], rows)
        }
        "environment variables" => {
            let rows = smoke::commands::ENVIRONMENT.iter().map(|(names, meaning)| {
                let names: Vec<String> = names.split(", ").map(|name| format!("`{name}`")).collect();
                row(&[names.join(", "), (*meaning).to_owned()])
            });
            table(&["variable", "what it does"], rows)
        }
        "types" => {
            let rows = smoke::commands::types()
                .into_iter()
                .map(|(name, meaning)| row(&[name, meaning.replace("{{expression}}", "`{{expression}}`")]));
            table(&["type", "what it is"], rows)
        }
        "protocols" => {
            let rows = smoke::check::protocol::PROTOCOLS.iter().map(|protocol| {
                let schemes: Vec<String> =
                    protocol.schemes.iter().map(|scheme| format!("`{scheme}://`")).collect();
                row(&[schemes.join(", "), protocol.about.to_owned()])
            });
            table(&["`url`", "what is checked"], rows)
        }
        "databases" => {
            let rows = smoke::probe::databases::DATABASES.iter().map(|database| {
                let schemes: Vec<String> =
                    database.schemes().iter().map(|scheme| format!("`{scheme}…`")).collect();
                row(&[schemes.join(", "), database.about().to_owned()])
            });
            table(&["`url`", "database"], rows)
        }
        "kinds" => {
            let rows = smoke::check::KINDS.iter().map(|kind| {
                row(&[format!("[`[[{0}]]`](docs/checks/{0}.md)", kind.name), kind.about.to_owned()])
            });
            table(&["table", "what it checks"], rows)
        }
        "mistake in the suite above" => {
            let above = &page.text[..part.body.start];
            let suite =
                above.rsplit("```toml\n").next().and_then(|text| text.split("```").next()).expect("a suite");
            let ran = Smoke::bare().arg("check").suite(&suite.replacen("expect", "expct", 1)).run();
            ran.exits(2);
            console("check", &ran.stderr)
        }
        other => panic!("{}: nothing is known to generate `{other}`", page.path),
    }
}

fn smoke(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smoke"));
    command.args(arguments.split(' ')).current_dir(corpus::path("")).output().expect("smoke runs")
}

fn text_of(output: Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn console(arguments: &str, output: &str) -> String {
    format!("```console\n$ smoke {arguments}\n{output}```\n")
}

fn table(head: &[&str], rows: impl IntoIterator<Item = String>) -> String {
    let lines = vec!["---"; head.len()].join("|");
    let rows: Vec<String> = rows.into_iter().collect();
    format!("| {} |\n|{lines}|\n{}", head.join(" | "), rows.concat())
}

fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Compares a part with its current body. Two runs never have identical output.
fn is_same(part: &Part, old: &str, new: &str) -> bool {
    if part.what.starts_with("run of ") { lines_of_a_run(old) == lines_of_a_run(new) } else { old == new }
}

/// Returns the lines of a run without what varies: times, ports, and the order of concurrent checks.
fn lines_of_a_run(text: &str) -> Vec<String> {
    let differs =
        regex::Regex::new(r"127\.0\.0\.1:\d+|\d\d:\d\d:\d\dZ|\d+(\.\d+)?m?s\b|(\d+ of )?\d+ attempts")
            .expect("a pattern");
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| differs.replace_all(line, "?").split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    lines.sort();
    lines
}
