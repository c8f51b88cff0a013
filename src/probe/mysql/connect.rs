//! Connecting to MySQL: the socket or host, TLS according to `ssl-mode`, the login, and a second connection that kills
//! the query of the first.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::auth::{Credentials, Login, Transport, first_method};
use super::fault;
use super::frames::Frames;
use super::packets::{Greeting, Introduction, Refusal, capability};
use super::url::{MysqlUrl, SslMode};
use super::wire::Wire;
use crate::attempt::Context;
use crate::attempt::timeline::Timeline;
use crate::deadline::{BudgetScope, Deadline};
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::socket::{Endpoint, Socket};
use crate::probe::trust::{Trust, Verify};
use crate::secret::message;

/// How long closing a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(100);

/// A logged-in connection.
pub(super) struct Connection {
    pub wire: Wire,
    pub is_mariadb: bool,
    /// The server's ID of the connection.
    number: u32,
    way: Arc<Way>,
}

/// Everything needed to connect, also for a second connection.
struct Way {
    url: MysqlUrl,
    tls: Option<Tls>,
    public_key: Option<Vec<u8>>,
    program: String,
}

struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    verify: Verify,
}

/// Connects and logs in.
///
/// # Errors
/// Fails if there is no connection, or if the login is refused.
pub(super) async fn connect(
    url: MysqlUrl,
    program: String,
    context: &Context,
) -> Result<Connection, Failure> {
    let tls = match (url.ssl_mode, url.host()) {
        // Like other clients, smoke does not encrypt a connection that stays on this machine.
        (SslMode::Disabled, _) | (_, None) => None,
        (_, Some(host)) => Some(tls_towards(host, &url, context).await?),
    };
    let public_key = match &url.public_key {
        Some(path) => Some(fault::public_key(path)?),
        None => None,
    };
    let way = Arc::new(Way { url, tls, public_key, program });
    let socket = way.url.endpoint.open().await?;
    let (wire, greeting) = way.log_in(socket, &context.timeline).await?;
    Ok(Connection { wire, is_mariadb: greeting.is_mariadb(), number: greeting.connection, way })
}

async fn tls_towards(host: &str, url: &MysqlUrl, context: &Context) -> Result<Tls, Failure> {
    let options = url.tls()?;
    let config = context.run.shared::<Trust>().config(&options).await?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| {
        let doing = message!("the TLS handshake with {}", url.endpoint);
        Failure::fault(Fault::Template, doing, message!("{}", error))
    })?;
    Ok(Tls { config, name, verify: options.verify })
}

impl Way {
    fn endpoint(&self) -> &Endpoint {
        &self.url.endpoint
    }

    async fn log_in(&self, socket: Socket, timeline: &Timeline) -> Result<(Wire, Greeting), Failure> {
        let broken = |error: io::Error, phase| fault::broken(&error, self.endpoint(), phase);
        // The server speaks first.
        timeline.enter(Phase::Authenticate);
        let mut frames = Frames::new(Box::new(socket));
        let packet = frames.greeting().await.map_err(|error| broken(error, Phase::Authenticate))?;
        if let Some((0xff, rest)) = packet.split_first() {
            let refusal = Refusal::read(rest).map_err(|error| broken(error, Phase::Authenticate))?;
            return Err(fault::refused(&refusal, self.endpoint()));
        }
        let greeting = Greeting::read(&packet).map_err(|error| broken(error, Phase::Authenticate))?;
        if !greeting.has(capability::PROTOCOL_41) || !greeting.has(capability::SECURE_CONNECTION) {
            return Err(fault::too_old(&greeting.version, self.endpoint()));
        }
        let tls = self.tls.as_ref().filter(|_| greeting.has(capability::TLS));
        if tls.is_none()
            && !matches!(self.url.ssl_mode, SslMode::Disabled | SslMode::Preferred)
            && self.tls.is_some()
        {
            return Err(fault::no_tls(self.endpoint()));
        }
        let mut introduction = Introduction {
            user: &self.url.user,
            database: self.url.database.as_deref(),
            plugin: first_method(&greeting.plugin),
            response: &[],
            program: &self.program,
        };
        if let Some(tls) = tls {
            timeline.enter(Phase::Tls);
            frames = self.secure(frames, tls, introduction.request_tls(&greeting), timeline).await?;
            timeline.enter(Phase::Authenticate);
        }
        let over_tls = if tls.is_some() { capability::TLS } else { 0 };
        let refused = |error| fault::login(error, self.endpoint(), tls.is_some());
        let credentials = self.credentials(tls);
        let mut login =
            Login::begin(credentials, introduction.plugin, greeting.challenge.clone()).map_err(refused)?;
        let response = login.first_response().map_err(refused)?;
        introduction.response = &response;
        frames.put(&introduction.write(&greeting, over_tls));
        let done = login.finish(&mut frames).await.map_err(refused)?;
        Ok((Wire::new(frames, done.status), greeting))
    }

    fn credentials(&self, tls: Option<&Tls>) -> Credentials<'_> {
        let transport = match (tls, self.url.host()) {
            (Some(Tls { verify: Verify::Full | Verify::Chain, .. }), _) => Transport::VerifiedTls,
            (Some(Tls { verify: Verify::Nothing, .. }), _) => Transport::Tls,
            (None, None) => Transport::Socket,
            (None, Some(_)) => Transport::Clear,
        };
        Credentials {
            password: &self.url.password,
            public_key: self.public_key.as_deref(),
            key_exchange: self.url.key_exchange,
            transport,
        }
    }

    async fn secure(
        &self,
        mut frames: Frames,
        tls: &Tls,
        request: Vec<u8>,
        timeline: &Timeline,
    ) -> Result<Frames, Failure> {
        let broken = |error: io::Error| fault::broken(&error, self.endpoint(), Phase::Tls);
        frames.put(&request);
        frames.send().await.map_err(broken)?;
        let (stream, number) = frames.into_stream().map_err(broken)?;
        let connector = TlsConnector::from(Arc::clone(&tls.config));
        let secured = connector.connect(tls.name.clone(), stream).await.map_err(|error| {
            let doing = message!("the TLS handshake with {}", self.endpoint());
            crate::probe::tls::io_failure(doing, &error, timeline.certificate().as_ref())
        })?;
        Ok(Frames::secured(Box::new(secured), number))
    }

    /// Kills the query that connection `number` runs.
    async fn kill(&self, number: u32, address: Option<String>) -> Result<(), Failure> {
        let endpoint = self.endpoint();
        let broken = |error: io::Error| fault::broken(&error, endpoint, Phase::Connect);
        let socket = endpoint.open_again(address).await.map_err(broken)?;
        let (mut wire, _) = self.log_in(socket, &Timeline::default()).await?;
        wire.query(&format!("kill query {number}"), |_, _| ()).await.map_err(broken)?;
        wire.say_good_bye().await;
        Ok(())
    }
}

impl Connection {
    /// Tells the server that the connection ends. Waits only for that.
    pub async fn say_good_bye(self) {
        let _ = Deadline::after(CLOSE_TIMEOUT, BudgetScope::Grace).bound(self.wire.say_good_bye()).await;
    }

    /// Returns a request that kills the query of this connection.
    pub fn kill_request(&self, context: &Context) -> BoxFuture<'static, ()> {
        let (way, number) = (Arc::clone(&self.way), self.number);
        let address = context.timeline.address();
        Box::pin(async move {
            // The check's timeline has ended, so this needs its own. Nobody is left to learn of a failure; the server's
            // own limit then ends the statement.
            let _ = Arc::new(Timeline::default()).observe(way.kill(number, address)).await;
        })
    }
}
