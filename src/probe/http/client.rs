//! HTTP clients, one per route, shared by all requests on that route.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower_layer::Layer;
use tower_service::Service;

use super::proxy::{Proxy, not_a_proxy};
use super::tunnel::Tunnels;
use crate::attempt::single_flight::SingleFlight;
use crate::attempt::timeline::mark;
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::trust::{TlsOptions, Trust};
use crate::secret::message;

/// Whether a connection serves one request, or all requests on the same route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// A check proves that connecting works: name, route and handshake.
    FreshConnections,
    /// A journey keeps its connections, as a browser does.
    KeepAlive,
}

/// The HTTP version that a suite may require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    One,
    Two,
}

/// How a request connects.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub tls: TlsOptions,
    /// Addresses that replace a name resolution, by host.
    pub resolve: Vec<(String, SocketAddr)>,
    pub proxy: Proxy,
    pub version: Option<HttpVersion>,
}

/// Creates and caches clients.
#[derive(Debug)]
pub struct Clients {
    pooling: Pooling,
    made: SingleFlight<Route, reqwest::Client>,
    /// The number of connections started.
    connections: Arc<AtomicUsize>,
    /// The ways through proxies that the library finds none through.
    pub(super) tunnels: Tunnels,
}

/// The clients that the health checks of a run share. Each request uses a new connection.
#[derive(Debug)]
pub struct RunClients(pub Clients);

impl Default for RunClients {
    fn default() -> RunClients {
        RunClients(Clients::new(Pooling::FreshConnections))
    }
}

impl Clients {
    pub fn new(pooling: Pooling) -> Clients {
        Clients {
            pooling,
            made: SingleFlight::default(),
            connections: Arc::default(),
            tunnels: Tunnels::default(),
        }
    }

    /// Returns the presumable first phase of a request: a kept connection is not established again.
    pub(super) fn first_phase(&self) -> Phase {
        match self.pooling {
            Pooling::FreshConnections => Phase::Connect,
            Pooling::KeepAlive => Phase::FirstByte,
        }
    }

    /// Returns the client for `route`.
    pub(super) async fn client(&self, route: &Route, trust: &Trust) -> Result<reqwest::Client, Failure> {
        self.made.get(route, || self.build(route, trust)).await
    }

    /// Replaces the client for `route`, which drops its kept connections. The next request opens a new one.
    pub(super) async fn renewed(&self, route: &Route, trust: &Trust) -> Result<reqwest::Client, Failure> {
        match self.pooling {
            Pooling::FreshConnections => {}
            Pooling::KeepAlive => self.made.forget(route),
        }
        self.client(route, trust).await
    }

    /// Returns the number of connections started so far. If a request does not change it, a kept connection was used.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    async fn build(&self, route: &Route, trust: &Trust) -> Result<reqwest::Client, Failure> {
        let tls = trust.config(&route.tls).await?;
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .tls_backend_preconfigured((*tls).clone())
            .dns_resolver(Arc::new(WatchedResolver))
            .connector_layer(WatchConnect { connections: Arc::clone(&self.connections) })
            // curl and browsers accept both.
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_max_headers(MOST_HEADERS)
            .http2_max_header_list_size(LONGEST_HEAD)
            .tls_info(true)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            // The budget detects a dead peer.
            .tcp_keepalive(None)
            .tcp_keepalive_interval(None)
            .tcp_keepalive_retries(None);
        if self.pooling == Pooling::FreshConnections {
            builder = builder.pool_max_idle_per_host(0);
        }
        for (host, address) in &route.resolve {
            builder = builder.resolve(host, *address);
        }
        builder = match route.version {
            None => builder,
            Some(HttpVersion::One) => builder.http1_only(),
            Some(HttpVersion::Two) => builder.http2_prior_knowledge(),
        };
        builder = match &route.proxy {
            Proxy::OfEnvironment => builder,
            Proxy::Without => builder.no_proxy(),
            Proxy::At(proxy) => {
                builder.no_proxy().proxy(reqwest::Proxy::all(proxy).map_err(|_| not_a_proxy(proxy))?)
            }
        };
        // No connect timeout, because only budgets limit time.
        builder.build().map_err(|error| {
            let doing = message!("setting up the HTTP client");
            Failure::fault(Fault::Internal, doing, message!("{}", error))
        })
    }
}

/// Connections that were idle for longer are not reused. Servers close theirs after a few seconds, and a request sent
/// at that moment is lost although the server is fine.
const IDLE: Duration = Duration::from_secs(1);

/// The most headers of a response. hyper's default is 100, and it allocates all of them for each response: with 1,000,
/// a run of a thousand checks takes a seventh more memory.
pub(super) const MOST_HEADERS: usize = 256;

/// The longest response head over HTTP/2 in bytes, the same as over HTTP/1.1.
const LONGEST_HEAD: u32 = 400 << 10;

/// The system's resolver, observed by the timeline.
struct WatchedResolver;

/// A failed name resolution, distinguishable from all other errors.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(super) struct NameError {
    pub name: String,
    pub source: std::io::Error,
}

impl Resolve for WatchedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        mark(Phase::Dns);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let looked_up = tokio::net::lookup_host((host.as_str(), 0)).await.map(Vec::from_iter);
            match looked_up {
                Ok(addresses) => {
                    mark(Phase::Connect);
                    Ok(Box::new(addresses.into_iter()) as Addrs)
                }
                Err(source) => Err(Box::new(NameError { name: host, source }) as _),
            }
        })
    }
}

/// Tells the timeline when connecting starts and when the request is sent, and counts connections.
#[derive(Clone)]
struct WatchConnect {
    connections: Arc<AtomicUsize>,
}

impl<S> Layer<S> for WatchConnect {
    type Service = WatchedConnect<S>;

    fn layer(&self, inner: S) -> WatchedConnect<S> {
        WatchedConnect { inner: Arc::new((inner, Arc::clone(&self.connections))) }
    }
}

/// reqwest clones its connector several times per request, with everything in it. Here that is one `Arc`.
struct WatchedConnect<S> {
    inner: Arc<(S, Arc<AtomicUsize>)>,
}

impl<S> Clone for WatchedConnect<S> {
    fn clone(&self) -> WatchedConnect<S> {
        WatchedConnect { inner: Arc::clone(&self.inner) }
    }
}

impl<S, Target> Service<Target> for WatchedConnect<S>
where
    S: Service<Target> + Clone + Send + 'static,
    S::Future: Send,
    Target: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Target) -> Self::Future {
        mark(Phase::Connect);
        let (inner, connections) = &*self.inner;
        connections.fetch_add(1, Ordering::Relaxed);
        let mut inner = inner.clone();
        Box::pin(async move {
            poll_fn(|poller| inner.poll_ready(poller)).await?;
            let connection = inner.call(target).await?;
            mark(Phase::FirstByte);
            Ok(connection)
        })
    }
}
