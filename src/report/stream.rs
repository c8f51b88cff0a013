//! Standard output and standard error, where somebody may listen who does not read.
//!
//! A pipe takes some 64 KiB that nobody reads, and then holds whoever writes to it. The engine tells its events as
//! they happen, so that would hold budgets, cleanup and signals as well. So nothing is written here that had to wait:
//! from the first time on, a thread writes what comes, and the run goes on.

use std::io::{self, Write};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::file::unless_gone;

/// How much is written in one go: a pipe that says it has room has room for as much (`PIPE_BUF` of Linux).
const PIECE: usize = 4096;

/// One of the two standard streams that programs write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// What one stream has not taken yet, and the thread that waits for it.
struct Backlog {
    sender: mpsc::Sender<Vec<u8>>,
    writer: JoinHandle<io::Result<()>>,
}

static BACKLOGS: [Mutex<Option<Backlog>>; 2] = [Mutex::new(None), Mutex::new(None)];

impl Stream {
    const ALL: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

    fn backlog(self) -> MutexGuard<'static, Option<Backlog>> {
        BACKLOGS[usize::from(self == Stream::Stderr)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes to the stream itself, which may wait.
    fn put(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Stdout => io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()),
            Stream::Stderr => io::stderr().write_all(bytes),
        }
    }

    /// Does the stream take a piece now? Where that cannot be known, it does.
    #[cfg(unix)]
    fn takes(self, wait: Wait) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let limit = match wait {
            Wait::No => Some(&now),
            Wait::Yes => None,
        };
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let mut asked = [match self {
            Stream::Stdout => PollFd::new(&stdout, PollFlags::OUT),
            Stream::Stderr => PollFd::new(&stderr, PollFlags::OUT),
        }];
        rustix::io::retry_on_intr(|| poll(&mut asked, limit)).map_or(true, |ready| ready > 0)
    }

    #[cfg(not(unix))]
    fn takes(self, _: Wait) -> bool {
        true
    }

    fn start_backlog(self) -> io::Result<Backlog> {
        let (sender, receiver) = mpsc::channel::<Vec<u8>>();
        let writer = std::thread::Builder::new().name(format!("{self:?}")).spawn(move || {
            for bytes in receiver {
                for piece in bytes.chunks(PIECE) {
                    // Also for a stream that somebody else has made non-blocking.
                    self.takes(Wait::Yes);
                    self.put(piece)?;
                }
            }
            Ok(())
        })?;
        Ok(Backlog { sender, writer })
    }
}

#[derive(Clone, Copy)]
enum Wait {
    Yes,
    No,
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut backlog = self.backlog();
        if backlog.is_none() {
            if self.takes(Wait::No) {
                let piece = &bytes[..bytes.len().min(PIECE)];
                self.put(piece)?;
                return Ok(piece.len());
            }
            *backlog = Some(self.start_backlog()?);
        }
        match &*backlog {
            // Its thread ends early only when the stream is broken.
            Some(backlog) if backlog.sender.send(bytes.to_vec()).is_ok() => Ok(bytes.len()),
            Some(_) | None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Everything has been written, or is the backlog's.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Is there anything that was not taken when it was written?
#[must_use]
pub fn is_behind() -> bool {
    Stream::ALL.into_iter().any(|stream| stream.backlog().is_some())
}

/// Waits until everything has been taken, however long that is.
///
/// # Errors
/// Standard output broke, and not because its reader has gone away. Of what people read, nothing hangs on it.
pub fn catch_up() -> io::Result<()> {
    let mut caught_up = Ok(());
    for stream in Stream::ALL {
        let Some(Backlog { sender, writer }) = stream.backlog().take() else { continue };
        drop(sender);
        let written = writer.join().unwrap_or_else(|_| Err(io::Error::other("its writer panicked")));
        if stream == Stream::Stdout {
            caught_up = unless_gone(written);
        }
    }
    caught_up
}
