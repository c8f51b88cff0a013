//! Whether the entries of `resolve` apply to what is asked.

use url::Url;

use super::RequestOptions;
use super::auth::Auth;
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::variables::Variables;
use crate::probe::authority::Authority;

/// An entry of `resolve`, and what it does for one question.
#[derive(Debug, Clone)]
pub struct OverrideUse {
    pub place: Place,
    pub from: Authority,
    /// Is it one of `[defaults.http]`?
    pub is_default: bool,
    pub applies: Applies,
}

/// Does an entry apply to what is asked?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    Yes,
    /// What is asked is this.
    No(Authority),
    /// It depends on an answer: on what is captured, or on where a redirect leads.
    Unknown,
}

impl RequestOptions {
    /// What `resolve` does for a question at `url`.
    pub(in crate::check) fn override_uses(&self, url: &Template, scope: &Variables) -> Vec<OverrideUse> {
        // Most have none, and need no look at the URL.
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

/// Is there an entry of the question's own that applies to nothing?
pub(in crate::check) fn is_unused(entry: &OverrideUse) -> bool {
    !entry.is_default && matches!(entry.applies, Applies::No(_))
}

/// What everyone who reads the line of a check with such an entry should know.
pub(in crate::check) const UNUSED: &str = "an entry of `resolve` applies to nothing that is asked";
