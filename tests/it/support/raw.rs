//! Byte-level servers, and corrupted bytes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Serves each connection on its own thread, for as long as the tests run.
///
/// # Panics
/// When there is no free port.
pub fn serve(serve: impl Fn(TcpStream) -> Option<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = listener.local_addr().expect("know the port");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            let _ = stream.set_nodelay(true);
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads the head of an HTTP request, or as much of it as arrives.
pub fn read_head(stream: &mut TcpStream) -> Option<()> {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece).ok()? {
            0 => return None,
            length => head.extend_from_slice(&piece[..length]),
        }
    }
    Some(())
}

/// Closes a connection gracefully. Closing it with unread bytes would reset it.
pub fn close(mut stream: TcpStream) -> Option<()> {
    stream.shutdown(std::net::Shutdown::Write).ok()?;
    while stream.read(&mut [0; 4096]).ok()? > 0 {}
    Some(())
}

/// Encodes a PostgreSQL message: a type, a length that includes itself, and the body.
///
/// # Panics
/// When it is longer than four gigabytes.
#[must_use]
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

/// A PostgreSQL server that accepts every login, and answers every statement with this row of one text column. `edit`
/// can change each response before it is sent.
pub fn postgres(cell: &[u8], edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let length = u32::try_from(cell.len()).expect("a short cell").to_be_bytes();
    let row = message(b'D', &[b"\0\x01", &length[..], cell].concat());
    serve(move |stream| converse(stream, &row, &edit))
}

fn converse(mut stream: TcpStream, row: &[u8], edit: &impl Fn(Vec<u8>) -> Vec<u8>) -> Option<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut start = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()?.checked_sub(4)?.min(10_000)];
    stream.read_exact(&mut start).ok()?;
    if start.len() == 4 {
        stream.write_all(b"N").ok()?;
        return converse(stream, row, edit);
    }
    let key = message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]);
    let welcome = [message(b'R', &[0; 4]), key, message(b'Z', b"I")].concat();
    stream.write_all(&edit(welcome)).ok()?;
    let columns =
        message(b'T', &[b"\0\x01a\0", &[0; 6][..], b"\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"].concat());
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
        stream.read_exact(&mut body).ok()?;
        let said = match head[0] {
            b'Q' => [message(b'C', b"BEGIN\0"), message(b'Z', b"T")].concat(),
            b'P' => message(b'1', b""),
            b'D' if body.first() == Some(&b'P') => columns.clone(),
            b'D' => [message(b't', b"\0\0"), columns.clone()].concat(),
            b'B' => message(b'2', b""),
            b'E' => [row, &message(b'C', b"SELECT 1\0")].concat(),
            b'S' => message(b'Z', b"T"),
            _ => Vec::new(),
        };
        stream.write_all(&edit(said)).ok()?;
    }
}

/// Pseudo-random numbers, the same for the same seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit.max(1) as u64).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }

    /// Returns the bytes with one to four errors.
    pub fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        const STRANGE: [&[u8]; 14] = [
            b"\0",
            b"\xff\xff\xff\xff",
            b"\x7f\xff\xff\xff",
            b"\r\n\r\n",
            b"99999999999999999999",
            b"-1",
            b"{{",
            b"[[[[[[[[",
            b"\"",
            "\u{202e}".as_bytes(),
            b"\x1b[2J",
            b"]]>",
            b"\n::error::it\n",
            b"##vso[a]",
        ];
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + 1 + self.below(40)).min(bytes.len());
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] = self.byte(),
                1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 if at < end => _ = bytes.drain(at..end),
                3 if self.below(4) == 0 => bytes.truncate(at),
                4 if at < end => {
                    let piece = bytes[at..end].repeat(1 + self.below(3));
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, piece);
                }
                5 => bytes.insert(at, self.byte()),
                _ => _ = bytes.splice(at..at, STRANGE[self.below(STRANGE.len())].iter().copied()),
            }
        }
        bytes
    }
}
