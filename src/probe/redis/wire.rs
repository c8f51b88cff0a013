//! The wire protocol: commands, and their answers as JSON.
//!
//! Both versions of the protocol are supported: RESP2, and RESP3 with its maps. Push messages from the server are
//! skipped. An answer is read piece by piece: its elements are counted, but no more of them are kept than requested.
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

mod tree;

use std::io;

use bytes::{Buf as _, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::probe::rows::{LARGEST, QueryResult, Row};

/// The number of bytes read at once.
const CHUNK: usize = 16 << 10;

/// The maximum length of a protocol line, in bytes. Most lines are numbers, and the longest are errors.
const LONGEST_LINE: usize = 64 << 10;

/// The cost of a value in addition to its text, in bytes. It prevents keeping an answer of a million small values.
const VALUE: usize = 16;

/// How much of an answer that is not Redis's is shown.
const GARBAGE_SHOWN: usize = 40;

/// A stream to a server, encrypted or not.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection as bytes.
pub(super) struct Wire {
    stream: Box<dyn Duplex>,
    incoming: BytesMut,
    outgoing: Vec<u8>,
}

/// The reason why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection ended.
    Io(io::Error),
    /// The answer does not follow Redis's protocol. Holds its beginning.
    Garbage(Vec<u8>),
    /// A row, or all kept rows together, exceeds [`LARGEST`].
    TooLarge,
}

/// The server's answer to a command.
#[derive(Debug, PartialEq)]
pub(super) enum Answer<T> {
    Given(T),
    /// An error, such as `WRONGPASS invalid username-password pair`.
    Refused(String),
}

/// The beginning of an answer.
#[derive(Debug)]
enum Token {
    Value(Value),
    Refused(String),
    /// A text of this many bytes follows. `true` if it begins with its format.
    Text(usize, bool),
    List(u64),
    Map(u64),
}

impl Wire {
    pub fn new(stream: impl Duplex + 'static) -> Wire {
        Wire { stream: Box::new(stream), incoming: BytesMut::new(), outgoing: Vec::new() }
    }

