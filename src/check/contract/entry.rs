//! The promises with their results, and the verdict of a check on all of them.

use std::ops::Range;

use super::promise::{Fresh, Object, Promised, Rule};
use crate::language::source::Place;
use crate::outcome::{Failure, Fault, Mismatch, Promise, PromiseVerdict, Promises};
use crate::secret::{Message, message};

/// The maximum number of findings in a failure message. Reports list all of them.
const TOLD: usize = 20;

/// A promise, how it is tested, and its result.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub object: Option<usize>,
    pub column: Option<String>,
    /// A short description of what is promised.
    pub promise: Message,
    pub place: Place,
    pub test: Test,
    pub came: Came,
}

/// The way a promise is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    /// An expectation of the suite on the document, by its index in the list.
    Document(usize),
    Exists,
    /// The column exists.
    Column(usize),
    Type(usize),
    NoOtherColumns,
    Unique(usize),
    NotNull(usize),
    /// The object is not empty, or has the expected number of rows.
    Rows,
    Fresh(usize),
    Rule(usize),
    /// The promise cannot be tested.
    Nothing,
}

/// The result of a promise.
#[derive(Debug, Clone)]
pub(super) enum Came {
    NotReached,
    Passed(Option<Message>),
    Failed {
        expected: Message,
        actual: Message,
    },
    /// A broken rule that only warns.
    Warned {
        expected: Message,
        actual: Message,
    },
    /// The promise holds, but nothing enforces it.
    Unguarded(Message),
    Errored {
        fault: Fault,
        cause: Message,
        hint: Option<Message>,
    },
    /// The kind of promise, and which one.
    Unchecked {
        group: &'static str,
        which: Option<String>,
    },
}

impl Came {
    pub fn errored(cause: Message, hint: Message) -> Came {
        Came::Errored { fault: Fault::Sql, cause, hint: Some(hint) }
    }

    fn verdict(&self) -> PromiseVerdict {
        match self {
            Came::Passed(_) => PromiseVerdict::Passed,
            Came::Failed { .. } => PromiseVerdict::Failed,
            Came::Warned { .. } | Came::Unguarded(_) => PromiseVerdict::Warned,
            Came::Errored { .. } | Came::NotReached => PromiseVerdict::Errored,
            Came::Unchecked { .. } => PromiseVerdict::NotChecked,
        }
    }

    fn found(&self) -> Option<Message> {
        match self {
            Came::NotReached => Some(message!("not reached in time")),
            Came::Passed(found) => found.clone(),
            Came::Failed { actual, .. } | Came::Warned { actual, .. } | Came::Unguarded(actual) => {
                Some(actual.clone())
            }
            Came::Errored { cause, .. } => Some(cause.clone()),
            Came::Unchecked { group, which } => Some(match which {
                Some(which) => message!("{}: {}", group, which),
                None => message!("{}", group),
            }),
        }
    }
}

/// Returns every promise in the order in which they are tested, and the range of entries for each object.
pub(super) fn entries(
    promised: &Promised,
    forbids_others: bool,
    paths: Vec<(String, Place)>,
) -> (Vec<Entry>, Vec<Range<usize>>) {
    let (mut entries, mut of_objects) = (Vec::new(), Vec::new());
    for (number, (path, place)) in paths.into_iter().enumerate() {
        entries.push(Entry {
            object: None,
            column: None,
            promise: message!("document {}", path),
            place,
            test: Test::Document(number),
            came: Came::NotReached,
        });
    }
    for (index, object) in promised.objects.iter().enumerate() {
        let start = entries.len();
        of_object(index, object, forbids_others, &mut entries);
        of_objects.push(start..entries.len());
    }
    for unchecked in &promised.unchecked {
        let object =
            promised.objects.iter().position(|object| Some(&object.name) == unchecked.object.as_ref());
        let (group, which) = (unchecked.group, unchecked.which.clone());
        entries.push(Entry {
            object,
            column: unchecked.column.clone(),
            promise: match &which {
                Some(which) => message!("{} {}", group, which),
                None => message!("{}", group),
            },
            place: unchecked.place,
            test: Test::Nothing,
            came: Came::Unchecked { group, which },
        });
    }
    (entries, of_objects)
}

