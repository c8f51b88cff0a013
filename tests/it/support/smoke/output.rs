//! The output and the memory of a run, observed from outside.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, thread};

use rustix::process::Pid;

/// How long the output may stay open after the end of the process.
const PIPES_PATIENCE: Duration = Duration::from_secs(5);

/// The content of a pipe, collected on a thread after the first [`read`](Output::read).
#[derive(Debug)]
pub(super) struct Output {
    begin: Sender<()>,
    bytes: Arc<Mutex<Vec<u8>>>,
    closed: Receiver<()>,
}

impl Output {
    pub(super) fn collect(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (sender, closed) = mpsc::channel();
        let (begin, begun) = mpsc::channel();
        let collected = Arc::clone(&bytes);
        thread::spawn(move || {
            let _ = begun.recv();
            let mut piece = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                collected.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..length]);
            }
            let _ = sender.send(());
        });
        Self { begin, bytes, closed }
    }

    pub(super) fn read(&self) {
        let _ = self.begin.send(());
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    pub(super) fn wait_until_closed(&self) -> bool {
        self.closed.recv_timeout(PIPES_PATIENCE).is_ok()
    }
}

/// Reads the kernel's high-water mark until the process is gone.
pub(super) fn watch_memory(process: Pid) -> Receiver<u64> {
    let (sender, receiver) = mpsc::channel();
    let status = PathBuf::from(format!("/proc/{}/status", process.as_raw_nonzero()));
    thread::spawn(move || {
        let mut peak = None;
        while let Some(bytes) = high_water_mark(&status) {
            peak = Some(bytes);
            thread::sleep(Duration::from_millis(2));
        }
        if let Some(peak) = peak {
            let _ = sender.send(peak);
        }
    });
    receiver
}

/// `None` once the process has ended, or where there is no `/proc`.
fn high_water_mark(status: &Path) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}
