//! The process groups of booted processes, and the termination of processes that left their group.

use std::sync::{Mutex, MutexGuard, PoisonError};

use process_wrap::tokio::{ChildWrapper, CommandWrap};

#[cfg(not(target_os = "linux"))]
pub(super) use self::elsewhere::has_no_children;
#[cfg(not(target_os = "linux"))]
use self::elsewhere::{adopt_orphans, is_gone};
#[cfg(target_os = "linux")]
pub(super) use self::linux::has_no_children;
#[cfg(target_os = "linux")]
use self::linux::{adopt_orphans, is_gone};
use super::limits::with_the_limit_from_before;
use super::{LOOK_EVERY, reaper};
use crate::deadline::Deadline;

/// The environment variable that marks a boot's descendants, even outside its group.
pub(super) const MARK: &str = "SMOKE_BOOT";

/// The running processes. They are tracked so that the end of one does not kill the others as its orphans.
#[derive(Debug, Default)]
pub struct Groups {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Vec<u32>,
    /// Whether every child of smoke is a booted process or its orphan. Determined before the first boot.
    all_are_booted: Option<bool>,
}

impl Groups {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a process. Holds the lock, so that orphans are not searched before the process is registered.
    pub(super) fn start(&self, command: &mut CommandWrap) -> std::io::Result<Box<dyn ChildWrapper>> {
        let mut state = self.state();
        state.all_are_booted.get_or_insert_with(has_no_children);
        adopt_orphans();
        // Why: the process has its own group, which ends with its check or, if it stays, with the run.
        let child = reaper::start(|| with_the_limit_from_before(|| command.spawn()))?;
        state.running.extend(child.id());
        Ok(child)
    }

    /// Unregisters a process that has ended.
    pub(super) fn leave(&self, gone: Option<u32>) {
        self.state().running.retain(|group| Some(*group) != gone);
    }

    /// Kills what a booted process left behind outside its group, and waits until it is gone or `deadline` passes.
    pub(super) async fn end_orphans(&self, mark: &str, deadline: Deadline) {
        let mut killed = Vec::new();
        loop {
            // Each round may orphan the children of the processes that it kills.
            killed.extend(self.kill_orphans(mark));
            if killed.is_empty() {
                return;
            }
            killed.retain(|orphan| !is_gone(*orphan));
            if deadline.pause(LOOK_EVERY).await.is_err() {
                return;
            }
        }
    }
}

/// The descendants of a boot that have left its group.
#[derive(Debug, Default)]
pub(super) struct Outside(Vec<u32>);

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeSet;

    use rustix::process::{
        Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, set_child_subreaper, waitid,
        waitpid,
    };

    use super::{Groups, Outside};
    use crate::process::StopSignal;
    use crate::process::table::{Entry, State, all, carries, is_alive, with_descendants};

    /// Makes smoke a subreaper: processes that left their group by double-forking are reparented to smoke instead of
    /// init, so that it can kill them.
    pub fn adopt_orphans() {
        let _ = set_child_subreaper(Some(getpid()));
    }

    /// Whether smoke has no children of unknown origin. A process that replaced itself with smoke by `exec` may have
    /// started some before, and the first process of a container inherits orphans.
    pub fn has_no_children() -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !getpid().is_init()
            && waitid(WaitId::All, options).is_err_and(|error| error == rustix::io::Errno::CHILD)
    }

    fn own_number() -> u32 {
        getpid().as_raw_nonzero().get().unsigned_abs()
    }

    fn pid(number: u32) -> Option<Pid> {
        Pid::from_raw(number.cast_signed())
    }

    impl Groups {
        /// Returns the descendants of the boot in this group that are in another group, found by its mark or by their
        /// parents.
        pub(in crate::process) fn outside(&self, group: Option<u32>, mark: &str) -> Outside {
            let Some(group) = group else { return Outside::default() };
            let state = self.state();
            let processes: Vec<Entry> = all().filter(|process| process.state == State::Alive).collect();
            // If this boot is the only one left, all orphans of smoke are its own.
            let is_last = state.running == [group] && state.all_are_booted == Some(true);
            let is_known = |process: &&Entry| {
                process.number == group
                    || is_last && process.parent == own_number()
                    || carries(process.number, mark)
            };
            let known: BTreeSet<u32> =
                processes.iter().filter(is_known).map(|process| process.number).collect();
            let all = with_descendants(known, &processes);
            let is_outside = |process: &&Entry| {
                process.group != group && process.number != own_number() && all.contains(&process.number)
            };
            Outside(processes.iter().filter(is_outside).map(|process| process.number).collect())
        }

        /// Kills the children of smoke that carry the mark. Once the last boot has ended, this includes every child
        /// that only a boot can have started, even one that cleared its environment.
        pub(super) fn kill_orphans(&self, mark: &str) -> Vec<Pid> {
            let state = self.state();
            let only_leavings = state.running.is_empty() && state.all_are_booted == Some(true);
            let children = all().filter(|process| process.parent == own_number());
            let left = children.filter(|child| only_leavings || carries(child.number, mark));
            let orphans: Vec<Pid> = left.filter_map(|orphan| pid(orphan.number)).collect();
            for orphan in &orphans {
                let _ = kill_process(*orphan, Signal::KILL);
            }
            orphans
        }
    }

    impl Outside {
        pub(in crate::process) fn send(&self, signal: StopSignal) {
            for process in self.0.iter().filter_map(|number| pid(*number)) {
                let _ = kill_process(process, signal.of_the_system());
                // A stopped process handles the signal only when it continues.
                let _ = kill_process(process, Signal::CONT);
            }
        }

        pub(in crate::process) fn is_gone(&self) -> bool {
            !self.0.iter().any(|number| is_alive(*number))
        }
    }

    /// Reaps the orphan without waiting. Returns whether it is gone.
    pub fn is_gone(orphan: Pid) -> bool {
        !matches!(waitpid(Some(orphan), WaitOptions::NOHANG), Ok(None))
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{Groups, Outside};
    use crate::process::StopSignal;

    pub fn adopt_orphans() {}

    pub fn has_no_children() -> bool {
        false
    }

    impl Groups {
        pub(in crate::process) fn outside(&self, _group: Option<u32>, _mark: &str) -> Outside {
            Outside::default()
        }

        pub(super) fn kill_orphans(&self, _mark: &str) -> Vec<u32> {
            Vec::new()
        }
    }

    impl Outside {
        pub(in crate::process) fn send(&self, _signal: StopSignal) {}

        pub(in crate::process) fn is_gone(&self) -> bool {
            self.0.is_empty()
        }
    }

    pub fn is_gone(_orphan: u32) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::process::{Command, Output, Process};

    #[tokio::test]
    async fn a_process_that_is_dropped_runs_no_longer() {
        let words = ["sleep", "1000"].map(str::to_owned).to_vec();
        let command = Command { words, env: Vec::new(), cwd: PathBuf::new(), prints_to: None, stdin: None };
        let groups = Arc::new(Groups::default());
        let process = Process::start(&command, Output::new(None, None), &groups).unwrap();
        assert_eq!(groups.state().running.len(), 1);
        drop(process);
        assert_eq!(groups.state().running, [0; 0]);
    }
}
