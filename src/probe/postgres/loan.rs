//! Lends a stream to the library for the login, and takes it back afterwards.
//!
//! The library reads whole messages, keeps what arrives before the login is complete, and remembers each parameter that
//! the server reports. A server that never stops, or something else than a server, could exhaust the memory, so the
//! bytes are counted here. Data after the login does not belong to the library and is not passed to it.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use crate::probe::socket::Socket;

/// It is not secured, and so bound to nothing.
impl TlsStream for Socket {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// A stream to a server, secured or not.
pub(super) type Stream = Box<dyn TlsStream + Send + Unpin>;

/// The most bytes that a server may send before the login is complete. A PostgreSQL server sends less than a kilobyte.
const LOGIN: usize = 1024 * 1024;

/// A lent stream, shared by both sides.
#[derive(Clone, Default)]
pub(super) struct Loan(Arc<Mutex<Lent>>);

#[derive(Default)]
struct Lent {
    stream: Option<Stream>,
    said: Said,
    /// Data after the login that was already read.
    surplus: BytesMut,
}

impl Loan {
    fn lent(&self) -> MutexGuard<'_, Lent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lend(&self, stream: Stream) {
        self.lent().stream = Some(stream);
    }

    /// Takes the stream back, with the data that was read ahead. The other side loses it.
    pub fn take_back(&self) -> Option<(Stream, BytesMut)> {
        let mut lent = self.lent();
        let stream = lent.stream.take()?;
        Some((stream, std::mem::take(&mut lent.surplus)))
    }

    fn poll<T>(&self, poll: impl FnOnce(Pin<&mut Stream>) -> Poll<Result<T>>) -> Poll<Result<T>> {
        match &mut self.lent().stream {
            Some(stream) => poll(Pin::new(stream)),
            None => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }
}

/// The position of a login in the server's messages. Each message consists of a type, a length that includes itself,
/// and the rest. Source: <https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-MESSAGE-CONCEPTS>.
#[derive(Default)]
struct Said {
    /// The type and length of the next message, as far as they have arrived.
    head: Vec<u8>,
    /// The remaining bytes of the message.
    rest: usize,
    /// Whether the last message ends the login.
    is_last: bool,
    kept: usize,
}

impl Said {
    /// Returns how many of `bytes` belong to the login.
    fn hear(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut read = 0;
        while read < bytes.len() {
            let passed = self.rest.min(bytes.len() - read);
            self.rest -= passed;
            read += passed;
            if self.is_last && self.rest == 0 {
                break;
            }
            let head = (5 - self.head.len()).min(bytes.len() - read);
            self.head.extend_from_slice(&bytes[read..read + head]);
            read += head;
            if let [kind, length @ ..] = self.head.as_slice()
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                self.begin(*kind, i32::from_be_bytes(length))?;
                self.head.clear();
            }
        }
        Ok(read)
    }

    fn begin(&mut self, kind: u8, length: i32) -> Result<()> {
        const READY_FOR_QUERY: u8 = b'Z';
        // The library rejects a negative length: the other side is not PostgreSQL.
        let Ok(length) = usize::try_from(length) else { return Ok(()) };
        self.rest = length.saturating_sub(4);
        self.kept = self.kept.saturating_add(length);
        self.is_last = kind == READY_FOR_QUERY;
        if self.kept > LOGIN {
            Err(too_much("more than 1 MiB for the login and its parameters"))
        } else {
            Ok(())
        }
    }
}

/// Returns the error of a server that sends too much.
pub(super) fn too_much(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("the server sent {what}"))
}

impl AsyncRead for Loan {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        ready!(self.poll(|stream| stream.poll_read(context, buffer)))?;
        let mut lent = self.lent();
        let Lent { said, surplus, .. } = &mut *lent;
        let end = before + said.hear(&buffer.filled()[before..])?;
        surplus.extend_from_slice(&buffer.filled()[end..]);
        buffer.set_filled(end);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Loan {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.poll(|stream| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll(|stream| stream.poll_shutdown(context))
    }
}

impl TlsStream for Loan {
    fn channel_binding(&self) -> ChannelBinding {
        self.lent().stream.as_ref().map_or_else(ChannelBinding::none, |stream| stream.channel_binding())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_after_the_login_is_not_the_librarys() {
        let login = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x09a\0b\0\0Z\0\0\0\x05I";
        let after = b"E\0\0\0\x05\0";
        let all = [&login[..], &after[..]].concat();
        for chunk in 1..all.len() {
            let mut said = Said::default();
            let heard: usize = all.chunks(chunk).map(|bytes| said.hear(bytes).expect("little")).sum();
            assert_eq!(heard, login.len(), "in chunks of {chunk}");
        }
        let mut endless = Said::default();
        let parameter = [b"S\0\0\x10\x04".as_slice(), &[0; 4096]].concat();
        assert!((0..300).any(|_| endless.hear(&parameter).is_err()));
    }
}
