//! Reading files that a suite names: regular files only. Of a pipe or a device nobody knows when it ends, or whether it
//! ever begins.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The file's bytes.
///
/// # Errors
/// It cannot be read, or it is no regular file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The file's text.
///
/// # Errors
/// It cannot be read, it is no regular file, or it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// Looks whether it is a file that can be read, and reads nothing.
///
/// # Errors
/// It cannot be opened, or it is no regular file.
pub fn check(path: &Path) -> io::Result<()> {
    open(path).map(|_| ())
}

fn open(path: &Path) -> io::Result<File> {
    // Looked at before it is opened: to open a pipe is to wait for whoever writes into it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    File::open(path)
}
