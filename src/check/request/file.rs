//! Files that a request needs.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::language::diagnostic::Diagnostic;
use crate::language::io_error;
use crate::language::placed::Placed;
use crate::language::variables::Variables;

/// The mistake of naming `file`, if it cannot be read. It is looked for from the suite's folder.
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

/// Can it be opened? What is no regular file is left alone: a pipe such as a shell's `<(…)` can be read once.
fn look(path: &Path) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    match (metadata.is_dir(), metadata.is_file()) {
        (true, _) => Err(io::Error::from(io::ErrorKind::IsADirectory)),
        (false, true) => File::open(path).map(|_| ()),
        (false, false) => Ok(()),
    }
}
