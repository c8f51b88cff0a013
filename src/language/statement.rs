//! A statement for a database: how its text is read, and how values get into it.

use super::diagnostic::Diagnostic;
use super::sql::{BoundSql, Dialect};
use super::template::Template;
use super::variables::Variables;
use super::words;

/// The language that a database's statements are written in.
#[derive(Debug, Clone, Copy)]
pub enum QueryLanguage {
    /// SQL; a value is a bound parameter.
    Sql(Dialect),
    /// A command of words, as `redis-cli` reads it; a value is a word, or a part of one. Bound, the words are the
    /// parameters.
    Command,
}

impl QueryLanguage {
    /// The statement and its values, apart from each other.
    ///
    /// # Errors
    /// An expression that cannot be evaluated, or a text that is no statement.
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

    /// The statement with its values in it, for commands that people run.
    ///
    /// # Errors
    /// As of [`bind`](QueryLanguage::bind).
    pub fn with_literals(self, statement: &Template, scope: &Variables) -> Result<String, String> {
        match self {
            QueryLanguage::Sql(dialect) => statement.sql_with_literals(scope, &dialect),
            QueryLanguage::Command => {
                let words = words::split(&statement.pieces(scope)?)?;
                Ok(words.iter().map(|word| words::quoted(word)).collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// What is wrong with the text, whatever the values are.
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
