//! Reading the files that a suite is made of: regular files only. They are read before any budget begins, and of a pipe
//! nobody knows when it ends, or whether it ever begins.

use std::io;
use std::path::Path;

/// The file's text.
///
/// # Errors
/// It cannot be read, it is no regular file, or it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    // Looked at before it is opened: to open a pipe is to wait for whoever writes into it.
    if std::fs::metadata(path)?.is_file() {
        std::fs::read_to_string(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}
