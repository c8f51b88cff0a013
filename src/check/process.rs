//! A process with everything it starts: a group of its own, its last output, its end.
//!
//! What is Unix-only in smoke sits here.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;

use crate::deadline::{Deadline, Scope};
use crate::outcome::{Failure, Fault};
use crate::secret::{Message, Redactor};

/// How many of the last bytes of output are kept.
const TAIL: usize = 16 << 10;

/// How many of the last lines a report shows, and how many characters of them.
const TAIL_LINES: usize = 20;
pub const TAIL_SHOWN: usize = 2_000;

/// How often it is asked whether a process has gone.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long after its end a process's output is read on.
pub const LAST_WORDS: Duration = Duration::from_millis(100);

/// After SIGKILL the kernel needs a moment.
pub const AFTER_KILL: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Debug)]
pub struct Command {
    pub words: Vec<String>,
    pub env: Vec<(String, String)>,
    pub cwd: PathBuf,
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

/// The groups of the processes that run, so that the end of one does not take the others for its leavings.
#[derive(Debug, Default)]
pub struct Groups {
    running: Mutex<Vec<u32>>,
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    child: Box<dyn ChildWrapper>,
    output: Output,
    /// The number of its group, which is the process's own.
    group: Option<u32>,
    groups: Arc<Groups>,
    mark: String,
    /// How long its output is waited for, from when it was seen to have ended.
    last_words: Option<Deadline>,
}

/// The environment variable by which what a process started is known as its own, also outside its group.
const MARK: &str = "SMOKE_BOOT";

impl Process {
    /// Starts it in a group of its own.
    ///
    /// # Errors
    /// There is no such program, or it cannot be run.
    pub fn start(command: &Command, groups: &Arc<Groups>) -> Result<Process, Failure> {
        let program = command.words.first().map_or("", String::as_str);
        // A path is meant from the folder it runs in; a bare name is looked for on PATH.
        let found = match program.contains(std::path::MAIN_SEPARATOR) {
            // Absolute, because the operating system would look from the new folder again.
            true => {
                std::path::absolute(command.cwd.join(program)).unwrap_or_else(|_| command.cwd.join(program))
            }
            false => PathBuf::from(program),
        };
        let mark = uuid::Uuid::new_v4().simple().to_string();
        let mut wrapped = CommandWrap::with_new(&found, |process| {
            process.args(command.words.iter().skip(1)).env(MARK, &mark).envs(command.env.iter().cloned());
            if !command.cwd.as_os_str().is_empty() {
                process.current_dir(&command.cwd);
            }
            process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        own_group(&mut wrapped);
        adopt_orphans();
        let mut child = wrapped.spawn().map_err(|error| {
            let doing = Message::new().words("starting `").data(program).words("`");
            let hint = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "check the program's path, and that it has been built; a relative path starts in `cwd`"
                }
                std::io::ErrorKind::PermissionDenied => "check that the file is executable",
                _ => "try the command by hand",
            };
            Failure::fault(Fault::Local, doing, Message::new().data(crate::probe::dial::plain(&error)))
                .with_hint(Message::new().words(hint))
        })?;
        let output = Output::default();
        // Why: these outlive nothing: they end with the pipes, and the run does not wait for a pipe that a
        // grandchild holds.
        if let Some(stdout) = child.stdout().take() {
            tokio::spawn(output.opened().read(stdout));
        }
        if let Some(stderr) = child.stderr().take() {
            tokio::spawn(output.opened().read(stderr));
        }
        let group = child.id();
        groups.running.lock().unwrap_or_else(PoisonError::into_inner).extend(group);
        Ok(Process { child, output, group, groups: Arc::clone(groups), mark, last_words: None })
    }

    /// What it prints.
    #[must_use]
    pub fn output(&self) -> Output {
        self.output.clone()
    }

    /// Has the process itself ended?
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.inner_mut().try_wait(), Ok(Some(_)))
    }

    /// Waits for the process itself to end and says how it did.
    pub async fn ended(&mut self) -> String {
        let how = match self.child.inner_mut().wait().await {
            Ok(status) => how_it_ended(status),
            Err(error) => format!("unknown ({error})"),
        };
        // What it said last is still on its way, unless something that it left behind holds the pipe.
        let patience = self.last_words.get_or_insert_with(|| Deadline::after(LAST_WORDS, Scope::Grace));
        let _ = patience.bound(self.output.closed()).await;
        how
    }

    /// Asks the group to stop, kills what is left of it at `deadline`, and then everything that left the group.
    pub async fn stop(mut self, signal: StopSignal, deadline: Deadline) {
        send(self.group, signal);
        if !self.gone_by(deadline).await {
            let _ = self.child.start_kill();
            self.gone_by(Deadline::after(AFTER_KILL, Scope::Grace)).await;
        }
        let mut running = self.groups.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|group| Some(*group) != self.group);
        end_orphans(&self.mark, &running);
    }

    async fn gone_by(&mut self, deadline: Deadline) -> bool {
        loop {
            if group_is_gone(self.child.as_mut(), self.group) {
                return true;
            }
            if deadline.pause(LOOK_EVERY).await.is_err() {
                return false;
            }
        }
    }
}

