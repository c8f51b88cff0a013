//! What is wrong with a suite: every mistake with its place, in one rendering.

use std::fmt;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};

use super::source::{Place, Sources};

/// One mistake in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, lower-case and without a final period.
    pub message: String,
    pub place: Option<Place>,
    /// What stands under the caret.
    pub label: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    #[must_use]
    pub fn new(place: impl Into<Option<Place>>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { message: message.into(), place: place.into(), label: String::new(), hint: None }
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Adds ``did you mean `…`?`` if one of `known` is close to `given`.
    #[must_use]
    pub fn did_you_mean<'a>(self, given: &str, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
        match closest(given, known) {
            Some(name) => self.label(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

/// The one of `known` that `given` is most likely a slip of.
fn closest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&given.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// A suite that cannot be run, with everything that is wrong with it.
#[derive(Debug)]
pub struct SuiteError {
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
}

impl SuiteError {
    /// `diagnostics` must not be empty. They are shown in the order of their places.
    #[must_use]
    pub fn new(sources: Sources, mut diagnostics: Vec<Diagnostic>) -> SuiteError {
        diagnostics.sort_by_key(|d| d.place.map_or((0, 0), |place| (place.file, place.start)));
        diagnostics.dedup();
        SuiteError { sources, diagnostics }
    }

    /// The suite could not be read at all.
    #[must_use]
    pub fn unreadable(path: &Path, error: &std::io::Error) -> SuiteError {
        let diagnostic = match error.kind() {
            std::io::ErrorKind::NotFound => {
                Diagnostic::new(None, format!("no suite at `{}`", path.display()))
                    .hint("name the suite's file, or write a first one as shown in the README")
            }
            _ => Diagnostic::new(None, format!("cannot read `{}`: {error}", path.display())),
        };
        SuiteError::new(Sources::default(), vec![diagnostic])
    }

    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The mistakes as people read them, each with file, line, column, the source line and a caret.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        for diagnostic in &self.diagnostics {
            out.push_str(&renderer.render(&[self.group(diagnostic)]));
            out.push_str("\n\n");
        }
        let count = self.diagnostics.len();
        let mistakes = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
        out.push_str(&format!("{mistakes} in the suite; nothing was sent\n"));
        out
    }

    fn group<'a>(&'a self, diagnostic: &'a Diagnostic) -> Group<'a> {
        let title = Level::ERROR.primary_title(diagnostic.message.as_str());
        let mut group = match diagnostic.place {
            None => title.elements(Vec::<annotate_snippets::Message<'_>>::new()),
            Some(place) => {
                let source = &self.sources.files[place.file];
                let end = place.end.max(place.start + 1).min(source.text.len().max(place.start));
                let mut annotation = AnnotationKind::Primary.span(place.start..end);
                if !diagnostic.label.is_empty() {
                    annotation = annotation.label(diagnostic.label.as_str());
                }
                let path = source.path.to_string_lossy().into_owned();
                title.element(Snippet::source(source.text.as_str()).path(path).annotation(annotation))
            }
        };
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
        }
        group
    }
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for SuiteError {}
