//! A runner for the real binary.

mod leash;
mod output;

use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use self::leash::{End, Leash, wait_for};
use self::output::{Output, watch_memory};
use super::junit::{self, Junit};
use super::{scratch, wait};

/// The variables that a run inherits. Others, such as proxies and the variables of a CI system, would make it depend on
/// the environment of the tests.
const INHERITED: [&str; 4] = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];

/// How long a run may take before it counts as hung.
const LIMIT: Duration = Duration::from_mins(1);

/// A builder for a run in its own folder.
#[derive(Debug)]
pub struct Smoke {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    limit: Duration,
    watch_memory: bool,
    is_unread: bool,
    folder: TempDir,
    /// The state directory of the run, separate from the folder that the test inspects.
    state: TempDir,
}

impl Smoke {
    /// `smoke run --junit junit.xml`
    #[must_use]
    pub fn new() -> Self {
        Self::bare().arg("run").arg("--junit").arg("junit.xml")
    }

    /// `smoke`
    #[must_use]
    pub fn bare() -> Self {
        Self::imitated_by(&program())
    }

    /// Runs another program instead, to test this module.
    #[must_use]
    pub fn imitated_by(program: &str) -> Self {
        Self::in_folders(program, scratch::for_a_test(), scratch::for_a_test())
    }

    fn in_folders(program: &str, folder: TempDir, state: TempDir) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            limit: LIMIT,
            watch_memory: false,
            is_unread: false,
            folder,
            state,
        }
    }

    /// Writes `smoke.toml`, which `smoke` finds without an argument.
    #[must_use]
    pub fn suite(self, text: &str) -> Self {
        self.file("smoke.toml", text)
    }

    /// Writes another file into the folder.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), text).expect("write a file of the test");
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<'a>(self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Kills the run after this time instead of after a minute.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Measures [`Ran::peak_memory`] (on Linux).
    #[must_use]
    pub fn watch_memory(mut self) -> Self {
        self.watch_memory = true;
        self
    }

    /// Reads none of its output until [`Running::read`]: a pipe buffers 64 KiB.
    #[must_use]
    pub fn unread(mut self) -> Self {
        self.is_unread = true;
        self
    }

    /// A path in the run's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not start, or has not ended within the limit.
    #[track_caller]
    #[must_use]
    pub fn run(self) -> Ran {
        self.spawn().wait()
    }

    /// Starts it, for a test that interacts with it.
    ///
    /// # Panics
    /// When it does not start.
    #[track_caller]
    #[must_use]
    pub fn spawn(self) -> Running {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(self.folder.path());
        command.env_clear().env("HOME", self.folder.path());
        command.env("XDG_STATE_HOME", self.state.path());
        command.envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command.envs(self.environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its own process group, so that a hanging run is killed with its children.
        command.process_group(0);
        let started = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let stdout = Output::collect(child.stdout.take().expect("stdout is piped"));
        let stderr = Output::collect(child.stderr.take().expect("stderr is piped"));
        if !self.is_unread {
            stdout.read();
            stderr.read();
        }
        let process = Pid::from_child(&child);
        let peak_memory = self.watch_memory.then(|| watch_memory(process));
        let ended = wait_for(child, started);
        Running {
            leash: Leash::of(process),
            ended,
            stdout,
            stderr,
            peak_memory,
            limit: self.limit,
            started,
            folder: self.folder,
            state: self.state,
        }
    }
}

/// A run in progress. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    leash: Leash,
    ended: Receiver<End>,
    stdout: Output,
    stderr: Output,
    peak_memory: Option<Receiver<u64>>,
    limit: Duration,
    started: Instant,
    folder: TempDir,
    state: TempDir,
}

impl Running {
    /// Its PID.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.leash.process.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends a signal to it, but not to its children. Does nothing if it has ended.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.leash.process, signal);
    }

    /// Its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until its standard error contains `text`.
    ///
    /// # Panics
    /// When it never does.
    #[track_caller]
    pub fn wait_for_stderr(&self, text: &str) {
        wait::until(&format!("{text:?} on standard error"), self.limit, || {
            self.stderr.text().contains(text).then_some(())
        });
    }

    /// Starts reading its output, unless that has happened.
    pub fn read(&self) {
        self.stdout.read();
        self.stderr.read();
    }

    /// A path in the run's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until it has exited.
    ///
    /// # Panics
    /// When it has not ended within the limit.
    #[track_caller]
    #[must_use]
    pub fn wait(mut self) -> Ran {
        let left = self.limit.saturating_sub(self.started.elapsed());
        let Ok(End { status, took }) = self.ended.recv_timeout(left) else {
            drop(self.leash);
            let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
            panic!("no end within {:?}\nstdout:\n{stdout}\nstderr:\n{stderr}", self.limit);
        };
        self.leash.let_go();
        self.read();
        let pipes_closed = self.stdout.wait_until_closed() && self.stderr.wait_until_closed();
        Ran {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            took,
            ended: self.started + took,
            pipes_closed,
            peak_memory: self.peak_memory.and_then(|peak| peak.recv().ok()),
            folder: self.folder,
            state: self.state,
        }
    }
}

/// A finished run.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` when a signal ended it, which is not the same as exit 143.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Everything it wrote to standard output.
    pub stdout: String,
    /// Everything it wrote to standard error.
    pub stderr: String,
    /// The time from just before its start until its end.
    pub took: Duration,
    /// When it ended.
    pub ended: Instant,
    /// Whether its output was closed when it exited. If not, a child is still alive.
    pub pipes_closed: bool,
    /// Its peak memory in bytes, if it was watched and could be read.
    pub peak_memory: Option<u64>,
    folder: TempDir,
    state: TempDir,
}

impl Ran {
    /// Asserts the exit code, and shows the output if it differs.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        let Self { stdout, stderr, signal, .. } = self;
        assert_eq!(self.code, Some(code), "signal {signal:?}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// Returns the report that [`Smoke::new`] requests, validated against the schema.
    ///
    /// # Panics
    /// When there is none, or it is not valid.
    #[track_caller]
    #[must_use]
    pub fn junit(&self) -> Junit {
        let path = self.path("junit.xml");
        assert!(path.exists(), "no report\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        let report = Junit::read(&path);
        junit::validate_xsd(&path).unwrap_or_else(|error| panic!("{error} in\n{}", report.xml));
        report
    }

    /// Returns another `smoke run` in the same folders.
    #[must_use]
    pub fn again(self) -> Smoke {
        Smoke::in_folders(env!("CARGO_BIN_EXE_smoke"), self.folder, self.state).arg("run")
    }

    /// Its state directory.
    #[must_use]
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// A path in the run's folder, which exists as long as this value.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The binary under test: the one built with the tests, unless `SMOKE_TEST_PROGRAM` is set. `tests/run --thorough` sets
/// it to the release build.
#[must_use]
pub fn program() -> String {
    env::var("SMOKE_TEST_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_smoke").to_owned())
}
