//! Faulty TLS handshakes.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{close, noise, read_to_end};

/// The head of a handshake record of 122 bytes, a server hello, and the first two of its bytes.
const BEGINNING: [u8; 11] = [22, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3];

pub(super) async fn stalled(mut stream: TcpStream) -> io::Result<()> {
    read_hello(&mut stream).await?;
    stream.write_all(&BEGINNING).await?;
    read_to_end(&mut stream).await
}

pub(super) async fn garbage(mut stream: TcpStream) -> io::Result<()> {
    read_hello(&mut stream).await?;
    stream.write_all(&noise()).await?;
    close(stream).await
}

/// The client's first record: a type, a version, a length, and as many bytes.
async fn read_hello(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let length = u16::from_be_bytes([head[3], head[4]]);
    let mut hello = vec![0; usize::from(length)];
    stream.read_exact(&mut hello).await?;
    Ok(())
}
