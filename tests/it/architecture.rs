//! The architecture of `src/`: imports follow the layers, import cycles stay within a folder, and the invariants in
//! `lib.rs` hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::rust_code::{Import, code, declared_modules, imports, without_tests};
use crate::support::sources::{Source, sources};

/// The files and folders of `src/`, from top to bottom. Each imports only from those below it. `lib.rs` declares them
/// in this order. `main.rs` is above all of them.
pub const LAYERS: [&str; 20] = [
    "commands", "cli", "demo", "lint", "engine", "plan", "report", "suite", "check", "expect", "probe",
    "attempt", "process", "event", "exit", "runtimes", "outcome", "language", "deadline", "secret",
];

/// Layers that may import only from these others, which is less than their position allows.
const NARROW: [(&str, &[&str]); 2] = [
    // Reporters receive complete data, and do not know how a run works or what it asks.
    ("report", &["event", "exit", "outcome", "language", "secret"]),
    // A separate application.
    ("demo", &[]),
];

/// The most lines of a file.
const LONGEST: usize = 400;

/// The most lines between a `// Why:` comment and its spawn.
const NEAR: usize = 8;

/// Calls that wait on the clock.
const WAITS: [&str; 8] = [
    "sleep",
    "sleep_until",
    "timeout",
    "timeout_at",
    "interval",
    "interval_at",
    "recv_timeout",
    "park_timeout",
];

/// Calls that start something concurrent.
const SPAWNS: [&str; 6] =
    ["spawn", "spawn_blocking", "spawn_local", "spawn_on", "spawn_blocking_on", "spawn_local_on"];

fn is_main(source: &Source) -> bool {
    source.path == Path::new("src/main.rs")
}

/// Formats a position for messages.
fn place(source: &Source, line: usize) -> String {
    format!("{}:{line}", source.path.display())
}

fn is_in(source: &Source, folder: &str) -> bool {
    source.module.first().is_some_and(|layer| layer == folder)
}

/// Returns the position of a layer, 0 for the top one.
fn height(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|known| *known == layer)
}

/// Returns each import that violates the order of the layers.
fn upward_imports(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !is_main(source)) {
        let from = source.module.first().map(String::as_str);
        if let Some(from) = from.filter(|from| height(from).is_none()) {
            found.push(format!("{}: `{from}` is in no layer: give it its place in LAYERS", place(source, 1)));
            continue;
        }
        for Import { line, path, .. } in imports(source) {
            let to = path.first().map_or("the root", String::as_str);
            let why = match (from, height(to)) {
                (_, None) => format!("`{to}` is no layer"),
                (None, Some(_)) => continue,
                (Some(from), Some(_)) if from == to => continue,
                (Some(from), at) if at < height(from) => format!("`{to}` is above `{from}`"),
                (Some(from), _) => match NARROW.iter().find(|(layer, _)| *layer == from) {
                    Some((_, may)) if !may.contains(&to) => format!("`{from}` imports from {may:?} only"),
                    _ => continue,
                },
            };
            let arrow = format!("{} → {to}", from.unwrap_or("the root"));
            found.push(format!("{}: {arrow} (`{}`): {why}", place(source, line), path.join("::")));
        }
    }
    found
}

