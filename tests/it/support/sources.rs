//! The project's own Rust files.

use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file.
#[derive(Debug)]
pub struct Source {
    /// The path from the root of the repository.
    pub path: PathBuf,
    /// Its module path: `["probe", "http", "send"]` for `probe/http/send.rs`, empty for the root.
    pub module: Vec<String>,
    pub text: String,
}

/// Returns every Rust file in this folder of the repository, sorted by path.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    collect(&root.join(folder), &mut |path| {
        let module = module(path.strip_prefix(root.join(folder)).expect("a path in the folder"));
        let text = fs::read_to_string(path).expect("read a Rust file");
        sources.push(Source { path: path.strip_prefix(root).expect("a path").to_owned(), module, text });
    });
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn collect(folder: &Path, found: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).expect("read a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found(&path);
        }
    }
}

/// Returns the module path of this file from the root of its crate.
///
/// # Panics
/// When the path is not text.
#[must_use]
pub fn module(path: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_str().expect("a name").to_owned()).collect();
    if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "main" | "lib")) {
        module.pop();
    }
    module
}
