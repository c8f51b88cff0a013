//! Terminal output: wide and narrow, with and without color, during the run and at its end.
//!
//! `tests/suites/screens/` has the screens. `INSTA_UPDATE=always tests/run --test it screens` updates them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use regex::Regex;
use tempfile::TempDir;

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;
use crate::support::terminal::Terminal;
use crate::support::{scratch, wait};

/// Every outcome once, and every kind of pass. Each must look different, even without color.
fn suite(server: &HttpServer) -> String {
    let url = |path: &str| server.url(path);
    format!(
        "[suite]\nname = \"shop\"\nfail-fast = false\nconcurrency = 1\n\n\
         [[health]]\nname = \"passes\"\nurl = {:?}\n\n\
         [[health]]\nname = \"flaky\"\nurl = {:?}\nretry = {{ attempts = 2, delay = \"1ms\" }}\n\n\
         [[health]]\nname = \"polled\"\nurl = {:?}\npoll = {{ every = \"1ms\" }}\n\n\
         [[health]]\nname = \"slow\"\nurl = {:?}\nbudget = \"3s\"\n\n\
         [[health]]\nname = \"warns 漢字\"\nurl = \"tcp://127.0.0.1:1\"\nseverity = \"warn\"\n\n\
         [[health]]\nname = \"errs\"\nurl = \"tcp://127.0.0.1:1\"\n\n\
         [[health]]\nname = \"fails\"\nurl = {:?}\nexpect.status = 204\n\n\
         [[health]]\nname = \"needs what errs\"\nurl = {:?}\nneeds = [\"errs\"]\n\n\
         [[health]]\nname = \"left out\"\nurl = {:?}\nskip = \"until the move is done\"\n",
        url("/"),
        url("/flaky?first"),
        url("/flaky?second"),
        url("/slow"),
        url("/"),
        url("/"),
        url("/")
    )
}

fn server() -> HttpServer {
    let asked = AtomicUsize::new(0);
    HttpServer::start(move |request| match request.path.as_str() {
        // Every other request.
        "/flaky" if asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => Response::new(503),
        "/slow" => Response::new(200).delay(Duration::from_millis(2400)),
        _ => Response::new(200),
    })
}

fn folder(suite: &str) -> TempDir {
    let folder = scratch::for_a_test();
    fs::write(folder.path().join("smoke.toml"), suite).expect("write the suite");
    folder
}

