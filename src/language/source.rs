//! The files of a suite, and places in them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

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
}

impl Source {
    fn new(path: PathBuf, text: String, start: usize) -> Source {
        let line_starts = text.match_indices('\n').map(|(newline, _)| newline + 1).collect();
        Source { path, text, line_starts, start }
    }
}

/// All files of a suite, and those that its checks read. A [`Place`] refers to one of them.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub files: Vec<Source>,
    pub attached: Attached,
}

impl Sources {
    /// Adds a file of the suite and returns its number.
    pub fn add(&mut self, path: PathBuf, text: String) -> usize {
        let start = self.files.last().map_or(Lent::START, |last| last.start + last.text.len() + 1);
        self.files.push(Source::new(path, text, start));
        self.files.len() - 1
    }

    fn get(&self, file: usize) -> &Source {
        self.attached.get(file).unwrap_or_else(|| &self.files[file])
    }

    /// Returns the file that `place` is in.
    pub fn of(&self, place: Place) -> &Source {
        self.get(place.file)
    }

    /// Covers the text at `place` with stars. All other places stay valid.
    pub fn cover(&mut self, place: Place) {
        // A file that a check reads is not the suite's: nothing in it is written as a secret.
        let Some(source) = self.files.get_mut(place.file) else { return };
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
        self.of(place).text.get(place.start..place.end).unwrap_or_default()
    }

    /// Returns the start of `place` as `file:line:column`. Lines and columns count from 1, columns in characters.
    pub fn location(&self, place: Place) -> Location {
        let source = self.of(place);
        let line = source.line_starts.partition_point(|start| *start <= place.start);
        let line_start = line.checked_sub(1).map_or(0, |before| source.line_starts[before]);
        let before = source.text.get(line_start..place.start).unwrap_or_default();
        Location { path: source.path.clone(), line: line + 1, column: before.chars().count() + 1 }
    }
}

/// The files that checks read beside the suite, such as data contracts. A suite may be read once more when the
/// variables have their values: all readings share these, so a place in one of them stays valid.
#[derive(Debug, Clone, Default)]
pub struct Attached(Arc<OnceLock<Attachment>>);

#[derive(Debug)]
struct Attachment {
    source: Source,
    next: Attached,
}

impl Attached {
    /// The number of the first one: far behind those of the suite's own files.
    const FIRST: usize = usize::MAX / 2;

    /// Adds a file and returns its number. A file that several checks read is there once.
    pub fn add(&self, path: &Path, text: &str) -> usize {
        let (mut place, mut number) = (self, Attached::FIRST);
        loop {
            let attachment = place.0.get_or_init(|| Attachment {
                source: Source::new(path.to_owned(), text.to_owned(), 0),
                next: Attached::default(),
            });
            if attachment.source.path == path {
                return number;
            }
            (place, number) = (&attachment.next, number + 1);
        }
    }

    fn get(&self, number: usize) -> Option<&Source> {
        let mut attachment = self.0.get();
        for _ in Attached::FIRST..number {
            attachment = attachment?.next.0.get();
        }
        attachment.filter(|_| number >= Attached::FIRST).map(|attachment| &attachment.source)
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
