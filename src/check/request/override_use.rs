//! Whether the entries of `resolve` apply to a request.

use url::Url;

use super::RequestOptions;
use super::auth::Auth;
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::probe::authority::Authority;

/// An entry of `resolve`, and its effect on one question.
#[derive(Debug, Clone)]
pub struct OverrideUse {
    pub place: Place,
    pub from: Authority,
    /// Whether it comes from `[defaults.http]`.
    pub is_default: bool,
    pub applies: Applies,
}

/// Whether an entry applies to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    Yes,
    /// The question goes to this authority instead.
    No(Authority),
    /// It depends on a response: on a captured value, or on the target of a redirect.
    Unknown,
}

impl RequestOptions {
    /// Returns how `resolve` affects a question at `url`.
    pub(in crate::check) fn override_uses(&self, url: &Template, scope: &Variables) -> Vec<OverrideUse> {
        // Most questions have no entries and need no URL.
        if self.resolve.is_empty() {
            return Vec::new();
        }
        let token_url = match &self.auth {
            Some(Auth::OAuth2(oauth2)) => Some(oauth2.token_url()),
            Some(Auth::Basic(_) | Auth::Bearer(_)) | None => None,
        };
        let authority = |url: &Template| Authority::of(&Url::parse(&url.text(scope).ok()?).ok()?);
        let asked: Vec<Option<Authority>> = std::iter::once(url).chain(token_url).map(authority).collect();
        let follows = self.redirects.is_some_and(|redirects| redirects > 0);
        let applies = |from: &Authority| match asked.as_slice() {
            asked if asked.iter().flatten().any(|asked| asked == from) => Applies::Yes,
            [Some(first), ..] if !follows && asked.iter().all(Option::is_some) => Applies::No(first.clone()),
            _ => Applies::Unknown,
        };
        let entries = self.resolve.iter().map(|entry| OverrideUse {
            place: entry.from.place,
            from: entry.from.authority.clone(),
            is_default: entry.is_default,
            applies: applies(&entry.from.authority),
        });
        entries.collect()
    }
}

/// Whether the entry is the question's own and applies to nothing.
pub(in crate::check) fn is_unused(entry: &OverrideUse) -> bool {
    !entry.is_default && matches!(entry.applies, Applies::No(_))
}

/// The remark on a check with such an entry.
pub(in crate::check) const UNUSED: &str = "an entry of `resolve` applies to nothing that is asked";
