//! Faulty servers.

mod bomb;
mod http;
mod postgres;
mod tls;

use std::future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime;

use super::background::Background;

/// The pause after each byte of a server that sends one at a time.
pub const BYTE_EVERY: Duration = Duration::from_millis(50);

/// How the server is faulty.
///
/// In protocols in which the client speaks first, the faults of HTTP, TLS and PostgreSQL wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Accepts, reads, and never sends a byte.
    Mute,
    /// Its backlog is full: the connection is never established (on Linux).
    NeverAccept,
    /// Resets every connection at its first byte; any earlier, the client might not see it established.
    Reset,
    /// Closes every connection as soon as it is established.
    CloseAtOnce,

    /// HTTP: a header that never ends, a byte every [`BYTE_EVERY`].
    SlowHeader,
    /// HTTP: headers that never end, as fast as they are read.
    EndlessHeader,
    /// HTTP: a body that never ends, a byte every [`BYTE_EVERY`].
    SlowBody,
    /// HTTP: a body that never ends, as fast as it is read.
    EndlessBody,
    /// HTTP: 10 bytes of a `content-length` of 1,000, then an orderly close.
    TruncatedBody,
    /// HTTP: 10 bytes of a `content-length` of 1,000, then a reset.
    ResetInBody,
    /// HTTP: 4 KiB of garbage as the response.
    Garbage,
    /// Not HTTP at all: the banner of an SSH server, then silence.
    SshBanner,
    /// HTTP: 256 MiB of zeros as 256 KiB of gzip.
    CompressedBomb,
    /// HTTP: every path redirects to another one of this server.
    RedirectLoop,
    /// HTTP: every path redirects to this URL.
    RedirectTo(String),

    /// TLS: begins its server hello and stalls.
    StalledTls,
    /// TLS: answers the client hello with garbage.
    TlsGarbage,

    /// PostgreSQL: declines TLS, then never answers the start-up message.
    PostgresMute,
    /// PostgreSQL: accepts TLS, then never starts the handshake.
    PostgresStalledTls,
    /// PostgreSQL: requests a SCRAM login, then stalls.
    PostgresStalledLogin,
    /// PostgreSQL: accepts every login, then never answers a query.
    PostgresStalledQuery,
    /// PostgreSQL: answers the start-up message with garbage.
    PostgresGarbage,
}

impl Fault {
    /// Every fault, with `elsewhere` as the target of [`Fault::RedirectTo`].
    #[must_use]
    pub fn every(elsewhere: &str) -> Vec<Self> {
        vec![
            Self::Mute,
            Self::NeverAccept,
            Self::Reset,
            Self::CloseAtOnce,
            Self::SlowHeader,
            Self::EndlessHeader,
            Self::SlowBody,
            Self::EndlessBody,
            Self::TruncatedBody,
            Self::ResetInBody,
            Self::Garbage,
            Self::SshBanner,
            Self::CompressedBomb,
            Self::RedirectLoop,
            Self::RedirectTo(elsewhere.to_owned()),
            Self::StalledTls,
            Self::TlsGarbage,
            Self::PostgresMute,
            Self::PostgresStalledTls,
            Self::PostgresStalledLogin,
            Self::PostgresStalledQuery,
            Self::PostgresGarbage,
        ]
    }

    /// Returns the scheme of the URL that triggers the fault.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Mute
            | Self::NeverAccept
            | Self::Reset
            | Self::CloseAtOnce
            | Self::SlowHeader
            | Self::EndlessHeader
            | Self::SlowBody
            | Self::EndlessBody
            | Self::TruncatedBody
            | Self::ResetInBody
            | Self::Garbage
            | Self::SshBanner
            | Self::CompressedBomb
            | Self::RedirectLoop
            | Self::RedirectTo(_) => "http",
            Self::StalledTls | Self::TlsGarbage => "https",
            Self::PostgresMute
            | Self::PostgresStalledTls
            | Self::PostgresStalledLogin
            | Self::PostgresStalledQuery
            | Self::PostgresGarbage => "postgres",
        }
    }

    /// Serves one client until the fault is complete or the client disconnects.
    async fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        match self {
            Self::Mute | Self::NeverAccept => read_to_end(&mut stream).await,
            Self::Reset => {
                stream.read_u8().await?;
                stream.set_zero_linger()
            }
            Self::CloseAtOnce => stream.shutdown().await,
            Self::SlowHeader => http::slow_header(stream).await,
            Self::EndlessHeader => http::endless_header(stream).await,
            Self::SlowBody => http::slow_body(stream).await,
            Self::EndlessBody => http::endless_body(stream).await,
            Self::TruncatedBody => http::truncated_body(stream).await,
            Self::ResetInBody => http::reset_in_body(stream).await,
            Self::Garbage => http::garbage(stream).await,
            Self::SshBanner => http::ssh_banner(stream).await,
            Self::CompressedBomb => http::compressed_bomb(stream).await,
            Self::RedirectLoop => http::redirect_loop(stream).await,
            Self::RedirectTo(url) => http::redirect(stream, url).await,
            Self::StalledTls => tls::stalled(stream).await,
            Self::TlsGarbage => tls::garbage(stream).await,
            Self::PostgresMute => postgres::mute(stream).await,
            Self::PostgresStalledTls => postgres::stalled_tls(stream).await,
            Self::PostgresStalledLogin => postgres::stalled_login(stream).await,
            Self::PostgresStalledQuery => postgres::stalled_query(stream).await,
            Self::PostgresGarbage => postgres::garbage(stream).await,
        }
    }
}

