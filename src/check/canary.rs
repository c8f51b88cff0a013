//! Canaries: data that goes in at one end must come out at the others, in time.
//!
//! ```toml
//! [[canary]]
//! name = "an order event reaches every consumer"
//! within = "30s"
//!
//! [canary.send]
//! database = "{{shop_db}}"
//! query = "insert into smoke_heartbeat (id, at) values ({{canary.id}}, now())"
//! commit = true
//!
//! [[canary.arrive]]
//! name = "published table"
//! database = "{{mart_url}}"
//! query = "select country from published.heartbeat where id = {{canary.id}}"
//! expect.row = { country = "DE" }
//!
//! [[canary.cleanup]]
//! database = "{{shop_db}}"
//! query = "delete from smoke_heartbeat where id = {{canary.id}}"
//! commit = true
//! ```

mod arrival;
mod ends;
mod nonce;
mod run;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use self::arrival::{Arrival, ArrivalKeys};
use self::ends::{Cleanup, Send};
use self::nonce::NONCE;
use self::run::CanaryRun;
use super::exchange::AnyExchange;
use super::request::OverrideUse;
use super::{Afterwards, Check, Running, captures};
use crate::language::diagnostic::Diagnostic;
use crate::language::placed::Placed;
use crate::language::read::{Named, ParseContext, Table};
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Variables, first_part};

/// The time on top of the longest arrival in the default budget: for the send and for the last look.
const SLACK: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Canary {
    send: Send,
    arrivals: Vec<Arrival>,
    cleanup: Vec<Cleanup>,
}

