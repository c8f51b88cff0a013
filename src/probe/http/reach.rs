//! The addresses that a request could not reach. The HTTP library reports only one of them.

use std::time::Duration;

use url::Url;

use super::send::Wire;
use crate::attempt::Context;
use crate::outcome::{Failure, Fault};
use crate::probe::dial::{self, DialError, Target};

/// How long the addresses have to refuse a second time.
const ONCE_MORE: Duration = Duration::from_millis(500);

/// Returns `failure` extended by every address of the host, if none of them accepts connections.
pub(super) async fn of_each_address(failure: Failure, to: &Url, wire: &Wire, context: &Context) -> Failure {
    let is_connect = matches!(failure, Failure::Fault { fault: Fault::Connect, .. });
    let Some(url::Host::Domain(name)) = to.host().filter(|_| is_connect) else { return failure };
    if wire.route.proxy.address(&wire.url).is_some() {
        return failure;
    }
    let target = Target { host: name.to_owned(), port: to.port_or_known_default().unwrap_or(0) };
    let instead = wire.route.resolve.iter().find(|(host, _)| host == name).map(|(_, address)| *address);
    let dialling = async {
        match instead {
            Some(address) => dial::dial_any(vec![address]).await,
            None => dial::dial(&target).await,
        }
    };
    let limit = context.deadline.tighten(ONCE_MORE, context.deadline.scope());
    match limit.bound(dialling).await {
        Ok(Err(refused @ DialError::Refused(_))) => refused.into_failure(&target),
        // An address accepts connections now, or does not respond. Either way, the original failure stands.
        Ok(Ok(_) | Err(DialError::Name(_) | DialError::NoAddress)) | Err(_) => failure,
    }
}
