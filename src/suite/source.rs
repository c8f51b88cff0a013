//! The files a suite was read from, and places in them.

use std::path::PathBuf;

/// A range of bytes in one of the suite's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub file: usize,
    pub start: usize,
    pub end: usize,
}

impl Place {
    #[must_use]
    pub fn new(file: usize, span: std::ops::Range<usize>) -> Place {
        Place { file, start: span.start, end: span.end }
    }
}

/// One file of the suite, as written.
#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    pub text: String,
}

/// All files of a suite; a [`Place`] points into one of them.
#[derive(Debug, Default)]
pub struct Sources {
    pub files: Vec<Source>,
}

impl Sources {
    /// Adds a file and returns its number.
    pub fn add(&mut self, path: PathBuf, text: String) -> usize {
        self.files.push(Source { path, text });
        self.files.len() - 1
    }

    #[must_use]
    pub fn text(&self, place: Place) -> &str {
        self.files[place.file].text.get(place.start..place.end).unwrap_or_default()
    }

    /// Where `place` starts, as `file:line:column`, both counted from 1, columns in characters.
    #[must_use]
    pub fn location(&self, place: Place) -> Location {
        let source = &self.files[place.file];
        let before = source.text.get(..place.start).unwrap_or(&source.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Location {
            path: source.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
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
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}
