//! The suites of `tests/suites`, and the other files of the repository that tests read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A suite of the corpus.
pub struct Suite {
    /// Its file's name, without `.toml`.
    pub name: String,
    pub path: PathBuf,
    pub text: String,
}

/// A file of the repository, by its path from the root.
#[must_use]
pub fn path(from_the_root: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(from_the_root)
}

/// The file as text.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn text(from_the_root: &str) -> String {
    fs::read_to_string(path(from_the_root)).unwrap_or_else(|error| panic!("{from_the_root}: {error}"))
}

/// Every suite of this folder of `tests/suites`, in the order of their names.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn suites(folder: &str) -> Vec<Suite> {
    let mut suites: Vec<Suite> = files(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| Suite {
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            text: fs::read_to_string(&path).expect("read a suite"),
            path,
        })
        .collect();
    suites.sort_by(|a, b| a.name.cmp(&b.name));
    suites
}

/// Compares `shown` with the snapshot beside the suite.
///
/// # Panics
/// When they differ.
pub fn assert_snapshot(folder: &str, name: &str, shown: &str) {
    insta::with_settings!({
        snapshot_path => Path::new("../../suites").join(folder),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, shown);
    });
}

/// # Panics
/// When a snapshot has no suite.
pub fn assert_every_snapshot_has_its_suite(folder: &str) {
    for path in files(folder) {
        assert!(path.with_extension("toml").is_file(), "{}", path.display());
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = path("tests/suites").join(folder);
    fs::read_dir(folder).expect("read the corpus").map(|entry| entry.expect("a file").path()).collect()
}

/// Runs `judge` for each item, on a few threads: what reads a large suite for each of its keys takes a while.
pub fn in_parallel<T: Sync>(items: &[T], judge: impl Fn(&T) + Sync) {
    const THREADS: usize = 4;
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    judge(item);
                }
            });
        }
    });
}
