//! The manual page, in the language of man(7), on one page: every command with every option.
//!
//! Source of the format: man(7), `groff_man(7)`.

use clap::{Arg, Command, CommandFactory as _};

use crate::cli::Cli;
use crate::exit::Exit;

/// The page.
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
        "Reads a suite of boot, health, database and journey checks (smoke.toml), runs them concurrently inside \
         strict budgets, ends with the first critical failure, and says so by its exit code. \
         What is for people goes to standard error, data to standard output.",
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
    page.item("smoke.toml", "The suite, looked for here and in the parent folders where none is named.");

    page.section("ENVIRONMENT");
    page.item("NO_COLOR", "Where it is set and not empty, `--color auto` is without colour.");
    page.item("CI", "Where it is set, `--progress auto` shows no bar.");
    page.text
}

fn commands(root: &Command) -> impl Iterator<Item = &Command> {
    root.get_subcommands().filter(|command| !command.is_hide_set())
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

    fn synopsis(&mut self, command: &Command) {
        let arguments: Vec<String> = command
            .get_positionals()
            .map(|argument| match argument.is_required_set() {
                true => format!(" \\fI{}\\fR", escaped(&value(argument))),
                false => format!(" [\\fI{}\\fR]", escaped(&value(argument))),
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

/// What the value is called.
fn value(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map_or_else(|| argument.get_id().to_string(), ToString::to_string)
}

/// Text that means nothing to roff. A line must not begin with a dot or a quote either.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq");
    let lines: Vec<String> = text
        .lines()
        .map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() })
        .collect();
    lines.join("\n")
}
