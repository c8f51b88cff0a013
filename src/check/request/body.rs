//! The body of a request.

use std::path::PathBuf;

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use crate::language::placed::Placed;
use crate::language::read::{FromToml, ParseContext, Table, Templates, read_table};
use crate::language::schema::{Definitions, Schema};
use crate::language::template::Template;
use crate::language::value::{Document, OneOrMore, Scalar};

/// The body of a request.
#[derive(Debug, Clone)]
pub(super) enum Body {
    None,
    Text(Template),
    Json(Document),
    Form(Vec<(Template, OneOrMore)>),
    Multipart(Vec<(Template, Part)>),
}

/// A part of a `multipart` body: text or a file.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(Template),
    File(PartOfFile),
}

/// A file to send.
#[derive(Debug, Clone)]
pub(super) struct PartOfFile {
    pub path: Placed<PathBuf>,
    pub filename: Option<String>,
    pub content_type: Option<String>,
}

impl Body {
    pub(super) fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Body> {
        let text = table.optional("body", ("body as text", r#"body = "ping {{run.id}}""#)).map(Body::Text);
        let json = table
            .optional("json", ("body as JSON", r#"json = { sku = "smoke-{{run.id}}", quantity = 1 }"#))
            .map(Body::Json);
        let form = table
            .optional(
                "form",
                ("body as an HTML form sends it", r#"form = { user = "smoke", password = "{{password}}" }"#),
            )
            .map(Body::Form);
        let multipart = table
            .optional(
                "multipart",
                (
                    "body as an HTML form with files sends it; a part is a template or a table",
                    r#"multipart = { note = "hi", up = { file = "a.png" } }"#,
                ),
            )
            .map(Body::Multipart);
        table.at_most_one(
            &["body", "json", "form", "multipart"],
            "a request has one of `body`, `json`, `form` and `multipart`",
        )?;
        Some(text.or(json).or(form).or(multipart).unwrap_or(Body::None))
    }
}

impl Part {
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Part> {
        let path: Option<Placed<String>> = table.placed(
            "file",
            ("file to send; the path is relative to the suite's folder", r#"file = "a.png""#),
        );
        table.require("file");
        let filename = table.optional(
            "filename",
            ("file name to send; by default, the file's own", r#"filename = "logo.png""#),
        );
        let content_type = table.optional("type", ("media type of the part", r#"type = "image/png""#));
        let path = path?.map(PathBuf::from);
        Some(Part::File(PartOfFile { path, filename, content_type }))
    }
}

impl FromToml for Part {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => read_table(keys, value.span(), parse, Part::from_table),
            _ => Scalar::from_toml(value, parse).map(|scalar| Part::Text(scalar.0)),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("part", |definitions| {
            let text = Scalar::schema(definitions);
            let file = definitions.object(|table| {
                let _ = Part::from_table(table);
            });
            json!({ "anyOf": [text, file] })
        })
    }
}
