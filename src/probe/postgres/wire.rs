//! The protocol after the login: sends requests and reads the server's messages.
//!
//! The library would use named statements, run further ones to look up unknown types, and leave them on the server,
//! where a pooler passes them to its next client. Here every statement is unnamed, every value is text, and no type is
//! looked up. Source: <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>.

use std::io::{Error, ErrorKind, Result};

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{DATA_ROW_TAG, DataRowBody, ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend::{self, BindError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_postgres::fallible_iterator::FallibleIterator as _;

use super::loan::{Stream, too_much};
use crate::probe::rows::{LARGEST, TOO_LARGE};

/// The size of a read.
const CHUNK: usize = 8 * 1024;

/// A logged-in connection.
pub(super) struct Wire {
    stream: Stream,
    incoming: BytesMut,
    /// Requests that have not been sent yet.
    outgoing: BytesMut,
    is_broken: bool,
}

/// A value of a row as text. `None` is null.
pub(super) type Cell = Option<String>;

/// The server's response to one request.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Why the server refused the request.
    pub refusal: Option<Refusal>,
    /// Whether the server parsed the statement, whatever happened afterwards.
    pub is_parsed: bool,
    /// The types of the statement's parameters.
    pub parameters: Vec<u32>,
    pub columns: Vec<Column>,
    /// The number of rows that the statement returned or changed.
    pub count: u64,
}

#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub type_oid: u32,
}

/// An error that the server reports.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// The SQLSTATE.
    pub code: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// The position in the statement, in characters from 1.
    pub position: Option<usize>,
}

impl Wire {
    pub fn new(stream: Stream, incoming: BytesMut) -> Wire {
        Wire { stream, incoming, outgoing: BytesMut::new(), is_broken: false }
    }

    /// Whether the connection has ended.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Requests `sql` in the simple protocol, which allows several statements.
    pub fn ask_simply(&mut self, sql: &str) -> Result<()> {
        frontend::query(sql, &mut self.outgoing)
    }

    /// Requests to parse and describe one statement.
    pub fn ask_to_parse(&mut self, sql: &str) -> Result<()> {
        frontend::parse("", sql, [], &mut self.outgoing)?;
        frontend::describe(b'S', "", &mut self.outgoing)?;
        frontend::sync(&mut self.outgoing);
        Ok(())
    }

