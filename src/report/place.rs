//! What a report's path leads to: a file that can be replaced, or something that can only be written to.

use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file, or nothing yet; links have been followed, so that the link stays and what it names is written.
    File(PathBuf),
    /// A named pipe: opening it waits for a reader, and so does writing to it.
    Pipe(PathBuf),
    /// A device, or a descriptor of this process (`/dev/stdout`), whatever is behind it.
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

    /// The same for every way to write one path.
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

/// As many links as the system follows.
const LINKS: usize = 40;

/// Follows links to what they name, also where that is not there yet; a descriptor is where it ends.
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

/// Is it `/proc/self/fd/1` or the like? Its link names a file that somebody has opened, and goes on to write to.
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
