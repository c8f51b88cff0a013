//! DNS: a query to a resolver, over UDP or if necessary over TCP, and its answer.
//!
//! smoke implements the protocol itself: a query is one name and three numbers, and nine record types of an answer are
//! read. Each fault on the way is reported by its cause; a resolver library would just retry.

mod exchange;
mod message;
mod name;
mod record;
mod resolvers;

use std::net::SocketAddr;
use std::time::Duration;

use self::exchange::{Asking, Ignored};
use self::message::Message;
pub use self::name::Name;
pub use self::record::{Rcode, Record, RecordType};
use self::resolvers::Servers;
pub use self::resolvers::{PORT, Resolver};
use crate::attempt::Context;
use crate::deadline::{BudgetScope, Deadline};
use crate::outcome::{Direction, Failure, Phase};
use crate::secret::message;

/// The records to query, and the resolver to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsQuestion {
    pub name: Name,
    pub record_type: RecordType,
    pub resolver: Resolver,
}

/// The answer to a query.
#[derive(Debug)]
pub struct DnsAnswer {
    pub question: DnsQuestion,
    /// The server that answered.
    pub server: SocketAddr,
    pub rcode: Rcode,
    pub records: Vec<Record>,
    /// The time from the start to the answer, including the lookup of the resolver's own name.
    pub took: Duration,
}

/// The end of a name's alias chain, and the values found there.
#[derive(Debug)]
pub struct Resolved<'a> {
    /// The name and the aliases on the way, in order.
    pub names: Vec<&'a Name>,
    /// The alias records, and the records that they lead to.
    pub records: Vec<&'a Record>,
    /// The values of the requested type.
    pub values: Vec<String>,
    /// Whether the aliases lead back to one of themselves.
    pub is_loop: bool,
}

impl DnsAnswer {
    /// Follows the aliases in the answer.
    pub fn resolved(&self) -> Resolved<'_> {
        let DnsQuestion { name, record_type, .. } = &self.question;
        let (mut names, mut records) = (vec![name], Vec::new());
        loop {
            let current = names[names.len() - 1];
            let of_the_name = || self.records.iter().filter(|record| record.owner == *current);
            let (found, values): (Vec<&Record>, Vec<String>) =
                of_the_name().filter_map(|record| Some((record, record.value(*record_type)?))).unzip();
            let alias = of_the_name().find_map(|record| Some((record, record.alias()?)));
            match alias {
                Some((record, alias)) if values.is_empty() => {
                    let is_loop = names.contains(&alias);
                    names.push(alias);
                    records.push(record);
                    if is_loop {
                        return Resolved { names, records, values, is_loop };
                    }
                }
                Some(_) | None => {
                    records.extend(found);
                    return Resolved { names, records, values, is_loop: false };
                }
            }
        }
    }
}

/// Asks each server in turn until one answers. The next server is asked if one cannot be reached, does not answer in
/// time, or reports that it could not find out.
///
/// # Errors
/// No server answered, or the response is not a valid answer.
pub async fn ask(question: &DnsQuestion, context: &Context) -> Result<DnsAnswer, Failure> {
    let mut ignored = Ignored::default();
    let asked = context.deadline.bound(ask_in_turn(question, &mut ignored, context)).await;
    asked.unwrap_or_else(|cut| {
        let (phase, detail) = (context.timeline.phase(), ignored.in_words());
        Err(Failure::TimedOut { cut, phase, detail, last: None, log: None, place: None })
    })
}

async fn ask_in_turn(
    question: &DnsQuestion,
    ignored: &mut Ignored,
    context: &Context,
) -> Result<DnsAnswer, Failure> {
    context.timeline.enter(Phase::Query);
    let Servers { addresses, patience } = question.resolver.servers().await?;
    // The result if none of the remaining servers knows more.
    let mut said: Result<(SocketAddr, Message), Option<Failure>> = Err(None);
    for (index, server) in addresses.iter().copied().enumerate() {
        context.timeline.set_address(&server);
        context.trace(Direction::Sent, || {
            message!("{} {} to {}", question.name, question.record_type.name(), server)
        });
        let others = u32::try_from(addresses.len() - index - 1).unwrap_or(u32::MAX);
        let asking = Asking { question, server, context };
        let answer = if others == 0 && said.is_err() {
            asking.ask(ignored).await
        } else {
            // The time is divided so that the other servers can still be asked.
            let patience = patience.min(context.deadline.remaining() / (others + 2));
            match Deadline::after(patience, BudgetScope::Check).bound(asking.ask(ignored)).await {
                Ok(answer) => answer,
                Err(_) => continue,
            }
        };
        match answer {
            Ok(message) if could_not_say(message.rcode) => said = Ok((server, message)),
            Ok(message) => {
                said = Ok((server, message));
                break;
            }
            Err(no_answer) if said.is_err() => said = Err(Some(no_answer.into_failure(server))),
            Err(_) => {}
        }
    }
    match said {
        Ok((server, Message { rcode, records, .. })) => {
            context.timeline.set_address(&server);
            context.timeline.end();
            let (question, took) = (question.clone(), context.timeline.elapsed());
            Ok(DnsAnswer { question, server, rcode, records, took })
        }
        Err(Some(failure)) => Err(failure),
        // No server answered in time, not even the last one.
        Err(None) => std::future::pending().await,
    }
}

/// Whether another server may know more. The C library asks the next server in these cases, too.
fn could_not_say(rcode: Rcode) -> bool {
    [Rcode::SERVFAIL, Rcode::NOTIMP, Rcode::REFUSED].contains(&rcode)
}
