//! Metric checks: whether two or more consumers see the same figure.
//!
//! ```toml
//! [[metric]]
//! name = "yesterday's revenue"
//!
//! [[metric.source]]
//! name = "mart"
//! database = "{{mart_url}}"
//! query = "select sum(total) from orders where ordered_at >= {{yesterday.start}} and ordered_at < {{yesterday.end}}"
//!
//! [[metric.source]]
//! name = "semantic layer"
//! get = "{{bi}}/revenue?day={{yesterday.date}}"
//! value = { json = "$.revenue" }
//! ```

mod compare;
mod figure;
mod groups;
mod source;
mod tolerance;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use self::compare::{Compared, Comparison, SourceName};
use self::source::{Source, SourceKeys};
use self::tolerance::Tolerance;
use super::query::OpenSnapshot;
use super::request::OverrideUse;
use super::{Afterwards, Check, Running, Session};
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::attempt::cost::Cost;
use crate::event::StepReport;
use crate::expect::matcher::Matcher;
use crate::language::diagnostic::Diagnostic;
use crate::language::period::PERIODS;
use crate::language::placed::Placed;
use crate::language::read::{FromToml, Named, ParseContext, Table};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variables, first_part};
use crate::outcome::{Failure, Mismatch, Phase};
use crate::probe::rows::QueryResult;
use crate::secret::{Message, Redacted, message};

#[derive(Debug)]
struct Metric {
    /// The first source is the reference.
    sources: Vec<Source>,
    comparison: Arc<Comparison>,
}

/// `empty = "agree"`
struct EmptyAgrees;

impl FromToml for EmptyAgrees {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "agree" => Some(EmptyAgrees),
            _ => parse.expected(value, "\"agree\""),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "enum": ["agree"] })
    }
}

/// Reads a `[[metric]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    let tolerance: Option<Tolerance> = table.optional(
        "tolerance",
        (
            "how far figures may be apart: a number, or a percentage of the larger one; by default, integers and decimals are equal, and floats within 1e-9 of each other's size",
            r#"tolerance = "0.01""#,
        ),
    );
    let expect: Option<Placed<Matcher>> =
        table.placed("expect", ("what the figure of the first source must be", "expect = { min = 1 }"));
    let by: Option<Vec<Named>> = table.optional(
        "by",
        (
            "columns that name a group: figures are compared by group, every other column is a figure",
            r#"by = ["region"]"#,
        ),
    );
    let empty: Option<EmptyAgrees> = table.optional(
        "empty",
        (
            "`\"agree\"` passes where no source has a figure; by default, nothing was measured then, and that fails",
            r#"empty = "agree""#,
        ),
    );
    let sources: Option<Vec<SourceKeys>> =
        table.required("source", "who is asked for the figure, at least two; the first one is the reference");
    table.filled("by", "with no column there are no groups: remove `by`")?;
    let is_read = |key: &str, is_some: bool| !table.has(key) || is_some;
    let all_read = is_read("tolerance", tolerance.is_some())
        && is_read("expect", expect.is_some())
        && is_read("by", by.is_some())
        && is_read("empty", empty.is_some());
    let (keys, by) = (sources?, by.unwrap_or_default());
    if keys.len() < 2 {
        let place = table.key_place("source");
        let mistake = Diagnostic::new(place, "a metric compares two sources or more");
        let hint = "add another [[metric.source]]; what one query must give is a [[database]] check";
        return table.parse.reject(mistake.hint(hint));
    }
    unique_names(&keys, table.parse)?;
    let sources: Vec<Option<Source>> =
        keys.into_iter().map(|keys| keys.into_source(&by, table.parse)).collect();
    let sources: Vec<Source> = sources.into_iter().collect::<Option<_>>()?;
    if !all_read {
        return None;
    }
    let named =
        |source: &Source| SourceName { name: source.name.name.clone(), place: source.exchange.url().place() };
    let names = sources.iter().map(named).collect();
    let comparison = Comparison { by, tolerance, expect, empty_agrees: empty.is_some(), sources: names };
    Some(Arc::new(Metric { sources, comparison: Arc::new(comparison) }))
}

fn unique_names(sources: &[SourceKeys], parse: &mut ParseContext<'_>) -> Option<()> {
    let mut seen = BTreeSet::new();
    match sources.iter().find(|source| !seen.insert(source.name.name.as_str())) {
        None => Some(()),
        Some(SourceKeys { name: Named { name, place }, .. }) => {
            let mistake = format!("there is another source named `{name}` in this metric");
            parse.reject(
                Diagnostic::new(*place, mistake).hint("reports identify sources by name: give it its own"),
            )
        }
    }
}

impl Check for Metric {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        self.sources.iter().for_each(|source| source.uses(uses));
        uses.read_all(self.comparison.expect.iter().flat_map(|expect| expect.value.templates()));
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        self.sources.iter().flat_map(|source| source.exchange.mistakes(scope)).collect()
    }

    fn afterwards(&self, scope: &Variables) -> Afterwards {
        let leaves = self.sources.iter().any(|source| source.exchange.leaves(scope));
        Afterwards { leaves, ..Afterwards::default() }
    }

    fn changes(&self) -> Option<String> {
        let mut sources = self.sources.iter();
        sources
            .find_map(|source| Some(format!("source `{}` {}", source.name.name, source.exchange.changes()?)))
    }

    fn target(&self) -> Option<Place> {
        self.sources.first().map(|source| source.exchange.url().place())
    }

    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        self.sources.iter().flat_map(|source| source.exchange.override_uses(scope)).collect()
    }

    fn remark(&self, scope: &Variables) -> Option<&'static str> {
        self.sources.iter().find_map(|source| source.exchange.remark(scope))
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(MetricRun { metric: self, scope, reports: Vec::new(), notes: Vec::new() })
    }
}

