//! Checks that log in as a superuser, whom a read-only transaction does not restrict completely.

use crate::language::diagnostic::Diagnostic;
use crate::language::raw::RawDocument;

/// The default superuser of PostgreSQL.
const SUPERUSER: &str = "postgres";

pub(super) fn warnings(written: &RawDocument<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    written.each(|entry| {
        if entry.value.as_str().and_then(user).is_some_and(|user| user == SUPERUSER) {
            let message = "the role `postgres` is a superuser, whom a read-only transaction does not keep from everything";
            let hint = "log in as a role that may read what the check asks for, and nothing else";
            found.push(Diagnostic::new(entry.value_place, message).hint(hint));
        }
    });
    found
}

/// Returns the user in a PostgreSQL URL.
fn user(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
    let (user_info, _) = rest.split(['/', '?']).next()?.rsplit_once('@')?;
    Some(user_info.split_once(':').map_or(user_info, |(user, _)| user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_a_url_is_found() {
        assert_eq!(user("postgres://postgres:pw@db/shop"), Some("postgres"));
        assert_eq!(user("postgresql://postgres@db"), Some("postgres"));
        assert_eq!(user("postgres://smoke:a@db/shop?x=postgres@"), Some("smoke"));
        assert_eq!(user("postgres://db/shop"), None);
        assert_eq!(user("https://postgres@db"), None);
    }
}