/// A server with one fault. Dropping it stops it and closes every connection.
#[derive(Debug)]
pub struct FaultServer {
    address: SocketAddr,
    scheme: &'static str,
    connections: Arc<AtomicUsize>,
    _background: Background,
}

impl FaultServer {
    /// Listens on a free port.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn start(fault: Fault) -> Self {
        let scheme = fault.scheme();
        let listener = listen(if fault == Fault::NeverAccept { 0 } else { 1024 });
        let address = listener.local_addr().expect("know the port");
        let connections = Arc::new(AtomicUsize::new(0));
        let background = if fault == Fault::NeverAccept {
            let queue = fill_backlog(address);
            Background::start(async move {
                let _held = (listener, queue);
                future::pending::<()>().await;
            })
        } else {
            Background::start(serve(listener, Arc::new(fault), Arc::clone(&connections)))
        };
        Self { address, scheme, connections, _background: background }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a URL that triggers the fault: `http://127.0.0.1:1/`, `https://localhost:2/`,
    /// `postgres://smoke:secret@127.0.0.1:3/smoke`.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.address.port();
        match self.scheme {
            "postgres" => format!("postgres://smoke:secret@127.0.0.1:{port}/smoke"),
            "https" => format!("https://localhost:{port}/"),
            scheme => format!("{scheme}://127.0.0.1:{port}/"),
        }
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The standard library cannot set the backlog; tokio can, inside a runtime.
fn listen(backlog: u32) -> std::net::TcpListener {
    let runtime = runtime::Builder::new_current_thread().enable_io().build().expect("build a runtime");
    let listener = {
        let _inside = runtime.enter();
        let socket = TcpSocket::new_v4().expect("open a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("bind a free port");
        let listener = socket.listen(backlog).expect("listen");
        listener.into_std().expect("take the listener out of the runtime")
    };
    // A runtime must not be dropped in an async context, and the test may be one.
    runtime.shutdown_background();
    listener
}

/// Connects until the kernel ignores a connection, and keeps those it accepted.
fn fill_backlog(address: SocketAddr) -> Vec<std::net::TcpStream> {
    let patience = Duration::from_millis(200);
    let connect = || std::net::TcpStream::connect_timeout(&address, patience).ok();
    std::iter::from_fn(connect).take(64).collect()
}

async fn serve(listener: std::net::TcpListener, fault: Arc<Fault>, connections: Arc<AtomicUsize>) {
    let listener = TcpListener::from_std(listener).expect("hand the listener over");
    loop {
        // This fails only for lack of file descriptors, which may be temporary.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        connections.fetch_add(1, Ordering::SeqCst);
        let fault = Arc::clone(&fault);
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            // A client may give up and disconnect.
            let _ = fault.converse(stream).await;
        });
    }
}

/// Reads until the client closes: a socket closed with unread bytes would send a
/// reset, which is another fault.
async fn read_to_end(stream: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 4096];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

/// Closes the sending side, and waits for the client to close.
async fn close(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    read_to_end(&mut stream).await
}

/// The same 4 KiB of garbage every time, not a valid beginning of any protocol here.
fn noise() -> Vec<u8> {
    let mut state: u32 = 0x5EED_CAFE;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0] | 0x80
    };
    (0..4096).map(|_| next()).collect()
}
