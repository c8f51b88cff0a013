//! The table of databases. A database is a type that implements [`Database`] and its row in [`DATABASES`]. Readers,
//! messages and the suite's documentation use only the row.

use std::sync::LazyLock;

use super::database::Database;
use super::mysql::Mysql;
use super::postgres::Postgres;
use super::redis::Redis;
use super::sqlite::Sqlite;
use crate::language::diagnostic::Diagnostic;
use crate::secret::address;

/// The table of databases.
pub const DATABASES: &[&dyn Database] = &[&Postgres, &Mysql, &Sqlite, &Redis];

/// Returns the database that `url` selects.
///
/// # Errors
/// Fails if there is none. The mistake has no place.
pub fn of_url(url: &str) -> Result<&'static dyn Database, Diagnostic> {
    let answers = |database: &&&dyn Database| database.schemes().iter().any(|scheme| url.starts_with(scheme));
    DATABASES.iter().find(answers).copied().ok_or_else(|| unsupported(url))
}

/// Returns the documentation of keys that hold a database URL.
pub fn url_meaning() -> &'static str {
    static MEANING: LazyLock<String> = LazyLock::new(|| {
        let of_one = |database: &&dyn Database| {
            let schemes: Vec<String> =
                database.schemes().iter().map(|scheme| format!("`{scheme}`")).collect();
            format!("{} ({})", schemes.join(" or "), database.about())
        };
        let all: Vec<String> = DATABASES.iter().map(of_one).collect();
        format!("database URL: {}", all.join(", "))
    });
    &MEANING
}

fn schemes() -> impl Iterator<Item = &'static str> {
    DATABASES.iter().flat_map(|database| database.schemes().iter().copied())
}

/// Returns `postgres` for `postgres://`.
fn scheme_name(scheme: &str) -> &str {
    scheme.split(':').next().unwrap_or(scheme)
}

fn unsupported(url: &str) -> Diagnostic {
    // The rest of the URL is not shown, because a connection string contains a password.
    let mistake = match address::scheme(url) {
        None => Diagnostic::new(None, "the database URL has no scheme"),
        Some(given) => match schemes().find(|scheme| scheme_name(scheme) == given) {
            Some(scheme) => Diagnostic::new(None, format!("a `{given}` URL starts with `{scheme}`")),
            None => Diagnostic::new(None, format!("unsupported database scheme `{given}`"))
                .did_you_mean(given, schemes().map(scheme_name)),
        },
    };
    let all: Vec<&str> = schemes().collect();
    let all = match all.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    };
    mistake.hint(format!("a database's URL starts with {all}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_selects_no_database_is_told_what_would() {
        let told =
            |url: &str| of_url(url).map(Database::about).map_err(|mistake| (mistake.message, mistake.label));
        let mistake = |message: &str, label: &str| Err((message.to_owned(), label.to_owned()));
        assert_eq!(told("postgresql://db/shop"), Ok(Postgres.about()));
        assert_eq!(told("sqlite:shop.db"), Ok(Sqlite.about()));
        assert_eq!(told("mariadb://db/shop"), Ok(Mysql.about()));
        assert_eq!(told("oracle://db/shop"), mistake("unsupported database scheme `oracle`", ""));
        let meant = "did you mean `postgres`?";
        assert_eq!(told("postgre://db/shop"), mistake("unsupported database scheme `postgre`", meant));
        assert_eq!(told("POSTGRES://db/shop"), mistake("unsupported database scheme `POSTGRES`", meant));
        assert_eq!(told("postgres:shop"), mistake("a `postgres` URL starts with `postgres://`", ""));
        assert_eq!(told("correct horse"), mistake("the database URL has no scheme", ""));
        let hint = of_url("oracle:").err().and_then(|mistake| mistake.hint);
        let expected = "a database's URL starts with postgres://, postgresql://, mysql://, mariadb://, sqlite:, redis://, rediss:// or redis+unix://";
        assert_eq!(hint.as_deref(), Some(expected));
    }
}
