//! Templates in settings, which are keys whose value is not text for a server: a budget, a port in `resolve`, a path.
//!
//! Settings affect the plan or the connection, so they must be known before anything is sent: they may read variables,
//! but no captures, `uuid()` or `now()`. A suite is first read without the values of its variables. If a setting
//! contains a template, its checks are read again for each environment, with the values ([`ParseContext::scope`]).

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::expression::FUNCTIONS;
use super::read::{FromKey, FromToml, Named, ParseContext};
use super::schema::{Definitions, Schema};
use super::source::Place;
use super::template::Template;
use super::variables::{Variables, first_part, is_built_in};

/// The meaning of a template in a value of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Templates {
    /// The type handles templates itself, or its parts do.
    Own,
    /// The value is a setting: its template is rendered before the type reads the value.
    Rendered,
    /// The value is a name that others refer to, so a template is not allowed.
    Refused,
}

/// Describes what [`read`] accepts: a value of the type and, for a setting, a template.
pub(super) fn schema<T: FromToml>(definitions: &mut Definitions<'_>) -> Schema {
    let schema = T::schema(definitions);
    // A schema for any string already includes templates.
    let is_text = schema == json!({ "type": "string" });
    if T::TEMPLATES != Templates::Rendered || is_text {
        return schema;
    }
    let template = definitions.define(DEFINITION, |_| {
        json!({
            "description": "a template for a setting: it reads variables, and no captures",
            "type": "string",
            "pattern": r"\{\{",
        })
    });
    json!({ "anyOf": [schema, template] })
}

/// The name of the schema for a template in a setting.
pub const DEFINITION: &str = "setting";

/// Reads `value`. If `T` is a setting, renders it first.
pub(super) fn read<T: FromToml>(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<T> {
    match (T::TEMPLATES, value.get_ref()) {
        (Templates::Rendered, DeValue::String(text)) if text.contains("{{") => read_rendered(value, parse),
        (Templates::Refused, DeValue::String(text)) if text.contains("{{") && parse.is_of_each => {
            read_rendered(value, parse)
        }
        (Templates::Refused, DeValue::String(text)) if text.contains("{{") => {
            let place = parse.place(value.span());
            refuse(place, parse)
        }
        (Templates::Own | Templates::Rendered | Templates::Refused, _) => T::from_toml(value, parse),
    }
}

/// Reads a key that the author names. If `K` is a setting, renders it first.
pub(super) fn read_key<K: FromKey>(key: Named, parse: &mut ParseContext<'_>) -> Option<K> {
    if !key.name.contains("{{") {
        return K::from_key(key, parse);
    }
    match K::TEMPLATES {
        Templates::Own => K::from_key(key, parse),
        // The name is kept, so that references to it are not reported as well.
        Templates::Refused => {
            let _: Option<()> = refuse(key.place, parse);
            K::from_key(key, parse)
        }
        Templates::Rendered => {
            let template = Template::at(&key.name, key.place, parse)?;
            let name = render(&template, parse)?;
            K::from_key(Named { name, place: key.place }, parse)
        }
    }
}

fn refuse<T>(place: Place, parse: &mut ParseContext<'_>) -> Option<T> {
    let mistake = Diagnostic::new(place, "a template does not work here");
    parse.reject(mistake.hint("other parts of the suite refer to this text as it is written"))
}

fn read_rendered<T: FromToml>(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<T> {
    let template = Template::from_toml(value, parse)?;
    let text = render(&template, parse)?;
    // What has a name is called by it everywhere.
    let is_shown = T::IS_SHOWN || T::TEMPLATES == Templates::Refused;
    let shows = |scope: &Variables| template.reads().any(|name| scope.shows_a_secret(name));
    if is_shown && parse.scope.as_ref().is_some_and(shows) {
        let mistake =
            Diagnostic::new(template.place(), "a secret does not work here: every report shows this text");
        return parse.reject(mistake.hint("use a variable that is not secret"));
    }
    match T::TEMPLATES {
        Templates::Refused => T::from_toml(&Spanned::new(value.span(), DeValue::String(text.into())), parse),
        Templates::Own | Templates::Rendered => read_text(&text, value, parse),
    }
}

/// Renders the template. `None` if a variable has no value, which is reported separately if it is a mistake.
fn render(template: &Template, parse: &mut ParseContext<'_>) -> Option<String> {
    if let Some((function, place)) = template.calls_at().find(|(name, _)| FUNCTIONS.contains(name)) {
        let mistake = Diagnostic::new(place, format!("`{function}()` does not work in a setting"));
        return parse.reject(mistake.hint("a setting is the same for every attempt: use a variable"));
    }
    parse.settings.reads.extend(template.reads_at().map(|(name, place)| (name.to_owned(), place)));
    parse.settings.depend_on_environment = true;
    let scope = parse.scope.clone()?;
    let is_known = |name: &str| is_built_in(name) || scope.has(first_part(name));
    if !template.reads().all(is_known) {
        return None;
    }
    match template.text(&scope) {
        Ok(text) => Some(text),
        Err(message) => parse.reject(Diagnostic::new(template.place(), message)),
    }
}

/// Reads a rendered template as text or, if that fails, as a number or boolean.
fn read_text<T: FromToml>(
    text: &str,
    value: &Spanned<DeValue<'_>>,
    parse: &mut ParseContext<'_>,
) -> Option<T> {
    let before = parse.diagnostics.len();
    let typed = DeValue::parse(text).ok().map(Spanned::into_inner);
    let typed = typed.filter(|typed| typed.is_integer() || typed.is_float() || typed.is_bool());
    let as_text = T::from_toml(&Spanned::new(value.span(), DeValue::String(text.into())), parse);
    match typed {
        Some(typed) if as_text.is_none() => {
            parse.diagnostics.truncate(before);
            T::from_toml(&Spanned::new(value.span(), typed), parse)
        }
        Some(_) | None => as_text,
    }
}
