//! The name of a header, which may have templates in it.

use reqwest::header::HeaderName;

use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromKey, Named, ParseContext, Templates};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;

/// The name of a header as a suite writes it.
#[derive(Debug, Clone)]
pub struct HeaderKey(Template);

/// What the name of a header looks like in a suite.
pub const HEADER_NAME: &str = r"^([!#$%&'*+.^_`|~0-9A-Za-z-]|\{\{.*\}\})+$";

impl HeaderKey {
    /// The name with every value in its place.
    ///
    /// # Errors
    /// An expression that cannot be evaluated, or what it makes is no name of a header.
    pub fn name(&self, scope: &Variables) -> Result<HeaderName, String> {
        let text = self.0.text(scope)?;
        text.parse().map_err(|_| not_a_name(&text))
    }

    pub fn place(&self) -> Place {
        self.0.place()
    }

    pub fn template(&self) -> &Template {
        &self.0
    }

    /// Is it the same header as `other`, as far as the suite says?
    pub fn is_same(&self, other: &HeaderKey) -> bool {
        self.0.written().eq_ignore_ascii_case(&other.0.written())
    }
}

fn not_a_name(text: &str) -> String {
    format!("`{text}` is not a header name")
}

impl FromKey for HeaderKey {
    const TEMPLATES: Templates = Templates::Own;

    fn from_key(named: Named, parse: &mut ParseContext<'_>) -> Option<Self> {
        let template = Template::at(&named.name, named.place, parse)?;
        if template.literal().is_none_or(|text| text.parse::<HeaderName>().is_ok()) {
            Some(HeaderKey(template))
        } else {
            parse.reject(Diagnostic::new(named.place, not_a_name(&named.name)))
        }
    }

    fn pattern() -> Option<&'static str> {
        Some(HEADER_NAME)
    }
}
