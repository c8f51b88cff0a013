//! The temporary folder of this test process.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{env, fs};

use tempfile::TempDir;

use super::guard::Guard;

struct Scratch {
    path: PathBuf,
    _guard: Guard,
}

/// The folder, removed when the process ends. Other users can traverse it, since PostgreSQL does
/// not run as root even if the tests do.
///
/// # Panics
/// When it cannot be created.
pub fn folder() -> &'static Path {
    static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| {
        let folder = tempfile::Builder::new()
            .prefix("smoke-it-")
            .permissions(fs::Permissions::from_mode(0o711))
            .tempdir_in(env::temp_dir())
            .expect("create the folder of the tests");
        let path = folder.keep();
        Scratch { _guard: Guard::removes(&path), path }
    });
    &SCRATCH.path
}

/// A folder for one test, removed when it is dropped.
///
/// # Panics
/// When it cannot be created.
#[must_use]
pub fn for_a_test() -> TempDir {
    tempfile::Builder::new().prefix("test-").tempdir_in(folder()).expect("create the folder of a test")
}
