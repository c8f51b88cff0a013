//! Limits on open files: smoke raises its own to the maximum, and its children keep the original one.

/// Raises the limit on open files (`ulimit -n`) to the maximum that smoke may set, because each connection is a file.
#[cfg(unix)]
pub fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // If raising is not permitted, the current limit stays.
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, raised).is_ok() {
        let _ = BEFORE.set(limit);
    }
}

/// The original limit, if it was raised.
#[cfg(unix)]
static BEFORE: std::sync::OnceLock<rustix::process::Rlimit> = std::sync::OnceLock::new();

/// Starts a process with the original limit: some programs reserve memory for every possible file, or close each one.
#[cfg(unix)]
pub(super) fn with_the_limit_from_before<T>(
    mut start: impl FnMut() -> std::io::Result<T>,
) -> std::io::Result<T> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let Some(before) = BEFORE.get() else { return start() };
    let raised = getrlimit(Resource::Nofile);
    // A child inherits the limits of its parent. Lowering the limit closes no open file.
    if setrlimit(Resource::Nofile, *before).is_err() {
        return start();
    }
    let started = start();
    let _ = setrlimit(Resource::Nofile, raised);
    match started {
        // Smoke already has more files open than the original limit allows.
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
