//! How much a server may make this side keep.
//!
//! The library reads every message whole (a row is one), keeps what comes before the login is done, and remembers each parameter
//! that the server reports. A server that does not end, or one that is none, would take all memory there is.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use crate::probe::rows::{LARGEST, TOO_LARGE};

/// All that is kept for as long as the connection lasts: a PostgreSQL says less than a kilobyte.
const KEPT: usize = 1024 * 1024;

/// How many statements are prepared on a connection, and how often one of them is run: the check's own, and those by
/// which the library asks for each type that it does not know. It asks for the types of their answers too, one inside
/// the other, on the stack.
const PREPARED: u32 = 16;
const BOUND: u32 = 256;

/// A stream from a PostgreSQL server that ends with an error where the server says too much.
pub(super) struct Bounded<S> {
    stream: S,
    said: Said,
}

impl<S> Bounded<S> {
    pub fn new(stream: S) -> Bounded<S> {
        Bounded { stream, said: Said::default() }
    }
}

/// Where in the server's messages a stream is. Each is a type, a length that counts itself, and the rest.
/// Source: <https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-MESSAGE-CONCEPTS>.
#[derive(Default)]
struct Said {
    /// The type and length of the message that comes, as far as they are there.
    head: Vec<u8>,
    /// What is still to come of the message after them.
    rest: usize,
    logged_in: bool,
    kept: usize,
    prepared: u32,
    bound: u32,
}

impl Said {
    fn hear(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let passed = self.rest.min(bytes.len());
            self.rest -= passed;
            bytes = &bytes[passed..];
            let (head, after) = bytes.split_at(bytes.len().min(5 - self.head.len()));
            self.head.extend_from_slice(head);
            bytes = after;
            if let [kind, length @ ..] = self.head.as_slice()
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                self.begin(*kind, i32::from_be_bytes(length))?;
                self.head.clear();
            }
        }
        Ok(())
    }

    fn begin(&mut self, kind: u8, length: i32) -> Result<()> {
        const READY_FOR_QUERY: u8 = b'Z';
        const PARAMETER_STATUS: u8 = b'S';
        const PARAMETER_DESCRIPTION: u8 = b't';
        const BIND_COMPLETE: u8 = b'2';
        const DATA_ROW: u8 = b'D';
        // A length below zero is for the library to refuse: it is not PostgreSQL that speaks.
        let Ok(length) = usize::try_from(length) else { return Ok(()) };
        self.rest = length.saturating_sub(4);
        if !self.logged_in || kind == PARAMETER_STATUS {
            self.kept += length;
        }
        self.logged_in |= kind == READY_FOR_QUERY;
        self.prepared += u32::from(kind == PARAMETER_DESCRIPTION);
        self.bound += u32::from(kind == BIND_COMPLETE);
        if self.prepared > PREPARED || self.bound > BOUND {
            return Err(too_much("types within types without an end"));
        }
        match (self.kept > KEPT, length > LARGEST) {
            (true, _) => Err(too_much("more than 1 MiB for the login and its parameters")),
            (false, true) => {
                let what = if kind == DATA_ROW { "row" } else { "message" };
                Err(too_much(&format!("a {what} of {length} bytes, and 1 MiB is read at most: {TOO_LARGE}")))
            }
            (false, false) => Ok(()),
        }
    }
}

fn too_much(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the server sent {what}"))
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let Bounded { stream, said } = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(stream).poll_read(context, buffer))?;
        Poll::Ready(said.hear(&buffer.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Bounded<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}
