//! Writing a report: whole or not at all.

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::place::Place;
use super::stream::{Stream, aside};

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Stdout,
    File(PathBuf),
}

/// As on the command line: `-` is standard output.
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
    /// Writes `content`, in place of whatever was there.
    ///
    /// # Errors
    /// It could not be written; a file that was there is then as it was.
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

    /// Writes line after line from now on, in place of whatever was there.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn lines(&self) -> Result<Lines, ReportError> {
        let out = match self {
            Destination::Stdout => Ok(Box::new(Stream::Stdout) as Box<dyn Write>),
            Destination::File(path) => opened(&Place::of(path)),
        };
        let out = out.map_err(|error| ReportError::new(self, &error))?;
        Ok(Lines { out, to: self.clone() })
    }

    /// Does this lead to the same file as `other`, however the two are written?
    pub(super) fn leads_to(&self, other: &Path) -> bool {
        match self {
            Destination::Stdout => false,
            Destination::File(path) => Place::of(path).key() == Place::of(other).key(),
        }
    }

    /// Would the two write over each other?
    pub(super) fn is_same(&self, other: &Destination) -> bool {
        match other {
            Destination::Stdout => *self == Destination::Stdout,
            Destination::File(path) => self.leads_to(path),
        }
    }

    /// Takes away what an earlier run left, and finds out whether a report can be written. Done before anything is
    /// sent, so that a run is not done for nothing, and that whatever ends it leaves no other run's report behind.
    ///
    /// # Errors
    /// It cannot be written.
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

/// A report that grows by whole lines, each of which is there for a reader at once.
pub struct Lines {
    out: Box<dyn Write>,
    to: Destination,
}

impl Lines {
    /// Adds `line`, which has no line break in it.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&mut self, line: &str) -> Result<(), ReportError> {
        let line = format!("{line}\n");
        let written = self.out.write_all(line.as_bytes()).and_then(|()| self.out.flush());
        unless_gone(written).map_err(|error| ReportError::new(&self.to, &error))
    }
}

/// A reader that has gone away (`| head`) has read what it wanted.
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

/// What the content of a file is to outlive. Waiting for the disk takes longer than a whole run of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlives {
    Process,
    PowerCut,
}

/// Takes a file away from a folder where another can take its place.
fn take_away(path: &Path) -> std::io::Result<()> {
    let (temporary, _) = beside(path)?;
    std::fs::remove_file(&temporary)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Empties a file that cannot be replaced: something is mounted there, or its folder may not be written.
fn empty(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::options().write(true).truncate(true).open(path)
}

/// A new file takes the old one's place only when it is complete. Where it cannot, it is written in place.
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

/// What can be written to bit by bit: a file from its beginning, anything else behind what it has got already.
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

/// Makes the folder of a file that is to be written, if there is none.
fn make_folder(path: &Path) -> std::io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder),
        None => Ok(()),
    }
}

/// A new file beside `path`, in a folder that is made if there is none. Nobody can have put anything in its place.
fn beside(path: &Path) -> std::io::Result<(PathBuf, std::fs::File)> {
    make_folder(path)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", uuid::Uuid::new_v4().simple()));
    let name = PathBuf::from(name);
    let file = std::fs::File::options().write(true).create_new(true).open(&name)?;
    Ok((name, file))
}
