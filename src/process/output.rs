//! The output of a process: its beginning, its end, and whether it contained what is awaited.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regex::bytes::Regex;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

use super::log_file::LogFile;
use super::streams::{Stream, Streams};
use crate::deadline::{BudgetScope, Deadline};
use crate::outcome::Log;
use crate::secret::Redactor;

/// How many bytes of the beginning are kept.
const HEAD: usize = 16 << 10;

/// How many bytes of the end are kept. Far more than a report shows, because reports fold repeated lines.
const END: usize = 256 << 10;

/// Longer lines are matched by their beginning.
const LONGEST_LINE: usize = 64 << 10;

/// After this long without output, pending output is written to the log file. A secret of several lines is recognised
/// only in one piece.
const PIECE_IS_WHOLE_AFTER: Duration = Duration::from_millis(50);

/// The output that is awaited from a process.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// This text, at any position.
    Text(String),
    /// This many matching lines.
    Lines { pattern: Regex, count: u32 },
}

/// The output of a process, with standard output and standard error interleaved as they arrive.
#[derive(Debug, Clone)]
pub struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    kept: Mutex<Kept>,
    wanted: Option<Wanted>,
    /// The number of matching lines.
    matched: Mutex<u32>,
    was_found: watch::Sender<bool>,
    /// The number of pipes that are still read.
    open: watch::Sender<u32>,
    /// Whether the process has ended. Until then, a file that it writes may grow.
    has_ended: watch::Sender<bool>,
    file: Option<LogFile>,
    /// The two streams by themselves, where they are looked at.
    streams: Option<Streams>,
}

#[derive(Debug, Default)]
struct Kept {
    head: Vec<u8>,
    end: VecDeque<u8>,
    /// The total number of bytes.
    total: usize,
    /// The number of lines that were dropped between the head and the end.
    dropped: usize,
}

impl Output {
    /// Creates the output of a process, from which `wanted` is awaited if given.
    pub fn new(wanted: Option<Wanted>, file: Option<LogFile>) -> Output {
        let was_found = watch::Sender::new(wanted.is_none());
        Output(Arc::new(Shared { wanted, was_found, file, ..Shared::default() }))
    }

    /// The output of a program that ends, whose streams are looked at by themselves.
    pub fn of_streams() -> Output {
        let was_found = watch::Sender::new(true);
        Output(Arc::new(Shared { was_found, streams: Some(Streams::default()), ..Shared::default() }))
    }

    /// The two streams by themselves, if they are kept.
    pub fn streams(&self) -> Option<&Streams> {
        self.0.streams.as_ref()
    }

    pub(super) fn is_same(&self, other: &Output) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits until the awaited output has been printed.
    pub async fn found(&self) {
        let _ = self.0.was_found.subscribe().wait_for(|found| *found).await;
    }

