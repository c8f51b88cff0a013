//! A seeded fault: the output of the run about it, and whether the `reproduce` command reproduces it.

use std::process::{Command, Stdio};

use regex::Regex;

use super::smoke::{Ran, Smoke};

/// A run with a seeded fault.
#[derive(Debug)]
pub struct Seeded {
    name: &'static str,
    smoke: Smoke,
    environment: Vec<(&'static str, String)>,
}

impl Seeded {
    /// The snapshot's name, and the checks of the suite.
    #[must_use]
    pub fn new(name: &'static str, checks: &str) -> Self {
        let smoke = Smoke::bare().arg("run").suite(&format!("[suite]\nname = \"seeded\"\n\n{checks}"));
        Self { name, smoke, environment: Vec::new() }
    }

    /// Sets an environment variable, for the run and for the command.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.smoke = self.smoke.env(name, value);
        self.environment.push((name, value.to_owned()));
        self
    }

    /// Writes another file of the run's folder.
    #[must_use]
    pub fn file(mut self, name: &str, content: &[u8]) -> Self {
        self.smoke = self.smoke.file(name, content);
        self
    }

    /// Runs it. Asserts that the first three lines below the check contain `cause`, that the output matches the
    /// snapshot, and that the `reproduce` command prints `again`.
    #[track_caller]
    pub fn says(self, cause: &str, again: &str) {
        let Self { name, smoke, environment } = self;
        let ran = smoke.run();
        let block = block(&ran);
        let first: String = block.lines().skip(1).take(3).collect::<Vec<_>>().join("\n");
        assert!(first.contains(cause), "{name}: no `{cause}` in the first three lines:\n{block}");
        insta::with_settings!({
            snapshot_path => "../../suites/faults",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, masked(&block, &ran));
        });
        let command = block.lines().find_map(|line| line.trim().strip_prefix("reproduce: "));
        let command = command.unwrap_or_else(|| panic!("{name}: no command\n{block}"));
        let shown = by_hand(command, &ran, &environment);
        assert!(shown.contains(again), "{name}: no `{again}` in what this says:\n{command}\n{shown}");
    }
}

/// Returns the line of the failed check, and the lines below it.
fn block(ran: &Ran) -> String {
    let is_red = |line: &&str| [" FAIL ", "ERROR ", " CUT "].iter().any(|word| line.starts_with(word));
    let mut lines = ran.stderr.lines().skip_while(|line| !is_red(line));
    let first = lines.next().unwrap_or_else(|| panic!("nothing is red\n{}", ran.stderr));
    let below = lines.take_while(|line| line.starts_with("        "));
    std::iter::once(first).chain(below).flat_map(|line| [line, "\n"]).collect()
}

fn by_hand(command: &str, ran: &Ran, environment: &[(&'static str, String)]) -> String {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(ran.path("."))
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Masks what varies between runs: ports, times, dates, folders.
fn masked(block: &str, ran: &Ran) -> String {
    let folder = ran.path("").display().to_string();
    let mut text = block.replace(folder.trim_end_matches('/'), "FOLDER");
    for (pattern, instead) in [
        (r"(?m)^( *[A-Z]+) +[0-9.]+m?s ", "$1 TIME "),
        (r"(127\.0\.0\.1|localhost|\[::1\]):\d+", "$1:PORT"),
        (r"\b(dns|connect|tls|first byte|body|authenticate|query|lock|run|judge) [0-9.]+m?s", "$1 TIME"),
        (r"after [0-9.]+m?s", "after TIME"),
        (r"\d{4}-\d{2}-\d{2}(T[0-9:.]+Z)?", "DATE"),
        (r"\d+ days", "N days"),
        (r"\d+ of \d+ attempts", "N of N attempts"),
        (r"\d+ attempts", "N attempts"),
        (r"port \d+", "port PORT"),
        (r" -p \d+ ", " -p PORT "),
        (r"process \d+ \([^)]*\)", "process N (NAME)"),
        (r"/\S*smoke-it-[^/ ]+", "SCRATCH"),
    ] {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, instead).into_owned();
    }
    text
}