    /// Queues a command, which is sent when its answer is awaited.
    pub fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        self.outgoing.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            self.outgoing.extend(format!("${}\r\n", word.as_ref().len()).bytes());
            self.outgoing.extend(word.as_ref());
            self.outgoing.extend(b"\r\n");
        }
    }

    /// Returns the whole answer to the next queued command.
    pub async fn answer(&mut self) -> Result<Answer<Value>, Broken> {
        let mut room = LARGEST;
        Ok(match self.first_token(&mut room).await? {
            Token::Refused(text) => Answer::Refused(text),
            token => Answer::Given(self.tree(token, &mut room).await?),
        })
    }

    /// Returns the answer as rows. All are counted, and the first `keep` are kept. A list has a row for each element,
    /// and a map one for each entry. Null has no row.
    pub async fn rows(&mut self, keep: usize) -> Result<Answer<QueryResult>, Broken> {
        let mut result = QueryResult::default();
        let mut kept = LARGEST;
        let mut room = LARGEST;
        let columns: fn(Value) -> Row = |value| vec![("value".to_owned(), value)];
        match self.first_token(&mut room).await? {
            Token::Refused(text) => return Ok(Answer::Refused(text)),
            Token::Value(Value::Null) => {}
            Token::List(count) => {
                for _ in 0..count {
                    let row = columns(self.element(keep, &result, &mut kept).await?);
                    result.add(row, keep);
                }
            }
            Token::Map(count) => {
                for _ in 0..count {
                    let key = self.element(keep, &result, &mut kept).await?;
                    let value = self.element(keep, &result, &mut kept).await?;
                    result.add(vec![("key".to_owned(), key), ("value".to_owned(), value)], keep);
                }
            }
            token => {
                let value = self.tree(token, &mut room).await?;
                result.add(columns(value), keep);
            }
        }
        Ok(Answer::Given(result))
    }

    /// Reads one value of a row. The kept rows share the remaining space.
    async fn element(
        &mut self,
        keep: usize,
        so_far: &QueryResult,
        kept: &mut usize,
    ) -> Result<Value, Broken> {
        let mut own = LARGEST;
        let room = if so_far.rows.len() < keep { kept } else { &mut own };
        let token = self.token(room).await?;
        self.tree(token, room).await
    }

    /// Closes the connection gracefully.
    pub async fn close(mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Sends the queued commands, and reads the beginning of the answer.
    async fn first_token(&mut self, room: &mut usize) -> Result<Token, Broken> {
        let unsent = self.send().await.err();
        let token = self.token(room).await;
        match (token, unsent) {
            // The server may have given the reason before it closed the connection.
            (Ok(token @ Token::Refused(_)), _) | (Ok(token), None) => Ok(token),
            (Ok(_) | Err(Broken::Io(_)), Some(error)) => Err(Broken::Io(error)),
            (Err(broken), _) => Err(broken),
        }
    }

    async fn send(&mut self) -> io::Result<()> {
        let outgoing = std::mem::take(&mut self.outgoing);
        self.stream.write_all(&outgoing).await?;
        self.stream.flush().await
    }

    /// Reads the next token of an answer. `room` is the space that its text may take.
    async fn token(&mut self, room: &mut usize) -> Result<Token, Broken> {
        loop {
            let line = self.line().await?;
            take(room, line.len() + VALUE)?;
            let garbage = || Broken::Garbage(line[..line.len().min(GARBAGE_SHOWN)].to_vec());
            let (kind, rest) = line.split_first().ok_or_else(garbage)?;
            let text = std::str::from_utf8(rest).map_err(|_| garbage());
            // A length; -1 is null.
            let length = |text: &str| match text {
                "-1" => Ok(None),
                digits => digits.parse::<u64>().map(Some).map_err(|_| garbage()),
            };
            return Ok(match kind {
                b'+' => Token::Value(Value::from(String::from_utf8_lossy(rest))),
                b'-' => Token::Refused(String::from_utf8_lossy(rest).into_owned()),
                b':' | b'(' | b',' => Token::Value(number(text?).ok_or_else(garbage)?),
                b'_' => Token::Value(Value::Null),
                b'#' => Token::Value(Value::Bool(match rest {
                    b"t" => true,
                    b"f" => false,
                    _ => return Err(garbage()),
                })),
                b'$' | b'=' | b'!' => match length(text?)? {
                    None => Token::Value(Value::Null),
                    Some(length) => {
                        let length = usize::try_from(length).map_err(|_| Broken::TooLarge)?;
                        if *kind == b'!' {
                            Token::Refused(self.text(length, room).await?)
                        } else {
                            Token::Text(length, *kind == b'=')
                        }
                    }
                },
                b'*' | b'~' => length(text?)?.map_or(Token::Value(Value::Null), Token::List),
                b'%' => length(text?)?.map_or(Token::Value(Value::Null), Token::Map),
                // A push message, or an attribute of an answer.
                b'>' | b'|' => {
                    let items = length(text?)?.unwrap_or_default();
                    let items = if *kind == b'|' { items.saturating_mul(2) } else { items };
                    self.skip(items, room).await?;
                    continue;
                }
                _ => return Err(garbage()),
            });
        }
    }

    /// Reads a protocol line without its end.
    async fn line(&mut self) -> Result<Vec<u8>, Broken> {
        let mut seen = 0;
        loop {
            let from = seen;
            if let Some(end) = self.incoming[from..].windows(2).position(|two| two == b"\r\n") {
                let line = self.incoming.split_to(from + end).to_vec();
                self.incoming.advance(2);
                return Ok(line);
            }
            let is_redis = self.incoming.first().is_none_or(|first| b"+-:,#_($=!*~%>|".contains(first));
            if self.incoming.len() > LONGEST_LINE || !is_redis {
                let shown = self.incoming.len().min(GARBAGE_SHOWN);
                return Err(Broken::Garbage(self.incoming[..shown].to_vec()));
            }
            seen = self.incoming.len().saturating_sub(1);
            self.fill().await?;
        }
    }

    /// Reads a text of this many bytes.
    async fn text(&mut self, length: usize, room: &mut usize) -> Result<String, Broken> {
        take(room, length)?;
        while self.incoming.len() < length + 2 {
            self.fill().await?;
        }
        let text = self.incoming.split_to(length);
        let end = self.incoming.split_to(2);
        if &end[..] != b"\r\n" {
            return Err(Broken::Garbage(end.to_vec()));
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    async fn fill(&mut self) -> Result<(), Broken> {
        self.incoming.reserve(CHUNK);
        match self.stream.read_buf(&mut self.incoming).await {
            Ok(0) => Err(Broken::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(error) => Err(Broken::Io(error)),
        }
    }
}

/// Takes `bytes` from the remaining space.
fn take(room: &mut usize, bytes: usize) -> Result<(), Broken> {
    *room = room.checked_sub(bytes).ok_or(Broken::TooLarge)?;
    Ok(())
}

/// Parses a number as written. A number that JSON cannot represent becomes text.
fn number(text: &str) -> Option<Value> {
    match text {
        "inf" | "-inf" | "nan" => Some(Value::from(text)),
        digits => {
            let digits = digits.strip_prefix('+').unwrap_or(digits);
            serde_json::from_str::<serde_json::Number>(digits).ok().map(Value::Number)
        }
    }
}
