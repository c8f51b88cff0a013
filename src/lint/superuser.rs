//! Checks that log in as a superuser, whom a read-only transaction does not restrict completely.

use crate::language::diagnostic::Diagnostic;
use crate::language::raw::RawDocument;
use crate::probe::databases;

pub(super) fn warnings(written: &RawDocument<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    written.each(|entry| {
        let Some(superuser) = entry.value.as_str().and_then(superuser) else { return };
        let message = format!(
            "the role `{superuser}` is a superuser, whom a read-only transaction does not keep from everything"
        );
        let hint = "log in as a role that may read what the check asks for, and nothing else";
        found.push(Diagnostic::new(entry.value_place, message).hint(hint));
    });
    found
}

/// The user of a database's URL, if it is that database's superuser.
fn superuser(url: &str) -> Option<&'static str> {
    let superuser = databases::of_url(url).ok()?.superuser()?;
    (user(url)? == superuser).then_some(superuser)
}

fn user(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (user_info, _) = rest.split(['/', '?']).next()?.rsplit_once('@')?;
    Some(user_info.split_once(':').map_or(user_info, |(user, _)| user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_superuser_of_a_url_is_found() {
        assert_eq!(superuser("postgres://postgres:pw@db/shop"), Some("postgres"));
        assert_eq!(superuser("postgresql://postgres@db"), Some("postgres"));
        assert_eq!(superuser("postgres://smoke:a@db/shop?x=postgres@"), None);
        assert_eq!(superuser("postgres://root@db/shop"), None);
        assert_eq!(superuser("mysql://root:pw@db/shop"), Some("root"));
        assert_eq!(superuser("mariadb://smoke@db/shop"), None);
        assert_eq!(superuser("postgres://db/shop"), None);
        assert_eq!(superuser("https://postgres@db"), None);
    }
}
