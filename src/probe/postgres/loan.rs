//! A stream that is lent to the library for the login, and taken back after it.
//!
//! The library reads every message whole, keeps what comes before the login is done, and remembers each parameter
//! that the server reports. A server that does not end, or one that is none, would take all memory there is: what is said
//! is counted here. What comes after the login is not the library's any more, and is not handed to it.

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

/// All that a server may say before the login is done: a PostgreSQL says less than a kilobyte.
const LOGIN: usize = 1024 * 1024;

/// The stream while it is lent, for both sides.
#[derive(Clone, Default)]
pub(super) struct Loan(Arc<Mutex<Lent>>);

#[derive(Default)]
struct Lent {
    stream: Option<Stream>,
    said: Said,
    /// What was read of what came after the login.
    surplus: BytesMut,
}

impl Loan {
    fn lent(&self) -> MutexGuard<'_, Lent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lend(&self, stream: Stream) {
        self.lent().stream = Some(stream);
    }

    /// The stream, and what was read ahead of it. From now on the other side has none.
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

/// Where in the server's messages a login is. Each is a type, a length that counts itself, and the rest.
/// Source: <https://www.postgresql.org/docs/current/protocol-overview.html#PROTOCOL-MESSAGE-CONCEPTS>.
#[derive(Default)]
struct Said {
    /// The type and length of the message that comes, as far as they are there.
    head: Vec<u8>,
    /// What is still to come of the message after them.
    rest: usize,
    /// The last message was the one that ends the login.
    is_last: bool,
    kept: usize,
}

impl Said {
    /// How many of `bytes` belong to the login.
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
        // A length below zero is for the library to refuse: it is not PostgreSQL that speaks.
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

/// The server does not end.
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
