//! Expectations on a document that is already loaded, by `JSONPath`.

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::answer::Unjudgeable;
use super::evaluate::{Found, Subject, judge};
use super::json_path::Path;
use super::matcher::{ByName, Matcher};
use super::walk::{self, TooMany};
use crate::attempt::cost::Cost;
use crate::language::read::{FromToml, ParseContext, Templates};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::secret::{Message, message};

/// The values that a document must have, each by its path.
#[derive(Debug, Clone, Default)]
pub struct DocumentExpectation {
    values: Vec<(Path, Matcher)>,
}

impl FromToml for DocumentExpectation {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        ByName::from_toml(value, parse).map(|ByName(values)| DocumentExpectation { values })
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        ByName::<Path, Matcher>::schema(definitions)
    }
}

/// The result of one path.
#[derive(Debug)]
pub struct Judged {
    pub path: String,
    pub place: Place,
    pub mismatches: Vec<Mismatch>,
}

impl DocumentExpectation {
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn templates(&self) -> Vec<&Template> {
        let paths = self.values.iter().map(|(path, _)| path.template());
        paths.chain(self.values.iter().flat_map(|(_, matcher)| matcher.templates())).collect()
    }

    pub fn cost(&self) -> Cost {
        self.values.iter().map(|(_, matcher)| matcher.cost()).sum()
    }

    /// Returns the paths as the suite writes them.
    pub fn paths(&self) -> impl Iterator<Item = (String, Place)> {
        self.values.iter().map(|(path, _)| (path.written(), path.place))
    }

    /// Returns the mismatches of `document`, path by path.
    ///
    /// # Errors
    /// A template in a path or a matcher cannot be evaluated.
    pub fn judge(&self, document: &Value, scope: &Variables) -> Result<Vec<Judged>, Unjudgeable> {
        let judged = self.values.iter().map(|(path, matcher)| {
            let query = path.query(scope)?;
            let what = message!("document {}", query.text);
            let mismatches = match query.find(document) {
                Ok(values) => {
                    let found = Found { values, surroundings: Message::new() };
                    judge(&Subject { what, place: path.place }, matcher, &found, scope)?
                }
                Err(TooMany) => vec![Mismatch {
                    what,
                    expected: Message::new().words(format!("to find at most {} values", walk::FOUND)),
                    actual: message!("more: write a path that finds fewer"),
                    place: Some(path.place),
                }],
            };
            Ok(Judged { path: path.written(), place: path.place, mismatches })
        });
        judged.collect()
    }
}
