//! Child processes with everything they start: their process group, their output and their end.
//!
//! Unix-specific code is confined to this file and `groups`.

mod cannot_start;
mod connections;
mod end;
mod groups;
mod limits;
mod listeners;
mod log_file;
mod output;
mod outputs;
mod reaper;
mod streams;
#[cfg(target_os = "linux")]
mod table;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap};
use tokio::io::AsyncWriteExt as _;

pub use self::connections::own_connections_are_closed;
pub use self::end::End;
pub use self::groups::Groups;
use self::groups::{MARK, Outside, has_no_children};
pub use self::limits::raise_open_files;
pub use self::listeners::{Listeners, ListeningOn};
pub use self::log_file::LogFile;
pub use self::output::{Output, Wanted};
pub use self::outputs::{Moment, Outputs};
pub use self::reaper::reap;
pub use self::streams::{LONGEST_STREAM, Stream, Streams};
use crate::deadline::{BudgetScope, Deadline};
use crate::language::io_error;
use crate::outcome::{Failure, Fault};
use crate::secret::{Message, message};

/// How often to check whether a process has gone.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long to keep reading a process's output after its end.
pub const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_millis(100);

/// The kernel needs a moment after SIGKILL.
pub const KILL_TIMEOUT: Duration = Duration::from_millis(500);

/// A command to run.
#[derive(Debug)]
pub struct Command {
    pub words: Vec<String>,
    pub env: Vec<(String, String)>,
    pub cwd: PathBuf,
    /// A new file for its output, if it may outlive smoke.
    pub prints_to: Option<PathBuf>,
    /// What it can read; by default nothing.
    pub stdin: Option<String>,
}

/// The signals that can ask a process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    Term,
    Int,
    Quit,
    Hup,
    Kill,
}

impl StopSignal {
    pub const ALL: [(&'static str, StopSignal); 5] = [
        ("TERM", StopSignal::Term),
        ("INT", StopSignal::Int),
        ("QUIT", StopSignal::Quit),
        ("HUP", StopSignal::Hup),
        ("KILL", StopSignal::Kill),
    ];
}

#[cfg(unix)]
impl StopSignal {
    fn of_the_system(self) -> rustix::process::Signal {
        use rustix::process::Signal;
        match self {
            StopSignal::Term => Signal::TERM,
            StopSignal::Int => Signal::INT,
            StopSignal::Quit => Signal::QUIT,
            StopSignal::Hup => Signal::HUP,
            StopSignal::Kill => Signal::KILL,
        }
    }
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    child: Box<dyn ChildWrapper>,
    output: Output,
    /// The number of its group, which equals its process ID. `None` once it has been stopped.
    group: Option<u32>,
    groups: Arc<Groups>,
    mark: String,
    prints_to: Option<PathBuf>,
    /// How long to wait for its output, from the moment its end was noticed.
    output_drain: Option<Deadline>,
}

impl Process {
    /// Starts the command in its own process group. Its output goes to `output`.
    ///
    /// # Errors
    /// Fails if there is no such program, or if it cannot be executed.
    pub fn start(command: &Command, output: Output, groups: &Arc<Groups>) -> Result<Process, Failure> {
        let program = command.words.first().map_or("", String::as_str);
        // A path is relative to the working directory of the command. A bare name is searched on PATH.
        let found = if program.contains(std::path::MAIN_SEPARATOR) {
            std::path::absolute(command.cwd.join(program)).unwrap_or_else(|_| command.cwd.join(program))
        } else {
            PathBuf::from(program)
        };
        let mark = uuid::Uuid::new_v4().simple().to_string();
        let mut wrapped = CommandWrap::with_new(&found, |process| {
            process.args(command.words.iter().skip(1)).env(MARK, &mark).envs(command.env.iter().cloned());
            if !command.cwd.as_os_str().is_empty() {
                process.current_dir(&command.cwd);
            }
            let stdin = if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
            process.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        let followed = match &command.prints_to {
            Some(path) => Some(print_to(path, &mut wrapped)?),
            None => None,
        };
        own_group(&mut wrapped);
        let started = groups.start(&mut wrapped);
        let mut child = started.map_err(|error| cannot_start::failure(command, &found, &error))?;
        // Why: these tasks end with the pipes, and the run does not wait for a pipe that a grandchild holds open.
        if let Some(stdout) = child.stdout().take() {
            tokio::spawn(output.opened().read(stdout, Stream::Stdout));
        }
        if let Some(stderr) = child.stderr().take() {
            tokio::spawn(output.opened().read(stderr, Stream::Stderr));
        }
        if let (Some(mut stdin), Some(text)) = (child.stdin().take(), command.stdin.clone()) {
            // Why: the same; a program that does not read it holds nobody.
            tokio::spawn(async move {
                let _ = stdin.write_all(text.as_bytes()).await;
            });
        }
        if let Some(file) = followed {
            // Why: it ends with the process, or with smoke if the process is left running.
            tokio::spawn(output.opened().follow(file));
        }
        let group = child.id();
        let (groups, prints_to) = (Arc::clone(groups), command.prints_to.clone());
        Ok(Process { child, output, group, groups, mark, prints_to, output_drain: None })
    }

    /// Whether the process itself has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.inner_mut().try_wait(), Ok(Some(_)))
    }

    /// Waits for the process itself to end and says how it did. What it said last may still be on its way.
    pub async fn exited(&mut self) -> End {
        match self.child.inner_mut().wait().await {
            Ok(status) => End::of(status),
            Err(error) => End::Unknown(error.to_string()),
        }
    }

    /// The same, and what it said last has come.
    pub async fn ended(&mut self) -> End {
        let end = self.exited().await;
        self.output.end();
        self.printed_all().await;
        end
    }

    /// Once it has ended, what it said last is still on its way, unless something that it left behind holds the pipe.
    pub async fn printed_all(&mut self) {
        let patience = self
            .output_drain
            .get_or_insert_with(|| Deadline::after(OUTPUT_DRAIN_TIMEOUT, BudgetScope::Grace));
        let _ = patience.bound(self.output.closed()).await;
    }

    /// Kills what it left behind, once it has ended. What it orphaned is a child of smoke by now: where there is none, no
    /// other process needs to be looked at.
    pub async fn end_leftovers(mut self, deadline: Deadline) {
        if has_no_children() && group_is_gone(self.child.as_mut(), self.group) {
            reaper::forget(self.group);
            self.groups.leave(self.group.take());
        } else {
            self.stop(StopSignal::Kill, deadline).await;
        }
    }

    /// Kills what it left behind outside its group, once it has been dropped.
    pub fn end_of_the_rest(&self) -> impl Future<Output = ()> + Send + 'static {
        let (groups, mark) = (Arc::clone(&self.groups), self.mark.clone());
        async move { groups.end_orphans(&mark, Deadline::after(KILL_TIMEOUT, BudgetScope::Grace)).await }
    }

