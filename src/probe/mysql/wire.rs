//! The conversation after the login: commands and their answers.
//!
//! Source: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html>.

use std::io::{Error, ErrorKind, Result};

use serde_json::Value;

use super::frames::Frames;
use super::packets::{Column, Done, Prepared, Refusal, status, unexpected};
use super::{binary, parameters};

/// The maximum number of columns of a table, and of a result.
const MOST_COLUMNS: u64 = 4096;

/// A connection that is logged in.
pub(super) struct Wire {
    frames: Frames,
    is_broken: bool,
    /// The session's state from the last answer.
    status: u16,
}

/// A value of a row, as the server writes it; `None` is null.
pub(super) type Cell = Option<Vec<u8>>;

/// The answer to a command.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub refusal: Option<Refusal>,
    pub columns: Vec<Column>,
    /// The number of rows changed by a statement that has no result.
    pub affected: u64,
    pub warnings: u16,
}

/// The encoding of the values in rows.
#[derive(Debug, Clone, Copy)]
enum Format {
    Text,
    Binary,
}

mod command {
    pub const QUIT: u8 = 1;
    pub const QUERY: u8 = 3;
    pub const PREPARE: u8 = 0x16;
    pub const EXECUTE: u8 = 0x17;
    pub const CLOSE_STATEMENT: u8 = 0x19;
}

impl Wire {
    pub fn new(frames: Frames, status: u16) -> Wire {
        Wire { frames, is_broken: false, status }
    }

    /// Whether an exchange has failed, so that the connection is unusable.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    pub fn is_in_transaction(&self) -> bool {
        self.status & status::IN_TRANSACTION != 0
    }

    pub fn is_read_only(&self) -> bool {
        self.status & status::READ_ONLY_TRANSACTION != 0
    }

    /// Runs one statement without parameters.
    pub async fn query(&mut self, sql: &str, each_row: impl FnMut(&[Column], Vec<Cell>)) -> Result<Answer> {
        self.command(command::QUERY, sql.as_bytes());
        let answer = self.answer(Format::Text, each_row).await;
        self.watched(answer)
    }

    /// Prepares one statement without running it.
    pub async fn prepare(&mut self, sql: &str) -> Result<std::result::Result<Prepared, Refusal>> {
        self.command(command::PREPARE, sql.as_bytes());
        let answer = self.prepared().await;
        self.watched(answer)
    }

    /// Runs a prepared statement.
    pub async fn execute(
        &mut self,
        statement: Prepared,
        values: &[Value],
        each_row: impl FnMut(&[Column], Vec<Cell>),
    ) -> Result<Answer> {
        self.command(command::EXECUTE, &parameters::bound(statement.id, values));
        let answer = self.answer(Format::Binary, each_row).await;
        self.watched(answer)
    }

    /// Closes a prepared statement. There is no answer, so the command is sent together with the next one.
    pub fn forget(&mut self, statement: Prepared) {
        self.command(command::CLOSE_STATEMENT, &statement.id.to_le_bytes());
    }

    /// Ends the connection in good order.
    pub async fn say_good_bye(mut self) {
        self.command(command::QUIT, &[]);
        if self.frames.send().await.is_ok() {
            self.frames.shut_down().await;
        }
    }

    fn command(&mut self, command: u8, rest: &[u8]) {
        self.frames.begin();
        self.frames.put(&[&[command], rest].concat());
    }

    fn watched<T>(&mut self, answer: Result<T>) -> Result<T> {
        self.is_broken |= answer.is_err();
        answer
    }

    async fn prepared(&mut self) -> Result<std::result::Result<Prepared, Refusal>> {
        self.frames.send().await?;
        let packet = self.frames.packet("message").await?;
        let prepared = match packet.split_first() {
            Some((0, rest)) => Prepared::read(rest)?,
            Some((0xff, rest)) => return Ok(Err(Refusal::read(rest)?)),
            Some(_) | None => return Err(unexpected()),
        };
        // The columns are sent again with the rows.
        for count in [prepared.parameters, prepared.columns] {
            for _ in 0..count {
                self.frames.packet("message").await?;
            }
            if count > 0 {
                self.end_of_list().await?;
            }
        }
        Ok(Ok(prepared))
    }

    async fn answer(
        &mut self,
        format: Format,
        mut each_row: impl FnMut(&[Column], Vec<Cell>),
    ) -> Result<Answer> {
        self.frames.send().await?;
        let packet = self.frames.packet("message").await?;
        let count = match packet.split_first() {
            Some((0, rest)) => {
                let done = Done::read(rest)?;
                self.learn(done)?;
                return Ok(Answer { affected: done.affected, warnings: done.warnings, ..Answer::default() });
            }
            Some((0xff, rest)) => {
                return Ok(Answer { refusal: Some(Refusal::read(rest)?), ..Answer::default() });
            }
            Some((0xfb, _)) => {
                let cause = "the server asks for a file of this machine (`load data local`), and gets none";
                return Err(Error::new(ErrorKind::InvalidData, cause));
            }
            Some(_) => super::fields::Fields::of(&packet).length()?.unwrap_or_default(),
            None => return Err(unexpected()),
        };
        if count > MOST_COLUMNS {
            return Err(unexpected());
        }
        let mut answer = Answer::default();
        for _ in 0..count {
            answer.columns.push(Column::read(&self.frames.packet("message").await?)?);
        }
        self.end_of_list().await?;
        loop {
            let packet = self.frames.packet("row").await?;
            match packet.split_first() {
                Some((0xff, rest)) => {
                    answer.refusal = Some(Refusal::read(rest)?);
                    return Ok(answer);
                }
                Some((0xfe, rest)) if packet.len() < 9 => {
                    let done = Done::read_end(rest)?;
                    self.learn(done)?;
                    answer.warnings = done.warnings;
                    return Ok(answer);
                }
                Some(_) | None => {}
            }
            let cells = match format {
                Format::Text => binary::text_row(&packet, answer.columns.len())?,
                Format::Binary => binary::row(&packet, &answer.columns)?,
            };
            each_row(&answer.columns, cells);
        }
    }

    async fn end_of_list(&mut self) -> Result<()> {
        let packet = self.frames.packet("message").await?;
        match packet.split_first() {
            Some((0xfe, rest)) if packet.len() < 9 => self.learn(Done::read_end(rest)?),
            Some(_) | None => Err(unexpected()),
        }
    }

    fn learn(&mut self, done: Done) -> Result<()> {
        self.status = done.status;
        match done.status & status::MORE_RESULTS {
            0 => Ok(()),
            _ => Err(Error::new(ErrorKind::InvalidData, "the server answered with several results")),
        }
    }
}