/// Masks in place what varies from run to run, so that the columns stay aligned.
#[track_caller]
fn assert_screen(name: &str, screen: &str) {
    let mut text = screen.to_owned();
    for (pattern, instead) in [
        (r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:PORT"),
        (r"(?m)^(FLAKY|ERROR| [A-Z]{4}) +\d+(\.\d+)?m?s  ", "$1    TIME  "),
        (r"\b(connect|first byte|body) \d+(\.\d+)?m?s", "$1 TIME"),
        (r"(passed(?:\s+\([^)]*\))?\s+in\s+)\d+(\.\d+)?m?s", "${1}TIME"),
        (r"  +\d+s  ", "  TIME  "),
        (r"at\s+\d{2}:\d{2}:\d{2}Z", "at HH:MM:SSZ"),
    ] {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, instead).into_owned();
    }
    insta::with_settings!({
        snapshot_path => "../../suites/screens",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn every_outcome_looks_different_on_a_wide_terminal() {
    let server = server();
    let folder = folder(&suite(&server));
    let mut terminal = Terminal::smoke(&["run"], folder.path(), (100, 50));
    assert_eq!(terminal.wait().code(), Some(1));
    terminal.wait_for("exit code 1");
    assert!(terminal.shown().contains("\x1b[1m\x1b[31mERROR"), "{:?}", terminal.shown());
    assert_screen("wide", &terminal.screen(100, 50));
}

#[test]
fn the_output_fits_forty_columns() {
    let server = server();
    // Omits the line whose length depends on its times.
    let suite = suite(&server).replace("expect.status = 204", "expect.status = 200");
    let folder = folder(&suite);
    let mut terminal = Terminal::smoke(&["run"], folder.path(), (40, 60));
    assert_eq!(terminal.wait().code(), Some(1));
    terminal.wait_for("a critical check failed");
    assert_screen("narrow", &terminal.screen(40, 60));
}

#[test]
fn long_lines_are_broken_at_words_at_any_width_and_a_command_stays_whole() {
    let server = server();
    let suite = format!(
        "[[health]]\nname = \"fails\"\nurl = {:?}\nheaders = {{ accept = \"text/html\" }}\n\
         expect.body = {{ contains = \"some words that are nowhere on this page and do not fit the line\" }}\n",
        server.url("/")
    );
    let folder = folder(&suite);
    for width in [40, 57, 80] {
        let mut terminal = Terminal::smoke(&["run", "--color", "never"], folder.path(), (width, 60));
        assert_eq!(terminal.wait().code(), Some(1));
        terminal.wait_for("exit code 1");
        // Lines that only the terminal would wrap contain no line break: a wider screen shows them as written.
        let written = terminal.screen(400, 60);
        let lines: Vec<&str> = written.lines().filter(|line| !line.is_empty()).collect();
        let (commands, text): (Vec<&str>, Vec<&str>) =
            lines.iter().partition(|line| line.trim_start().starts_with("reproduce: "));
        assert!(commands[0].contains("--max-time") && commands[0].contains("accept: text/html"), "{written}");
        let is_one_word = |line: &str| line.split_whitespace().count() == 1;
        let too_long = text.iter().find(|line| line.chars().count() > width.into() && !is_one_word(line));
        assert!(too_long.is_none(), "{width}: {too_long:?}\n{written}");
        assert!(text.iter().any(|line| line.starts_with("          ")), "{written}");
    }
}

#[test]
fn watch_shows_what_is_red_first_whatever_the_height() {
    let server = server();
    let green: Vec<String> =
        (0..20).map(|n| format!("[[health]]\nname = \"green {n}\"\nurl = {:?}\n", server.url("/"))).collect();
    let green = green.concat();
    let red = "[[health]]\nname = \"the red one\"\nurl = \"tcp://127.0.0.1:1\"\n";
    let folder = folder(&format!("[suite]\nconcurrency = 1\n{green}{red}"));
    let mut terminal = Terminal::smoke(&["watch", "-n", "1h"], folder.path(), (80, 6));
    wait::until("the red one on a low screen", Duration::from_secs(20), || {
        let screen = terminal.screen(80, 6);
        (screen.contains("1 of 21 red")
            && screen.contains("the red one")
            && screen.contains("connection refused"))
        .then_some(())
    });
    terminal.type_in("q");
    terminal.wait();
}

#[test]
fn outcomes_are_distinct_without_color() {
    let server = server();
    let suite = suite(&server).replace("/slow", "/");
    let folder = folder(&suite);
    let color = Regex::new("\x1b\\[[0-9;]*m").expect("a pattern");
    let painted = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut terminal = Terminal::smoke_with(arguments, folder.path(), (100, 50), environment);
        terminal.wait();
        terminal.wait_for("exit code 1");
        color.is_match(&terminal.shown())
    };
    assert!(painted(&["run"], &[]));
    assert!(!painted(&["run"], &[("NO_COLOR", "1")]));
    assert!(!painted(&["run"], &[("TERM", "dumb")]));
    assert!(!painted(&["run", "--color", "never"], &[]));
    assert!(painted(&["run", "--color", "always"], &[("NO_COLOR", "1")]), "what is asked for wins");
    let in_a_pipe = Smoke::bare().arg("run").suite(&suite).run();
    assert!(!color.is_match(&in_a_pipe.stderr), "{:?}", in_a_pipe.stderr);
}

/// Answers 503 for `/held` until it is released.
fn holding() -> (HttpServer, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let is_open = Arc::clone(&open);
    let server = HttpServer::start(move |request| {
        let waits = request.path == "/held" && !is_open.load(Ordering::SeqCst);
        Response::new(if waits { 503 } else { 200 })
    });
    (server, open)
}

fn held(server: &HttpServer) -> String {
    format!(
        "[suite]\nname = \"shop\"\n\n[[health]]\nname = \"quick\"\nurl = {:?}\n\n\
         [[health]]\nname = \"held\"\nurl = {:?}\npoll = {{ every = \"20ms\" }}\nbudget = \"30s\"\n",
        server.url("/"),
        server.url("/held")
    )
}

#[test]
fn the_progress_bar_shows_progress_and_disappears_at_the_end() {
    let (server, open) = holding();
    let folder = folder(&held(&server));
    let mut terminal = Terminal::smoke(&["run"], folder.path(), (80, 10));
    // The bar is erased and redrawn around each line, so this waits for a screen that contains it.
    let standing = wait::until("the bar", Duration::from_secs(20), || {
        let screen = terminal.screen(80, 10);
        let has_bar =
            screen.lines().last().is_some_and(|last| last.contains("1/2") && last.ends_with("s  held"));
        (has_bar && screen.contains("  quick")).then_some(screen)
    });
    assert_screen("bar", &standing);
    // The bar follows the width of the terminal.
    let before = terminal.shown().len();
    terminal.resize(40, 10);
    wait::until("another bar", Duration::from_secs(20), || {
        terminal.shown().get(before..).is_some_and(|since| since.contains("1/2")).then_some(())
    });
    open.store(true, Ordering::SeqCst);
    assert_eq!(terminal.wait().code(), Some(0));
    terminal.wait_for("PASSED");
    assert_screen("bar_gone", &terminal.screen(80, 10));
}

#[test]
fn in_ci_and_in_a_pipe_there_is_no_bar() {
    let server = server();
    let folder = folder(&held(&server));
    let mut terminal = Terminal::smoke_with(&["run"], folder.path(), (80, 10), &[("CI", "true")]);
    terminal.wait();
    terminal.wait_for("PASSED");
    let piped = Smoke::bare().arg("run").suite(&held(&server)).run();
    for shown in [terminal.shown(), piped.stderr] {
        assert!(!shown.contains("/2") && !shown.contains('\r') || !shown.contains("=>"), "{shown:?}");
        assert!(!shown.contains("\x1b[2K"), "nothing is drawn over: {shown:?}");
    }
}
