//! The number of repetitions of the promise tests, and their limits.

use std::env;
use std::time::Duration;

/// Whether this is `tests/run --thorough`, which tests the release build, one test at a time.
#[must_use]
pub fn is_thorough() -> bool {
    env::var_os("SMOKE_TEST_THOROUGH").is_some_and(|set| set == "1")
}

/// The time that a busy machine may add to a measurement. Far less than the hang of a failing test.
const BUSY: Duration = Duration::from_secs(10);

/// Returns `promised`, with more time if all tests run at once, in debug builds, on a possibly busy machine.
#[must_use]
pub fn bound(promised: Duration) -> Duration {
    if is_thorough() { promised } else { promised + BUSY }
}

/// Returns `usual`, or `thorough` under `tests/run --thorough`.
#[must_use]
pub fn repeats(usual: usize, thorough: usize) -> usize {
    if is_thorough() { thorough } else { usual }
}
