//! How often the tests of the promises repeat themselves.

use std::env;

/// `usual` repeats, or `thorough` ones under `tests/run --thorough`.
#[must_use]
pub fn repeats(usual: usize, thorough: usize) -> usize {
    if env::var_os("SMOKE_TEST_THOROUGH").is_some_and(|set| set == "1") { thorough } else { usual }
}
