//! Standard output, standard error and named pipes, which may be open without being read.
//!
//! A pipe accepts about 64 KiB without a reader and then blocks its writer. The engine reports events as they happen,
//! so a blocked write would delay budgets, cleanup and signals as well. Therefore nothing is written here if it would
//! block: from the first such write on, a thread does the writing, and the run continues. Opening a named pipe may also
//! block, so its thread does everything.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

use super::file::{Destination, ReportError, unless_gone};

/// The size of one write. A pipe that reports room has room for this much (`PIPE_BUF` on Linux).
const PIECE: usize = 4096;

/// One of the two standard streams for output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// The pending output of a stream, and the thread that writes it.
struct Backlog {
    sender: mpsc::Sender<Vec<u8>>,
    /// The number of bytes that are queued or being written.
    pending: Arc<AtomicUsize>,
    writer: JoinHandle<io::Result<()>>,
}

static BACKLOGS: [Mutex<Option<Backlog>>; 2] = [Mutex::new(None), Mutex::new(None)];

impl Stream {
    const ALL: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

    fn backlog(self) -> MutexGuard<'static, Option<Backlog>> {
        BACKLOGS[usize::from(self == Stream::Stderr)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes to the stream directly, which may block.
    fn put(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Stdout => io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()),
            Stream::Stderr => io::stderr().write_all(bytes),
        }
    }

    /// Whether the stream accepts a piece now. If that is unknown, assumes that it does.
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
        let pending = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&pending);
        // Why: it writes what the reader has not taken yet, and must not block a check. `catch_up` waits for it.
        let writer = std::thread::Builder::new().name(format!("{self:?}")).spawn(move || {
            for bytes in receiver {
                for piece in bytes.chunks(PIECE) {
                    // Needed if another process has made the stream non-blocking.
                    self.takes(Wait::Yes);
                    self.put(piece)?;
                }
                left.fetch_sub(bytes.len(), Ordering::SeqCst);
            }
            Ok(())
        })?;
        Ok(Backlog { sender, pending, writer })
    }

    /// Whether everything written has been taken, and more can be. Output that is redrawn repeatedly is worth writing
    /// only if it is seen immediately.
    pub fn keeps_up(self) -> bool {
        match &*self.backlog() {
            Some(backlog) => backlog.pending.load(Ordering::SeqCst) == 0 && self.takes(Wait::No),
            None => self.takes(Wait::No),
        }
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
        let Some(backlog) = &*backlog else { return Err(io::ErrorKind::BrokenPipe.into()) };
        backlog.pending.fetch_add(bytes.len(), Ordering::SeqCst);
        // The thread ends early only if the stream is broken.
        backlog.sender.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    /// Does nothing: everything has been written, or is in the backlog.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The threads that write to named pipes.
static ASIDE: Mutex<Vec<(Destination, JoinHandle<io::Result<()>>)>> = Mutex::new(Vec::new());

fn writers() -> MutexGuard<'static, Vec<(Destination, JoinHandle<io::Result<()>>)>> {
    ASIDE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to a named pipe on another thread, until this is dropped.
pub(super) struct Aside(mpsc::Sender<Vec<u8>>);

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The thread ends early only if it cannot write, which it reports at the end.
        let _ = self.0.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a named pipe once it has a reader, and writes to it.
pub(super) fn aside(path: PathBuf) -> io::Result<Aside> {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    let to = Destination::File(path.clone());
    // Why: opening a named pipe waits for its reader, and must not block a check. `catch_up` waits for it.
    let writer = std::thread::Builder::new().name(to.to_string()).spawn(move || {
        let mut pipe = File::options().append(true).open(path)?;
        receiver.into_iter().try_for_each(|bytes| pipe.write_all(&bytes))
    })?;
    writers().push((to, writer));
    Ok(Aside(sender))
}

/// Whether any output is still pending.
pub fn is_behind() -> bool {
    !writers().is_empty() || Stream::ALL.into_iter().any(|stream| stream.backlog().is_some())
}

/// Stops waiting for readers. Unread output is lost when the process ends.
pub fn let_go() {
    writers().clear();
    for stream in Stream::ALL {
        drop(stream.backlog().take());
    }
}

/// Waits until all output has been taken, for any length of time.
///
/// # Errors
/// Fails if standard output or a named pipe broke for another reason than its reader going away. Errors on standard
/// error are ignored, because nothing depends on text for people.
pub fn catch_up() -> Result<(), ReportError> {
    let mut caught_up = Ok(());
    let ended = |writer: JoinHandle<io::Result<()>>| {
        unless_gone(writer.join().unwrap_or_else(|_| Err(io::Error::other("its writer panicked"))))
    };
    let aside = std::mem::take(&mut *writers());
    for (to, writer) in aside {
        caught_up = caught_up.and(ended(writer).map_err(|error| ReportError::new(&to, &error)));
    }
    for stream in Stream::ALL {
        let Some(Backlog { sender, writer, .. }) = stream.backlog().take() else { continue };
        drop(sender);
        let written = ended(writer);
        if stream == Stream::Stdout {
            let error = |error| ReportError::new(&Destination::Stdout, &error);
            caught_up = caught_up.and(written.map_err(error));
        }
    }
    caught_up
}
