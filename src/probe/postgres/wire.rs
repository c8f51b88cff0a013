//! The conversation after the login: what is asked goes out, what the server says comes in.
//!
//! The library would name the statements that it prepares, ask the catalog for types that it does not know by more of
//! them, and leave those on the server, where a pooler hands them to its next client. Here every statement is the unnamed
//! one, every value is text, and no type is looked up.
//! Source: <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>.

use std::io::{Error, ErrorKind, Result};

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::{DATA_ROW_TAG, DataRowBody, ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend::{self, BindError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_postgres::fallible_iterator::FallibleIterator as _;

use super::loan::{Stream, too_much};
use crate::probe::rows::{LARGEST, TOO_LARGE};

/// As much is read at once.
const CHUNK: usize = 8 * 1024;

/// A connection that is logged in.
pub(super) struct Wire {
    stream: Stream,
    incoming: BytesMut,
    /// What was asked and is not sent yet.
    outgoing: BytesMut,
    is_broken: bool,
}

/// A value of a row, as text; `None` is null.
pub(super) type Cell = Option<String>;

/// What the server made of one thing that it was asked.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Why it did not do it.
    pub refusal: Option<Refusal>,
    /// It understood the statement, whatever came of it then.
    pub is_parsed: bool,
    /// The types of the statement's parameters.
    pub parameters: Vec<u32>,
    pub columns: Vec<Column>,
    /// The rows that a statement gave or changed.
    pub count: u64,
}

#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub type_oid: u32,
}

/// An error as the server tells it.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    /// The SQLSTATE.
    pub code: String,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// Where in the statement, in characters from 1.
    pub position: Option<usize>,
}

impl Wire {
    pub fn new(stream: Stream, incoming: BytesMut) -> Wire {
        Wire { stream, incoming, outgoing: BytesMut::new(), is_broken: false }
    }

    /// Has the connection ended?
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Asks for `sql` by the simple protocol, which takes several statements.
    pub fn ask_simply(&mut self, sql: &str) -> Result<()> {
        frontend::query(sql, &mut self.outgoing)
    }

    /// Asks to understand one statement, and to describe it.
    pub fn ask_to_parse(&mut self, sql: &str) -> Result<()> {
        frontend::parse("", sql, [], &mut self.outgoing)?;
        frontend::describe(b'S', "", &mut self.outgoing)?;
        frontend::sync(&mut self.outgoing);
        Ok(())
    }

    /// Asks to run one statement, or the one that was parsed last.
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
        // No formats: parameters and results are text.
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

    /// The answer to the next thing that was asked; what has not been sent is sent first.
    pub async fn answer(&mut self, mut each_row: impl FnMut(&[Column], Vec<Cell>)) -> Result<Answer> {
        let mut answer = Answer::default();
        if let Err(error) = self.send().await {
            self.is_broken = true;
            // The server may have said why, before it went.
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

    /// Ends the connection in good order.
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

/// Is there more to come of an answer?
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
    /// Source of the fields: <https://www.postgresql.org/docs/current/protocol-error-fields.html>.
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
