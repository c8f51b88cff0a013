//! Reads the files of a suite, which must be regular files. They are read before any budget starts, and reading a pipe
//! might never end.

use std::io;
use std::path::Path;

/// Returns the file's text.
///
/// # Errors
/// Fails if the file cannot be read, is not a regular file, or is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    // Checked before opening, because opening a pipe waits for a writer.
    if std::fs::metadata(path)?.is_file() {
        std::fs::read_to_string(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}
