//! Header names, which may contain templates.

use reqwest::header::HeaderName;

use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromKey, Named, ParseContext, Templates};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;

/// A header name as the suite writes it.
#[derive(Debug, Clone)]
pub struct HeaderKey(Template);

/// The pattern of a header name in a suite.
pub const HEADER_NAME: &str = r"^([!#$%&'*+.^_`|~0-9A-Za-z-]|\{\{.*\}\})+$";

impl HeaderKey {
    /// Renders the name.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated, or if the result is not a header name.
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

    /// Whether both name the same header, as far as the suite shows.
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
