//! The output that makes a booted process ready: a text, or lines that match a regular expression.

use std::num::NonZeroU32;

use regex::bytes::Regex;
use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use crate::check::template_failure;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromTable, FromToml, ParseContext, Table, Templates};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::table::read_table;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::process::{Output, Wanted};
use crate::secret::{Message, message};

/// The key `log = "listening on"` or `log = { matches = "ready to accept", count = 2 }`.
#[derive(Debug)]
pub(super) enum AwaitedLog {
    Text(Template),
    Lines(AwaitedLines),
}

/// A number of matching lines.
#[derive(Debug)]
pub(super) struct AwaitedLines {
    pattern: Template,
    count: NonZeroU32,
}

impl FromToml for AwaitedLog {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => {
                read_table(keys, value.span(), parse, AwaitedLines::from_table).map(AwaitedLog::Lines)
            }
            _ => Template::from_toml(value, parse).map(AwaitedLog::Text),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        let text = Template::schema(definitions);
        let lines = AwaitedLines::schema(definitions);
        json!({ "anyOf": [text, lines] })
    }
}

impl FromTable for AwaitedLines {
    const DEFINITION: &'static str = "ready-log";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let pattern: Option<Template> = table.required(
            "matches",
            ("lines of the output match this regular expression", r#"matches = "ready to accept""#),
        );
        let count = table.optional_or("count", ("how many lines must match", "count = 2"), NonZeroU32::MIN);
        let pattern = pattern?;
        if let Some(Err(message)) = pattern.literal().map(compile) {
            return table.parse.reject(Diagnostic::new(pattern.place(), message));
        }
        Some(AwaitedLines { pattern, count })
    }
}

impl AwaitedLog {
    fn template(&self) -> &Template {
        match self {
            AwaitedLog::Text(template) | AwaitedLog::Lines(AwaitedLines { pattern: template, .. }) => {
                template
            }
        }
    }

    pub fn place(&self) -> Place {
        self.template().place()
    }

    pub fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(self.template());
    }

    pub fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        match self {
            AwaitedLog::Text(_) => Vec::new(),
            AwaitedLog::Lines(AwaitedLines { pattern, .. }) => {
                let mistake = pattern.text(scope).ok().and_then(|text| compile(&text).err());
                mistake.map(|message| Diagnostic::new(pattern.place(), message)).into_iter().collect()
            }
        }
    }

    pub fn wanted(&self, scope: &Variables) -> Result<Wanted, Failure> {
        let text = self.template().text(scope).map_err(template_failure)?;
        Ok(match self {
            AwaitedLog::Text(_) => Wanted::Text(text),
            AwaitedLog::Lines(AwaitedLines { count, .. }) => {
                Wanted::Lines { pattern: compile(&text).map_err(template_failure)?, count: count.get() }
            }
        })
    }

    /// Describes the output that never came.
    pub fn awaited(&self, output: &Output, scope: &Variables) -> Message {
        let text = self.template().text(scope).unwrap_or_default();
        match self {
            AwaitedLog::Text(_) => {
                message!("its output never contained the `ready` text `{}`", text)
            }
            AwaitedLog::Lines(AwaitedLines { count, .. }) => {
                let (count, matched) = (count.get(), output.matched());
                let lines = if count == 1 { "a line" } else { &format!("{count} lines") };
                Message::new()
                    .words(format!("its output never had {lines} that matched /"))
                    .data(text)
                    .words(if matched > 0 { format!("/, only {matched}") } else { "/".to_owned() })
            }
        }
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        format!("this regular expression does not parse: {reason}")
    })
}
