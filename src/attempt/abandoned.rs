//! Stops offloaded work that nobody waits for any more.
//!
//! A thread cannot be killed from outside. Work on a server's response therefore checks between its pieces whether its
//! result is still awaited. If not, it unwinds, which frees its memory and its core.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// Why: the code that processes a response deals with matchers, paths and pages, and does not know its caller.
    static CURRENT: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Held by the task that waits for the work. Dropping it abandons the work.
pub(super) struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The payload that unwinds the thread of abandoned work. Nobody observes it.
struct Abandoned;

/// Wraps `work` so that its thread can tell whether it is abandoned.
pub(super) fn watched<T>(work: impl FnOnce() -> T) -> (Waiting, impl FnOnce() -> T) {
    let is_abandoned = Arc::new(AtomicBool::new(false));
    let waiting = Waiting(Arc::clone(&is_abandoned));
    let work = move || {
        let _current = Current::set(is_abandoned);
        end_if_abandoned();
        work()
    };
    (waiting, work)
}

/// Unwinds if the work of this thread is abandoned. Call it between pieces of the work.
pub fn end_if_abandoned() {
    let is_abandoned =
        CURRENT.with_borrow(|current| current.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)));
    if is_abandoned {
        // `resume_unwind` rather than a panic: it skips the panic hook, and nobody looks at the result.
        std::panic::resume_unwind(Box::new(Abandoned));
    }
}

/// Clears the flag of the thread, which is reused, however the work ends.
struct Current;

impl Current {
    fn set(flag: Arc<AtomicBool>) -> Current {
        CURRENT.replace(Some(flag));
        Current
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.take();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn work_ends_between_two_pieces_once_nobody_waits_for_it() {
        let (held, done) = (RefCell::new(None), Cell::new(0));
        let (waiting, work) = watched(|| {
            for _ in 0..10 {
                end_if_abandoned();
                done.set(done.get() + 1);
                if done.get() == 3 {
                    held.take();
                }
            }
        });
        held.replace(Some(waiting));
        assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
        assert_eq!(done.get(), 3);
        // The thread is reused afterwards.
        end_if_abandoned();
    }
}
