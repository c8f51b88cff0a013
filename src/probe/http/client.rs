//! HTTP clients: one for each way to connect, shared by the requests that connect that way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connect::Connector;
use super::proxy::Proxy;
use super::request::ResolveOverride;
use crate::attempt::single_flight::SingleFlight;
use crate::outcome::{Failure, Phase};
use crate::probe::dial::Target;
use crate::probe::trust::{TlsOptions, Trust};

/// Is a connection used for one request, or for as many as go the same way?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// A check proves that one can connect: name, route, handshake.
    FreshConnections,
    /// A journey goes on as a browser does.
    KeepAlive,
}

/// The version that a suite may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    One,
    Two,
}

/// How a request connects.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub tls: TlsOptions,
    /// Addresses that take the place of what a URL names.
    pub resolve: Vec<ResolveOverride>,
    pub proxy: Proxy,
    pub version: Option<HttpVersion>,
    /// What the URL names, where the server is asked for another host than that.
    pub asked_as_another: Option<Target>,
}

impl Route {
    /// The host and port that the URL of a request names, whatever its `Host` says.
    pub(super) fn named(&self, uri: &Uri) -> Target {
        match &self.asked_as_another {
            Some(named) => named.clone(),
            None => {
                let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
                let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                Target { host, port: uri.port_u16().unwrap_or(default) }
            }
        }
    }
}

/// Makes and keeps clients.
#[derive(Debug)]
pub struct Clients {
    pooling: Pooling,
    made: SingleFlight<Route, Client>,
    /// How many connections were begun.
    connections: Arc<AtomicUsize>,
}

/// The clients that the health checks of a run share. Each request has a connection of its own.
#[derive(Debug)]
pub struct RunClients(pub Clients);

impl Default for RunClients {
    fn default() -> RunClients {
        RunClients(Clients::new(Pooling::FreshConnections))
    }
}

impl Clients {
    pub fn new(pooling: Pooling) -> Clients {
        Clients { pooling, made: SingleFlight::default(), connections: Arc::default() }
    }

    /// The phase a request begins in, for all that is known: a connection that was kept is not made again.
    pub(super) fn first_phase(&self) -> Phase {
        match self.pooling {
            Pooling::FreshConnections => Phase::Connect,
            Pooling::KeepAlive => Phase::FirstByte,
        }
    }

    /// The client for `route`.
    pub(super) async fn client(&self, route: &Route, trust: &Trust) -> Result<Client, Failure> {
        self.made.get(route, || self.build(route, trust)).await
    }

    /// The client for `route` from now on, without the connections that were kept: its next request makes one.
    pub(super) async fn renewed(&self, route: &Route, trust: &Trust) -> Result<Client, Failure> {
        match self.pooling {
            Pooling::FreshConnections => {}
            Pooling::KeepAlive => self.made.forget(route),
        }
        self.client(route, trust).await
    }

    /// How many connections were begun until now. As many after a request as before it: one that was kept was used.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    async fn build(&self, route: &Route, trust: &Trust) -> Result<Client, Failure> {
        let tls = trust.config(&route.tls).await?;
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .retry_canceled_requests(false)
            // curl and browsers take both.
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_max_headers(MOST_HEADERS)
            .http1_max_buf_size(LONGEST_HEAD)
            .http2_max_header_list_size(u32::try_from(LONGEST_HEAD).unwrap_or(u32::MAX))
            .http2_only(route.version == Some(HttpVersion::Two));
        if self.pooling == Pooling::FreshConnections {
            builder.pool_max_idle_per_host(0);
        }
        let connector = Connector::new(route.clone(), tls, Arc::clone(&self.connections));
        Ok(builder.build(connector))
    }
}

/// A client of the library.
pub(super) type Client = legacy::Client<Connector, Full<Bytes>>;

/// A connection that was idle for longer is not used again: servers close theirs after a few seconds, and a
/// request that is sent at that moment is lost without any fault of the server's.
const IDLE: Duration = Duration::from_secs(1);

/// How many headers an answer may have. The library without this takes 100, and has room for all of them made for each
/// answer: with 1,000, a run of a thousand checks takes a seventh more memory.
pub(super) const MOST_HEADERS: usize = 256;

/// How long the head of an answer may be, in bytes.
const LONGEST_HEAD: usize = 400 << 10;
