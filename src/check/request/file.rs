//! Files that a request needs.

use std::path::PathBuf;

use crate::language::diagnostic::Diagnostic;
use crate::language::placed::Placed;
use crate::language::variables::Variables;
use crate::language::{io_error, regular_file};

/// The mistake of naming `file`, if it cannot be read. It is looked for from the suite's folder.
pub(super) fn missing(file: &Placed<PathBuf>, scope: &Variables) -> Option<Diagnostic> {
    let path = scope.suite_dir()?.join(&file.value);
    let error = regular_file::check(&path).err()?;
    let message = format!("cannot read `{}`: {}", file.value.display(), io_error::reason(&error));
    let mistake = Diagnostic::new(file.place, message);
    Some(match file.value.is_absolute() {
        true => mistake,
        false => mistake.hint(format!("it is looked for at `{}`", path.display())),
    })
}
