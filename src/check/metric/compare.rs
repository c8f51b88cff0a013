//! Comparison of the sources' figures with those of the first source.

use std::cmp::Ordering;

use super::figure::{Figure, Number};
use super::groups::{Group, Groups, columns_of, numeric, unusable};
use super::tolerance::Tolerance;
use crate::attempt::abandoned::end_if_abandoned;
use crate::expect::figures::judge_figure;
use crate::expect::matcher::Matcher;
use crate::language::placed::Placed;
use crate::language::read::Named;
use crate::language::source::Place;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Mismatch};
use crate::probe::rows::QueryResult;
use crate::secret::{Message, message};

/// The maximum number of differences that are listed individually.
const TOLD: usize = 10;

/// The way figures are compared.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub by: Vec<Named>,
    pub tolerance: Option<Tolerance>,
    /// The expectation on the reference's figures.
    pub expect: Option<Placed<Matcher>>,
    pub empty_agrees: bool,
    pub sources: Vec<SourceName>,
}

/// The name of a source, and the place of its query or URL.
#[derive(Debug, Clone)]
pub(super) struct SourceName {
    pub name: String,
    pub place: Place,
}

/// The result of a comparison.
#[derive(Debug)]
pub(super) enum Compared {
    Agree {
        /// A note that every reader should see even so.
        note: Option<Message>,
    },
    Differ {
        mismatches: Vec<Mismatch>,
        /// The figures of all sources.
        all: Message,
    },
    /// The sources agree, but not on the expected figure.
    Unexpected { mismatches: Vec<Mismatch>, all: Message },
}

impl Comparison {
    /// Compares the results of the sources, which are in the order of the sources.
    ///
    /// # Errors
    /// Fails if a result holds no figure that can be compared, or if a template has no value.
    pub fn compare(&self, results: &[QueryResult], scope: &Variables) -> Result<Compared, Failure> {
        if self.by.is_empty() { self.one(results, scope) } else { self.by_group(results, scope) }
    }

    fn one(&self, results: &[QueryResult], scope: &Variables) -> Result<Compared, Failure> {
        let named = self.sources.iter().zip(results);
        let figures: Vec<Figure> =
            named.map(|(source, result)| one_of(&source.name, result)).collect::<Result<_, _>>()?;
        let Some((reference, others)) = figures.split_first() else {
            return Err(unusable(message!("there is no source"), "name two sources or more"));
        };
        let lines = self.sources.iter().zip(&figures);
        let all = lines.fold(Message::new(), |all, (source, figure)| {
            let line = if all.is_empty() {
                message!("`{}` has ", source.name)
            } else {
                message!("\n`{}` has ", source.name)
            };
            all.then(line).then(figure.shown())
        });
        let mut mismatches = Vec::new();
        for (index, other) in others.iter().enumerate() {
            let source = &self.sources[index + 1];
            mismatches.extend(self.difference(message!("`{}`", source.name), source.place, reference, other));
        }
        if !mismatches.is_empty() {
            return Ok(Compared::Differ { mismatches, all });
        }
        let unexpected = self.unexpected(message!("the figure"), reference, scope)?;
        if !unexpected.is_empty() {
            return Ok(Compared::Unexpected { mismatches: unexpected, all });
        }
        let is_empty = *reference == Figure::Null;
        let note = is_empty.then(|| message!("nothing was measured: the figure is null in every source"));
        Ok(Compared::Agree { note })
    }

    fn by_group(&self, results: &[QueryResult], scope: &Variables) -> Result<Compared, Failure> {
        let numeric = numeric(&self.by, results);
        let read = |(source, result): (&SourceName, &QueryResult)| {
            Groups::read(&source.name, &self.by, &numeric, result)
        };
        let all_groups: Vec<Groups> = self.sources.iter().zip(results).map(read).collect::<Result<_, _>>()?;
        let Some((reference, others)) = all_groups.split_first() else {
            return Err(unusable(message!("there is no source"), "name two sources or more"));
        };
        let mut found = Found::default();
        for (index, other) in others.iter().enumerate() {
            self.hold_against(reference, other, &self.sources[index + 1], &mut found)?;
        }
        let has_value =
            reference.groups.iter().flat_map(|group| &group.figures).any(|figure| *figure != Figure::Null);
        if !has_value && !self.empty_agrees && found.mismatches.is_empty() {
            let actual = match reference.groups.len() {
                0 => message!("no group"),
                groups => message!("null in {}", number_of(groups)),
            };
            found.mismatches.push(Mismatch {
                what: message!("`{}`", self.sources[0].name),
                expected: message!("to have a figure"),
                actual,
                place: Some(self.sources[0].place),
            });
        }
        let sizes = self.sources.iter().zip(&all_groups);
        let all = sizes.fold(Message::new(), |all, (source, groups)| {
            let comma = if all.is_empty() { "" } else { ", " };
            let number = groups.groups.len();
            all.words(comma).then(message!("`{}` has {}", source.name, number_of(number)))
        });
        if !found.mismatches.is_empty() {
            return Ok(Compared::Differ { mismatches: found.all(), all });
        }
        let looked_at = if self.expect.is_some() { &reference.groups[..] } else { &[] };
        for group in looked_at {
            for (name, figure) in reference.figures.iter().zip(&group.figures) {
                end_if_abandoned();
                let unexpected = self.unexpected(message!("`{}` of {}", name, group.name), figure, scope)?;
                found.extend(unexpected);
            }
        }
        if !found.mismatches.is_empty() {
            return Ok(Compared::Unexpected { mismatches: found.all(), all });
        }
        let note = (found.nulls > 0).then(|| match found.nulls {
            1 => message!("one figure is null in every source"),
            nulls => message!("{} figures are null in every source", nulls),
        });
        Ok(Compared::Agree { note })
    }