/// Reads a `[[canary]]` table.
pub fn read(table: &mut Table<'_, '_, '_>) -> Option<Arc<dyn Check>> {
    for key in ["retry", "poll"] {
        table.refuse(
            key,
            format!("`{key}` does not go with a canary: it is sent once, and looked for until `within` ends"),
        );
    }
    let within: Option<Placed<Duration>> = table.placed(
        "within",
        (
            "how long after the send each arrival may take; the budget is this and 5s where none is said",
            r#"within = "30s""#,
        ),
    );
    table.require("within");
    let send: Option<Send> = table.required(
        "send",
        ("what is sent, once", r#"send = { post = "{{base_url}}/orders", json = { id = "{{canary.id}}" } }"#),
    );
    let arrivals: Option<Vec<ArrivalKeys>> =
        table.required("arrive", "where it must arrive; all are looked at, at the same time");
    let cleanup: Option<Vec<Cleanup>> =
        table.optional("cleanup", "steps that remove what was sent, however the check ended");
    table.filled("arrive", "a canary that need not arrive anywhere asserts nothing")?;
    let cleanup = if table.has("cleanup") { cleanup? } else { Vec::new() };
    let (within, send, arrivals) = (within?, send?, arrivals?);
    let arrivals: Vec<Arrival> = arrivals.into_iter().map(|keys| keys.within(within.value)).collect();
    let cleanup = ends::numbered(cleanup);
    let unique = unique_names(&arrivals, table.parse);
    let told = arrivals.iter().map(|arrival| told_from_others(&send, arrival, &arrivals, table.parse));
    let told: Vec<Option<()>> = told.collect();
    if unique.is_none() || told.contains(&None) {
        return None;
    }
    Some(Arc::new(Canary { send, arrivals, cleanup }))
}

/// Records duplicate names. Reports identify the hops that were reached by name.
fn unique_names(arrivals: &[Arrival], parse: &mut ParseContext<'_>) -> Option<()> {
    let mut seen = BTreeSet::new();
    match arrivals.iter().find(|arrival| !seen.insert(arrival.name.name.as_str())) {
        None => Some(()),
        Some(Arrival { name: Named { name, place }, .. }) => {
            let mistake = format!("there is another arrival named `{name}` in this canary");
            parse.reject(
                Diagnostic::new(*place, mistake).hint("reports say which hop was reached by its name"),
            )
        }
    }
}

/// Records an arrival that cannot tell this canary from another one.
fn told_from_others(
    send: &Send,
    arrival: &Arrival,
    all: &[Arrival],
    parse: &mut ParseContext<'_>,
) -> Option<()> {
    let (mut sent, mut looked) = (VariableUsage::default(), VariableUsage::default());
    send.exchange.uses(&mut sent);
    arrival.exchange.uses(&mut looked);
    let place = arrival.exchange.url().place();
    let reads = looked.from_outside();
    let is_captured = |name: &str| sent.sets().any(|captured| captured == first_part(name));
    let others = all.iter().filter(|other| other.name.name != arrival.name.name);
    for other in others {
        let mut of_other = VariableUsage::default();
        other.exchange.uses(&mut of_other);
        let read = reads.iter().find(|(name, _)| of_other.sets().any(|set| set == first_part(name)));
        if let Some((name, place)) = read.filter(|(name, _)| !is_captured(name)) {
            let message = format!("`{}` is captured by the arrival `{}`", first_part(name), other.name.name);
            let mistake = Diagnostic::new(*place, message);
            return parse
                .reject(mistake.hint("arrivals are awaited at the same time: capture it in the send"));
        }
    }
    let reads_nonce = |reads: &[(&str, Place)]| reads.iter().any(|(name, _)| NONCE.contains(name));
    if reads.iter().any(|(name, _)| is_captured(name)) {
        return Some(());
    }
    if !reads_nonce(&reads) {
        let message = format!("the arrival `{}` would see any other canary, too", arrival.name.name);
        let hint = "look for this one: read {{canary.id}}, {{canary.uuid}} or a capture of the send";
        return parse.reject(Diagnostic::new(place, message).hint(hint));
    }
    if !reads_nonce(&sent.from_outside()) {
        let message = "what is sent has nothing of this canary in it that could arrive";
        let hint = "put {{canary.id}} or {{canary.uuid}} into it: an arrival looks for that";
        return parse.reject(Diagnostic::new(send.exchange.url().place(), message).hint(hint));
    }
    Some(())
}

impl Canary {
    /// Returns everything the canary asks: the send, the arrivals and the cleanup steps.
    fn exchanges(&self) -> impl Iterator<Item = &dyn AnyExchange> {
        let arrivals = self.arrivals.iter().map(|arrival| &*arrival.exchange);
        let cleanup = self.cleanup.iter().map(|cleanup| &*cleanup.exchange);
        std::iter::once(&*self.send.exchange).chain(arrivals).chain(cleanup)
    }
}

impl Check for Canary {
    fn uses<'c>(&'c self, uses: &mut VariableUsage<'c>) {
        uses.set(nonce::VARIABLE);
        self.exchanges().for_each(|exchange| exchange.uses(uses));
    }

    fn budget(&self) -> Option<Duration> {
        let longest = self.arrivals.iter().map(|arrival| arrival.within).max()?;
        Some(longest.saturating_add(SLACK))
    }

    fn mistakes(&self, scope: &Variables) -> Vec<Diagnostic> {
        let known = captures::before(self, scope);
        let mut mistakes: Vec<Diagnostic> =
            self.exchanges().flat_map(|exchange| exchange.mistakes(&known)).collect();
        for exchange in self.exchanges() {
            let mut uses = VariableUsage::default();
            exchange.uses(&mut uses);
            let reads = uses.from_outside().into_iter();
            let own = reads.filter(|(name, _)| first_part(name) == nonce::VARIABLE);
            for (name, place) in own.filter(|(name, _)| !NONCE.contains(name)) {
                let mistake = Diagnostic::new(place, format!("undefined variable `{name}`"));
                mistakes.push(mistake.did_you_mean(name, NONCE));
            }
        }
        if scope.has(nonce::VARIABLE) {
            let mistake = "in a canary, `canary` is this canary, and the suite has a variable of that name";
            mistakes.push(Diagnostic::new(self.target(), mistake).hint("give the variable another name"));
        }
        mistakes
    }

    fn afterwards(&self, scope: &Variables) -> Afterwards {
        let longest = |cleanup: &Cleanup| cleanup.budget.unwrap_or(Duration::MAX);
        Afterwards {
            leaves: self.exchanges().any(|exchange| exchange.leaves(scope)),
            cleanup: self.cleanup.iter().map(longest).fold(Duration::ZERO, Duration::saturating_add),
            stop: None,
        }
    }

    fn changes(&self) -> Option<String> {
        Some("sends a canary".to_owned())
    }

    fn target(&self) -> Option<Place> {
        Some(self.send.exchange.url().place())
    }

    fn override_uses(&self, scope: &Variables) -> Vec<OverrideUse> {
        let known = captures::before(self, scope);
        self.exchanges().flat_map(|exchange| exchange.override_uses(&known)).collect()
    }

    fn remark(&self, scope: &Variables) -> Option<&'static str> {
        let known = captures::before(self, scope);
        self.exchanges().find_map(|exchange| exchange.remark(&known))
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(CanaryRun::new(self, scope))
    }
}
