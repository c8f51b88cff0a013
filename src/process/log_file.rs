//! The file that takes what a process prints, without the secrets in it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::secret::Redactor;

/// A file that takes what a process prints.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    redactor: Arc<Redactor>,
}

impl LogFile {
    /// Begins the file anew. Its folder is made if there is none.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path, redactor: Arc<Redactor>) -> std::io::Result<LogFile> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        Ok(LogFile { file: File::create(path)?, redactor })
    }

    /// A full disk is no failure of the process.
    pub(super) fn write(&self, text: &str) {
        let _ = (&self.file).write_all(self.redactor.clean(text).as_bytes());
    }
}
