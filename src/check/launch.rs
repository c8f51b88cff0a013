//! Programs and how to start them, shared by boots and commands.

use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

use super::template_failure;
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromToml, ParseContext, Table, Templates};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::table::Doc;
use crate::language::template::Template;
use crate::language::value::Scalar;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variables, is_secret_name};
use crate::outcome::Failure;
use crate::process::Command;

/// A program with its arguments, environment and working directory, as written in a suite.
#[derive(Debug)]
pub(super) struct Launch {
    program: Template,
    arguments: Vec<Template>,
    env: Vec<(Template, Scalar)>,
    cwd: Option<Template>,
}

/// A program and its arguments as separate words.
struct Words(Vec<Template>);

impl FromToml for Words {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let DeValue::String(line) = value.get_ref() else {
            return Vec::from_toml(value, parse).map(Words);
        };
        let place = parse.place(value.span());
        let mistake = Diagnostic::new(place, "expected a list of words, found the line of a shell");
        // If a shell would see more than words in the line, only its author knows what was meant.
        let is_plain =
            !line.is_empty() && line.chars().all(|c| c.is_alphanumeric() || " ./_-=:,@%+".contains(c));
        parse.reject(if is_plain {
            let words: Vec<String> = line.split_whitespace().map(|word| format!("{word:?}")).collect();
            mistake.label(format!("did you mean `[{}]`?", words.join(", ")))
        } else {
            mistake.hint("each argument is an entry of its own; for a shell, write `[\"sh\", \"-c\", \"…\"]`")
        })
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Vec::<Template>::schema(definitions)
    }
}

impl Launch {
    /// Reads the program and its arguments from `key`, and the keys `env` and `cwd`.
    pub fn from_table(
        table: &mut Table<'_, '_, '_>,
        key: &'static str,
        doc: impl Into<Doc>,
    ) -> Option<Launch> {
        let words: Option<Words> = table.required(key, doc);
        let env = table
            .optional(
                "env",
                (
                    "environment variables, added to those of smoke",
                    r#"env = { DATABASE_URL = "{{db_url}}" }"#,
                ),
            )
            .unwrap_or_default();
        let cwd =
            table.optional("cwd", ("working directory; by default, the suite's folder", r#"cwd = "server""#));
        table.filled(key, format!("`{key}` is empty; its first entry is the program"))?;
        let mut words = words?.0.into_iter();
        Some(Launch { program: words.next()?, arguments: words.collect(), env, cwd })
    }

    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read_all(self.words());
        uses.read_all(self.env.iter().flat_map(|(name, value)| [name, &value.0]));
        uses.read_all(&self.cwd);
    }

    /// Returns the place where the suite names the program.
    pub fn place(&self) -> Place {
        self.program.place()
    }

    pub fn program(&self) -> &Template {
        &self.program
    }

    fn words(&self) -> impl Iterator<Item = &Template> {
        std::iter::once(&self.program).chain(&self.arguments)
    }

    /// Returns the command to start. Environment values whose names are those of secrets are kept out of every output.
    ///
    /// # Errors
    /// Fails if a value is missing.
    pub fn command(&self, scope: &Variables, context: &Context) -> Result<Command, Failure> {
        let command = self.rendered(scope, context)?;
        // The suite has the value in plain text, but its name makes it a secret, and the process may print it.
        for (_, value) in command.env.iter().filter(|(name, _)| is_secret_name(name)) {
            context.hide(value);
        }
        Ok(command)
    }

    fn rendered(&self, scope: &Variables, context: &Context) -> Result<Command, Failure> {
        let text = |template: &Template| template.text(scope).map_err(template_failure);
        let words: Result<Vec<String>, Failure> = self.words().map(text).collect();
        let env: Result<Vec<(String, String)>, Failure> =
            self.env.iter().map(|(name, value)| Ok((text(name)?, text(&value.0)?))).collect();
        let dir = &context.run.suite_dir;
        let cwd: PathBuf = match &self.cwd {
            Some(cwd) => dir.join(text(cwd)?),
            None => dir.clone(),
        };
        Ok(Command { words: words?, env: env?, cwd, prints_to: None, stdin: None })
    }

    /// Returns the equivalent shell command.
    pub fn shell_command(&self, scope: &Variables, context: &Context) -> Option<ShellCommand> {
        let Command { words, env, cwd, .. } = self.rendered(&scope.for_people(), context).ok()?;
        let (program, arguments) = words.split_first()?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let command = ShellCommand::new(program).words(&arguments);
        let command = env.iter().fold(command, |command, (name, value)| command.with_env(name, value));
        let folder = cwd.display().to_string();
        Some(match folder.as_str() {
            "" | "." => command,
            folder => command.in_folder(folder),
        })
    }
}