    fn hold_against(
        &self,
        reference: &Groups,
        other: &Groups,
        source: &SourceName,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let first = &self.sources[0].name;
        let position = |name: &String| other.figures.iter().position(|other| other == name);
        let both_have_groups = !reference.groups.is_empty() && !other.groups.is_empty();
        let columns: Vec<Option<usize>> = reference.figures.iter().map(position).collect();
        if let Some((name, _)) = reference.figures.iter().zip(&columns).find(|(_, at)| at.is_none())
            && both_have_groups
        {
            let cause = message!("`{}` has no figure `{}`, and `{}` has", source.name, name, first);
            return Err(unusable(cause, "figures are matched by name: name the columns alike"));
        }
        if let Some(name) = other.figures.iter().find(|name| !reference.figures.contains(name))
            && both_have_groups
        {
            let cause = message!("`{}` has the figure `{}`, and `{}` has not", source.name, name, first);
            return Err(unusable(cause, "figures are matched by name: name the columns alike"));
        }
        let missing = reference.groups.iter().filter(|group| other.get(&group.key).is_none());
        let missing: Vec<&Group> = missing.collect();
        let more: Vec<&Group> =
            other.groups.iter().filter(|group| reference.get(&group.key).is_none()).collect();
        if !missing.is_empty() || !more.is_empty() {
            let parts = [("without ", &missing), ("with ", &more)].into_iter();
            let parts = parts.filter(|(_, groups)| !groups.is_empty());
            let number = message!("{}", number_of(other.groups.len()));
            let actual =
                parts.fold(number, |text, (words, groups)| text.words(", ").words(words).then(names(groups)));
            found.push(Mismatch {
                what: message!("`{}`", source.name),
                expected: message!("to have the {} of `{}`", number_of(reference.groups.len()), first),
                actual,
                place: Some(source.place),
            });
        }
        for group in &reference.groups {
            end_if_abandoned();
            let Some(same) = other.get(&group.key) else { continue };
            for (index, (name, figure)) in reference.figures.iter().zip(&group.figures).enumerate() {
                let Some(at) = columns[index] else { continue };
                let what = || message!("`{}` of {} from `{}`", name, group.name, source.name);
                let its = &same.figures[at];
                if *figure == Figure::Null && *its == Figure::Null {
                    found.nulls += 1;
                } else if figure.differs_from(its) {
                    found.extend(self.difference(what(), source.place, figure, its));
                }
            }
        }
        Ok(())
    }

    /// Returns how a figure differs from the reference's, unless the difference is allowed.
    fn difference(
        &self,
        what: Message,
        place: Place,
        reference: &Figure,
        other: &Figure,
    ) -> Option<Mismatch> {
        let first = &self.sources[0].name;
        let place = Some(place);
        match (reference, other) {
            (Figure::Null, Figure::Null) if self.empty_agrees => None,
            (Figure::Null, Figure::Null) => Some(Mismatch {
                what,
                expected: message!("to have a figure"),
                actual: message!("null, as from `{}`: nothing was measured", first),
                place,
            }),
            (Figure::Other(_), _) => Some(Mismatch {
                what: message!("`{}`", first),
                expected: message!("to have a finite number"),
                actual: reference.shown(),
                place: Some(self.sources[0].place),
            }),
            (_, Figure::Other(_)) => Some(Mismatch {
                what,
                expected: message!("to have a finite number"),
                actual: other.shown(),
                place,
            }),
            (Figure::Number(a), Figure::Number(b)) => self.distance(a, b).map(|(allowed, actual)| Mismatch {
                what,
                expected: message!("to have {} like `{}`, {}", a.text, first, allowed),
                actual,
                place,
            }),
            (Figure::Number(_), Figure::Null) | (Figure::Null, Figure::Number(_)) => Some(Mismatch {
                what,
                expected: message!("to have ").then(reference.shown()).then(message!(" like `{}`", first)),
                actual: other.shown(),
                place,
            }),
        }
    }

