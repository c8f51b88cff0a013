//! Files that a request needs.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::language::diagnostic::Diagnostic;
use crate::language::io_error;
use crate::language::placed::Placed;
use crate::language::variables::Variables;

/// Returns the mistake of naming `file`, if it cannot be read. Its path is relative to the suite's directory.
pub(super) fn missing(file: &Placed<PathBuf>, scope: &Variables) -> Option<Diagnostic> {
    let path = scope.suite_dir()?.join(&file.value);
    let error = look(&path).err()?;
    let message = format!("cannot read `{}`: {}", file.value.display(), io_error::reason(&error));
    let mistake = Diagnostic::new(file.place, message);
    Some(if file.value.is_absolute() {
        mistake
    } else {
        mistake.hint("a relative path starts in the folder of the suite")
    })
}

/// Checks that the file can be opened. Only regular files are opened, because a pipe such as a shell's `<(…)` can be
/// read only once.
fn look(path: &Path) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    match (metadata.is_dir(), metadata.is_file()) {
        (true, _) => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        (false, true) => File::open(path).map(|_| ()),
        (false, false) => Ok(()),
    }
}
