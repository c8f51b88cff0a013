//! The ends of processes that nobody waits for.
//!
//! What a booted process starts and forgets comes to smoke ([`adopt_orphans`](super::groups)), and to the first process of
//! a container comes what others forget. Somebody has to take note of their ends, or they stay as zombies.

use std::collections::BTreeSet;
use std::io::Result;
use std::sync::{Mutex, MutexGuard, PoisonError};

use process_wrap::tokio::ChildWrapper;

/// The processes whose ends somebody waits for.
static AWAITED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn awaited() -> MutexGuard<'static, BTreeSet<u32>> {
    AWAITED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a process whose end will be waited for. None is reaped before it is known to run.
pub(super) fn start(begin: impl FnOnce() -> Result<Box<dyn ChildWrapper>>) -> Result<Box<dyn ChildWrapper>> {
    let mut awaited = awaited();
    let child = begin()?;
    awaited.extend(child.id());
    Ok(child)
}

/// Nobody waits for its end any longer.
pub(super) fn forget(process: Option<u32>) {
    awaited().retain(|known| Some(*known) != process);
}

/// Takes note of every end that nobody waits for.
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