/// A running metric check.
struct MetricRun {
    metric: Arc<Metric>,
    scope: Variables,
    /// The reports of the last measurement, in the order of the sources.
    reports: Vec<StepReport>,
    notes: Vec<Message>,
}

impl Attempt for MetricRun {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.notes.clear();
            let first = self.measured(context).await?;
            let difference = match self.verdict(first, "") {
                Ok(()) => return Ok(()),
                Err(Verdict::Final(failure)) => return Err(failure),
                Err(Verdict::Differs(failure)) => failure,
            };
            // Data may have changed between reading the two sources.
            let again = match context.deadline.bound(self.measured(context)).await {
                Ok(again) => again?,
                Err(cut) => {
                    let detail = Some(message!("during the second measurement"));
                    let (phase, last) = (Phase::Query, Some(Box::new(difference)));
                    return Err(Failure::TimedOut { cut, phase, detail, last, log: None, place: None });
                }
            };
            match self.verdict(again, ", in 2 of 2 measurements") {
                Ok(()) => Ok(()),
                Err(Verdict::Final(failure) | Verdict::Differs(failure)) => Err(failure),
            }
        })
    }
}

/// The reason that a measurement does not pass.
enum Verdict {
    /// A second measurement may agree.
    Differs(Failure),
    Final(Failure),
}

impl MetricRun {
    /// Measures all sources and compares the figures. Sources run concurrently, except those that share a snapshot.
    async fn measured(&mut self, context: &Context) -> Result<Compared, Failure> {
        let metric = Arc::clone(&self.metric);
        let mut groups: Vec<(Option<String>, Vec<usize>)> = Vec::new();
        for (index, source) in metric.sources.iter().enumerate() {
            let snapshot = source.snapshot(&self.scope);
            match groups.iter_mut().find(|(known, _)| known.is_some() && *known == snapshot) {
                Some((_, sources)) => sources.push(index),
                None => groups.push((snapshot, vec![index])),
            }
        }
        let asking = groups.iter().map(|(_, sources)| {
            let session = Session::new(self.scope.clone());
            ask_one_by_one(&metric, sources, session, context)
        });
        let mut asked: Vec<Asked> = join_all(asking).await.into_iter().flatten().collect();
        asked.sort_by_key(|asked| asked.report.step.number);
        let mut results: Vec<Result<QueryResult, Failure>> = Vec::new();
        self.reports.clear();
        for Asked { report, result } in asked {
            self.reports.push(report);
            results.push(result);
        }
        let results: Vec<QueryResult> = results.into_iter().collect::<Result<_, _>>()?;
        let size = results.iter().map(QueryResult::size).sum();
        let (comparison, scope) = (Arc::clone(&metric.comparison), self.scope.clone());
        let compare = move || comparison.compare(&results, &scope);
        context.offload(Phase::Judge, Cost::TO_READ.on(size), compare).await
    }

    /// Turns a comparison into a verdict. `measurements` is appended to every difference.
    fn verdict(&mut self, compared: Compared, measurements: &'static str) -> Result<(), Verdict> {
        match compared {
            Compared::Agree { note } => {
                self.notes.extend(note);
                Ok(())
            }
            Compared::Unexpected { mismatches, all } => {
                let answer = Some(all.then(self.periods()));
                Err(Verdict::Final(Failure::Mismatch { mismatches, answer }))
            }
            Compared::Differ { mismatches, all } => {
                let say =
                    |mismatch: Mismatch| Mismatch { actual: mismatch.actual.words(measurements), ..mismatch };
                let mismatches = mismatches.into_iter().map(say).collect();
                let answer = Some(all.then(self.periods()));
                Err(Verdict::Differs(Failure::Mismatch { mismatches, answer }))
            }
        }
    }

    /// Returns the periods that the sources use, one per line.
    fn periods(&self) -> Message {
        let mut uses = VariableUsage::default();
        self.metric.uses(&mut uses);
        let read: BTreeSet<&str> = uses.from_outside().iter().map(|(name, _)| first_part(name)).collect();
        let read = PERIODS.into_iter().filter(|period| read.contains(period));
        read.filter_map(|period| self.scope.describe_period(period))
            .fold(Message::new(), |text, period| text.words("\n").words(period))
    }
}

/// The report of one source, and its result.
struct Asked {
    report: StepReport,
    result: Result<QueryResult, Failure>,
}

/// Measures sources one after another, in one transaction if they share a database.
async fn ask_one_by_one(
    metric: &Metric,
    sources: &[usize],
    mut session: Session,
    context: &Context,
) -> Vec<Asked> {
    let mut asked = Vec::new();
    for index in sources {
        let (report, result) = metric.sources[*index].ask(index + 1, &mut session, context).await;
        asked.push(Asked { report, result });
    }
    session.keep::<OpenSnapshot>().0.close(context).await;
    asked
}

impl Running for MetricRun {
    fn reproduce(&self, _: &Context) -> Option<Redacted<Message>> {
        self.reports.iter().find(|report| report.failure.is_some())?.trail.reproduce.clone()
    }

    fn steps(&mut self) -> Vec<StepReport> {
        std::mem::take(&mut self.reports)
    }

    fn notes(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.notes)
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.scope
    }
}
