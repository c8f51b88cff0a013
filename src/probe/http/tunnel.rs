//! Tunnels through a proxy, for proxies that the library does not accept: it accepts only a 200, and does not report
//! any other response. Any 2xx opens a tunnel (RFC 9110, section 9.3.6).
//!
//! So the proxy is asked again here. Instead of the proxy, the library gets a relay in this process, which forwards the
//! data of the tunnel.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper_util::client::proxy::matcher::Intercept;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::probe::dial::{self, Target};

/// The maximum size of the head of a request or a response, in bytes.
const LONGEST_HEAD: usize = 64 << 10;

/// The tunnels of a set of clients. They end together with the clients.
#[derive(Debug, Default)]
pub(super) struct Tunnels(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    relays: HashMap<String, Relay>,
    tasks: JoinSet<()>,
}

/// A proxy in this process that stands in for another one.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    /// The URL of the relay, for the library.
    pub url: String,
    refused: Arc<Mutex<Option<String>>>,
}

impl Relay {
    /// Returns the status with which the proxy last refused a tunnel: `403 Forbidden`.
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Tunnels {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the relay to this proxy, if there already is one.
    pub fn known(&self, proxy: &Intercept) -> Option<Relay> {
        self.open().relays.get(&key(proxy)?).cloned()
    }

    /// Returns the relay to this proxy, starting it if necessary. Returns `None` if the proxy's URL is not `http://`,
    /// or if the relay cannot listen.
    pub async fn relay(&self, proxy: &Intercept) -> Option<Relay> {
        let key = key(proxy)?;
        if let Some(known) = self.open().relays.get(&key) {
            return Some(known.clone());
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.ok()?;
        let address = listener.local_addr().ok()?;
        // Other users of this machine must not use the relay with the suite's credentials.
        let pass = uuid::Uuid::new_v4().simple().to_string();
        let refused = Arc::default();
        let relay = Relay { url: format!("http://smoke:{pass}@{address}"), refused: Arc::clone(&refused) };
        let to = To { proxy: proxy_target(proxy)?, credentials: credentials(proxy), refused };
        let mut open = self.open();
        // Why: the relay must live as long as the connections through it. It ends with the clients, which own this set.
        open.tasks.spawn(serve(listener, Arc::new(to), expected_credentials(&pass)));
        open.relays.insert(key, relay.clone());
        Some(relay)
    }
}

/// Returns what identifies a proxy, or `None` if its URL is not `http://`.
fn key(proxy: &Intercept) -> Option<String> {
    let is_clear = proxy.uri().scheme_str() == Some("http");
    is_clear.then(|| format!("{} {}", proxy.uri(), credentials(proxy).unwrap_or_default()))
}

fn credentials(proxy: &Intercept) -> Option<String> {
    proxy.basic_auth().and_then(|header| header.to_str().ok()).map(str::to_owned)
}

fn proxy_target(proxy: &Intercept) -> Option<Target> {
    let uri = proxy.uri();
    let host = uri.host()?.trim_matches(['[', ']']).to_owned();
    Some(Target { host, port: uri.port_u16().unwrap_or(80) })
}

/// Returns the credentials that the library sends to the relay.
fn expected_credentials(pass: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("smoke:{pass}"));
    format!("basic {encoded}")
}

/// The destination of a relay.
#[derive(Debug)]
struct To {
    proxy: Target,
    credentials: Option<String>,
    refused: Arc<Mutex<Option<String>>>,
}

async fn serve(listener: TcpListener, to: Arc<To>, expected: String) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (to, expected) = (Arc::clone(&to), expected.clone());
        // Why: the task ends with the set, which ends with the relay. Errors are seen at the other end.
        connections.spawn(async move {
            let _ = hand_on(stream, &to, &expected).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Opens a tunnel for one client, and forwards its data.
async fn hand_on(mut client: TcpStream, to: &To, expected: &str) -> io::Result<()> {
    let (question, _) = head_of(&mut client).await?;
    let is_expected = header(&question, "proxy-authorization")
        .is_some_and(|value| value.to_lowercase() == expected.to_lowercase());
    let Some(("CONNECT", rest)) = question.split_once(' ').filter(|_| is_expected) else {
        return Ok(());
    };
    let authority = rest.split(' ').next().unwrap_or_default();
    let mut proxy = dial::dial(&to.proxy).await.map_err(|error| io::Error::other(format!("{error:?}")))?;
    let mut ask = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(credentials) = &to.credentials {
        ask += &format!("Proxy-Authorization: {credentials}\r\n");
    }
    proxy.write_all(format!("{ask}\r\n").as_bytes()).await?;
    let (answer, early) = head_of(&mut proxy).await?;
    let status = answer.lines().next().and_then(|line| line.split_once(' ')).map_or("", |(_, status)| status);
    if !status.starts_with('2') {
        *to.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(status.trim().to_owned());
        return client.write_all(b"HTTP/1.1 502 Refused\r\ncontent-length: 0\r\n\r\n").await;
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    client.write_all(&early).await?;
    tokio::io::copy_bidirectional(&mut client, &mut proxy).await.map(drop)
}

/// Reads the head of a message. Returns it with the bytes that came after it.
async fn head_of(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    const END: &[u8] = b"\r\n\r\n";
    let mut read = Vec::new();
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(at) = read.windows(END.len()).position(|piece| piece == END) {
            let behind = read.split_off(at + END.len());
            return Ok((String::from_utf8_lossy(&read).into_owned(), behind));
        }
        if read.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
