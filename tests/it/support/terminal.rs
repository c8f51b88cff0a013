//! A pseudo-terminal for `smoke`, and the user at it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::wait;

/// A pseudo-terminal with a program on it.
#[derive(Debug)]
pub struct Terminal {
    controller: File,
    side: File,
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Ctrl-S and Ctrl-Q, which stop and resume the terminal.
pub const STOP: &str = "\x13";
pub const GO_ON: &str = "\x11";

/// A sequence that no program writes.
const END: &[u8] = b"\x1b_the end of the test\x1b\\";

impl Terminal {
    /// Starts `smoke` with these arguments in this folder, on a terminal of this size in columns and rows.
    ///
    /// # Panics
    /// When no terminal can be opened.
    #[must_use]
    pub fn smoke(arguments: &[&str], folder: &Path, size: (u16, u16)) -> Self {
        Self::smoke_with(arguments, folder, size, &[])
    }

    /// Starts `smoke` with additional environment variables.
    ///
    /// # Panics
    /// When no terminal can be opened.
    #[must_use]
    pub fn smoke_with(
        arguments: &[&str],
        folder: &Path,
        (columns, rows): (u16, u16),
        environment: &[(&str, &str)],
    ) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("open a terminal");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("unlock the terminal");
        let name = ptsname(&controller, Vec::new()).expect("the terminal has a name");
        let side =
            File::options().read(true).write(true).open(name.to_str().expect("a name")).expect("open it");
        tcsetwinsize(&side, size(columns, rows)).expect("set its size");
        let again = || OwnedFd::from(side.try_clone().expect("the terminal again"));
        let child = Command::new(env!("CARGO_BIN_EXE_smoke"))
            .args(arguments)
            .current_dir(folder)
            .env("TERM", "xterm")
            .env_remove("CI")
            .env_remove("NO_COLOR")
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITLAB_CI")
            .envs(environment.iter().copied())
            .stdin(again())
            .stdout(again())
            .stderr(again())
            .spawn()
            .expect("smoke starts");
        let controller = File::from(controller);
        let shown: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (mut reader, kept) = (controller.try_clone().expect("the terminal again"), Arc::clone(&shown));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // On Linux, reading fails once the other side is closed.
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..length]);
            }
        });
        Self { controller, side, child, shown }
    }

    /// Everything written so far, with escape sequences.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// The current screen, of this many columns and rows, without trailing blanks.
    #[must_use]
    pub fn screen(&self, columns: u16, rows: u16) -> String {
        let mut screen = vt100::Parser::new(rows, columns, 0);
        screen.process(self.shown().as_bytes());
        let text: Vec<String> =
            screen.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        text.join("\n").trim_end().to_owned()
    }

    /// Waits until `text` has been written.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        wait::until(text, PATIENCE, || self.shown().contains(text).then_some(()));
    }

    /// # Panics
    /// When the terminal is gone.
    pub fn type_in(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).expect("type");
    }

    /// # Panics
    /// When the terminal is gone.
    pub fn resize(&self, columns: u16, rows: u16) {
        tcsetwinsize(&self.side, size(columns, rows)).expect("set its size");
    }

    /// Whether it is back in its original mode, with echo and line input.
    ///
    /// # Panics
    /// When the terminal is gone.
    #[must_use]
    pub fn is_as_it_was(&self) -> bool {
        let modes = tcgetattr(&self.side).expect("the terminal's modes").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// # Panics
    /// When it has ended.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("send a signal");
    }

    /// Waits for the end of the program, and until [`shown`](Self::shown) contains all of its output.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        let status = wait::until("the end of smoke", PATIENCE, || self.child.try_wait().expect("look at it"));
        // A stopped terminal would retain the output.
        self.type_in(GO_ON);
        // Written after the program's output, so it also arrives after it.
        self.side.write_all(END).expect("write to the terminal");
        wait::until("the last of what smoke wrote", PATIENCE, || {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let end = shown.windows(END.len()).position(|window| window == END)?;
            shown.truncate(end);
            Some(())
        });
        status
    }
}

/// A failing test must not leave it running.
impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}
