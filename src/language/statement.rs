//! Database statements: how their text is read, and how values are inserted.

use super::diagnostic::Diagnostic;
use super::sql::{BoundSql, Dialect};
use super::template::Template;
use super::variables::Variables;
use super::words;

/// The language of a database's statements.
#[derive(Debug, Clone, Copy)]
pub enum QueryLanguage {
    /// SQL. A value is a bound parameter.
    Sql(Dialect),
    /// A command of words, as `redis-cli` reads it. A value is a word or a part of one. When bound, the words are the
    /// parameters.
    Command,
}

impl QueryLanguage {
    /// Returns the statement with its values as separate parameters.
    ///
    /// # Errors
    /// Fails if an expression cannot be evaluated, or if the text is not a statement.
    pub fn bind(self, statement: &Template, scope: &Variables) -> Result<BoundSql, String> {
        if let Some(mistake) = self.mistake(statement) {
            return Err(mistake.message);
        }
        match self {
            QueryLanguage::Sql(dialect) => statement.sql(scope, &dialect),
            QueryLanguage::Command => {
                let words = words::split(&statement.pieces(scope)?)?;
                let parameters = words.into_iter().map(Into::into).collect();
                Ok(BoundSql { text: statement.written(), parameters })
            }
        }
    }

    /// Returns the statement with its values inline, for commands that people run.
    ///
    /// # Errors
    /// Fails in the same cases as [`bind`](QueryLanguage::bind).
    pub fn with_literals(self, statement: &Template, scope: &Variables) -> Result<String, String> {
        match self {
            QueryLanguage::Sql(dialect) => statement.sql_with_literals(scope, &dialect),
            QueryLanguage::Command => {
                let words = words::split(&statement.pieces(scope)?)?;
                Ok(words.iter().map(|word| words::quoted(word)).collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// Returns a mistake in the text that does not depend on any value.
    pub fn mistake(self, statement: &Template) -> Option<Diagnostic> {
        match self {
            QueryLanguage::Sql(dialect) => statement.quotes_an_expression(dialect.lexis).then(|| {
                Diagnostic::new(statement.place(), "a variable inside an SQL string literal is not bound")
                    .hint("remove the quotes: a variable in SQL is a bound parameter")
            }),
            QueryLanguage::Command => {
                let mistake = words::split(&statement.sample(&"x".into())).err()?;
                Some(Diagnostic::new(statement.place(), mistake))
            }
        }
    }
}
