//! Expectations on the answer of a DNS server.

use std::time::Duration;

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::answer::{Answer, Expectation, Unjudgeable};
use super::connection::too_slow;
use super::evaluate::{Found, Subject, judge, resolve};
use super::matcher::{Condition, Matcher, assert_something};
use super::operand::{Amount, TextMatcher};
use super::wanted::Wanted;
use crate::attempt::cost::Cost;
use crate::language::diagnostic::Diagnostic;
use crate::language::placed::Placed;
use crate::language::read::{FromTable, FromToml, ParseContext, Table, Templates};
use crate::language::schema::{Definitions, Schema};
use crate::language::template::Template;
use crate::language::value::Document;
use crate::language::variables::Variables;
use crate::outcome::Mismatch;
use crate::probe::dns::{DnsAnswer, Name, Rcode, RecordType, Resolved};
use crate::secret::{Message, message};

/// The maximum number of records of an answer that are shown.
const SHOWN: usize = 20;

/// `expect` of a `dns://` check.
#[derive(Debug, Clone, Default)]
pub struct DnsExpectation {
    records: Option<Placed<Records>>,
    rcode: Option<Placed<Matcher>>,
    ttl: Option<Placed<Matcher>>,
    within: Option<Placed<Duration>>,
}

/// The expectation on the records.
#[derive(Debug, Clone, Default)]
struct Records {
    /// Exactly these records, in any order.
    exactly: Option<Document>,
    /// A matcher on the list of records.
    list: Option<Matcher>,
    /// A matcher on the number of records.
    number: Option<Matcher>,
}

impl FromToml for Records {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let matcher = Matcher::from_toml(value, parse)?;
        let (mut exactly, mut list, mut number) = (None, Vec::new(), Vec::new());
        for condition in matcher.conditions {
            match condition {
                Condition::Equals(document) if is_text(&document) => exactly = Some(document),
                Condition::Equals(_) => {
                    return parse.expected(value, "the records as text, or a list of them");
                }
                Condition::Count(_) | Condition::Exists(_) => number.push(condition),
                other => list.push(other),
            }
        }
        let all = |conditions: Vec<Condition>| (!conditions.is_empty()).then_some(Matcher { conditions });
        Some(Records { exactly, list: all(list), number: all(number) })
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Matcher::schema(definitions)
    }
}

/// Whether the document can be the text of a record, or a list of such texts.
fn is_text(document: &Document) -> bool {
    match document {
        Document::Fixed(Value::String(_)) | Document::Template(_) | Document::Text(_) => true,
        Document::Fixed(Value::Array(items)) => items.iter().all(Value::is_string),
        Document::Array(items) => items.iter().all(is_text),
        Document::Fixed(_) | Document::Object(_) => false,
    }
}