    /// Asks the group and everything that left it to stop, and kills whatever remains at `deadline`.
    pub async fn stop(mut self, signal: StopSignal, deadline: Deadline) {
        let outside = self.groups.outside(self.group, &self.mark);
        send(self.group, signal);
        outside.send(signal);
        let is_gone = self.gone_by(deadline, &outside).await;
        let killed_by = Deadline::after(KILL_TIMEOUT, BudgetScope::Grace);
        if !is_gone {
            let _ = self.child.start_kill();
            outside.send(StopSignal::Kill);
            self.gone_by(killed_by, &outside).await;
        }
        reaper::forget(self.group);
        self.groups.leave(self.group.take());
        self.groups.end_orphans(&self.mark, killed_by).await;
    }

    /// Leaves the process running, and describes how to stop it.
    pub fn leave(mut self, signal: StopSignal) -> Message {
        let group = self.group.take();
        reaper::forget(group);
        self.groups.leave(group);
        let name =
            StopSignal::ALL.iter().find(|(_, known)| *known == signal).map_or("TERM", |(name, _)| name);
        let group = group.unwrap_or_default();
        let how = Message::new().words(format!("still runs; stop it with `kill -s {name} -- -{group}`"));
        match &self.prints_to {
            Some(file) => how.words("; it prints to `").data(file.display().to_string()).words("`"),
            None => how,
        }
    }

    async fn gone_by(&mut self, deadline: Deadline, outside: &Outside) -> bool {
        loop {
            if group_is_gone(self.child.as_mut(), self.group) && outside.is_gone() {
                return true;
            }
            if deadline.pause(LOOK_EVERY).await.is_err() {
                return false;
            }
        }
    }
}

impl Drop for Process {
    /// What is cut is not left running, nor what has left its group. The number of one that has been stopped may be
    /// another process's by now.
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            let outside = self.groups.outside(Some(group), &self.mark);
            let _ = self.child.start_kill();
            outside.send(StopSignal::Kill);
            reaper::forget(Some(group));
            self.groups.leave(Some(group));
        }
    }
}

/// Redirects the command's output to a new file at `path`, and opens that file for reading.
fn print_to(path: &Path, command: &mut CommandWrap) -> Result<File, Failure> {
    let created = File::options().append(true).create_new(true).open(path).and_then(|file| {
        let (stdout, stderr) = (file.try_clone()?, file);
        command.command_mut().stdout(stdout).stderr(stderr);
        File::open(path)
    });
    created.map_err(|error| {
        let doing = message!("writing what it prints to `{}`", path.display());
        Failure::fault(Fault::Local, doing, message!("{}", io_error::reason(&error)))
    })
}

#[cfg(unix)]
fn own_group(command: &mut CommandWrap) {
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
}

#[cfg(windows)]
fn own_group(command: &mut CommandWrap) {
    command.wrap(process_wrap::tokio::JobObject);
}

#[cfg(unix)]
fn send(group: Option<u32>, signal: StopSignal) {
    use rustix::process::Signal;
    let signal = signal.of_the_system();
    if let Some(group) = pid(group) {
        let _ = rustix::process::kill_process_group(group, signal);
        // A stopped process handles the signal only when it continues.
        let _ = rustix::process::kill_process_group(group, Signal::CONT);
    }
}

#[cfg(unix)]
fn pid(number: Option<u32>) -> Option<rustix::process::Pid> {
    number.and_then(|number| i32::try_from(number).ok()).and_then(rustix::process::Pid::from_raw)
}

#[cfg(unix)]
fn group_is_gone(child: &mut dyn ChildWrapper, group: Option<u32>) -> bool {
    use rustix::process::{WaitOptions, test_kill_process_group, waitpgid};
    let Some(group) = pid(group) else { return true };
    // Reaps the leader through the library that started it, then the orphans that smoke inherited.
    if !matches!(child.inner_mut().try_wait(), Ok(Some(_))) {
        return false;
    }
    while let Ok(Some(_)) = waitpgid(group, WaitOptions::NOHANG) {}
    test_kill_process_group(group).is_err()
}

#[cfg(not(unix))]
fn send(_group: Option<u32>, _signal: StopSignal) {}

#[cfg(not(unix))]
fn group_is_gone(child: &mut dyn ChildWrapper, _group: Option<u32>) -> bool {
    matches!(child.try_wait(), Ok(Some(_)))
}
