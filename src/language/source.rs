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
}

/// All files of a suite. A [`Place`] refers to one of them.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub files: Vec<Source>,
}

impl Sources {
    /// Adds a file and returns its number.
    pub fn add(&mut self, path: PathBuf, text: String) -> usize {
        let line_starts = text.match_indices('\n').map(|(newline, _)| newline + 1).collect();
        self.files.push(Source { path, text, line_starts });
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

    /// Returns the text of the file at `path`, if it is one of these.
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