    /// Requests to run one statement, or the one that was parsed last.
    pub fn ask_to_run(&mut self, sql: Option<&str>, parameters: &[Cell]) -> Result<()> {
        if let Some(sql) = sql {
            frontend::parse("", sql, [], &mut self.outgoing)?;
        }
        let write = |parameter: &Cell, buffer: &mut BytesMut| match parameter {
            None => Ok(IsNull::Yes),
            Some(text) => {
                buffer.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
        };
        // No format codes: parameters and results are text.
        frontend::bind("", "", [], parameters, write, [], &mut self.outgoing).map_err(
            |error| match error {
                BindError::Conversion(error) => Error::new(ErrorKind::InvalidInput, error),
                BindError::Serialization(error) => error,
            },
        )?;
        frontend::describe(b'P', "", &mut self.outgoing)?;
        frontend::execute("", 0, &mut self.outgoing)?;
        frontend::sync(&mut self.outgoing);
        Ok(())
    }

    /// Sends the pending requests, and reads the response to the next one.
    pub async fn answer(&mut self, mut each_row: impl FnMut(&[Column], Vec<Cell>)) -> Result<Answer> {
        let mut answer = Answer::default();
        if let Err(error) = self.send().await {
            self.is_broken = true;
            // The server may have sent the reason before it closed the connection.
            while let Ok(Some(message)) = Message::parse(&mut self.incoming) {
                let _ = answer.hear(message, &mut each_row);
            }
            return if answer.refusal.is_some() { Ok(answer) } else { Err(error) };
        }
        loop {
            match self.message().await.and_then(|message| answer.hear(message, &mut each_row)) {
                Ok(Said::More) => {}
                Ok(Said::All) => return Ok(answer),
                Err(error) => {
                    self.is_broken = true;
                    return if answer.refusal.is_some() { Ok(answer) } else { Err(error) };
                }
            }
        }
    }

    /// Closes the connection gracefully.
    pub async fn say_good_bye(mut self) {
        frontend::terminate(&mut self.outgoing);
        if self.send().await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }

    async fn send(&mut self) -> Result<()> {
        if !self.outgoing.is_empty() {
            self.stream.write_all_buf(&mut self.outgoing).await?;
            self.stream.flush().await?;
        }
        Ok(())
    }

    async fn message(&mut self) -> Result<Message> {
        loop {
            if let Some(header) = Header::parse(&self.incoming)?
                && let Ok(length) = usize::try_from(header.len())
                && length > LARGEST
            {
                let what = if header.tag() == DATA_ROW_TAG { "row" } else { "message" };
                return Err(too_much(&format!(
                    "a {what} of {length} bytes, and 1 MiB is read at most: {TOO_LARGE}"
                )));
            }
            if let Some(message) = Message::parse(&mut self.incoming)? {
                return Ok(message);
            }
            self.incoming.reserve(CHUNK);
            if self.stream.read_buf(&mut self.incoming).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// Whether more of a response follows.
enum Said {
    More,
    All,
}

impl Answer {
    fn hear(&mut self, message: Message, each_row: &mut impl FnMut(&[Column], Vec<Cell>)) -> Result<Said> {
        match message {
            Message::ReadyForQuery(_) => return Ok(Said::All),
            Message::ErrorResponse(body) => {
                self.refusal.get_or_insert(Refusal::read(&body)?);
            }
            Message::ParseComplete => self.is_parsed = true,
            Message::ParameterDescription(body) => self.parameters = body.parameters().collect()?,
            Message::RowDescription(body) => {
                let column = |field: postgres_protocol::message::backend::Field<'_>| {
                    Ok(Column { name: field.name().to_owned(), type_oid: field.type_oid() })
                };
                self.columns = body.fields().map(column).collect()?;
            }
            Message::DataRow(body) => each_row(&self.columns, cells(&body, self.columns.len())?),
            Message::CommandComplete(body) => {
                let count = body.tag()?.rsplit(' ').next().and_then(|count| count.parse().ok());
                self.count = count.unwrap_or_default();
            }
            Message::BindComplete
            | Message::NoData
            | Message::EmptyQueryResponse
            | Message::NoticeResponse(_)
            | Message::NotificationResponse(_)
            | Message::ParameterStatus(_) => {}
            _ => return Err(Error::new(ErrorKind::InvalidData, "the server sent an unexpected message")),
        }
        Ok(Said::More)
    }
}

fn cells(row: &DataRowBody, columns: usize) -> Result<Vec<Cell>> {
    let text = |range: Option<std::ops::Range<usize>>| {
        let bytes = range.map(|range| row.buffer().get(range).unwrap_or_default());
        Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    };
    let cells: Vec<Cell> = row.ranges().map(text).collect()?;
    if cells.len() == columns {
        Ok(cells)
    } else {
        Err(Error::new(ErrorKind::InvalidData, "the server sent a row of other columns than it said"))
    }
}

impl Refusal {
    /// Reads an error message. Source of the fields:
    /// <https://www.postgresql.org/docs/current/protocol-error-fields.html>.
    fn read(body: &ErrorResponseBody) -> Result<Refusal> {
        let mut refusal = Refusal::default();
        let mut fields = body.fields();
        while let Some(field) = fields.next()? {
            let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => refusal.code = value,
                b'M' => refusal.message = value,
                b'D' => refusal.detail = Some(value),
                b'H' => refusal.hint = Some(value),
                b'P' => refusal.position = value.parse().ok(),
                _ => {}
            }
        }
        Ok(refusal)
    }
}
