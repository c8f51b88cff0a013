//! Waits for the end of a run, or forces it.

use std::process::{Child, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// Kills the run with its process group, unless released.
#[derive(Debug)]
pub(super) struct Leash {
    pub(super) process: Pid,
    held: bool,
}

impl Leash {
    pub(super) fn of(process: Pid) -> Self {
        Self { process, held: true }
    }

    pub(super) fn let_go(&mut self) {
        self.held = false;
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if self.held {
            let _ = kill_process_group(self.process, Signal::KILL);
        }
    }
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) status: ExitStatus,
    pub(super) took: Duration,
}

/// Waits on a thread, so that the exit is noticed immediately and not at the next poll.
pub(super) fn wait_for(mut child: Child, started: Instant) -> Receiver<End> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let status = child.wait().expect("wait for the run");
        let _ = sender.send(End { status, took: started.elapsed() });
    });
    receiver
}
