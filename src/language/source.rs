//! The files of a suite, and places in them.

use std::path::{Path, PathBuf};

use super::printable::printable;

/// A byte range in one of the suite's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub file: usize,
    pub start: usize,
    pub end: usize,
}

impl Place {
    pub fn new(file: usize, span: std::ops::Range<usize>) -> Place {
        Place { file, start: span.start, end: span.end }
    }
}

/// A file of the suite, as written.
#[derive(Debug, Clone)]
pub struct Source {
    pub path: PathBuf,
    pub text: String,
    /// The start of each line after the first. Cached, because a suite of a thousand checks asks a thousand times.
    line_starts: Vec<usize>,
    /// Where its text begins for [`Lent`].
    start: usize,
    /// Is it part of the suite, or something that the suite names, such as a data contract?
    pub role: Role,
}

/// What a file is to a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The suite's own, or one that it includes.
    Suite,
    /// A file of another format that a check reads.
    Attached,
}

/// All files of a suite. A [`Place`] refers to one of them.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub files: Vec<Source>,
}

impl Sources {
    /// Adds a file of the suite and returns its number.
    pub fn add(&mut self, path: PathBuf, text: String) -> usize {
        self.push(path, text, Role::Suite)
    }

    /// Adds a file that a check reads, and returns its number. One that several checks read is there once.
    pub fn attach(&mut self, path: PathBuf, text: String) -> usize {
        let known = self.files.iter().position(|file| file.role == Role::Attached && file.path == path);
        known.unwrap_or_else(|| self.push(path, text, Role::Attached))
    }

    fn push(&mut self, path: PathBuf, text: String, role: Role) -> usize {
        let line_starts = text.match_indices('\n').map(|(newline, _)| newline + 1).collect();
        let start = self.files.last().map_or(Lent::START, |last| last.start + last.text.len() + 1);
        self.files.push(Source { path, text, line_starts, start, role });
        self.files.len() - 1
    }

    /// Covers the text at `place` with stars. All other places stay valid.
    pub fn cover(&mut self, place: Place) {
        let source = &mut self.files[place.file];
        if let Some(text) = source.text.get(place.start..place.end) {
            let stars: String = text.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect();
            source.text.replace_range(place.start..place.end, &stars);
        }
    }

    /// What is known here of text that one file lends another.
    pub fn lent(&self) -> Lent {
        Lent(self.files.iter().map(|file| file.start).collect())
    }

    /// The text of the file at `path`, if it is one of these.
    pub fn text_of(&self, path: &Path) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    pub fn text(&self, place: Place) -> &str {
        self.files[place.file].text.get(place.start..place.end).unwrap_or_default()
    }

    /// Returns the start of `place` as `file:line:column`. Lines and columns count from 1, columns in characters.
    pub fn location(&self, place: Place) -> Location {
        let source = &self.files[place.file];
        let line = source.line_starts.partition_point(|start| *start <= place.start);
        let line_start = line.checked_sub(1).map_or(0, |before| source.line_starts[before]);
        let before = source.text.get(line_start..place.start).unwrap_or_default();
        Location { path: source.path.clone(), line: line + 1, column: before.chars().count() + 1 }
    }
}

/// Values that are read as if another file said them, such as defaults: their spans begin behind every file's own text,
/// each file's where the one before it ends.
#[derive(Debug, Clone, Default)]
pub struct Lent(Vec<usize>);

impl Lent {
    /// No file is as large as this.
    const START: usize = usize::MAX / 2;

    /// How far the spans of `file` are moved when it lends them.
    pub fn shift(&self, file: usize) -> usize {
        self.0.get(file).copied().unwrap_or(Lent::START)
    }

    /// The place of `span`, which is one of `file` or is lent to it.
    pub fn place(&self, file: usize, span: std::ops::Range<usize>) -> Place {
        if span.start < Lent::START {
            return Place::new(file, span);
        }
        let lender = self.0.partition_point(|start| *start <= span.start).saturating_sub(1);
        let start = self.shift(lender);
        Place::new(lender, span.start - start..span.end - start)
    }
}

/// A place as people and editors write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub path: PathBuf,
    pub line: usize,
    pub column: usize,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", printable(&self.path.to_string_lossy()), self.line)
    }
}
