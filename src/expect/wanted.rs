//! Rendered captures: what to extract from an answer.

use regex::Regex;
use serde_json::Value;

use super::describe::show;
use super::evaluate::{Found, FoundTexts};
use super::html::HtmlQuery;
use super::json_path::{JsonQuery, json_values};
use super::response::{InspectedResponse, header_values, html_texts};
use crate::attempt::cost::{self, Cost};
use crate::language::source::Place;
use crate::outcome::Mismatch;
use crate::probe::program::ProgramResult;
use crate::probe::rows::QueryResult;
use crate::secret::{Message, message};

/// What a capture extracts.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub(super) sought: Sought,
    /// Where the suite states it.
    pub(super) place: Place,
}

#[derive(Debug, Clone)]
pub(super) enum Sought {
    Json(JsonQuery),
    Header(String),
    Cookie(String),
    Html(HtmlQuery),
    Regex(Regex),
    Status,
    Body,
    Stdout,
    /// The first column of the first row, or the named one.
    Column(Option<String>),
}

impl Wanted {
    /// Returns the query on a page, if it is one.
    pub fn html_query(&self) -> Option<HtmlQuery> {
        match &self.sought {
            Sought::Html(query) => Some(query.clone()),
            Sought::Json(..)
            | Sought::Header(_)
            | Sought::Cookie(_)
            | Sought::Regex(_)
            | Sought::Status
            | Sought::Body
            | Sought::Stdout
            | Sought::Column(_) => None,
        }
    }

    /// The column of a row that it takes, where it is named.
    pub(super) fn column(&self) -> Option<&str> {
        match &self.sought {
            Sought::Column(name) => name.as_deref(),
            Sought::Json(..)
            | Sought::Header(_)
            | Sought::Cookie(_)
            | Sought::Html(_)
            | Sought::Regex(_)
            | Sought::Status
            | Sought::Body
            | Sought::Stdout => None,
        }
    }

    /// What it costs to take the value out of an answer.
    pub fn cost(&self) -> Cost {
        match &self.sought {
            Sought::Json(query) => cost::of_path(&query.text),
            Sought::Html(_) => Cost::Unknown,
            Sought::Regex(regex) => cost::of_pattern(regex.as_str()),
            Sought::Body | Sought::Stdout => Cost::TO_READ,
            Sought::Header(_) | Sought::Cookie(_) | Sought::Status | Sought::Column(_) => Cost::Looks(1),
        }
    }

    /// Extracts the value from an HTTP response.
    ///
    /// # Errors
    /// Fails if nothing was found, or more than one value.
    pub(super) fn take_from_response(
        &self,
        name: &str,
        answer: &InspectedResponse,
    ) -> Result<Value, Mismatch> {
        let one = |value: Value| FoundTexts { values: vec![value], surroundings: Message::new() };
        let texts = match &self.sought {
            Sought::Json(query) => {
                let found = answer
                    .json_values(query, self.place)
                    .map_err(|mismatch| self.missed(name, mismatch.actual))?;
                return self.take_one(name, found);
            }
            Sought::Html(query) => {
                let found =
                    html_texts(answer, query).map_err(|too_much| self.missed(name, too_much.in_words().1))?;
                return self.take_one(name, found.as_found());
            }
            Sought::Header(header) => header_values(&answer.response.headers, header),
            Sought::Cookie(cookie) => cookie_values(answer, cookie),
            Sought::Regex(regex) => group_of(regex, &answer.response.body),
            Sought::Status => one(Value::from(answer.response.status)),
            Sought::Body => one(Value::from(answer.response.body.as_str())),
            Sought::Stdout | Sought::Column(_) => {
                FoundTexts { values: Vec::new(), surroundings: Message::new() }
            }
        };
        self.take_one(name, texts.as_found())
    }

