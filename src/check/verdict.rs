//! The verdict on an HTTP answer. Health checks, the `ready` of a boot and the steps of a journey come to theirs here.

use std::sync::Arc;

use serde_json::Value;

use super::{Session, template_failure};
use crate::attempt::cost::Cost;
use crate::attempt::{Context, Tracing};
use crate::expect::capture::Capture;
use crate::expect::http::HttpExpectation;
use crate::expect::response::InspectedResponse;
use crate::expect::status::StatusSet;
use crate::language::read::Named;
use crate::language::variables::{Variables, is_secret_name};
use crate::outcome::{Direction, Failure, Mismatch, Phase};
use crate::probe::http::response::HttpResponse;
use crate::probe::http::trace;
use crate::secret::placeholder::{self, placeholder_for};

/// The captures of a step, by name.
pub(super) type Captures = Arc<[(Named, Capture)]>;

/// Why an answer is refused.
pub(super) enum Refusal {
    /// It is not as expected.
    Unlike { mismatches: Vec<Mismatch>, answer: Box<InspectedResponse> },
    /// It could not be held against anything.
    Unjudged(Failure),
}

impl Refusal {
    /// The failure, with the answer in words.
    pub async fn described(self, context: &Context) -> Failure {
        match self {
            Refusal::Unlike { mismatches, answer } => {
                let answer = Some(answer.response.described(context).await);
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
    answer: HttpResponse,
    expect: &Arc<HttpExpectation>,
    default: &StatusSet,
    captures: &Captures,
    session: &mut Session,
    context: &Context,
) -> Result<(), Refusal> {
    context.timeline.end();
    let queries = captures.iter().filter_map(|(_, capture)| capture.html_query());
    let answer = InspectedResponse::new(answer, expect.html_queries().chain(queries).collect());
    let answer = reveal(answer, captures, context).await;
    if let Some(mismatch) = expect.judge_status(&answer, default) {
        return Err(unlike(vec![mismatch], answer));
    }
    let answer = take(answer, captures, session, context).await?;
    let load = expect.cost().on(answer.response.size());
    let (expect, scope) = (Arc::clone(expect), session.scope.clone());
    let judge = move || match expect.judge_rest(&answer, &scope) {
        Ok(mismatches) if mismatches.is_empty() => Ok(()),
        Ok(mismatches) => Err(unlike(mismatches, answer)),
        Err(unjudgeable) => Err(Refusal::Unjudged(template_failure(unjudgeable))),
    };
    context.offload(Phase::Judge, load, judge).await
}

fn unlike(mismatches: Vec<Mismatch>, answer: InspectedResponse) -> Refusal {
    Refusal::Unlike { mismatches, answer: Box::new(answer) }
}

/// Hides what will be captured as a secret, and shows the answer where that is wanted. What is secret is known before
/// anything is told: an answer that fails for another reason is shown, too.
async fn reveal(answer: InspectedResponse, captures: &Captures, context: &Context) -> InspectedResponse {
    let showing = match context.run.tracing {
        Tracing::Off => Cost::Looks(0),
        Tracing::On => Cost::TO_READ,
    };
    let secret = captures.iter().filter(|(named, capture)| is_secret(named, capture));
    let cost: Cost = secret.flat_map(|(_, capture)| [capture.cost(), Cost::TO_READ]).chain([showing]).sum();
    let (load, captures, keeper) = (cost.on(answer.response.size()), Arc::clone(captures), context.clone());
    let reveal = move || {
        for (named, capture) in captures.iter().filter(|(named, capture)| is_secret(named, capture)) {
            if let Ok(value) = capture.take(&named.name, &answer) {
                keeper.hide_value(&value);
            }
        }
        let has_secrets = captures.iter().any(|(named, capture)| is_secret(named, capture));
        if has_secrets || keeper.run.tracing == Tracing::On {
            // A `refresh_token` is beside the `access_token`.
            keeper.run.redactor.add_issued(answer.response.json().unwrap_or(&Value::Null));
        }
        let told = keeper.traced(Direction::Received, || trace::answer(&answer.response));
        (answer, told)
    };
    let (answer, told) = context.offload(Phase::Judge, load, reveal).await;
    context.tell(told);
    answer
}

/// Takes the captures, up to the first that fails.
async fn take(
    answer: InspectedResponse,
    captures: &Captures,
    session: &mut Session,
    context: &Context,
) -> Result<InspectedResponse, Refusal> {
    if captures.is_empty() {
        return Ok(answer);
    }
    let cost: Cost = captures.iter().map(|(_, capture)| capture.cost()).sum();
    let (load, captures, keeper) = (cost.on(answer.response.size()), Arc::clone(captures), context.clone());
    let mut scope = session.scope.clone();
    let take = move || {
        let taken = captures.iter().try_for_each(|(named, capture)| {
            let value = capture.take(&named.name, &answer)?;
            keep(named, capture, &value, &mut scope, &keeper);
            Ok(())
        });
        (answer, scope, taken)
    };
    let (answer, scope, taken) = context.offload(Phase::Judge, load, take).await;
    session.scope = scope;
    match taken {
        Ok(()) => Ok(answer),
        Err(mismatch) => Err(unlike(vec![mismatch], answer)),
    }
}

/// Keeps what was captured for later steps.
pub(super) fn keep(
    named: &Named,
    capture: &Capture,
    value: &Value,
    scope: &mut Variables,
    context: &Context,
) {
    if is_secret(named, capture) {
        context.hide_value(value);
        let shown = Value::from(placeholder_for(value, &placeholder::variable(&named.name)));
        scope.set_secret(&named.name, value, &shown);
    } else {
        scope.set(&named.name, value);
    }
}

fn is_secret(named: &Named, capture: &Capture) -> bool {
    capture.secret || is_secret_name(&named.name)
}
