//! Report destinations. Files are replaced atomically where possible.

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::place::Place;
use super::stream::{Stream, aside};

/// The destination of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Stdout,
    File(PathBuf),
}

/// As on the command line, `-` is standard output.
impl From<OsString> for Destination {
    fn from(text: OsString) -> Destination {
        if text == "-" { Destination::Stdout } else { Destination::File(text.into()) }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Stdout => f.write_str("standard output"),
            Destination::File(path) => write!(f, "`{}`", path.display()),
        }
    }
}

impl Destination {
    /// Writes `content`, and replaces any previous content.
    ///
    /// # Errors
    /// Fails if it cannot be written. An existing file is then unchanged, unless it had to be written in place.
    pub fn write(&self, content: &str) -> Result<(), ReportError> {
        match self {
            Destination::Stdout => {
                let written = Stream::Stdout.write_all(content.as_bytes());
                unless_gone(written).map_err(|error| ReportError::new(self, &error))
            }
            Destination::File(path) => unless_gone(replace(path, content, Outlives::PowerCut))
                .map_err(|error| ReportError::new(self, &error)),
        }
    }

    /// Starts writing line by line, and replaces any previous content.
    ///
    /// # Errors
    /// Fails if nothing can be written there.
    pub fn lines(&self) -> Result<Lines, ReportError> {
        let out = match self {
            Destination::Stdout => Ok(Box::new(Stream::Stdout) as Box<dyn Write>),
            Destination::File(path) => opened(&Place::of(path)),
        };
        let out = out.map_err(|error| ReportError::new(self, &error))?;
        Ok(Lines { out, to: self.clone() })
    }

    /// Whether this is the same file as `other`, however the two paths are written.
    pub(super) fn leads_to(&self, other: &Path) -> bool {
        match self {
            Destination::Stdout => false,
            Destination::File(path) => Place::of(path).key() == Place::of(other).key(),
        }
    }

    /// Whether the two would overwrite each other.
    pub(super) fn is_same(&self, other: &Destination) -> bool {
        match other {
            Destination::Stdout => *self == Destination::Stdout,
            Destination::File(path) => self.leads_to(path),
        }
    }

    /// Removes the report of an earlier run, and checks that a new one can be written. This happens before anything is
    /// sent, so that a run is not wasted, and so that no old report survives however the run ends.
    ///
    /// # Errors
    /// Fails if the report cannot be written.
    pub fn clear(&self) -> Result<(), ReportError> {
        let Destination::File(path) = self else { return Ok(()) };
        let Place::File(path) = Place::of(path) else { return Ok(()) };
        let cleared = if path.is_dir() {
            Err(std::io::Error::from(std::io::ErrorKind::IsADirectory))
        } else {
            take_away(&path).or_else(|error| empty(&path).map(drop).map_err(|_| error))
        };
        cleared.map_err(|error| ReportError::new(self, &error))
    }
}

/// A report that grows by whole lines. Readers can see each line immediately.
pub struct Lines {
    out: Box<dyn Write>,
    to: Destination,
}

impl Lines {
    /// Appends `line`, which must not contain a line break.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn write(&mut self, line: &str) -> Result<(), ReportError> {
        let line = format!("{line}\n");
        let written = self.out.write_all(line.as_bytes()).and_then(|()| self.out.flush());
        unless_gone(written).map_err(|error| ReportError::new(&self.to, &error))
    }
}

/// Ignores a reader that has gone away (`| head`), because it has read what it needed.
pub(super) fn unless_gone(written: std::io::Result<()>) -> std::io::Result<()> {
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to {to}: {reason}")]
pub struct ReportError {
    to: String,
    reason: String,
}

impl ReportError {
    pub(super) fn new(to: &Destination, error: &std::io::Error) -> ReportError {
        ReportError { to: to.to_string(), reason: crate::language::io_error::reason(error) }
    }
}

/// What the content of a file must survive. Waiting for the disk takes longer than a whole run with one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlives {
    Process,
    PowerCut,
}

/// Removes a file, provided that its directory allows creating a new one.
fn take_away(path: &Path) -> std::io::Result<()> {
    let (temporary, _) = beside(path)?;
    std::fs::remove_file(&temporary)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Truncates a file that cannot be replaced, because something is mounted on it or its directory is not writable.
fn empty(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::options().write(true).truncate(true).open(path)
}

/// Replaces a file atomically, if its directory allows it. Otherwise writes it in place.
pub(super) fn replace(path: &Path, content: &str, outlives: Outlives) -> std::io::Result<()> {
    let place = Place::of(path);
    let Place::File(path) = &place else {
        return opened(&place)?.write_all(content.as_bytes());
    };
    let write = |mut file: std::fs::File| {
        file.write_all(content.as_bytes())?;
        match outlives {
            Outlives::Process => Ok(()),
            Outlives::PowerCut => file.sync_all(),
        }
    };
    let replaced = beside(path).and_then(|(temporary, file)| {
        let replaced = write(file).and_then(|()| std::fs::rename(&temporary, path));
        if replaced.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        replaced
    });
    replaced.or_else(|error| match empty(path) {
        Ok(file) => write(file),
        Err(_) => Err(error),
    })
}

/// Opens a destination for incremental writes: truncates a file, and appends to anything else.
fn opened(place: &Place) -> std::io::Result<Box<dyn Write>> {
    Ok(match place {
        Place::File(path) => {
            make_folder(path)?;
            Box::new(std::fs::File::create(path)?)
        }
        Place::Device(path) => Box::new(std::fs::File::options().append(true).open(path)?),
        Place::Pipe(path) => Box::new(aside(path.clone())?),
    })
}

/// Creates the directory of a file, if it does not exist.
fn make_folder(path: &Path) -> std::io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    }
}

/// Creates a temporary file next to `path`, and its directory if necessary. The random name cannot be predicted.
fn beside(path: &Path) -> std::io::Result<(PathBuf, std::fs::File)> {
    make_folder(path)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", uuid::Uuid::new_v4().simple()));
    let name = PathBuf::from(name);
    let file = std::fs::File::options().write(true).create_new(true).open(&name)?;
    Ok((name, file))
}
