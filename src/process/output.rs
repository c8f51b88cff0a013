//! What a process prints: the end of it, and whether what is waited for was in it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;

use crate::outcome::Log;
use crate::secret::Redactor;

/// How many of the last bytes are kept: twice what a report shows, so that what it shows of a secret is never the
/// half that is left of it.
const KEPT: usize = 2 * Log::BYTES;

/// What a process prints, standard output and standard error as they come.
#[derive(Debug, Clone)]
pub struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    end: Mutex<LastBytes>,
    /// What is looked for in each of the pipes; nothing is found at once.
    wanted: Vec<u8>,
    was_found: watch::Sender<bool>,
    /// How many pipes are still read.
    open: watch::Sender<u32>,
}

#[derive(Debug, Default)]
struct LastBytes {
    bytes: VecDeque<u8>,
    /// How many lines were before them.
    dropped: usize,
}

impl Default for Output {
    /// The output of a process that need not print anything.
    fn default() -> Output {
        Output::looking_for("")
    }
}

impl Output {
    /// The output of a process that is to print `wanted`.
    pub fn looking_for(wanted: &str) -> Output {
        let was_found = watch::Sender::new(wanted.is_empty());
        Output(Arc::new(Shared { wanted: wanted.into(), was_found, ..Shared::default() }))
    }

    /// Waits until it has been printed.
    pub async fn found(&self) {
        let _ = self.0.was_found.subscribe().wait_for(|found| *found).await;
    }

    /// The same for one more pipe.
    pub(super) fn opened(&self) -> Output {
        self.0.open.send_modify(|count| *count += 1);
        self.clone()
    }

    /// Reads a pipe to its end.
    pub(super) async fn read(self, mut pipe: impl AsyncRead + Unpin) {
        let Shared { end, wanted, was_found, open } = &*self.0;
        let mut buffer = [0; 4096];
        // What was wanted may come in pieces.
        let mut unmatched = Vec::new();
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            let piece = &buffer[..read];
            end.lock().unwrap_or_else(PoisonError::into_inner).extend(piece);
            if !*was_found.borrow() {
                unmatched.extend_from_slice(piece);
                if unmatched.windows(wanted.len()).any(|window| window == wanted) {
                    was_found.send_replace(true);
                }
                unmatched.drain(..unmatched.len().saturating_sub(wanted.len() - 1));
            }
        }
        open.send_modify(|count| *count -= 1);
    }

    /// Waits until every pipe is closed.
    pub(super) async fn closed(&self) {
        let _ = self.0.open.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Its last lines, without what `redactor` knows.
    pub fn log(&self, redactor: &Redactor) -> Option<Log> {
        let (text, dropped) = {
            let mut end = self.0.end.lock().unwrap_or_else(PoisonError::into_inner);
            (String::from_utf8_lossy(end.bytes.make_contiguous()).into_owned(), end.dropped)
        };
        Log::end_of(text.trim_end(), dropped, |range| redactor.clean_range(&text, range))
    }
}

impl LastBytes {
    fn extend(&mut self, piece: &[u8]) {
        self.bytes.extend(piece);
        let surplus = self.bytes.len().saturating_sub(KEPT);
        self.dropped += self.bytes.drain(..surplus).filter(|byte| *byte == b'\n').count();
    }
}
