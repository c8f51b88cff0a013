//! A stream to a server: TCP, or a local socket.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::dial::{self, Target};
use crate::outcome::Failure;

/// The location of a server.
#[derive(Debug, Clone)]
pub enum Endpoint {
    Tcp(Target),
    #[cfg(unix)]
    Socket {
        path: std::path::PathBuf,
        /// The port to use where one is required, such as in a password file.
        port: u16,
    },
}

/// A stream to a server.
#[derive(Debug)]
pub enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Endpoint {
    pub fn port(&self) -> u16 {
        match self {
            Endpoint::Tcp(target) => target.port,
            #[cfg(unix)]
            Endpoint::Socket { port, .. } => *port,
        }
    }

    /// Connects to the server.
    ///
    /// # Errors
    /// Fails if the name does not resolve, if there is no such socket, or if nothing listens.
    pub async fn open(&self) -> std::result::Result<Socket, Failure> {
        match self {
            Endpoint::Tcp(target) => dial::connect(target).await.map(Socket::Tcp),
            #[cfg(unix)]
            Endpoint::Socket { path, .. } => dial::connect_to_socket(path).await.map(Socket::Unix),
        }
    }

    /// Connects to the same address as before rather than to the name, because another address may be another server.
    ///
    /// # Errors
    /// Fails if nothing listens there any more.
    pub async fn open_again(&self, address: Option<String>) -> Result<Socket> {
        match self {
            Endpoint::Tcp(target) => {
                let address = address.unwrap_or_else(|| target.to_string());
                TcpStream::connect(address).await.map(Socket::Tcp)
            }
            #[cfg(unix)]
            Endpoint::Socket { path, .. } => tokio::net::UnixStream::connect(path).await.map(Socket::Unix),
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Endpoint::Tcp(target) => target.fmt(f),
            #[cfg(unix)]
            Endpoint::Socket { path, .. } => path.display().fmt(f),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_flush(context),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        match self.get_mut() {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            #[cfg(unix)]
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
