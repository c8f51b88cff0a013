//! What the path of a report refers to: a file that can be replaced, or something that can only be written to.

use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

/// What a path refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file, which may not exist yet. Links are resolved, so the link remains and its target is written.
    File(PathBuf),
    /// A named pipe. Opening it waits for a reader, and so may writing to it.
    Pipe(PathBuf),
    /// A device, or a descriptor of this process (`/dev/stdout`), whatever it refers to.
    Device(PathBuf),
}

impl Place {
    pub fn of(path: &Path) -> Place {
        let found = fs::metadata(path).ok().map(|found| found.file_type());
        let target = followed(path);
        match found {
            Some(kind) if is_pipe(kind) => Place::Pipe(path.to_owned()),
            Some(kind) if !kind.is_file() && !kind.is_dir() => Place::Device(path.to_owned()),
            Some(_) if is_descriptor(&target) => Place::Device(path.to_owned()),
            Some(_) | None => Place::File(target),
        }
    }

    /// Returns a key that is the same for every spelling of a path.
    pub fn key(&self) -> PathBuf {
        let (Place::File(path) | Place::Pipe(path) | Place::Device(path)) = self;
        let of_parent = || {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()?;
            Some(parent.join(path.file_name()?))
        };
        fs::canonicalize(path).ok().or_else(of_parent).unwrap_or_else(|| path.clone())
    }
}

/// The most links that the system follows.
const LINKS: usize = 40;

/// Resolves links, even if the target does not exist yet. Stops at a descriptor.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(to) if !is_descriptor(&path) => {
                path = path.parent().unwrap_or(Path::new("")).join(to);
            }
            Ok(_) | Err(_) => break,
        }
    }
    path
}

/// Whether it is a descriptor such as `/proc/self/fd/1`. Its link names a file that is already open and still being
/// written.
fn is_descriptor(path: &Path) -> bool {
    let is_in_fd = path.parent().is_some_and(|parent| parent.ends_with("fd"));
    is_in_fd && (path.starts_with("/proc") || path.starts_with("/dev"))
}

#[cfg(unix)]
fn is_pipe(kind: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: FileType) -> bool {
    false
}
