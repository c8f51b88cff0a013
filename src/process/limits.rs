//! How many files smoke may have open: as many as it is allowed to, and its children as many as they were meant to.

/// Raises the limit on open files (`ulimit -n`) to the most that smoke may ask for: each connection is one.
#[cfg(unix)]
pub fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it may not, it goes on with what it has.
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_ok() {
        let _ = BEFORE.set(limit);
    }
}

/// The limit that smoke was started with, if it was raised.
#[cfg(unix)]
static BEFORE: std::sync::OnceLock<rustix::process::Rlimit> = std::sync::OnceLock::new();

/// Starts a process with the limit that smoke was started with: some programs reserve memory for every file that they
/// may have open, or close each.
#[cfg(unix)]
pub(super) fn with_the_limit_from_before<T>(
    mut start: impl FnMut() -> std::io::Result<T>,
) -> std::io::Result<T> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let Some(before) = BEFORE.get() else { return start() };
    let raised = getrlimit(Resource::Nofile);
    // A process has the limits of the one that starts it. Nothing that is open is closed by it.
    if setrlimit(Resource::Nofile, *before).is_err() {
        return start();
    }
    let started = start();
    let _ = setrlimit(Resource::Nofile, raised);
    match started {
        // Smoke has more open already.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => start(),
        started => started,
    }
}

#[cfg(not(unix))]
pub fn raise_open_files() {}

#[cfg(not(unix))]
pub(super) fn with_the_limit_from_before<T>(
    mut start: impl FnMut() -> std::io::Result<T>,
) -> std::io::Result<T> {
    start()
}
