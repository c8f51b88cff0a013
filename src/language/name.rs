//! The names of checks and steps.

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::read::{FromToml, Named, ParseContext, Templates};
use super::schema::{Definitions, Schema};

/// The name of a check or a step, as reports show it: not empty, and on one line.
pub struct CheckName(pub Named);

impl FromToml for CheckName {
    const TEMPLATES: Templates = Templates::Refused;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let named = Named::from_toml(value, parse)?;
        if named.name.trim().is_empty() {
            let mistake = Diagnostic::new(named.place, "a name must not be empty");
            return parse.reject(mistake.hint("reports and `--only` identify checks by name"));
        }
        if named.name.contains(['\n', '\r']) {
            let mistake = Diagnostic::new(named.place, "a name must not have a line break in it");
            return parse.reject(mistake.hint("write it in one line, as reports show it"));
        }
        Some(CheckName(named))
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string", "pattern": "^[^\\n\\r]*\\S[^\\n\\r]*$" })
    }
}
