//! The mistakes in a suite, each with its place, rendered in one way.

use std::fmt;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};

use super::printable::{printable, printable_styled};
use super::source::{Location, Place, Sources};
use crate::secret::{Redactor, SHORTEST_SECRET, STARS};

/// A mistake in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The message, in lower case and without a final period.
    pub message: String,
    pub place: Option<Place>,
    /// The text under the caret.
    pub label: String,
    /// The advice on how to fix it.
    pub hint: Option<String>,
    /// The unknown key, if that is the only mistake. Another reader of the same table may know it.
    pub(super) unknown_key: Option<Box<str>>,
}

impl Diagnostic {
    pub fn new(place: impl Into<Option<Place>>, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            message: message.into(),
            place: place.into(),
            label: String::new(),
            hint: None,
            unknown_key: None,
        }
    }

    /// Sets the place, for code that finds a mistake without knowing where the value is.
    pub fn at(mut self, place: Place) -> Diagnostic {
        self.place = Some(place);
        self
    }

    /// Whether the mistake is only that a key is unknown or does not apply.
    pub fn is_about_a_key(&self) -> bool {
        self.unknown_key.is_some()
    }

    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// The same with every secret that `redactor` knows replaced by stars.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Diagnostic {
        self.said(|text| redactor.clean(text));
        self
    }

    /// The same with all its text put through `clean`.
    fn said(&mut self, clean: impl Fn(&str) -> String) {
        self.message = clean(&self.message);
        self.label = clean(&self.label);
        self.hint = self.hint.as_deref().map(clean);
    }

    /// Adds ``did you mean `…`?`` if one of `known` is close to `given`.
    pub fn did_you_mean<'a>(self, given: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
        match closest(given, known) {
            Some(name) => self.label(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

/// Returns the name in `known` that `given` is most likely a misspelling of.
pub fn closest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let likeness = |name: &str| {
        // One typo (`gte`, `ulr`) changes a large part of a short word, but is just as likely there.
        let one_slip = given.chars().count() > 2 && strsim::osa_distance(&given, name) == 1;
        strsim::jaro_winkler(&given, name) + if one_slip { 1.0 } else { 0.0 }
    };
    known
        .into_iter()
        .map(|name| (likeness(&name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// A suite that cannot be run, with all of its mistakes.
#[derive(Debug, Clone)]
pub struct SuiteError {
    sources: Sources,
    /// The first [`SHOWN`] mistakes.
    diagnostics: Vec<Diagnostic>,
    /// The number of further mistakes.
    more: usize,
}

/// The most mistakes that are shown. A file with more is probably not a suite.
const SHOWN: usize = 50;

impl SuiteError {
    /// Creates the error. `diagnostics` must not be empty. They are shown in the order of their places.
    pub fn new(sources: Sources, mut diagnostics: Vec<Diagnostic>) -> SuiteError {
        let order = |d: &Diagnostic| d.place.map_or((0, 0), |place| (place.file, place.start));
        diagnostics.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.message.cmp(&b.message)));
        diagnostics.dedup();
        let more = diagnostics.len().saturating_sub(SHOWN);
        diagnostics.truncate(SHOWN);
        SuiteError { sources, diagnostics, more }
    }

    /// Creates the error for a suite that could not be read at all.
    pub fn unreadable(path: &Path, error: &std::io::Error) -> SuiteError {
        let diagnostic = match error.kind() {
            std::io::ErrorKind::NotFound => {
                Diagnostic::new(None, format!("no suite at `{}`", path.display()))
                    .hint("name the suite's file, or write a first one with `smoke init`")
            }
            _ => Diagnostic::new(None, format!("cannot read `{}`: {error}", path.display())),
        };
        SuiteError::new(Sources::default(), vec![diagnostic])
    }

    /// Returns the files, with secrets covered.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Covers the secret at `place` with stars in the file and in all messages. Messages keep a secret so short that it
    /// would match any word.
    pub fn cover(&mut self, place: Place) {
        let secret = self.sources.text(place).trim_matches(['"', '\'']).to_owned();
        self.sources.cover(place);
        if secret.chars().count() < SHORTEST_SECRET {
            return;
        }
        let touches =
            |other: Place| other.file == place.file && other.start < place.end && place.start < other.end;
        for diagnostic in
            self.diagnostics.iter_mut().filter(|diagnostic| diagnostic.place.is_some_and(touches))
        {
            diagnostic.said(|text| text.replace(&secret, STARS));
        }
    }

    /// Replaces every secret that `redactor` knows with stars.
    pub fn redacted(mut self, redactor: &Redactor) -> SuiteError {
        self.diagnostics.iter_mut().for_each(|diagnostic| diagnostic.said(|text| redactor.clean(text)));
        self
    }

    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Returns each mistake on one line, with its place but without text of the suite.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.diagnostics.iter().map(|diagnostic| match diagnostic.place {
            None => diagnostic.message.clone(),
            Some(place) => {
                let location = self.sources.location(place);
                format!("{location}:{}: {}", location.column, diagnostic.message)
            }
        })
    }

    /// Returns each mistake with its location.
    pub fn located(&self) -> impl Iterator<Item = (Option<Location>, &Diagnostic)> {
        let place = |diagnostic: &Diagnostic| diagnostic.place.map(|place| self.sources.location(place));
        self.diagnostics.iter().map(move |diagnostic| (place(diagnostic), diagnostic))
    }

    /// Returns `3 mistakes in the suite; nothing was sent`.
    pub fn summary(&self) -> String {
        let count = self.diagnostics.len() + self.more;
        let mistakes = if count == 1 { "mistake" } else { "mistakes" };
        match self.more {
            0 => format!("{count} {mistakes} in the suite; nothing was sent"),
            _ => format!(
                "{count} {mistakes} in the suite, of which these are the first {SHOWN}; nothing was sent"
            ),
        }
    }

    /// Renders the mistakes for people, each with its file, line, column, the source line and a caret.
    pub fn render(&self, color: bool) -> String {
        let mut out = rendered(&self.diagnostics, &self.sources, &Level::ERROR, color);
        out.push_str(&format!("{}\n", self.summary()));
        out
    }
}

/// Renders warnings in the same way.
pub fn render_warnings(warnings: &[Diagnostic], sources: &Sources, color: bool) -> String {
    rendered(warnings, sources, &Level::WARNING, color)
}

fn rendered(diagnostics: &[Diagnostic], sources: &Sources, level: &Level<'_>, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in diagnostics {
        // Escapes control characters, but otherwise keeps the suite's own lines.
        out.push_str(&printable_styled(&renderer.render(&[group(diagnostic, sources, level)])));
        out.push_str("\n\n");
    }
    out
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources, level: &Level<'a>) -> Group<'a> {
    let title = level.clone().primary_title(printable(&diagnostic.message));
    let mut group = match diagnostic.place {
        None => title.elements(Vec::<annotate_snippets::Message<'_>>::new()),
        Some(place) => {
            let source = &sources.files[place.file];
            let mut annotation = AnnotationKind::Primary.span(first_line(place, &source.text));
            if !diagnostic.label.is_empty() {
                annotation = annotation.label(printable(&diagnostic.label));
            }
            let path = printable(&source.path.to_string_lossy());
            title.element(Snippet::source(source.text.as_str()).path(path).annotation(annotation))
        }
    };
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.with_name("hint").message(printable(hint)));
    }
    group
}

/// Returns the part of a place to mark, which is its first line.
fn first_line(place: Place, text: &str) -> std::ops::Range<usize> {
    let line = text.get(place.start..place.end).unwrap_or_default().lines().next().unwrap_or_default();
    let start = place.start.min(text.len());
    start..start + line.len()
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for SuiteError {}
