//! `addresses = "all"`: runs the check on every address that a name resolves to, in parallel. All of them must pass.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::exchange::{AnyExchange, OneExchange, reproduced};
use super::{Running, Session, template_failure};
use crate::attempt::Context;
use crate::attempt::attempts::Attempt;
use crate::attempt::timeline::Timeline;
use crate::language::diagnostic::Diagnostic;
use crate::language::io_error;
use crate::language::read::{FromToml, ParseContext};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault, Mismatch};
use crate::probe::dial::{Target, look_up};
use crate::probe::url::parse_absolute_url;
use crate::secret::{Message, Redacted, message};

/// The key `addresses = "all"`, with its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct AllAddresses(Place);

impl FromToml for AllAddresses {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "all" => Some(AllAddresses(parse.place(value.span()))),
            _ => parse.expected(value, "\"all\""),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "enum": ["all"] })
    }
}

impl AllAddresses {
    /// Returns why the addresses of `exchange` cannot be checked individually.
    pub fn mistake(self, exchange: &dyn AnyExchange, scope: &Variables) -> Option<Diagnostic> {
        let refusal = exchange.refuses_addresses(scope)?;
        Some(Diagnostic::new(self.0, refusal).hint("remove one of the two"))
    }
}

/// A run of a single-exchange check on every address.
pub(super) struct EveryAddressRun<C> {
    check: Arc<C>,
    /// The session of the address that failed, if one did.
    session: Session,
}

impl<C: OneExchange> EveryAddressRun<C> {
    pub fn new(check: Arc<C>, scope: Variables) -> EveryAddressRun<C> {
        EveryAddressRun { check, session: Session::new(scope) }
    }
}

impl<C: OneExchange> Attempt for EveryAddressRun<C> {
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let exchange = self.check.exchange(&self.session.scope)?;
            // Values that were unknown before the run may rule it out.
            if let Some(refusal) = exchange.refuses_addresses(&self.session.scope) {
                return Err(template_failure(refusal.to_owned()));
            }
            let target = target(exchange, &self.session.scope)?;
            let found = look_up(&target).await.map_err(|error| error.into_failure(&target))?;
            let Routes { reachable, unreachable } = Routes::to(found);
            for (address, reason) in &unreachable {
                let address = message!("{}", address);
                context.timeline.set_unreachable(address.words(format!(": {reason}")));
            }
            if reachable.is_empty() {
                return Err(no_route(&target, &unreachable));
            }
            let scope = &self.session.scope;
            let asking =
                reachable.iter().map(|address| Asked::ask(exchange, scope.clone(), *address, context));
            let asked = join_all(asking).await;
            if let Some(worth_a_look) = asked.iter().find(|asked| asked.result.is_err()).or(asked.last()) {
                context.timeline.take_over(&worth_a_look.timeline);
            }
            let mut failures = Vec::new();
            let mut first = None;
            for Asked { address, session, result, .. } in asked {
                if let Err(failure) = result {
                    failures.push((address, failure));
                    first.get_or_insert(session);
                }
            }
            match first {
                Some(session) => {
                    self.session = session;
                    Err(all_of(failures))
                }
                None => {
                    let all: Vec<String> = reachable.iter().map(SocketAddr::to_string).collect();
                    context.timeline.set_address(&all.join(", "));
                    Ok(())
                }
            }
        })
    }
}

impl<C: OneExchange> Running for EveryAddressRun<C> {
    fn reproduce(&self, context: &Context) -> Option<Redacted<Message>> {
        reproduced(&*self.check, &self.session, context)
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.session.scope
    }
}

/// Returns the host and port of the URL.
fn target(exchange: &dyn AnyExchange, scope: &Variables) -> Result<Target, Failure> {
    let text = exchange.url().text(scope).map_err(template_failure)?;
    let url = parse_absolute_url(&text).map_err(|(message, _)| template_failure(message))?;
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => Ok(Target { host: host.trim_matches(['[', ']']).to_owned(), port }),
        _ => Err(template_failure(format!("expected a host and a port, got `{text}`"))),
    }
}

/// An address, and the result of its check.
struct Asked {
    address: SocketAddr,
    session: Session,
    timeline: Arc<Timeline>,
    result: Result<(), Failure>,
}

impl Asked {
    async fn ask(
        exchange: &dyn AnyExchange,
        scope: Variables,
        address: SocketAddr,
        context: &Context,
    ) -> Asked {
        let context = context.within(context.deadline);
        let mut session = Session::new(scope);
        session.address = Some(address.ip());
        let timeline = Arc::clone(&context.timeline);
        let asking = Arc::clone(&timeline).observe(exchange.run(&mut session, &context));
        let result = match context.deadline.bound(asking).await {
            Ok(result) => result,
            Err(cut) => Err(Failure::timed_out(cut, timeline.phase())),
        };
        timeline.set_address(&address);
        Asked { address, session, timeline, result }
    }
}

/// The addresses of a name, split by whether this machine can reach them.
struct Routes {
    reachable: Vec<SocketAddr>,
    unreachable: Vec<(SocketAddr, String)>,
}

