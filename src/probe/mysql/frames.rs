//! Packets on the wire: three bytes of length, a number, and the payload.
//!
//! Source: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html>.

use std::io::{Error, ErrorKind, Result};

use bytes::{Buf as _, BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::probe::rows::{LARGEST, TOO_LARGE};

/// As much is read at once.
const CHUNK: usize = 8 * 1024;

/// A longer payload goes on in the next packet.
const LONGEST_PAYLOAD: usize = 0xff_ffff;

const HEADER: usize = 4;

/// Both directions of a connection.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A stream to a server, secured or not.
pub(super) type Stream = Box<dyn Duplex>;

/// A connection as packets.
pub(super) struct Frames {
    stream: Stream,
    incoming: BytesMut,
    /// What was asked and is not sent yet.
    outgoing: BytesMut,
    /// The number of the next packet, in either direction.
    number: u8,
}

impl Frames {
    pub fn new(stream: Stream) -> Frames {
        Frames { stream, incoming: BytesMut::new(), outgoing: BytesMut::new(), number: 0 }
    }

    /// The stream, to be secured.
    ///
    /// # Errors
    /// Something was sent ahead of that, in clear: whoever did it is not to be listened to.
    pub fn into_stream(self) -> Result<(Stream, u8)> {
        if self.incoming.is_empty() {
            Ok((self.stream, self.number))
        } else {
            Err(Error::new(ErrorKind::InvalidData, "the server spoke before TLS was there"))
        }
    }

    /// The same connection, secured.
    pub fn secured(stream: Stream, number: u8) -> Frames {
        Frames { number, ..Frames::new(stream) }
    }

    /// A command begins.
    pub fn begin(&mut self) {
        self.number = 0;
    }

    /// Adds a payload to what is sent next.
    pub fn put(&mut self, payload: &[u8]) {
        let mut rest = payload;
        loop {
            let (part, more) = rest.split_at(rest.len().min(LONGEST_PAYLOAD));
            self.outgoing.put_uint_le(part.len() as u64, 3);
            self.outgoing.put_u8(self.number);
            self.outgoing.extend_from_slice(part);
            self.number = self.number.wrapping_add(1);
            // A payload that fills its last packet is ended by an empty one.
            if part.len() < LONGEST_PAYLOAD {
                break;
            }
            rest = more;
        }
    }

    /// Sends what is not sent yet.
    pub async fn send(&mut self) -> Result<()> {
        if !self.outgoing.is_empty() {
            self.stream.write_all_buf(&mut self.outgoing).await?;
            self.stream.flush().await?;
        }
        Ok(())
    }

    /// The first packet of a server. Whoever starts otherwise is not MySQL, however much it goes on to say.
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

    /// The next packet, which is a `what`.
    pub async fn packet(&mut self, what: &str) -> Result<BytesMut> {
        self.fill(HEADER).await?;
        let length = usize::from(self.incoming[0])
            | usize::from(self.incoming[1]) << 8
            | usize::from(self.incoming[2]) << 16;
        if length > LARGEST {
            // The length of the first of several packets says only that there are more.
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

    /// Ends the connection.
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