impl Drop for Process {
    /// A boot that is cut before it is ready is not left running.
    fn drop(&mut self) {
        let _ = self.child.start_kill();
    }
}

/// The last output of a process, standard output and standard error as they came.
#[derive(Debug, Clone)]
pub struct Output {
    tail: Arc<Mutex<VecDeque<u8>>>,
    changed: Arc<watch::Sender<u64>>,
    /// How many pipes are still read.
    open: Arc<watch::Sender<u32>>,
}

impl Default for Output {
    fn default() -> Self {
        let (changed, open) = (Arc::new(watch::Sender::new(0)), Arc::new(watch::Sender::new(0)));
        Output { tail: Arc::default(), changed, open }
    }
}

impl Output {
    async fn read(self, mut pipe: impl AsyncRead + Unpin) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            {
                let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
                tail.extend(&buffer[..read]);
                let surplus = tail.len().saturating_sub(TAIL);
                tail.drain(..surplus);
            }
            self.changed.send_modify(|count| *count += 1);
        }
        self.open.send_modify(|count| *count -= 1);
    }

    /// The same for one more pipe.
    fn opened(&self) -> Output {
        self.open.send_modify(|count| *count += 1);
        self.clone()
    }

    /// Waits until every pipe is closed.
    async fn closed(&self) {
        let _ = self.open.subscribe().wait_for(|count| *count == 0).await;
    }

    fn text(&self) -> String {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(tail.make_contiguous()).into_owned()
    }

    /// The last lines, without what `redactor` knows: half a secret could not be told from other text any more.
    #[must_use]
    pub fn tail(&self, redactor: &Redactor) -> String {
        let text = redactor.clean(&self.text());
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        let surplus = tail.chars().count().saturating_sub(TAIL_SHOWN);
        tail.chars().skip(surplus).collect()
    }

    /// Waits until the output contains `text`.
    pub async fn wait_for(&mut self, text: &str) {
        let mut changes = self.changed.subscribe();
        while !self.text().contains(text) {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
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
fn how_it_ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(not(unix))]
fn how_it_ended(status: ExitStatus) -> String {
    status.to_string()
}

#[cfg(unix)]
fn send(group: Option<u32>, signal: StopSignal) {
    use rustix::process::Signal;
    let signal = match signal {
        StopSignal::Term => Signal::TERM,
        StopSignal::Int => Signal::INT,
        StopSignal::Quit => Signal::QUIT,
        StopSignal::Hup => Signal::HUP,
        StopSignal::Kill => Signal::KILL,
    };
    if let Some(group) = pid(group) {
        let _ = rustix::process::kill_process_group(group, signal);
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
    // The leader first, by the library that started it; then the orphans that came to this process.
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

/// Processes that left their group by forking twice come to smoke instead of init, so that it can end them.
#[cfg(target_os = "linux")]
fn adopt_orphans() {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Kills what a booted process left behind outside its group: the children of smoke that carry its mark. When it was
/// the last one that ran, every child of smoke is of that kind, also one that cleared its environment.
#[cfg(target_os = "linux")]
fn end_orphans(mark: &str, running: &[u32]) {
    use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};
    let marked = format!("{MARK}={mark}");
    let is_left_behind = |child: &Pid| {
        let environment =
            std::fs::read(format!("/proc/{}/environ", child.as_raw_nonzero())).unwrap_or_default();
        running.is_empty() || environment.split(|byte| *byte == 0).any(|entry| entry == marked.as_bytes())
    };
    // Each round may orphan the children of what it kills.
    for _ in 0..50 {
        let orphans: Vec<Pid> = children_of(getpid()).filter(is_left_behind).collect();
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            let _ = kill_process(orphan, Signal::KILL);
            let _ = waitpid(Some(orphan), WaitOptions::empty());
        }
    }
}

#[cfg(target_os = "linux")]
fn children_of(parent: rustix::process::Pid) -> impl Iterator<Item = rustix::process::Pid> {
    // `pid (name) state ppid …`; the name may hold anything, a parenthesis too. Source: proc(5).
    let parent = parent.as_raw_nonzero().get().to_string();
    std::fs::read_dir("/proc").into_iter().flatten().filter_map(move |entry| {
        let number: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        let (_, after_name) = stat.rsplit_once(") ")?;
        let its_parent = after_name.split(' ').nth(1)?;
        (its_parent == parent).then(|| rustix::process::Pid::from_raw(number)).flatten()
    })
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() {}

#[cfg(not(target_os = "linux"))]
fn end_orphans(_mark: &str, _running: &[u32]) {}
