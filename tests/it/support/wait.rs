//! Waits for another process or thread.

use std::thread;
use std::time::{Duration, Instant};

/// The pause between two polls.
const PAUSE: Duration = Duration::from_millis(5);

/// Polls until `ask` returns a value.
///
/// # Panics
/// When there is none within `limit`, naming what was waited for.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} for {what}");
        thread::sleep(PAUSE);
    }
}
