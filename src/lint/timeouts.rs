//! Budgets that are too long, and retries that hide flaky checks.

use std::time::Duration;

use toml::de::DeValue;

use crate::language::diagnostic::Diagnostic;
use crate::language::raw::{Entry, RawDocument};
use crate::language::value::parse_duration;
use crate::outcome::Span;

/// Proxies and load balancers give up on a response after this time (nginx's `proxy_read_timeout`, the idle timeout of
/// an AWS load balancer), so no user ever sees a later one.
const ONE_ANSWER: Duration = Duration::from_mins(1);

/// With one more attempt, a check that fails half of the time passes in 15 of 16 runs.
const ATTEMPTS: i64 = 3;

pub(super) fn warnings(written: &RawDocument<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    written.each(|entry| found.extend(budget(entry).or_else(|| retry(entry))));
    found
}

/// Warns of a long budget, unless `poll` shows that it waits for something to start.
fn budget(entry: &Entry<'_>) -> Option<Diagnostic> {
    const ONE_REQUEST: [&[&str]; 5] =
        [&["health"], &["database"], &["journey", "step"], &["journey", "cleanup"], &["defaults"]];
    let DeValue::Table(table) = entry.value else { return None };
    if !ONE_REQUEST.contains(&entry.path_in_check()) || table.contains_key("poll") {
        return None;
    }
    let (key, value) = table.get_key_value("budget")?;
    let budget = parse_duration(value.get_ref().as_str()?).ok()?;
    let place = crate::language::source::Place::new(entry.place.file, key.span());
    (budget > ONE_ANSWER).then(|| {
        let whose = if entry.path == ["defaults"] { "each check" } else { "one answer" };
        let message = format!("a budget of {} for {whose}: nobody waits that long", Span(budget));
        Diagnostic::new(place, message).hint(
            "load balancers give up after 60s; to wait until something is up, use `poll = { every = \"1s\" }`",
        )
    })
}

fn retry(entry: &Entry<'_>) -> Option<Diagnostic> {
    let attempts = entry.number().filter(|_| entry.path.ends_with(&["retry", "attempts"]))?;
    let is_default = entry.path_in_check() == ["retry", "attempts"];
    if is_default && attempts > 1 {
        let message = "every check is retried, so flaky checks go unnoticed";
        return Some(
            Diagnostic::new(entry.place, message)
                .hint("set `retry` on the check that needs it, and say why in a comment"),
        );
    }
    (attempts > ATTEMPTS).then(|| {
        let message = format!("{attempts} attempts hide a check that fails most of the time");
        Diagnostic::new(entry.place, message).hint(
            "3 attempts are enough for a network; to wait until something is up, use `poll = { every = \"1s\" }`",
        )
    })
}
