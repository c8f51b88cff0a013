//! Faulty HTTP responses.

use std::io;
use std::sync::LazyLock;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{BYTE_EVERY, bomb, close, noise, read_to_end};

pub(super) async fn slow_header(mut stream: TcpStream) -> io::Result<()> {
    read_head(&mut stream).await?;
    let start = b"HTTP/1.1 200 OK\r\nx-slow: ".iter().copied();
    byte_by_byte(&mut stream, start.chain(std::iter::repeat(b'a'))).await
}

pub(super) async fn endless_header(mut stream: TcpStream) -> io::Result<()> {
    read_head(&mut stream).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
    let lines = "x-endless: a header that goes on\r\n".repeat(256);
    loop {
        stream.write_all(lines.as_bytes()).await?;
    }
}

pub(super) async fn slow_body(mut stream: TcpStream) -> io::Result<()> {
    read_head(&mut stream).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
    byte_by_byte(&mut stream, std::iter::repeat(b'a')).await
}

pub(super) async fn endless_body(mut stream: TcpStream) -> io::Result<()> {
    read_head(&mut stream).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    loop {
        stream.write_all(chunk.as_bytes()).await?;
    }
}

pub(super) async fn truncated_body(mut stream: TcpStream) -> io::Result<()> {
    begin_body(&mut stream).await?;
    close(stream).await
}

pub(super) async fn reset_in_body(mut stream: TcpStream) -> io::Result<()> {
    begin_body(&mut stream).await?;
    stream.set_zero_linger()
}

pub(super) async fn garbage(mut stream: TcpStream) -> io::Result<()> {
    read_head(&mut stream).await?;
    stream.write_all(&noise()).await?;
    close(stream).await
}

pub(super) async fn ssh_banner(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n").await?;
    read_to_end(&mut stream).await
}

pub(super) async fn compressed_bomb(mut stream: TcpStream) -> io::Result<()> {
    static BOMB: LazyLock<Vec<u8>> = LazyLock::new(bomb::gzip);
    read_head(&mut stream).await?;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-encoding: gzip\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        BOMB.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&BOMB).await?;
    close(stream).await
}

/// `/`, `/1`, `/2`, …: no URL comes twice, so a client cannot recognise the loop by its URLs.
pub(super) async fn redirect_loop(mut stream: TcpStream) -> io::Result<()> {
    let head = read_head(&mut stream).await?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    let round: u32 = path.trim_start_matches('/').parse().unwrap_or(0);
    answer_redirect(stream, &format!("/{}", round + 1)).await
}

pub(super) async fn redirect(mut stream: TcpStream, url: &str) -> io::Result<()> {
    read_head(&mut stream).await?;
    answer_redirect(stream, url).await
}

async fn answer_redirect(mut stream: TcpStream, location: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    close(stream).await
}

async fn begin_body(stream: &mut TcpStream) -> io::Result<()> {
    read_head(stream).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly these").await
}

/// Reads the request head.
async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn byte_by_byte(stream: &mut TcpStream, bytes: impl Iterator<Item = u8>) -> io::Result<()> {
    for byte in bytes {
        stream.write_all(&[byte]).await?;
        tokio::time::sleep(BYTE_EVERY).await;
    }
    Ok(())
}
