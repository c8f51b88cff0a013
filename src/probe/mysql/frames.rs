//! Packets on the wire: a length of three bytes, a sequence number, and the payload.
//!
//! Source: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html>.

use std::io::{Error, ErrorKind, Result};

use bytes::{Buf as _, BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::probe::rows::{LARGEST, TOO_LARGE};

/// The number of bytes to reserve for one read.
const CHUNK: usize = 8 * 1024;

/// The largest payload of one packet; a longer one continues in the next packet.
const LONGEST_PAYLOAD: usize = 0xff_ffff;

const HEADER: usize = 4;

/// A stream that can be read and written.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A stream to a server, with or without TLS.
pub(super) type Stream = Box<dyn Duplex>;

/// A connection that exchanges packets.
pub(super) struct Frames {
    stream: Stream,
    incoming: BytesMut,
    /// Packets that are not sent yet.
    outgoing: BytesMut,
    /// The sequence number of the next packet, in either direction.
    number: u8,
}

impl Frames {
    pub fn new(stream: Stream) -> Frames {
        Frames { stream, incoming: BytesMut::new(), outgoing: BytesMut::new(), number: 0 }
    }

    /// Returns the stream, for the TLS handshake.
    ///
    /// # Errors
    /// Data was received in plain text before TLS: its sender is not to be trusted.
    pub fn into_stream(self) -> Result<(Stream, u8)> {
        if self.incoming.is_empty() {
            Ok((self.stream, self.number))
        } else {
            Err(Error::new(ErrorKind::InvalidData, "the server spoke before TLS was there"))
        }
    }

    /// Returns the connection over the TLS stream.
    pub fn secured(stream: Stream, number: u8) -> Frames {
        Frames { number, ..Frames::new(stream) }
    }

    /// Begins a command.
    pub fn begin(&mut self) {
        self.number = 0;
    }

    /// Queues a payload.
    pub fn put(&mut self, payload: &[u8]) {
        let mut rest = payload;
        loop {
            let (part, more) = rest.split_at(rest.len().min(LONGEST_PAYLOAD));
            self.outgoing.put_uint_le(part.len() as u64, 3);
            self.outgoing.put_u8(self.number);
            self.outgoing.extend_from_slice(part);
            self.number = self.number.wrapping_add(1);
            // A payload that fills its last packet exactly is ended by an empty packet.
            if part.len() < LONGEST_PAYLOAD {
                break;
            }
            rest = more;
        }
    }

    /// Sends the queued packets.
    pub async fn send(&mut self) -> Result<()> {
        if !self.outgoing.is_empty() {
            self.stream.write_all_buf(&mut self.outgoing).await?;
            self.stream.flush().await?;
        }
        Ok(())
    }

    /// Reads the server's first packet. A server that starts in any other way is not MySQL, no matter how much it
    /// sends.
    pub async fn greeting(&mut self) -> Result<BytesMut> {
        const REFUSAL: u8 = 0xff;
        self.fill(HEADER + 1).await?;
        match (self.incoming[3], self.incoming[HEADER]) {
            (0, 10 | REFUSAL) => self.packet("message").await,
            (0, 9) => Err(Error::new(
                ErrorKind::InvalidData,
                "the server speaks the protocol of MySQL before 4.1, which is not supported",
            )),
            _ => Err(Error::new(ErrorKind::InvalidData, "the answer is not MySQL's")),
        }
    }

    /// Reads the next packet, which is a `what`.
    pub async fn packet(&mut self, what: &str) -> Result<BytesMut> {
        self.fill(HEADER).await?;
        let length = usize::from(self.incoming[0])
            | usize::from(self.incoming[1]) << 8
            | usize::from(self.incoming[2]) << 16;
        if length > LARGEST {
            // The length of the first of several packets shows only that there are more.
            let much = if length == LONGEST_PAYLOAD {
                "16 MiB or more".to_owned()
            } else {
                format!("{length} bytes")
            };
            let cause = format!("the server sent a {what} of {much}, and 1 MiB is read at most: {TOO_LARGE}");
            return Err(Error::new(ErrorKind::InvalidData, cause));
        }
        if self.incoming[3] != self.number {
            return Err(Error::new(ErrorKind::InvalidData, "the server sent packets out of order"));
        }
        self.fill(HEADER + length).await?;
        self.number = self.number.wrapping_add(1);
        self.incoming.advance(HEADER);
        Ok(self.incoming.split_to(length))
    }

    /// Shuts the connection down.
    pub async fn shut_down(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    async fn fill(&mut self, wanted: usize) -> Result<()> {
        while self.incoming.len() < wanted {
            self.incoming.reserve(CHUNK);
            if self.stream.read_buf(&mut self.incoming).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}
