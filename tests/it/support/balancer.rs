//! A real load balancer, which forwards each connection to a random server.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::background::Background;

/// The balancer. Dropping it closes every connection.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    servers: Servers,
    _background: Background,
}

type Servers = Arc<Mutex<Vec<SocketAddr>>>;

impl Balancer {
    /// Balances on a free port.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(servers: &[SocketAddr]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen on a free port");
        listener.set_nonblocking(true).expect("listen without blocking");
        let address = listener.local_addr().expect("know the port");
        let servers: Servers = Arc::new(Mutex::new(servers.to_vec()));
        let background = Background::start(serve(listener, Arc::clone(&servers)));
        Self { address, servers, _background: background }
    }

    /// Forwards new connections to these servers from now on.
    pub fn change(&self, servers: &[SocketAddr]) {
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = servers.to_vec();
    }

    /// The URL of this path, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn serve(listener: TcpListener, servers: Servers) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("hand the listener over");
    loop {
        // This fails only for lack of file descriptors, which may be temporary.
        let Ok((mut client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        let server = pick(&servers.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::spawn(async move {
            let Ok(mut server) = TcpStream::connect(server).await else { return };
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

/// Picks a random server. Each hasher of the standard library has its own random key.
fn pick(servers: &[SocketAddr]) -> SocketAddr {
    let number = u64::try_from(servers.len()).expect("few servers");
    let random = RandomState::new().hash_one(0) % number;
    servers[usize::try_from(random).expect("few servers")]
}
