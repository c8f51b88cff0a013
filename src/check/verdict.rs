//! The verdict on an HTTP answer. Health checks, the `ready` of a boot and the steps of a journey come to theirs here.

use std::sync::Arc;

use serde_json::Value;

use super::step::template_failure;
use super::{Context, Session, Tracing};
use crate::expect::answer::HttpAnswer;
use crate::expect::capture::Capture;
use crate::expect::effort::Effort;
use crate::expect::http::HttpExpectation;
use crate::expect::status::StatusSet;
use crate::outcome::{Direction, Failure, Mismatch, Phase};
use crate::probe::http::trace;
use crate::secret::stand_in::{self, stand_in_for};
use crate::suite::read::Named;
use crate::suite::vars::{Scope, is_secret_name};

/// The captures of a step, by name.
pub(super) type Captures = Arc<[(Named, Capture)]>;

/// Why an answer is refused.
pub(super) enum Refusal {
    /// It is not as expected.
    Unlike { mismatches: Vec<Mismatch>, answer: Box<HttpAnswer> },
    /// It could not be held against anything.
    Unjudged(Failure),
}

impl Refusal {
    /// The failure, with the answer in words.
    pub async fn described(self, context: &Context) -> Failure {
        match self {
            Refusal::Unlike { mismatches, answer } => {
                let answer = Some(context.describe(*answer).await);
                Failure::Mismatch { mismatches, answer }
            }
            Refusal::Unjudged(failure) => failure,
        }
    }
}

/// Judges the status first, then takes the captures, then judges the rest. Captures are kept even if the time does not
/// suffice for the rest: cleanup needs them. Its future is large: box it.
///
/// # Errors
/// The first of the three that fails.
pub(super) async fn judge_http(
    answer: HttpAnswer,
    expect: &Arc<HttpExpectation>,
    default: &StatusSet,
    captures: &Captures,
    session: &mut Session,
    context: &Context,
) -> Result<(), Refusal> {
    context.timeline.end();
    let queries = captures.iter().filter_map(|(_, capture)| capture.html_query());
    let answer = answer.asked(expect.html_queries().chain(queries).collect());
    let answer = reveal(answer, captures, context).await;
    if let Some(mismatch) = expect.judge_status(&answer, default) {
        return Err(unlike(vec![mismatch], answer));
    }
    let answer = take(answer, captures, session, context).await?;
    let load = expect.effort().on(answer.size());
    let (expect, scope) = (Arc::clone(expect), session.scope.clone());
    let judge = move || match expect.judge_rest(&answer, &scope) {
        Ok(mismatches) if mismatches.is_empty() => Ok(()),
        Ok(mismatches) => Err(unlike(mismatches, answer)),
        Err(unjudgeable) => Err(Refusal::Unjudged(template_failure(unjudgeable))),
    };
    context.work(Phase::Judge, load, judge).await
}

fn unlike(mismatches: Vec<Mismatch>, answer: HttpAnswer) -> Refusal {
    Refusal::Unlike { mismatches, answer: Box::new(answer) }
}

/// Hides what will be captured as a secret, and shows the answer where that is wanted. What is secret is known before
/// anything is told: an answer that fails for another reason is shown, too.
async fn reveal(answer: HttpAnswer, captures: &Captures, context: &Context) -> HttpAnswer {
    let showing = match context.run.tracing {
        Tracing::Off => Effort::Looks(0),
        Tracing::On => Effort::TO_READ,
    };
    let secret = captures.iter().filter(|(named, capture)| is_secret(named, capture));
    let effort: Effort = secret.map(|(_, capture)| capture.effort()).chain([showing]).sum();
    let (load, captures, keeper) = (effort.on(answer.size()), Arc::clone(captures), context.clone());
    let reveal = move || {
        for (named, capture) in captures.iter().filter(|(named, capture)| is_secret(named, capture)) {
            if let Ok(value) = capture.take(&named.name, &answer) {
                keeper.hide_value(&value);
            }
        }
        let told = keeper.traced(Direction::Received, || trace::answer(&answer));
        (answer, told)
    };
    let (answer, told) = context.work(Phase::Judge, load, reveal).await;
    context.tell(told);
    answer
}

/// Takes the captures, up to the first that fails.
async fn take(
    answer: HttpAnswer,
    captures: &Captures,
    session: &mut Session,
    context: &Context,
) -> Result<HttpAnswer, Refusal> {
    if captures.is_empty() {
        return Ok(answer);
    }
    let effort: Effort = captures.iter().map(|(_, capture)| capture.effort()).sum();
    let (load, captures, keeper) = (effort.on(answer.size()), Arc::clone(captures), context.clone());
    let mut scope = session.scope.clone();
    let take = move || {
        let taken = captures.iter().try_for_each(|(named, capture)| {
            let value = capture.take(&named.name, &answer)?;
            keep(named, capture, &value, &mut scope, &keeper);
            Ok(())
        });
        (answer, scope, taken)
    };
    let (answer, scope, taken) = context.work(Phase::Judge, load, take).await;
    session.scope = scope;
    match taken {
        Ok(()) => Ok(answer),
        Err(mismatch) => Err(unlike(vec![mismatch], answer)),
    }
}

/// Keeps what was captured for later steps.
pub(super) fn keep(named: &Named, capture: &Capture, value: &Value, scope: &mut Scope, context: &Context) {
    if is_secret(named, capture) {
        context.hide_value(value);
        let shown = Value::from(stand_in_for(value, &stand_in::variable(&named.name)));
        scope.set_secret(&named.name, value, &shown);
    } else {
        scope.set(&named.name, value);
    }
}

fn is_secret(named: &Named, capture: &Capture) -> bool {
    capture.secret || is_secret_name(&named.name)
}
