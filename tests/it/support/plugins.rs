//! The monitoring plugins of this machine.

use std::env;

/// The folder that they are in. `tests/run` finds it; Debian's is meant otherwise.
#[must_use]
pub fn folder() -> String {
    env::var("SMOKE_TEST_PLUGINS").unwrap_or_else(|_| "/usr/lib/nagios/plugins".to_owned())
}