/// Returns each import cycle that is not within one folder.
///
/// A `mod.rs` may import from its own folder, because its tables name the contents of the folder. Such imports do not
/// count as part of a cycle.
fn wide_circles(sources: &[Source]) -> Vec<String> {
    let files: BTreeMap<&[String], &Source> =
        sources.iter().filter(|source| !is_main(source)).map(|source| (&*source.module, source)).collect();
    let file_of = |path: &[String]| {
        (0..=path.len())
            .rev()
            .find_map(|length| files.get_key_value(&path[..length]))
            .map(|(module, _)| *module)
    };
    // The imports of each file, with their lines.
    let mut arrows: BTreeMap<&[String], BTreeMap<&[String], usize>> = BTreeMap::new();
    for (module, source) in &files {
        let to = arrows.entry(module).or_default();
        let is_map = source.path.ends_with("mod.rs");
        for Import { line, path, .. } in imports(source).into_iter().filter(|import| !import.in_tests) {
            match file_of(&path) {
                Some(file) if file == *module || (is_map && file.starts_with(module)) => {}
                Some(file) => _ = to.entry(file).or_insert(line),
                None => {}
            }
        }
    }
    let reached: BTreeMap<&[String], BTreeSet<&[String]>> =
        arrows.keys().map(|module| (*module, reached_from(module, &arrows))).collect();
    let circles: BTreeSet<Vec<&[String]>> = arrows
        .keys()
        .map(|module| {
            reached[module].iter().copied().filter(|other| reached[other].contains(module)).collect()
        })
        .filter(|circle: &Vec<_>| !circle.is_empty())
        .collect();
    circles
        .into_iter()
        .filter(|circle| !is_of_one_folder(circle, &files))
        .map(|circle| {
            let inside = circle.iter().flat_map(|module| {
                arrows[module].iter().filter(|(to, _)| circle.contains(to)).map(|(to, line)| {
                    format!("\n  {} → {}", place(files[module], *line), files[to].path.display())
                })
            });
            format!("a circle that reaches outside one folder:{}", inside.collect::<String>())
        })
        .collect()
}

fn reached_from<'a>(
    module: &'a [String],
    arrows: &BTreeMap<&'a [String], BTreeMap<&'a [String], usize>>,
) -> BTreeSet<&'a [String]> {
    let mut reached = BTreeSet::new();
    let mut next = vec![module];
    while let Some(module) = next.pop() {
        next.extend(arrows[module].keys().filter(|to| reached.insert(**to)));
    }
    reached
}

/// Whether all files are in the same layer, and their folders are nested in each other.
fn is_of_one_folder(circle: &[&[String]], files: &BTreeMap<&[String], &Source>) -> bool {
    let mut folders: Vec<&[String]> = circle
        .iter()
        .map(|module| {
            if files[module].path.ends_with("mod.rs") {
                *module
            } else {
                &module[..module.len().saturating_sub(1)]
            }
        })
        .collect();
    folders.sort_by_key(|folder| folder.len());
    circle.iter().all(|module| module.first() == circle[0].first())
        && folders.windows(2).all(|pair| pair[1].starts_with(pair[0]))
}

fn long_files(sources: &[Source]) -> Vec<String> {
    let lines = sources.iter().map(|source| (source, source.text.lines().count()));
    lines
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(source, lines)| {
            format!(
                "{}: {lines} lines, at most {LONGEST}: which part has a name of its own?",
                place(source, lines)
            )
        })
        .collect()
}

/// Returns the lines that call one of these functions or macros, with the text before and after.
fn calls<'a>(code: &'a str, names: &[&str]) -> Vec<(usize, &'a str, &'a str)> {
    let mut calls = Vec::new();
    for (number, line) in (1..).zip(code.lines()) {
        for name in names {
            for (at, _) in line.match_indices(name) {
                let (before, after) = (&line[..at], &line[at + name.len()..]);
                let is_part = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let is_call = after.starts_with(['(', '!']) || after.starts_with("::<");
                if !is_part && is_call && !before.ends_with("fn ") {
                    calls.push((number, before, after));
                }
            }
        }
    }
    calls
}

/// Returns each print outside of `report` and `main`.
fn prints(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    // The shop is a separate application and prints its own output.
    let prints_rightly =
        |source: &&Source| is_main(source) || is_in(source, "report") || is_in(source, "demo");
    for source in sources.iter().filter(|source| !prints_rightly(source)) {
        let code = code(&source.text);
        let macros = calls(&code, &["print", "println", "eprint", "eprintln", "dbg"]);
        let streams = calls(&code, &["stdout", "stderr"]).into_iter().filter(|(_, before, after)| {
            // The stream of a child process, or a query of our own stream.
            !before.ends_with('.') && !after.starts_with("().is_terminal()")
        });
        for (line, ..) in macros.into_iter().chain(streams) {
            found.push(format!("{}: only `report` and `main` print", place(source, line)));
        }
    }
    found
}

