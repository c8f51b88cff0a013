//! Templates in settings: in keys whose value is no text for a server, such as a budget, a port of `resolve` or a path.
//!
//! They shape the plan or the connection, so they are known before anything is sent: they read variables, and no
//! captures, `uuid()` or `now()`. A suite is first read without the variables' values. If a setting has a template, its
//! checks are read again for each environment, with them ([`ParseContext::scope`]).

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::expression::FUNCTIONS;
use super::read::{FromKey, FromToml, Named, ParseContext};
use super::schema::{Definitions, Schema};
use super::source::Place;
use super::template::Template;
use super::variables::{first_part, is_built_in};

/// What a template in a value of a type means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Templates {
    /// The type sees to them itself, or has parts that do.
    Own,
    /// The value is a setting: it is rendered before the type reads it.
    Rendered,
    /// It names something that others refer to, and must be known as it is written.
    Refused,
}

/// Describes what [`read`] takes: a value of the type, and where it is a setting, a template for one.
pub(super) fn schema<T: FromToml>(definitions: &mut Definitions<'_>) -> Schema {
    let schema = T::schema(definitions);
    // Any text may be a template already.
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

/// What the schema calls a template for a setting.
pub const DEFINITION: &str = "setting";

/// Reads `value`, after rendering it where `T` is a setting.
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

/// The same for a key that an author names.
pub(super) fn read_key<K: FromKey>(key: Named, parse: &mut ParseContext<'_>) -> Option<K> {
    if !key.name.contains("{{") {
        return K::from_key(key, parse);
    }
    match K::TEMPLATES {
        Templates::Own => K::from_key(key, parse),
        // The name is kept, so that what refers to it is not called a mistake too.
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
    match T::TEMPLATES {
        Templates::Refused => T::from_toml(&Spanned::new(value.span(), DeValue::String(text.into())), parse),
        Templates::Own | Templates::Rendered => read_text(&text, value, parse),
    }
}

/// The text that the template makes. `None` where a variable has no value, which is a mistake of its own, if it is one.
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

/// Reads what a template made: as text, and where that does not do, as the number or boolean that it is.
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