    /// Takes the value out of what a program printed.
    ///
    /// # Errors
    /// Nothing was found, or several.
    pub(super) fn take_from_program(&self, name: &str, answer: &ProgramResult) -> Result<Value, Mismatch> {
        let stdout = ("stdout", answer.stdout.as_str());
        let texts = match &self.sought {
            Sought::Json(query) => {
                let found = json_values(answer.json(), stdout, query, self.place)
                    .map_err(|mismatch| self.missed(name, mismatch.actual))?;
                return self.take_one(name, found);
            }
            Sought::Regex(regex) => group_of(regex, &answer.stdout),
            Sought::Stdout => return Ok(Value::from(answer.stdout.as_str())),
            Sought::Header(_)
            | Sought::Cookie(_)
            | Sought::Html(_)
            | Sought::Status
            | Sought::Body
            | Sought::Column(_) => FoundTexts { values: Vec::new(), surroundings: Message::new() },
        };
        self.take_one(name, texts.as_found())
    }

    /// Returns the only value that was found.
    fn take_one(&self, name: &str, found: Found<'_>) -> Result<Value, Mismatch> {
        match found.values.as_slice() {
            &[value] => Ok(value.clone()),
            [] if found.surroundings.is_empty() => Err(self.missed(name, message!("nothing"))),
            [] => Err(self.missed(name, message!("nothing; ").then(found.surroundings))),
            several => {
                let actual = Message::new()
                    .words(format!("{} values, the first ", several.len()))
                    .then(show(several[0]));
                Err(self.missed(name, actual))
            }
        }
    }

    /// Extracts the value from the first row.
    ///
    /// # Errors
    /// Fails if there is no row, or no such column.
    pub(super) fn take_from_row(&self, name: &str, answer: &QueryResult) -> Result<Value, Mismatch> {
        let row = answer.first().map(Vec::as_slice).unwrap_or_default();
        let cell = match &self.sought {
            Sought::Column(Some(column)) => row.iter().find(|(name, _)| name == column),
            _ => row.first(),
        };
        cell.map(|(_, value)| value.clone()).ok_or_else(|| self.missed(name, answer.describe()))
    }

    /// Returns the mismatch for an answer that contains `actual` instead of the value.
    pub(super) fn missed(&self, name: &str, actual: Message) -> Mismatch {
        let what = Message::new().words(format!("the capture `{name}`"));
        Mismatch { what, expected: self.describe(), actual, place: Some(self.place) }
    }

    fn describe(&self) -> Message {
        let find = |what: &'static str| message!("to find ").words(what);
        match &self.sought {
            Sought::Json(query) => find("one value at json ").data(query.text.as_str()),
            Sought::Header(header) => find("one header ").data(header.as_str()),
            Sought::Cookie(cookie) => find("one cookie ").data(cookie.as_str()),
            Sought::Html(HtmlQuery { selector, attribute }) => {
                let element = find("one element ").data(selector.clone());
                match attribute {
                    None => element,
                    Some(attribute) => element.words(" with the attribute ").data(attribute.as_str()),
                }
            }
            Sought::Regex(regex) => find("a text that matches /").data(regex.to_string()).words("/"),
            Sought::Status => find("a status"),
            Sought::Body => find("a body"),
            Sought::Stdout => find("stdout"),
            Sought::Column(None) => find("a first row"),
            Sought::Column(Some(column)) => find("a first row with the column ").data(column.as_str()),
        }
    }
}

/// The first group of the first match, or the whole match where the expression has no group.
fn group_of(regex: &Regex, text: &str) -> FoundTexts {
    let number = usize::from(regex.captures_len() > 1);
    let group = regex.captures(text).and_then(|captures| captures.get(number));
    FoundTexts {
        values: group.map(|group| Value::from(group.as_str())).into_iter().collect(),
        surroundings: Message::new(),
    }
}

fn cookie_values(answer: &InspectedResponse, name: &str) -> FoundTexts {
    let set = &answer.response.set_cookies;
    let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    FoundTexts {
        surroundings: if names.is_empty() {
            message!("the response sets no cookie")
        } else {
            message!("the response sets {}", names.join(", "))
        },
        values: set
            .iter()
            .filter(|(set, _)| set == name)
            .map(|(_, value)| Value::from(value.as_str()))
            .collect(),
    }
}