/// Returns each wait on the clock outside of `deadline.rs`.
fn waits(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    // The shop is a separate application, and slow on request.
    for source in sources.iter().filter(|source| !is_in(source, "deadline") && !is_in(source, "demo")) {
        for (line, ..) in calls(&code(without_tests(&source.text)), &WAITS) {
            found.push(format!("{}: only `deadline` waits on the clock", place(source, line)));
        }
    }
    found
}

/// Returns each spawn without a `// Why:` comment nearby.
fn unexplained_spawns(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let text = without_tests(&source.text);
        let lines: Vec<&str> = text.lines().collect();
        for (line, ..) in calls(&code(text), &SPAWNS) {
            let near = &lines[line.saturating_sub(NEAR + 1)..line];
            if !near.iter().any(|line| line.trim_start().starts_with("// Why:")) {
                found.push(format!(
                    "{}: a spawn needs a `// Why:` that says why it cannot outlive its check, or may",
                    place(source, line)
                ));
            }
        }
    }
    found
}

#[track_caller]
fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn imports_run_down_the_layers() {
    assert_none(&upward_imports(&sources("src")));
}

#[test]
fn no_circle_of_imports_reaches_outside_one_folder() {
    assert_none(&wide_circles(&sources("src")));
}

#[test]
fn no_source_file_is_longer_than_400_lines() {
    assert_none(&long_files(&sources("src")));
}

#[test]
fn only_report_and_main_print() {
    assert_none(&prints(&sources("src")));
}

#[test]
fn only_deadline_waits_on_the_clock() {
    assert_none(&waits(&sources("src")));
}

#[test]
fn every_spawn_says_why_it_may_run_on() {
    assert_none(&unexplained_spawns(&sources("src")));
}

#[test]
fn the_library_declares_its_modules_in_the_order_of_the_layers() {
    let sources = sources("src");
    let library = sources.iter().find(|source| source.path == Path::new("src/lib.rs")).expect("lib.rs");
    assert_eq!(declared_modules(library), LAYERS);
}

/// A file of an imaginary project.
fn planted(path: &str, text: &str) -> Source {
    let module = crate::support::sources::module(Path::new(path).strip_prefix("src").expect("in src"));
    Source { path: path.into(), module, text: text.to_owned() }
}

#[test]
fn an_upward_import_is_found_wherever_it_stands() {
    let text = "\
use std::fmt;

use super::dial;
use crate::{
    attempt::Context,
    check::{self, Session as Other},
};

fn ask() {
    // crate::engine::run()
    let text = \"crate::engine::run()\";
    crate::plan::Plan::new::<crate::outcome::Failure>(text, super::super::super::report::Style)
}

#[cfg(test)]
mod tests {
    use super::super::super::super::suite;
}
";
    assert_eq!(
        upward_imports(&[planted("src/probe/http/send.rs", text)]),
        [
            "src/probe/http/send.rs:6: probe → check (`check`): `check` is above `probe`",
            "src/probe/http/send.rs:6: probe → check (`check::Session`): `check` is above `probe`",
            "src/probe/http/send.rs:12: probe → plan (`plan::Plan::new`): `plan` is above `probe`",
            "src/probe/http/send.rs:12: probe → report (`report::Style`): `report` is above `probe`",
            "src/probe/http/send.rs:17: probe → suite (`suite`): `suite` is above `probe`",
        ]
    );
}

