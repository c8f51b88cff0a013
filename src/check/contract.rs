//! Contract checks: whether a data product keeps its contract.
//!
//! ```toml
//! [[contract]]
//! name = "orders keeps its contract"
//! file = "contracts/orders.odcs.yaml"
//! database = "{{mart_url}}"
//! ```

mod fields;
mod files;
mod yaml;

mod operator;
mod promise;

mod agreement;
mod inline;
mod odcs;
mod quality;
mod reading;

mod catalog;
mod entry;
mod freshness;
mod lookup;
mod probing;
mod run;
mod share;
mod statement;

use std::sync::Arc;

use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::DeValue;

use self::freshness::Zone;
use self::promise::Promised;
pub use self::reading::name_of;
use self::run::Run;
use super::query::{can_leave, url_mistakes};
use super::{Afterwards, Check, Running};
use crate::expect::document::DocumentExpectation;
use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromToml, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::Variables;
use crate::probe::databases;

#[derive(Debug, Clone)]
struct Contract {
    database: Template,
    /// Exactly one, except for a table with `files`.
    documents: Vec<Arc<Document>>,
    /// Whether each document becomes its own check.
    is_split: bool,
    zone: Zone,
    /// Whether a column that the contract does not name is a failure.
    forbids_others: bool,
    document: DocumentExpectation,
    target: Place,
}

/// The content of one contract.
#[derive(Debug)]
struct Document {
    name: String,
    promised: Promised,
}

/// Reads a `[[contract]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let database = table.required("database", (databases::url_meaning(), r#"database = "{{mart_url}}""#));
    let zone = table.optional_or(
        "timezone",
        (
            "how dates and times without a zone are read, such as `Europe/Berlin`",
            r#"timezone = "Europe/Berlin""#,
        ),
        Zone { zone: TimeZone::UTC, name: "UTC".to_owned() },
    );
    let others = table.optional_or(
        "extra-columns",
        (
            "`\"forbid\"`: columns that the contract does not name are a failure",
            r#"extra-columns = "forbid""#,
        ),
        OtherColumns::Allow,
    );
    let document: DocumentExpectation = table
        .optional(
            "document",
            (
                "what the contract's document must say, by JSONPath",
                r#"document = { "$.team" = { exists = true } }"#,
            ),
        )
        .unwrap_or_default();
    let documents = reading::documents(table);
    let (documents, is_split, target) = documents?;
    Some(Arc::new(Contract {
        database: database?,
        documents: documents.into_iter().map(Arc::new).collect(),
        is_split,
        zone,
        forbids_others: others == OtherColumns::Forbid,
        document,
        target,
    }))
}

impl Contract {
    /// Returns the promises of all documents.
    fn promised(&self) -> Promised {
        let mut all = Promised::default();
        for document in &self.documents {
            let Promised { objects, unchecked, document } = document.promised.clone();
            all.objects.extend(objects);
            all.unchecked.extend(unchecked);
            all.document = all.document.or(document);
        }
        all
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let objects = self.documents.iter().flat_map(|document| &document.promised.objects);
        let of_objects = objects.flat_map(|object| {
            object.slice.iter().chain(object.rows.iter().flat_map(|rows| rows.templates()))
        });
        of_objects.chain(self.document.templates())
    }
}

impl Check for Contract {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.read(&self.database);
        uses.read_all(self.templates());
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        url_mistakes(&self.database, scope)
    }

    fn changes(&self) -> Option<String> {
        None
    }

    fn target(&self) -> Option<Place> {
        Some(self.target)
    }

    fn afterwards(&self, scope: &Variables) -> Afterwards {
        Afterwards { leaves: can_leave(&self.database, scope), ..Afterwards::default() }
    }

    fn split(self: Arc<Self>) -> Vec<(String, Arc<dyn Check>)> {
        if !self.is_split {
            return Vec::new();
        }
        let one = |document: &Arc<Document>| -> (String, Arc<dyn Check>) {
            let documents = vec![Arc::clone(document)];
            (document.name.clone(), Arc::new(Contract { documents, is_split: false, ..(*self).clone() }))
        };
        self.documents.iter().map(one).collect()
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(Run::new(self, scope))
    }
}

/// How to treat columns that the contract does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OtherColumns {
    Allow,
    Forbid,
}

impl FromToml for OtherColumns {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref().as_str() {
            Some("allow") => Some(OtherColumns::Allow),
            Some("forbid") => Some(OtherColumns::Forbid),
            Some(_) | None => parse.expected(value, "`\"allow\"` or `\"forbid\"`"),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        serde_json::json!({ "enum": ["allow", "forbid"] })
    }
}

impl crate::language::table::ToToml for OtherColumns {
    fn to_toml(&self) -> serde_json::Value {
        serde_json::Value::from(match self {
            OtherColumns::Allow => "allow",
            OtherColumns::Forbid => "forbid",
        })
    }
}

impl FromToml for Zone {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let name = String::from_toml(value, parse)?;
        match TimeZone::get(&name) {
            Ok(zone) => Some(Zone { zone, name }),
            Err(_) => {
                let mistake =
                    Diagnostic::new(parse.place(value.span()), format!("unknown time zone `{name}`"));
                parse.reject(
                    mistake.hint("a time zone has a name of IANA's, such as `Europe/Berlin` or `UTC`"),
                )
            }
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        serde_json::json!({ "type": "string" })
    }
}

impl crate::language::table::ToToml for Zone {
    fn to_toml(&self) -> serde_json::Value {
        serde_json::Value::from(self.name.as_str())
    }
}
