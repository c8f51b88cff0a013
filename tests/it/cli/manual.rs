//! `smoke man`: the page covers everything that the command line accepts.

use clap::CommandFactory as _;
use smoke::cli::Cli;
use smoke::exit::Exit;

use crate::support::smoke::Smoke;

/// The page as text, without roff requests.
fn page() -> String {
    let ran = Smoke::bare().arg("man").run();
    ran.exits(0);
    assert_eq!(ran.stderr, "");
    ran.stdout
}

fn read(page: &str) -> String {
    page.replace("\\fB", "")
        .replace("\\fI", "")
        .replace("\\fR", "")
        .replace("\\-", "-")
        .replace("\\e", "\\")
        .replace("\\(dq", "\"")
}

#[test]
fn every_command_option_and_exit_code_is_on_the_page() {
    let page = read(&page());
    let mut root = Cli::command();
    root.build();
    // clap's own `help` command is omitted, because the page already documents `--help`.
    let is_own = |command: &&clap::Command| !command.is_hide_set() && command.get_name() != "help";
    let commands: Vec<_> = root.get_subcommands().filter(is_own).collect();
    assert!(commands.len() >= 8);
    for command in commands {
        let title = format!(".SH \"smoke {}\"\n", command.get_name());
        let from = page.find(&title).unwrap_or_else(|| panic!("the page has {title}")) + title.len();
        let section = page[from..].split(".SH").next().expect("a section");
        assert!(section.contains(&command.get_about().expect("it says what it does").to_string()));
        for argument in command.get_arguments() {
            let line = argument.get_long().map_or_else(
                || argument.get_value_names().expect("a name")[0].to_string(),
                |long| format!("--{long}"),
            );
            let is_there = section.lines().any(|own| own.split([' ', ',']).any(|word| word == line));
            assert_eq!(is_there, !argument.is_hide_set(), "{line} of {title}");
        }
    }
    for exit in Exit::ALL {
        assert!(page.contains(&format!(".TP\n{}\n{}\n", exit.code(), exit.meaning())), "{exit:?}");
    }
}

#[test]
fn every_key_of_the_suite_and_every_environment_variable_is_on_the_page() {
    let page = read(&page());
    for table in smoke::commands::reference() {
        for key in table.keys {
            assert!(page.contains(&format!(".TP\n{}\n", key.name)), "{} of {}", key.name, table.name);
            assert!(page.contains(&format!("; {}\n", key.meaning)), "{}: {}", key.name, key.meaning);
        }
    }
    for (names, meaning) in smoke::commands::ENVIRONMENT {
        assert!(page.contains(&format!(".TP\n{names}\n{meaning}\n")), "{names}");
    }
}

#[test]
fn the_page_is_correctly_escaped_roff() {
    let page = page();
    assert!(page.starts_with(".TH SMOKE 1 "));
    for line in page.lines() {
        let is_request =
            [".TH ", ".SH ", ".SS ", ".TP", ".br"].iter().any(|request| line.starts_with(request));
        assert!(is_request || !line.starts_with(['.', '\'']), "{line}");
        assert!(!line.is_empty(), "an empty line is a space of its own");
        // Only the intended escapes: fonts, the ASCII hyphen, and characters with a meaning in roff.
        let rest = ["\\fB", "\\fI", "\\fR", "\\-", "\\e", "\\(dq", "\\&"]
            .iter()
            .fold(line.to_owned(), |line, escape| line.replace(escape, ""));
        assert!(!rest.contains('\\'), "{line}");
    }
}
