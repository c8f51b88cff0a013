//! The two output streams of a program, kept separately and whole up to a limit.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The number of bytes of a stream that are kept.
pub const LONGEST_STREAM: usize = 1 << 20;

/// An output stream of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }
}

/// The output on both streams.
#[derive(Debug, Default)]
pub struct Streams {
    kept: Mutex<Kept>,
    /// The streams that exceeded the limit.
    overflowed: watch::Sender<Vec<Stream>>,
}

#[derive(Debug, Default)]
struct Kept {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Kept {
    fn stream(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

impl Streams {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn extend(&self, stream: Stream, piece: &[u8]) {
        let mut kept = self.kept();
        let bytes = kept.stream(stream);
        let room = LONGEST_STREAM.saturating_sub(bytes.len());
        bytes.extend_from_slice(&piece[..room.min(piece.len())]);
        drop(kept);
        if piece.len() > room {
            self.overflowed.send_if_modified(|overflowed| {
                let is_new = !overflowed.contains(&stream);
                overflowed.extend(is_new.then_some(stream));
                is_new
            });
        }
    }

    /// Takes the output of a stream so far, as text. Invalid UTF-8 becomes U+FFFD.
    pub fn take_text(&self, stream: Stream) -> String {
        let bytes = std::mem::take(self.kept().stream(stream));
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Returns one of these streams that has exceeded the limit, if any.
    pub fn has_overflowed(&self, of: &[Stream]) -> Option<Stream> {
        self.overflowed.borrow().iter().copied().find(|stream| of.contains(stream))
    }

    /// Waits until one of these streams exceeds the limit, and returns it.
    pub async fn overflow(&self, of: &[Stream]) -> Stream {
        let mut overflowed = self.overflowed.subscribe();
        loop {
            if let Some(stream) = self.has_overflowed(of) {
                return stream;
            }
            let _ = overflowed.changed().await;
        }
    }
}
