//! Logins as a superuser, whom a read-only transaction does not restrict completely.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::attempt::Context;
use crate::probe::socket::Endpoint;
use crate::secret::message;

/// The servers and roles with a warning. One warning suffices for all checks of a run.
#[derive(Debug, Default)]
struct Warned(Mutex<BTreeSet<(String, String)>>);

/// Warns that `role` is a superuser, once per server and role.
pub(super) fn warn(role: &str, endpoint: &Endpoint, context: &Context) {
    let warned = context.run.shared::<Warned>();
    let is_new = {
        let mut known = warned.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((endpoint.to_string(), role.to_owned()))
    };
    if is_new {
        let warning = message!(
            "the role `{}` of {} is a superuser, whom a read-only transaction does not keep from everything: log in as a role that may read what the checks ask for, and nothing else",
            role,
            endpoint
        );
        context.timeline.warn(warning);
    }
}

/// What a server reports about itself and the session at login.
pub(super) struct Reported {
    /// Whether it is the console of pgbouncer, which reports its own version as the server's.
    pub is_console: bool,
    pub is_superuser: bool,
}

impl Reported {
    pub fn by<S, T>(connection: &tokio_postgres::Connection<S, T>) -> Reported
    where
        S: AsyncRead + AsyncWrite + Unpin,
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let version = connection.parameter("server_version");
        Reported {
            is_console: version.is_some_and(|version| version.ends_with("/bouncer")),
            is_superuser: connection.parameter("is_superuser") == Some("on"),
        }
    }
}