    /// Returns the number of lines that have matched so far.
    pub fn matched(&self) -> u32 {
        *self.0.matched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a handle for another pipe.
    pub(super) fn opened(&self) -> Output {
        self.0.open.send_modify(|count| *count += 1);
        self.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a pipe to its end.
    pub(super) async fn read(self, mut pipe: impl AsyncRead + Unpin, stream: Stream) {
        let mut buffer = [0; 4096];
        let mut unmatched = Vec::new();
        let mut unwritten = Vec::new();
        loop {
            let read = pipe.read(&mut buffer);
            let read = if unwritten.is_empty() {
                read.await
            } else {
                match Deadline::after(PIECE_IS_WHOLE_AFTER, BudgetScope::Grace).bound(read).await {
                    Ok(read) => read,
                    Err(_) => {
                        self.write(&mut unwritten, End::OfAPiece);
                        continue;
                    }
                }
            };
            let Ok(read @ 1..) = read else { break };
            let piece = &buffer[..read];
            self.kept().extend(piece);
            if let Some(streams) = &self.0.streams {
                streams.extend(stream, piece);
            }
            self.look_in(piece, &mut unmatched);
            if self.0.file.is_some() {
                unwritten.extend_from_slice(piece);
            }
        }
        // The last line may lack a line break.
        self.look_in(b"\n", &mut unmatched);
        self.write(&mut unwritten, End::OfAll);
        self.0.open.send_modify(|count| *count -= 1);
    }

    /// Reads a file that the process writes, until the process has ended.
    pub(super) async fn follow(self, mut file: File) {
        /// How often the file is polled.
        const LOOK_EVERY: Duration = Duration::from_millis(20);
        let (mut sender, receiver) = tokio::io::duplex(LONGEST_LINE);
        let mut has_ended = self.0.has_ended.subscribe();
        let copying = async move {
            let mut buffer = [0; 4096];
            loop {
                // Checked before the read, because data that is written after the end is not from this process.
                let is_over = *has_ended.borrow_and_update();
                match file.read(&mut buffer) {
                    Ok(read @ 1..) => {
                        if sender.write_all(&buffer[..read]).await.is_err() {
                            return;
                        }
                    }
                    Ok(0) if !is_over => {
                        let next_look = Deadline::after(LOOK_EVERY, BudgetScope::Grace);
                        let _ = next_look.bound(has_ended.wait_for(|ended| *ended)).await;
                    }
                    Ok(_) | Err(_) => return,
                }
            }
        };
        tokio::join!(copying, self.read(receiver, Stream::Stdout));
    }

    /// Marks the process as ended.
    pub(super) fn end(&self) {
        self.0.has_ended.send_replace(true);
    }

    /// Searches for the awaited output, which may arrive in pieces. `unmatched` holds earlier output that may be part
    /// of it.
    fn look_in(&self, piece: &[u8], unmatched: &mut Vec<u8>) {
        let Shared { wanted, matched, was_found, .. } = &*self.0;
        let Some(wanted) = wanted.as_ref().filter(|_| !*was_found.borrow()) else { return };
        unmatched.extend_from_slice(piece);
        match wanted {
            Wanted::Text(text) => {
                let text = text.as_bytes();
                if text.is_empty() || unmatched.windows(text.len()).any(|window| window == text) {
                    was_found.send_replace(true);
                }
                unmatched.drain(..unmatched.len().saturating_sub(text.len().saturating_sub(1)));
            }
            Wanted::Lines { pattern, count } => {
                let ends = unmatched.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let lines: Vec<u8> = unmatched.drain(..ends).collect();
                let lines = lines.split_inclusive(|byte| *byte == b'\n');
                let is_match = |line: &&[u8]| pattern.is_match(line.trim_ascii_end());
                let found = u32::try_from(lines.filter(is_match).count()).unwrap_or(u32::MAX);
                unmatched.truncate(LONGEST_LINE);
                let mut matched = matched.lock().unwrap_or_else(PoisonError::into_inner);
                *matched = matched.saturating_add(found);
                if *matched >= *count {
                    was_found.send_replace(true);
                }
            }
        }
    }

    fn write(&self, unwritten: &mut Vec<u8>, end: End) {
        let Some(file) = &self.0.file else { return };
        let whole = match end {
            End::OfAll => unwritten.len(),
            // Half a line may contain half a secret.
            End::OfAPiece if unwritten.len() < LONGEST_LINE => {
                unwritten.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
            }
            End::OfAPiece => unwritten.len(),
        };
        let piece: Vec<u8> = unwritten.drain(..whole).collect();
        file.write(&String::from_utf8_lossy(&piece));
    }

    /// Waits until every pipe is closed.
    pub async fn closed(&self) {
        let _ = self.0.open.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Returns how many bytes have been printed so far.
    pub fn position(&self) -> usize {
        self.kept().total
    }

    /// Returns the output, redacted.
    pub fn log(&self, redactor: &Redactor) -> Option<Log> {
        self.log_since(0, redactor)
    }

    /// Returns the output after `position`, redacted.
    pub fn log_since(&self, position: usize, redactor: &Redactor) -> Option<Log> {
        let (head, dropped, end, before) = {
            let mut kept = self.kept();
            let before = kept.total - kept.end.len();
            // Lines that the end also contains are not shown twice.
            let head = &kept.head[..before.min(kept.head.len())];
            let lines = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let (head, dropped) = (head[..lines].to_vec(), kept.dropped);
            (head, dropped, kept.end.make_contiguous().to_vec(), before)
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        // Redacted together with earlier output, which may contain the other half of a secret.
        let after = position.saturating_sub(before).min(end.len());
        let (past, since) = end.split_at(after);
        let (past, since) = (text(past), text(since));
        let whole = format!("{past}{since}");
        let end = redactor.clean_range(&whole, past.len()..whole.trim_end().len().max(past.len()));
        match position {
            0 => Log::new(&redactor.clean(&text(&head)), dropped, &end),
            _ => Log::new("", 0, &end),
        }
    }
}

/// Whether more output may follow what is written.
#[derive(Debug, Clone, Copy)]
enum End {
    OfAPiece,
    OfAll,
}

impl Kept {
    fn extend(&mut self, piece: &[u8]) {
        self.total += piece.len();
        let room = HEAD.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..room]);
        self.end.extend(piece);
        let surplus = self.end.len().saturating_sub(END);
        // Lines in the head do not count as dropped.
        let before = self.total - self.end.len();
        let in_head = HEAD.saturating_sub(before).min(surplus);
        self.dropped += self.end.drain(..surplus).skip(in_head).filter(|byte| *byte == b'\n').count();
    }
}