#[test]
fn a_file_without_a_layer_and_an_import_that_a_layer_does_without_are_found() {
    assert_eq!(
        upward_imports(&[
            planted("src/util.rs", "use crate::deadline::Deadline;\n"),
            planted("src/event.rs", "use crate::helpers::pad;\n"),
            planted("src/report/json.rs", "use crate::probe::Answer;\nuse crate::event::Event;\n"),
        ]),
        [
            "src/util.rs:1: `util` is in no layer: give it its place in LAYERS",
            "src/event.rs:1: event → helpers (`helpers::pad`): `helpers` is no layer",
            "src/report/json.rs:1: report → probe (`probe::Answer`): `report` imports from \
             [\"event\", \"exit\", \"outcome\", \"language\", \"secret\"] only",
        ]
    );
}

#[test]
fn a_circle_between_two_folders_is_found_and_one_inside_a_folder_is_not() {
    let map =
        planted("src/probe/mod.rs", "mod http;\nmod postgres;\nuse http::ask;\nuse self::postgres::query;\n");
    let http = planted("src/probe/http/mod.rs", "mod send;\nuse super::Protocol;\nuse self::send::send;\n");
    let send =
        planted("src/probe/http/send.rs", "use super::Request;\nuse crate::probe::postgres::query::Rows;\n");
    let postgres = planted("src/probe/postgres/mod.rs", "mod query;\nuse super::Database;\n");
    let query = planted("src/probe/postgres/query.rs", "use super::Url;\n");
    let query_of_http =
        planted("src/probe/postgres/query.rs", "use super::Url;\nuse crate::probe::http::send::ask;\n");

    assert_eq!(wide_circles(&[map, http, postgres, query]), [""; 0]);
    assert_eq!(
        wide_circles(&[send, query_of_http]),
        ["a circle that reaches outside one folder:\
          \n  src/probe/http/send.rs:2 → src/probe/postgres/query.rs\
          \n  src/probe/postgres/query.rs:2 → src/probe/http/send.rs"]
    );
    // One layer and another, even if the order of the layers would allow it.
    assert_eq!(
        wide_circles(&[
            planted("src/event.rs", "use crate::outcome::Outcome;\n"),
            planted("src/outcome/mod.rs", "use crate::event::Event;\n"),
        ])
        .len(),
        1
    );
}

#[test]
fn a_long_file_a_print_a_wait_and_a_spawn_are_found() {
    let long = planted("src/plan/mod.rs", &"// A line.\n".repeat(401));
    assert_eq!(
        long_files(&[long, planted("src/plan/order.rs", &"\n".repeat(400))]),
        ["src/plan/mod.rs:401: 401 lines, at most 400: which part has a name of its own?"]
    );

    let text = "\
// println!(\"no\")
fn say(child: Child) {
    println!(\"{}\", stderr().is_terminal());
    let _ = (child.stdout(), blueprint!(), io::stdout());
}
";
    let reports = planted("src/report/mod.rs", text);
    assert_eq!(
        prints(&[planted("src/check/mod.rs", text), reports]),
        [
            "src/check/mod.rs:3: only `report` and `main` print",
            "src/check/mod.rs:4: only `report` and `main` print",
        ]
    );

    let text = "\
fn wait(connection: Connection) {
    connection.busy_timeout(LOCK);
    tokio::time::sleep(PAUSE).await;
}

#[cfg(test)]
mod tests {
    fn wait() {
        tokio::time::sleep(PAUSE).await;
    }
}
";
    assert_eq!(
        waits(&[planted("src/check/mod.rs", text), planted("src/deadline.rs", text)]),
        ["src/check/mod.rs:3: only `deadline` waits on the clock"]
    );

    let text = "\
fn start(work: Work) {
    // Why: it ends with the runtime.
    tokio::spawn(work);
    let spawned = \"spawn(\";
}
fn spawn(set: Set) {
    // Nobody waits
    // for it,
    // as

    // it
    // holds

    set.spawn_on(work, workers);
}
";
    assert_eq!(
        unexplained_spawns(&[planted("src/engine/mod.rs", text)]),
        ["src/engine/mod.rs:14: a spawn needs a `// Why:` that says why it cannot outlive its check, or may"]
    );
}
