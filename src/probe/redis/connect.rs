//! Connecting to Redis: TCP, TLS or a local socket, then the login.

use std::time::Duration;

use super::login;
use super::url::{Place, RedisUrl};
use super::wire::Wire;
use crate::attempt::Context;
use crate::deadline::{BudgetScope, Deadline};
use crate::outcome::Failure;
use crate::probe::trust::TlsOptions;
use crate::probe::{dial, tls};

/// How long a graceful close may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(100);

/// A logged-in connection.
pub(super) struct Connection {
    pub wire: Wire,
    pub place: Place,
}

/// Connects to the server of `url` and logs in. `tls` applies where the URL says nothing.
///
/// # Errors
/// Fails if there is no connection, or if the login is refused.
pub(super) async fn connect(
    url: &RedisUrl,
    tls: TlsOptions,
    context: &Context,
) -> Result<Connection, Failure> {
    let password = login::password(url);
    if let Some(password) = &password {
        context.hide(password);
    }
    let wire = match (&url.place, &url.tls) {
        (Place::Tcp(target), None) => Wire::new(dial::connect(target).await?),
        (Place::Tcp(target), Some(own)) => {
            let options = own.options(tls, &context.run.suite_dir);
            // Boxed because it is large, and part of the future of every check.
            Wire::new(Box::pin(tls::connect_securely(&target.host, target, &options, None, context)).await?)
        }
        #[cfg(unix)]
        (Place::Socket(path), _) => Wire::new(dial::connect_to_socket(path).await?),
        #[cfg(not(unix))]
        (Place::Socket(_), _) => return Err(super::fault::no_sockets()),
    };
    let mut connection = Connection { wire, place: url.place.clone() };
    login::log_in(&mut connection, url, password, context).await?;
    Ok(connection)
}

impl Connection {
    /// Tells the server that the connection ends. Waits only for that.
    pub async fn close(self) {
        let _ = Deadline::after(CLOSE_TIMEOUT, BudgetScope::Grace).bound(self.wire.close()).await;
    }
}
