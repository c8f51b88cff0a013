//! Faulty PostgreSQL servers (protocol version 3).

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{close, noise, read_to_end};

/// A start-up message of this "version" is a request for TLS.
const SSL_REQUEST: i32 = 80_877_103;
/// A start-up message of this "version" asks to cancel another connection's query.
const CANCEL_REQUEST: i32 = 80_877_102;

pub(super) async fn mute(mut stream: TcpStream) -> io::Result<()> {
    start_up(&mut stream).await?;
    read_to_end(&mut stream).await
}

pub(super) async fn stalled_tls(mut stream: TcpStream) -> io::Result<()> {
    read_start_up(&mut stream).await?;
    stream.write_all(b"S").await?;
    read_to_end(&mut stream).await
}

pub(super) async fn stalled_login(mut stream: TcpStream) -> io::Result<()> {
    start_up(&mut stream).await?;
    let mut body = 10_i32.to_be_bytes().to_vec();
    body.extend_from_slice(b"SCRAM-SHA-256\0\0");
    stream.write_all(&message(b'R', &body)).await?;
    read_to_end(&mut stream).await
}

pub(super) async fn stalled_query(mut stream: TcpStream) -> io::Result<()> {
    start_up(&mut stream).await?;
    let authentication_ok = message(b'R', &0_i32.to_be_bytes());
    let server_version = message(b'S', b"server_version\x0015.0\0");
    let client_encoding = message(b'S', b"client_encoding\0UTF8\0");
    let key_for_cancelling = message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]);
    let ready_for_query = message(b'Z', b"I");
    let welcome =
        [authentication_ok, server_version, client_encoding, key_for_cancelling, ready_for_query].concat();
    stream.write_all(&welcome).await?;
    read_to_end(&mut stream).await
}

pub(super) async fn garbage(mut stream: TcpStream) -> io::Result<()> {
    start_up(&mut stream).await?;
    stream.write_all(&noise()).await?;
    close(stream).await
}

/// Reads the start-up message, and declines a preceding request for TLS.
async fn start_up(stream: &mut TcpStream) -> io::Result<()> {
    loop {
        match read_start_up(stream).await? {
            SSL_REQUEST => stream.write_all(b"N").await?,
            CANCEL_REQUEST => return Err(io::Error::other("this server cancels nothing")),
            _version => return Ok(()),
        }
    }
}

/// Reads a length that includes itself, a version, and the rest; returns the version.
async fn read_start_up(stream: &mut TcpStream) -> io::Result<i32> {
    let length = stream.read_i32().await?;
    let version = stream.read_i32().await?;
    let rest = usize::try_from(length - 8).map_err(io::Error::other)?;
    // Less than the 10,000 bytes that PostgreSQL itself accepts.
    let mut ignored = vec![0; rest.min(10_000)];
    stream.read_exact(&mut ignored).await?;
    Ok(version)
}

/// Encodes a type, a length that includes itself, and the body.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).expect("a short message");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}
