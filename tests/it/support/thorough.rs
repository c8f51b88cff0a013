//! How often the tests of the promises are repeated, and which limits hold.

use std::env;
use std::time::Duration;

/// Is this `tests/run --thorough`? It tests the release build, one test at a time.
#[must_use]
pub fn is_thorough() -> bool {
    env::var_os("SMOKE_TEST_THOROUGH").is_some_and(|set| set == "1")
}

/// What a busy machine may add to a measured time. Far less than what a test hangs for when it fails.
const BUSY: Duration = Duration::from_secs(10);

/// `promised`, and more where all tests run at once, in debug builds, on a machine that may have other work.
#[must_use]
pub fn bound(promised: Duration) -> Duration {
    if is_thorough() { promised } else { promised + BUSY }
}

/// `usual` repeats, or `thorough` ones under `tests/run --thorough`.
#[must_use]
pub fn repeats(usual: usize, thorough: usize) -> usize {
    if is_thorough() { thorough } else { usual }
}