fn of_object(index: usize, object: &Object, forbids_others: bool, entries: &mut Vec<Entry>) {
    let mut add = |column: Option<&str>, promise, place, test| {
        let column = column.map(str::to_owned);
        entries.push(Entry { object: Some(index), column, promise, place, test, came: Came::NotReached });
    };
    add(None, message!("exists"), object.place, Test::Exists);
    for (number, column) in object.columns.iter().enumerate() {
        let name = Some(column.name.as_str());
        add(name, message!("column"), column.place, Test::Column(number));
        match (&column.physical_type, column.logical_type) {
            (Some((text, place)), _) => add(name, message!("type {}", text), *place, Test::Type(number)),
            (None, Some((logical, place))) => {
                add(name, message!("logical type {}", logical.name()), place, Test::Type(number));
            }
            (None, None) => {}
        }
    }
    if forbids_others {
        add(None, message!("no other columns"), object.place, Test::NoOtherColumns);
    }
    for (number, key) in object.keys.iter().enumerate() {
        let what = if key.is_primary { "primary key" } else { "unique" };
        let column = if key.columns.len() == 1 { key.columns.first().map(String::as_str) } else { None };
        add(column, message!("{} ({})", what, key.columns.join(", ")), key.place, Test::Unique(number));
    }
    for (number, column) in object.columns.iter().enumerate() {
        if let Some(place) = column.required {
            add(Some(&column.name), message!("not null"), place, Test::NotNull(number));
        }
    }
    if let Some(rows) = &object.rows {
        add(None, message!("rows"), rows.place(), Test::Rows);
    } else if !object.may_be_empty {
        add(None, message!("not empty"), object.place, Test::Rows);
    }
    for (number, Fresh { column, within, by, place }) in object.fresh.iter().enumerate() {
        let promise = message!("{} within {}", by, super::freshness::rounded(*within));
        add(Some(column), promise, *place, Test::Fresh(number));
    }
    for (number, Rule { column, measure, operators, name, place, .. }) in object.quality.iter().enumerate() {
        let operators: Vec<String> = operators.iter().map(super::operator::Operator::in_words).collect();
        let what = message!("{} {}", measure.name(), operators.join(" and "));
        let promise = match name {
            Some(name) => message!("{}: ", name).then(what),
            None => what,
        };
        add(column.as_deref(), promise, *place, Test::Rule(number));
    }
}

/// Returns the subject of an entry: `orders.total`, `orders`, or the contract.
fn subject(entry: &Entry, objects: &[Object]) -> Message {
    let object = entry.object.map(|object| objects[object].name.as_str());
    match (object, &entry.column) {
        (Some(object), Some(column)) => message!("{}.{}", object, column),
        (Some(object), None) => message!("{}", object),
        (None, _) => message!("the contract"),
    }
}

/// Returns all promises as reports show them.
pub(super) fn promises(entries: &[Entry], objects: &[Object], notes: &[Message]) -> Promises {
    let promise = |entry: &Entry| Promise {
        object: entry.object.map(|object| message!("{}", objects[object].name)),
        column: entry.column.as_ref().map(|column| message!("{}", column)),
        promise: entry.promise.clone(),
        verdict: entry.came.verdict(),
        found: entry.came.found(),
        place: entry.place,
    };
    let list = entries.iter().map(promise).collect();
    Promises { list, summary: summary(entries, objects, notes) }
}

/// Formats the summary:
/// `checked 31 of 36 promises; not executable: 2 text, 1 custom (soda), 2 SLA (retention, endOfLife)`.
pub(super) fn summary(entries: &[Entry], objects: &[Object], notes: &[Message]) -> Message {
    let checked = entries.iter().filter(|entry| match entry.came.verdict() {
        PromiseVerdict::Passed | PromiseVerdict::Failed | PromiseVerdict::Warned => true,
        PromiseVerdict::Errored | PromiseVerdict::NotChecked => false,
    });
    let mut text = Message::new().words(format!("checked {} of {} promises", checked.count(), entries.len()));
    let unchecked = |is_static: bool| {
        let of_kind = entries.iter().filter(move |entry| (entry.test == Test::Nothing) == is_static);
        groups(of_kind.filter_map(|entry| match &entry.came {
            Came::Unchecked { group, which } => Some((*group, which.as_deref())),
            _ => None,
        }))
    };
    for (heading, groups) in [("; not executable: ", unchecked(true)), ("; not checked: ", unchecked(false))]
    {
        if !groups.is_empty() {
            text = text.words(heading).then(groups);
        }
    }
    let unguarded: Vec<&Entry> =
        entries.iter().filter(|entry| matches!(entry.came, Came::Unguarded(_))).collect();
    if !unguarded.is_empty() {
        let names: Vec<String> =
            unguarded.iter().take(3).map(|entry| subject(entry, objects).to_string()).collect();
        let more = if unguarded.len() > names.len() { ", …" } else { "" };
        let keys = if unguarded.len() == 1 { "key holds" } else { "keys hold" };
        text = text
            .words(format!("; {} {keys} and no index enforces it: ", unguarded.len()))
            .data(names.join(", "))
            .words(more);
    }
    for entry in entries {
        if let Came::Warned { expected, actual } = &entry.came {
            text = text.words("; warning: expected ").then(subject(entry, objects)).words(" ");
            text = text.then(expected.clone()).words(", got ").then(actual.clone());
        }
    }
    notes.iter().fold(text, |text, note| text.words("; ").then(note.clone()))
}

