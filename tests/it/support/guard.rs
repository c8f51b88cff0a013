//! A process that cleans up after the test process.
//!
//! Statics are not dropped, a panic can abort, and a test run can be killed. A guard reads from a pipe whose other end
//! only this process holds. When the pipe closes, for any reason, the guard stops its server and removes its folder.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

/// `$1` is a process to stop and `$2` the signal for it, `$3` is a folder to remove; or they are empty.
///
/// A server may still be writing, so removing the folder is retried for ten
/// seconds.
const SCRIPT: &str = r#"
cat >/dev/null
[ -z "$1" ] || kill "-$2" "$1"
[ -n "$3" ] || exit 0
tries=0
until rm -rf "$3" || [ "$tries" -ge 100 ]; do tries=$((tries + 1)); sleep 0.1; done
"#;

/// Cleans up when it is dropped and when this process ends.
#[derive(Debug)]
pub struct Guard(Child);

impl Guard {
    /// Removes `folder`.
    ///
    /// # Panics
    /// When there is no `sh`.
    #[must_use]
    pub fn removes(folder: &Path) -> Self {
        Self::start(["", "", folder.to_str().expect("a temporary folder has a plain name")])
    }

    /// Stops `server` with this signal. Nothing may have waited for that child: only then its
    /// PID cannot have been reused.
    ///
    /// # Panics
    /// When there is no `sh`.
    #[must_use]
    pub fn stops(server: &Child, signal: Signal) -> Self {
        Self::start([&server.id().to_string(), &signal.as_raw().to_string(), ""])
    }

    /// Disarms the guard: what it watched has ended.
    pub fn dismiss(mut self) {
        let _ = self.0.kill();
    }

    fn start(arguments: [&str; 3]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "guard"]).args(arguments);
        // A process group of its own, or Ctrl-C would stop it together with what it should clean up.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("start the guard"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Whether a process with this PID exists and is not a zombie.
#[must_use]
pub fn is_running(process: u32) -> bool {
    let status = Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output();
    let state = status.map(|output| output.stdout).unwrap_or_default();
    !state.is_empty() && !state.starts_with(b"Z")
}