impl Routes {
    /// Splits the addresses. One without a route is a failure, unless this machine has no route to any address of its
    /// family: such addresses are of no use to clients here.
    fn to(mut addresses: Vec<SocketAddr>) -> Routes {
        addresses.sort_unstable();
        addresses.dedup();
        let routes: Vec<(SocketAddr, Option<String>)> =
            addresses.into_iter().map(|address| (address, no_route_to(address))).collect();
        let is_used = |family: bool| {
            routes.iter().any(|(address, reason)| address.is_ipv4() == family && reason.is_none())
        };
        let (v4, v6) = (is_used(true), is_used(false));
        let mut sorted = Routes { reachable: Vec::new(), unreachable: Vec::new() };
        for (address, reason) in routes {
            match reason {
                Some(reason) if !(if address.is_ipv4() { v4 } else { v6 }) => {
                    sorted.unreachable.push((address, reason));
                }
                Some(_) | None => sorted.reachable.push(address),
            }
        }
        sorted
    }
}

/// Returns why this machine has no route to `address`, if it has none. Asks the kernel and sends nothing.
fn no_route_to(address: SocketAddr) -> Option<String> {
    let any = match address {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let error = match UdpSocket::bind((any, 0)) {
        Ok(socket) => socket.connect(address).err().filter(is_about_the_way),
        // The kernel does not support the address family.
        Err(error) => Some(error),
    };
    error.map(|error| format!("no route from here ({})", io_error::reason(&error)))
}

fn is_about_the_way(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::NetworkUnreachable
            | std::io::ErrorKind::HostUnreachable
            | std::io::ErrorKind::AddrNotAvailable
    )
}

fn no_route(target: &Target, unreachable: &[(SocketAddr, String)]) -> Failure {
    let doing = message!("connecting to {}", target);
    let reasons: Vec<String> =
        unreachable.iter().map(|(address, reason)| format!("{address}: {reason}")).collect();
    Failure::fault(Fault::Connect, doing, message!("{}", reasons.join("; "))).with_hint(message!(
        "there is no route to any of its addresses from here: check the network or a VPN"
    ))
}

/// Combines the failures of several addresses and names each. There must be at least one.
fn all_of(failures: Vec<(SocketAddr, Failure)>) -> Failure {
    let mut mismatches = Vec::new();
    let mut described = None;
    let mut others = Vec::new();
    for (address, failure) in failures {
        match failure {
            Failure::Mismatch { mismatches: found, answer } => {
                let at = |mismatch: Mismatch| {
                    let what = mismatch.what.words(" at ").data(address.to_string());
                    Mismatch { what, ..mismatch }
                };
                mismatches.extend(found.into_iter().map(at));
                described = described.or(answer);
            }
            other @ (Failure::TimedOut { .. }
            | Failure::Fault { .. }
            | Failure::Exited { .. }
            | Failure::Plugin { .. }
            | Failure::Step { .. }) => others.push((address, other)),
        }
    }
    if !mismatches.is_empty() {
        mismatches.extend(others.into_iter().map(|(address, failure)| Mismatch {
            what: message!("an answer of"),
            expected: message!("{}", address),
            actual: failure.in_short(),
            place: None,
        }));
        return Failure::Mismatch { mismatches, answer: described };
    }
    let mut others = others.into_iter();
    let Some((address, first)) = others.next() else {
        return Failure::fault(
            Fault::Internal,
            message!("asking every address"),
            message!("none failed, and they did not pass"),
        );
    };
    let also = others.fold(Message::new(), |text, (address, failure)| {
        text.words("; also ").data(address.to_string()).words(": ").then(failure.in_short())
    });
    named(first, address, also)
}

/// Adds the address to its failure, and a note about others.
fn named(failure: Failure, address: SocketAddr, also: Message) -> Failure {
    let address = address.to_string();
    match failure {
        Failure::Fault { fault, doing, cause, hint, place } => {
            let is_named = doing.to_string().contains(&address);
            let doing = if is_named { doing } else { doing.words(" at ").data(address) };
            Failure::Fault { fault, doing, cause: cause.then(also), hint, place }
        }
        Failure::TimedOut { cut, phase, last, log, place, detail: _ } => {
            let detail = Some(message!("at {}", address).then(also));
            Failure::TimedOut { cut, phase, detail, last, log, place }
        }
        other @ (Failure::Mismatch { .. }
        | Failure::Exited { .. }
        | Failure::Plugin { .. }
        | Failure::Step { .. }) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_names_its_address() {
        let at = |n: u8| SocketAddr::from(([127, 0, 0, n], 80));
        let words = |text: &'static str| Message::new().words(text);
        let old = || Failure::mismatch(words("status"), words("200"), words("503"));
        let refused = || Failure::fault(Fault::Connect, words("connecting"), words("refused"));
        assert_eq!(
            all_of(vec![(at(1), old()), (at(2), refused()), (at(3), old())]).to_string(),
            "expected status at 127.0.0.1:80 200, got 503; expected status at 127.0.0.3:80 200, got 503; \
             expected an answer of 127.0.0.2:80, got connecting: refused"
        );
        assert_eq!(
            all_of(vec![(at(1), refused()), (at(2), refused())]).to_string(),
            "connecting at 127.0.0.1:80: refused; also 127.0.0.2:80: connecting: refused"
        );
    }
}