    /// Returns the allowed tolerance and the distance of the second figure from the first, if it exceeds the tolerance.
    fn distance(&self, a: &Number, b: &Number) -> Option<(String, Message)> {
        if a.value == b.value {
            return None;
        }
        let difference = b.value.minus(&a.value);
        let by_default = || Tolerance::default_for(a.is_float || b.is_float);
        let tolerance = self.tolerance.as_ref().unwrap_or_else(by_default);
        let distance = difference.abs();
        if distance.order(&tolerance.allowed(&a.value, &b.value)) != Ordering::Greater {
            return None;
        }
        let direction = if difference.is_negative() { "less" } else { "more" };
        let larger = a.value.abs().max(b.value.abs()).to_float();
        let part = distance.to_float() / larger * 100.0;
        let part = if part < 0.01 { format!("{part:.1e}%") } else { format!("{part:.2}%") };
        let actual = message!("{}: {} {} ({})", b.text, distance, direction, part);
        Some((tolerance.in_words(), actual))
    }

    fn unexpected(
        &self,
        what: Message,
        figure: &Figure,
        scope: &Variables,
    ) -> Result<Vec<Mismatch>, Failure> {
        match (&self.expect, figure) {
            (None, _) | (Some(_), Figure::Null) => Ok(Vec::new()),
            (Some(expect), Figure::Number(_) | Figure::Other(_)) => {
                let judged = judge_figure(expect, what, &figure.as_json(), scope);
                judged.map_err(crate::check::template_failure)
            }
        }
    }
}

/// The differences found so far. Only the first ones are listed individually.
#[derive(Debug, Default)]
struct Found {
    mismatches: Vec<Mismatch>,
    others: usize,
    /// The number of figures that are null in both sources.
    nulls: usize,
}

impl Found {
    fn push(&mut self, mismatch: Mismatch) {
        if self.mismatches.len() < TOLD {
            self.mismatches.push(mismatch);
        } else {
            self.others += 1;
        }
    }

    fn extend(&mut self, mismatches: impl IntoIterator<Item = Mismatch>) {
        mismatches.into_iter().for_each(|mismatch| self.push(mismatch));
    }

    /// Returns the listed differences. The last one says how many more there are.
    fn all(self) -> Vec<Mismatch> {
        let mut mismatches = self.mismatches;
        if let (Some(last), true) = (mismatches.last_mut(), self.others > 0) {
            let actual = std::mem::take(&mut last.actual);
            last.actual = actual.then(message!("; and {} more differences", self.others));
        }
        mismatches
    }
}

/// Returns the figure in the only row of a source.
fn one_of(source: &str, result: &QueryResult) -> Result<Figure, Failure> {
    let column = columns_of(result).into_iter().next();
    match (result.count, result.first().and_then(|row| row.first())) {
        (1, Some((_, value))) => {
            Ok(Figure::of(value, column.map(|column| column.numbers).unwrap_or_default()))
        }
        (0, _) | (1, None) => {
            let hint = "a figure is the first column of one row: `sum` and `count` always give one";
            Err(unusable(message!("`{}` has no row", source), hint))
        }
        (rows, _) => {
            let hint = "a figure is one row; for one figure of each group say `by = [\"…\"]`";
            Err(unusable(message!("`{}` has {} rows", source, rows), hint))
        }
    }
}

fn number_of(groups: usize) -> String {
    if groups == 1 { "1 group".to_owned() } else { format!("{groups} groups") }
}

fn names(groups: &[&Group]) -> Message {
    let told = groups.iter().take(TOLD).map(|group| group.name.as_str()).collect::<Vec<_>>().join("; ");
    match groups.len().saturating_sub(TOLD) {
        0 => message!("{}", told),
        more => message!("{} and {} more", told, more),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::*;
    use crate::probe::rows::{Numbers, ResultColumn};

    /// Returns a thousand groups of two figures each. The figures are decimals, as a database or an API writes them.
    fn groups(figure: impl Fn(usize) -> Value) -> QueryResult {
        let column = |name: &str| ResultColumn { name: name.to_owned(), numbers: Numbers::AsWritten };
        let row = |n: usize| {
            let cells = [("k", json!(format!("group {n}"))), ("a", figure(n)), ("b", json!(n))];
            cells.map(|(name, value)| (name.to_owned(), value)).to_vec()
        };
        let rows = (0..1000).map(row).collect();
        QueryResult {
            columns: ["k", "a", "b"].map(column).to_vec(),
            count: 1000,
            rows,
            ..QueryResult::default()
        }
    }

    #[test]
    fn a_thousand_groups_are_compared() {
        let place = Place::new(0, 0..1);
        let source = |name: &str| SourceName { name: name.to_owned(), place };
        let by = vec![Named { name: "k".to_owned(), place }];
        let sources = ["mart", "API"].map(source).to_vec();
        let comparison = Comparison { by, tolerance: None, expect: None, empty_agrees: false, sources };
        let number = |n: usize| serde_json::from_str(&format!("9{n}123456789.25")).unwrap_or_default();
        let results = [groups(number), groups(|n| json!(format!("9{n}123456789.250")))];
        let began = Instant::now();
        let compared = comparison.compare(&results, &Variables::empty(Arc::default()));
        let took = began.elapsed();
        assert!(matches!(compared, Ok(Compared::Agree { note: None })), "{compared:?}");
        // This takes 200 ms without optimisation on a busy machine.
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}
