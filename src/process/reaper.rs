//! Reaps processes that nothing waits for.
//!
//! Descendants that a booted process abandons are reparented to smoke ([`adopt_orphans`](super::groups)), and the first
//! process of a container inherits all orphans. Unless they are reaped, they remain as zombies.

use std::collections::BTreeSet;
use std::io::Result;
use std::sync::{Mutex, MutexGuard, PoisonError};

use process_wrap::tokio::ChildWrapper;

/// The processes that something waits for.
static AWAITED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn awaited() -> MutexGuard<'static, BTreeSet<u32>> {
    AWAITED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a process that something will wait for. Holds the lock, so that it is not reaped before it is registered.
pub(super) fn start(begin: impl FnOnce() -> Result<Box<dyn ChildWrapper>>) -> Result<Box<dyn ChildWrapper>> {
    let mut awaited = awaited();
    let child = begin()?;
    awaited.extend(child.id());
    Ok(child)
}

/// Unregisters a process that nothing waits for any longer.
pub(super) fn forget(process: Option<u32>) {
    awaited().retain(|known| Some(*known) != process);
}

/// Reaps every ended child that nothing waits for.
#[cfg(target_os = "linux")]
pub fn reap() {
    use rustix::process::{Pid, WaitOptions, getpid, waitpid};

    use super::table::{State, all};

    let awaited = awaited();
    let own = getpid().as_raw_nonzero().get().unsigned_abs();
    let ended = all().filter(|process| process.parent == own && process.state == State::Zombie);
    for process in ended.filter(|process| !awaited.contains(&process.number)) {
        let _ = waitpid(Pid::from_raw(process.number.cast_signed()), WaitOptions::NOHANG);
    }
}

#[cfg(not(target_os = "linux"))]
pub fn reap() {}