/// Formats the groups: `2 text, 1 custom (soda)`.
fn groups<'e>(unchecked: impl Iterator<Item = (&'static str, Option<&'e str>)>) -> Message {
    let mut groups: Vec<(&str, usize, Vec<&str>)> = Vec::new();
    for (group, which) in unchecked {
        let at = groups.iter().position(|(known, ..)| *known == group).unwrap_or_else(|| {
            groups.push((group, 0, Vec::new()));
            groups.len() - 1
        });
        groups[at].1 += 1;
        let names = &mut groups[at].2;
        names.extend(which.filter(|which| !names.contains(which)));
    }
    let mut text = Message::new();
    for (index, (group, count, which)) in groups.into_iter().enumerate() {
        text = text.words(if index > 0 { ", " } else { "" }).words(format!("{count} {group}"));
        if !which.is_empty() {
            let more = if which.len() > 5 { ", …" } else { "" };
            text = text.words(" (").data(which[..which.len().min(5)].join(", ")).words(more).words(")");
        }
    }
    text
}

/// Returns the verdict on all promises. Failed takes precedence over errored, and errored over passed.
pub(super) fn verdict(entries: &[Entry], objects: &[Object], notes: &[Message]) -> Result<(), Failure> {
    let failed = entries.iter().filter_map(|entry| match &entry.came {
        Came::Failed { expected, actual } => {
            let what = match entry.test {
                Test::Document(_) => entry.promise.clone(),
                _ => subject(entry, objects),
            };
            Some(Mismatch {
                what,
                expected: expected.clone(),
                actual: actual.clone(),
                place: Some(entry.place),
            })
        }
        _ => None,
    });
    let mut failed: Vec<Mismatch> = failed.collect();
    let open: Vec<&Entry> =
        entries.iter().filter(|entry| entry.came.verdict() == PromiseVerdict::Errored).collect();
    let summary = summary(entries, objects, notes);
    if !failed.is_empty() {
        let more = failed.len().saturating_sub(TOLD);
        failed.truncate(TOLD);
        let mut answer = summary;
        if more > 0 {
            answer = answer.words(format!("; {more} more are broken"));
        }
        if !open.is_empty() {
            answer = answer.words("; not found out: ").then(named(&open, objects));
        }
        return Err(Failure::Mismatch { mismatches: failed, answer: Some(answer) });
    }
    let Some(first) = open.first() else { return Ok(()) };
    let reached = open.iter().find_map(|entry| match &entry.came {
        Came::Errored { fault, cause, hint } => Some((*entry, *fault, cause, hint)),
        _ => None,
    });
    let doing = |entry: &Entry| {
        message!("checking ").then(subject(entry, objects)).words(" (").then(entry.promise.clone()).words(")")
    };
    let failure = match reached {
        Some((entry, fault, cause, hint)) => {
            let others: Vec<&Entry> =
                open.iter().copied().filter(|other| !std::ptr::eq(*other, entry)).collect();
            let mut cause = cause.clone();
            if !others.is_empty() {
                cause = cause.words("; nor could be found out: ").then(named(&others, objects));
            }
            let failure =
                Failure::fault(fault, doing(entry), cause.words("; ").then(summary)).at(entry.place);
            match hint {
                Some(hint) => failure.with_hint(hint.clone()),
                None => failure,
            }
        }
        None => {
            let cause =
                message!("not reached in time: ").then(named(&open, objects)).words("; ").then(summary);
            Failure::fault(Fault::Sql, doing(first), cause)
                .at(first.place)
                .with_hint(message!("raise `budget`, or check fewer `objects`"))
        }
    };
    Err(failure)
}

/// Names some of the entries.
fn named(entries: &[&Entry], objects: &[Object]) -> Message {
    let mut text = Message::new();
    for (index, entry) in entries.iter().take(5).enumerate() {
        text = text.words(if index > 0 { ", " } else { "" });
        text = text.then(subject(entry, objects)).words(" (").then(entry.promise.clone()).words(")");
    }
    match entries.len().saturating_sub(5) {
        0 => text,
        more => text.words(format!(" and {more} more")),
    }
}