impl FromTable for DnsExpectation {
    const DEFINITION: &'static str = "dns-expectation";

    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self> {
        let asserts = assert_something(table);
        let records = table.placed(
            "records",
            (
                "the records as `dig +short` shows them, names without a dot at the end: a list is all of them in any order, and other conditions hold for the list; by default there is at least one",
                r#"records = ["10.0.0.7", "10.0.0.8"]"#,
            ),
        );
        let rcode: Option<Placed<TextMatcher>> = table.placed(
            "rcode",
            (
                "what the server says of the question as a whole; by default `NOERROR`",
                r#"rcode = "NXDOMAIN""#,
            ),
        );
        let ttl: Option<Placed<Amount>> = table.placed(
            "ttl",
            ("the shortest time that one of the records may be kept, in seconds", "ttl = { max = 300 }"),
        );
        let within = table.placed("within", ("longest time that the answer may take", r#"within = "300ms""#));
        asserts?;
        let rcode = rcode.map(|rcode| rcode.map(Matcher::from));
        if let Some(rcode) = &rcode {
            known_rcode(rcode, table)?;
        }
        Some(DnsExpectation {
            records,
            rcode,
            ttl: ttl.map(|ttl| ttl.map(|Amount(matcher)| matcher)),
            within,
        })
    }
}

/// Records a mistake if no server ever sends this code.
fn known_rcode(rcode: &Placed<Matcher>, table: &mut Table<'_, '_, '_>) -> Option<()> {
    let [Condition::Equals(Document::Fixed(Value::String(name)))] = rcode.value.conditions.as_slice() else {
        return Some(());
    };
    if Rcode::names().any(|known| known == name) || name.starts_with("RCODE") {
        return Some(());
    }
    let mistake = Diagnostic::new(rcode.place, format!("there is no rcode `{name}`"));
    let names: Vec<&str> = Rcode::names().collect();
    table
        .parse
        .reject(mistake.did_you_mean(name, Rcode::names()).hint(format!("rcodes are {}", names.join(", "))))
}

impl Records {
    fn templates(&self) -> Vec<&Template> {
        let exactly = self.exactly.iter().flat_map(Document::templates);
        exactly.chain(self.list.iter().chain(&self.number).flat_map(Matcher::templates)).collect()
    }

    /// Whether the expectation itself says if there may be no records.
    fn is_about_none(&self) -> bool {
        let of_length = |matcher: &Matcher| {
            matcher.conditions.iter().any(|condition| matches!(condition, Condition::Length(_)))
        };
        self.exactly.is_some() || self.number.is_some() || self.list.as_ref().is_some_and(of_length)
    }

    fn judge(
        &self,
        subject: &Subject,
        record_type: RecordType,
        values: &[String],
        scope: &Variables,
    ) -> Result<Vec<Mismatch>, Unjudgeable> {
        let mut unmet = Vec::new();
        if let Some(wanted) = &self.exactly {
            let normal = |values: &[String]| {
                let mut normal: Vec<String> = values.iter().map(|value| record_type.normal(value)).collect();
                normal.sort_unstable();
                normal
            };
            let wanted: Vec<String> = match resolve(wanted, scope)? {
                Value::Array(items) => items.iter().map(in_text).collect(),
                one => vec![in_text(&one)],
            };
            if normal(&wanted) != normal(values) {
                unmet.push(Mismatch {
                    what: subject.what.clone(),
                    expected: listed(&wanted),
                    actual: listed(values),
                    place: Some(subject.place),
                });
            }
        }
        let records: Vec<Value> = values.iter().map(|value| Value::from(value.as_str())).collect();
        if let Some(matcher) = &self.number {
            let found = Found { values: records.iter().collect(), surroundings: Message::new() };
            unmet.extend(judge(subject, matcher, &found, scope)?);
        }
        if let Some(matcher) = &self.list {
            unmet.extend(judge(subject, matcher, &Found::one(&Value::Array(records)), scope)?);
        }
        Ok(unmet)
    }
}

fn in_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn listed(values: &[String]) -> Message {
    match values {
        [] => message!("none"),
        values => message!("{}", values.join(", ")),
    }
}

impl Expectation<DnsAnswer> for DnsExpectation {
    fn templates(&self) -> Vec<&Template> {
        let records = self.records.iter().flat_map(|records| records.value.templates());
        let others = self.rcode.iter().chain(&self.ttl).flat_map(|expected| expected.value.templates());
        records.chain(others).collect()
    }

    fn cost(&self) -> Cost {
        // An answer is at most 64 KiB.
        let lists = self.records.iter().flat_map(|records| records.value.list.iter());
        lists.map(Matcher::cost).sum()
    }

    fn judge_first(&self, answer: &DnsAnswer, scope: &Variables) -> Result<Option<Mismatch>, Unjudgeable> {
        let code = answer.rcode;
        let mismatch = match &self.rcode {
            None => (code != Rcode::NOERROR).then(|| Mismatch {
                what: message!("rcode"),
                expected: message!("NOERROR"),
                actual: Message::new(),
                place: None,
            }),
            Some(Placed { place, value: matcher }) => {
                let subject = Subject { what: message!("rcode"), place: *place };
                judge(&subject, matcher, &Found::one(&Value::from(code.name())), scope)?.into_iter().next()
            }
        };
        let actual = || Message::new().words(format!("{} ({})", code.name(), code.meaning()));
        Ok(mismatch.map(|mismatch| Mismatch { actual: actual(), ..mismatch }))
    }

    fn judge(&self, answer: &DnsAnswer, scope: &Variables) -> Result<Vec<Mismatch>, Unjudgeable> {
        let resolved = answer.resolved();
        let record_type = answer.question.record_type;
        let what = || message!("{} records of ", record_type.name()).data(answer.question.name.to_string());
        let is_about_none = self.records.as_ref().is_some_and(|records| records.value.is_about_none());
        let is_error = answer.rcode != Rcode::NOERROR;
        if resolved.is_loop || resolved.values.is_empty() && !is_about_none && !is_error {
            return Ok(vec![Mismatch {
                what: what(),
                expected: message!("to exist"),
                actual: instead(&resolved, record_type),
                place: self.records.as_ref().map(|records| records.place),
            }]);
        }
        let mut unmet = Vec::new();
        if let Some(Placed { place, value: records }) = &self.records {
            let subject = Subject { what: what(), place: *place };
            unmet.extend(records.judge(&subject, record_type, &resolved.values, scope)?);
        }
        if let Some(Placed { place, value: matcher }) = &self.ttl {
            let shortest = resolved.records.iter().map(|record| record.ttl).min().map(Value::from);
            let found =
                Found { values: shortest.iter().collect(), surroundings: message!("there is no record") };
            let subject = Subject { what: message!("ttl"), place: *place };
            unmet.extend(judge(&subject, matcher, &found, scope)?);
        }
        unmet.extend(too_slow(self.within.as_ref(), answer.took));
        Ok(unmet)
    }
}

/// Describes what there is instead of records of this type.
fn instead(resolved: &Resolved<'_>, record_type: RecordType) -> Message {
    let names: Vec<String> = resolved.names.iter().map(|name| Name::to_string(name)).collect();
    match names.as_slice() {
        [_] => message!("none: there is such a name, without records of this type"),
        names if resolved.is_loop => message!("a loop of CNAMEs: {}", names.join(" → ")),
        [.., last] => message!(
            "none: it is an alias of {}, of which the answer has no {} records",
            last,
            record_type.name()
        ),
        [] => message!("none"),
    }
}

impl Answer for DnsAnswer {
    fn size(&self) -> usize {
        self.records.iter().map(|record| record.to_string().len()).sum()
    }

    fn describe(&self) -> Option<Message> {
        let line = message!("{} from {}", self.rcode.name(), self.server);
        let line = match self.records.len() {
            0 => line.words(", no records"),
            _ => line,
        };
        let lines = self.records.iter().take(SHOWN);
        let text = lines.fold(line, |text, record| text.words("\n").data(record.to_string()));
        Some(match self.records.len().saturating_sub(SHOWN) {
            0 => text,
            more => text.words(format!("\n… {more} more")),
        })
    }

    fn trace(&self) -> Message {
        self.describe().unwrap_or_default()
    }

    fn take(&self, name: &str, wanted: &Wanted) -> Result<Value, Mismatch> {
        Err(wanted.missed(name, message!("an answer that nothing is captured from")))
    }
}
