//! The log file of a booted process, with secrets redacted.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::secret::Redactor;

/// A file that receives the output of a process.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    redactor: Arc<Redactor>,
}

impl LogFile {
    /// Creates or truncates the file, and creates its directory if necessary.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn create(path: &Path, redactor: Arc<Redactor>) -> std::io::Result<LogFile> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        Ok(LogFile { file: File::create(path)?, redactor })
    }

    /// Appends text. Errors are ignored, because a full disk is not a failure of the process.
    pub(super) fn write(&self, text: &str) {
        let _ = (&self.file).write_all(self.redactor.clean(text).as_bytes());
    }
}
