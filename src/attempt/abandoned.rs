//! Work that nobody waits for any more, and how it ends.
//!
//! No thread can be ended from outside. So work on what a server sent asks between its pieces whether anybody still
//! waits for it, and unwinds where nobody does: what it holds is given back, and its core is free.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// Why: what works on an answer has matchers, paths and pages to do with, and knows nothing of who waits for it.
    static CURRENT: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Held by the one who waits for work. Dropped, the work is abandoned.
pub(super) struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What unwinds a thread whose work is abandoned. Nobody sees it.
struct Abandoned;

/// `work`, which knows on its thread whether it is abandoned.
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

/// Ends the work that this thread does, if nobody waits for it any more. To be called between its pieces.
pub fn end_if_abandoned() {
    let is_abandoned =
        CURRENT.with_borrow(|current| current.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)));
    if is_abandoned {
        // Not a panic: no hook is called for it, and nobody asks what came of the work.
        std::panic::resume_unwind(Box::new(Abandoned));
    }
}

/// Takes the flag away from the thread, which is used again, however the work ends.
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
        // The thread does other work afterwards.
        end_if_abandoned();
    }
}
