//! The manual page in the man(7) language. One page covers every command and option.
//!
//! Source of the format: man(7), `groff_man(7)`.

use clap::{Arg, Command, CommandFactory as _};

use super::environment::ENVIRONMENT;
use super::reference::{FILE, KeyReference, TableReference, reference, types};
use crate::cli::Cli;
use crate::exit::Exit;

/// Returns the manual page.
pub fn manual() -> String {
    let mut root = Cli::command();
    root.build();
    let mut page = Page::default();
    page.request(&format!(".TH SMOKE 1 \"\" \"smoke {}\" \"User Commands\"", env!("CARGO_PKG_VERSION")));

    page.section("NAME");
    page.text(&format!("smoke - {}", about(&root)));

    page.section("SYNOPSIS");
    for command in commands(&root) {
        page.request(".br");
        page.synopsis(command);
    }

    page.section("DESCRIPTION");
    page.text(
        "Reads a suite of checks from a TOML file, runs them concurrently within strict budgets, and stops at the \
         first critical failure. The exit code tells a pipeline what to do. \
         Text for people goes to standard error, data to standard output.",
    );

    for command in commands(&root) {
        page.section(&format!("smoke {}", command.get_name()));
        page.text(&about(command));
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            page.argument(argument);
        }
    }

    page.section("EXIT STATUS");
    for exit in Exit::ALL {
        page.item(&exit.code().to_string(), exit.meaning());
    }

    page.section("FILES");
    page.item("smoke.toml", "The suite, in the current folder or the nearest parent folder that has one, if the command line names none.");

    page.suite();

    page.section("ENVIRONMENT");
    for (names, meaning) in ENVIRONMENT {
        page.item(names, meaning);
    }
    page.text("Variables of the suite read others: `password = { env = \"SHOP_PASSWORD\" }`.");
    page.text
}

fn commands(root: &Command) -> impl Iterator<Item = &Command> {
    // clap's own `help` command has no options, and the page already documents `--help`.
    root.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn request(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn section(&mut self, name: &str) {
        self.request(&format!(".SH \"{}\"", escaped(name)));
    }

    fn text(&mut self, text: &str) {
        self.request(&escaped(text));
    }

    fn item(&mut self, name: &str, text: &str) {
        self.request(".TP");
        self.request(&format!("\\fB{}\\fR", escaped(name)));
        self.text(text);
    }

    /// Adds the suite's language: its types, and every key of every table.
    fn suite(&mut self) {
        self.section("SUITE");
        self.text(
            "A suite is a TOML file. Keys are in kebab-case. NAME is a name that the suite chooses. \
             Values are of these types, beside those of TOML:",
        );
        for (name, description) in types() {
            self.item(&name, &description);
        }
        for table in reference() {
            self.request(&format!(".SS \"{}\"", escaped(&heading(&table))));
            for key in &table.keys {
                self.item(&key.name, &format!("{}; {}", described(key), key.meaning));
            }
        }
    }

    fn synopsis(&mut self, command: &Command) {
        let arguments: Vec<String> = command
            .get_positionals()
            .map(|argument| {
                if argument.is_required_set() {
                    format!(" \\fI{}\\fR", escaped(&value(argument)))
                } else {
                    format!(" [\\fI{}\\fR]", escaped(&value(argument)))
                }
            })
            .collect();
        let name = escaped(command.get_name());
        self.request(&format!("\\fBsmoke {name}\\fR [options]{}", arguments.concat()));
    }

    fn argument(&mut self, argument: &Arg) {
        self.request(".TP");
        let bold = |text: String| format!("\\fB{}\\fR", escaped(&text));
        let short = argument.get_short().map(|short| bold(format!("-{short}")));
        let long = argument.get_long().map(|long| bold(format!("--{long}")));
        let mut names = short.into_iter().chain(long).collect::<Vec<String>>().join(", ");
        if argument.get_action().takes_values() {
            let space = if names.is_empty() { "" } else { " " };
            names.push_str(&format!("{space}\\fI{}\\fR", escaped(&value(argument))));
        }
        self.request(&names);
        let mut help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let possible = argument.get_possible_values();
        if argument.get_action().takes_values() && !possible.is_empty() {
            let names: Vec<&str> = possible.iter().map(clap::builder::PossibleValue::get_name).collect();
            help.push_str(&format!("; one of {}", names.join(", ")));
        }
        self.text(&help);
    }
}

fn heading(table: &TableReference) -> String {
    match (table.name.as_str(), table.path.as_str()) {
        (FILE, _) => "The file".to_owned(),
        (name, path) if name == path => name.to_owned(),
        (name, path) => format!("{path} ({name})"),
    }
}

/// Returns the type of a key, with its default.
fn described(key: &KeyReference) -> String {
    let type_name = key.type_name.replace('`', "");
    match &key.default {
        Some(default) => format!("{type_name}, default {default}"),
        None if key.is_required => format!("{type_name}, required"),
        None => type_name,
    }
}

/// Returns the name of an argument's value.
fn value(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map_or_else(|| argument.get_id().to_string(), ToString::to_string)
}

/// Escapes text for roff. A line must not begin with a dot or a quote either.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq");
    let lines: Vec<String> = text
        .lines()
        .map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() })
        .collect();
    lines.join("\n")
}
