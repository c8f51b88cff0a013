//! Statements on the data, each with a time limit, and what their results say about a promise.

use std::time::Duration;

use serde_json::Value;

use super::entry::Came;
use super::freshness::{self, Age, Zone, rounded};
use super::promise::{Fresh, Object, Rule};
use super::run::clock;
use super::share::percent;
use super::statement::{Sql, Writer};
use crate::attempt::Context;
use crate::deadline::{BudgetScope, Deadline};
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault, Phase, Span};
use crate::probe::database::{Database, Family, Session};
use crate::probe::rows::QueryResult;
use crate::secret::{Message, message};

/// The minimum time limit of a statement, if that much time is left.
const SHORTEST_LIMIT: Duration = Duration::from_secs(2);

/// The time limit of the first statement on a table, so that a lock held by a migration is reported at once.
const FIRST_TOUCH: Duration = Duration::from_millis(450);

/// Tests one promise after another against the database.
pub(super) struct Probe<'p> {
    database: &'p dyn Database,
    session: &'p mut dyn Session,
    scope: &'p Variables,
    own: Deadline,
    limit: Duration,
    context: &'p Context,
    last: Option<String>,
    /// The connection is no longer usable.
    is_broken: bool,
}

/// The reason why there is no answer.
enum NoAnswer {
    /// It did not arrive within this time.
    Late(Duration),
    Locked(Duration),
    Failed {
        fault: Fault,
        cause: Message,
        hint: Option<Message>,
    },
}

type Answer = Result<QueryResult, NoAnswer>;

impl<'p> Probe<'p> {
    pub fn new(
        database: &'p dyn Database,
        session: &'p mut dyn Session,
        scope: &'p Variables,
        own: Deadline,
        budget: Duration,
        context: &'p Context,
    ) -> Probe<'p> {
        let limit = SHORTEST_LIMIT.max(budget / 4);
        Probe { database, session, scope, own, limit, context, last: None, is_broken: false }
    }

    /// Whether the time or the connection is gone.
    pub fn is_over(&self) -> bool {
        self.is_broken || self.own.has_passed()
    }

    /// Returns the last statement, for people to run again.
    pub fn last_statement(&self) -> Option<String> {
        self.last.clone()
    }

    async fn ask(&mut self, sql: &Sql, limit: Duration) -> Answer {
        let unusable = |error: String| NoAnswer::Failed {
            fault: Fault::Template,
            cause: message!("rendering the template: {}", error),
            hint: None,
        };
        let bound = sql.bound(self.scope, &self.database.dialect()).map_err(unusable)?;
        self.last = sql.readable(self.scope, &self.database.dialect()).ok();
        let deadline = self.own.tighten(limit, BudgetScope::Check);
        let given = deadline.remaining();
        match self.session.query_within(&bound, 2, deadline, self.context).await {
            Ok(answer) => Ok(answer),
            Err(Failure::TimedOut { phase: Phase::Lock, .. }) => Err(NoAnswer::Locked(given)),
            Err(Failure::TimedOut { .. }) => Err(NoAnswer::Late(given)),
            Err(Failure::Fault { fault, cause, hint, .. }) => {
                self.is_broken |= matches!(fault, Fault::Protocol | Fault::Connect | Fault::Internal);
                Err(NoAnswer::Failed { fault, cause: without_values(cause), hint })
            }
            Err(
                other @ (Failure::Mismatch { .. }
                | Failure::Exited { .. }
                | Failure::Plugin { .. }
                | Failure::Step { .. }),
            ) => Err(NoAnswer::Failed { fault: Fault::Internal, cause: message!("{}", other), hint: None }),
        }
    }

    fn writer<'w>(&self, object: &'w Object, schema: &'w str, table: &'w str) -> Writer<'w> {
        Writer { dialect: self.database.dialect(), idioms: self.database.idioms(), object, schema, table }
    }

    /// Tests whether the object has a row. Fails if nothing can be found out about this object now.
    pub async fn is_filled(&mut self, object: &Object, schema: &str, table: &str) -> Result<Came, Came> {
        let sql = self.writer(object, schema, table).is_filled();
        let first = self.ask(&sql, FIRST_TOUCH.min(self.limit)).await;
        let answer = match first {
            Err(NoAnswer::Locked(waited)) => return Err(locked(waited)),
            // A view may legitimately be slow.
            Err(NoAnswer::Late(_)) if !self.is_over() => self.ask(&sql, self.limit).await,
            answer => answer,
        };
        match answer {
            Ok(answer) if is_true(first_value(&answer)) => Ok(Came::Passed(None)),
            Ok(_) if object.may_be_empty => Ok(Came::Passed(Some(message!("empty, which it may be")))),
            Ok(_) => {
                Ok(Came::Failed { expected: message!("to have rows"), actual: message!("none: it is empty") })
            }
            Err(NoAnswer::Late(limit)) => Ok(not_in_time("not determined", limit)),
            Err(NoAnswer::Locked(waited)) => Err(locked(waited)),
            Err(NoAnswer::Failed { fault, cause, hint }) => Err(Came::Errored { fault, cause, hint }),
        }
    }

    /// Tests the age of the newest value.
    pub async fn newest(
        &mut self,
        object: &Object,
        schema: &str,
        table: &str,
        fresh: &Fresh,
        family: Option<Family>,
        zone: &Zone,
    ) -> Came {
        let sql = self.writer(object, schema, table).newest(&fresh.column);
        let answer = match self.ask(&sql, self.limit).await {
            Ok(answer) => answer,
            Err(NoAnswer::Late(limit)) => return not_fresh_in_time(&fresh.column, limit),
            Err(other) => return errored(other),
        };
        let cell = |name: &str| {
            let row = answer.first()?;
            row.iter().find(|(column, _)| column == name).map(|(_, value)| value)
        };
        let newest = cell("newest").unwrap_or(&Value::Null).clone();
        let Some(now) = cell("now").and_then(clock) else {
            let cause = message!("the database's clock cannot be read");
            return Came::Errored { fault: Fault::Protocol, cause, hint: None };
        };
        let expected = Message::new().words(format!("to be at most {} old", rounded(fresh.within)));
        if newest.is_null() {
            let actual = self.nothing_newest(object, schema, table, &fresh.column).await;
            return Came::Failed { expected, actual };
        }
        let age = freshness::age(&newest, now, family.unwrap_or(Family::Unknown), zone);
        if age == Age::Unreadable {
            return Came::errored(
                message!("it holds no dates or times"),
                message!("name the column that says when a row came in"),
            );
        }
        match freshness::judge(&age, fresh.within) {
            Ok(found) => Came::Passed(Some(found)),
            Err(actual) => Came::Failed { expected, actual },
        }
    }

    /// Explains why there is no newest value.
    async fn nothing_newest(&mut self, object: &Object, schema: &str, table: &str, column: &str) -> Message {
        let count = self.writer(object, schema, table).count_all();
        match self.ask(&count, self.limit).await.ok().as_ref().map(first_value) {
            Some(Value::Number(number)) if number.as_u64() == Some(0) => message!("nothing: it is empty"),
            Some(Value::Number(number)) => message!("{} rows, but `{}` is NULL in all", number, column),
            _ => message!("rows, but `{}` is NULL in all", column),
        }
    }

    pub async fn has_null(
        &mut self,
        object: &Object,
        schema: &str,
        table: &str,
        column: &str,
        is_view: bool,
    ) -> Came {
        let sql = self.writer(object, schema, table).a_null(column);
        let answer = self.ask(&sql, self.limit).await;
        scanned(answer, is_view, || Came::Failed {
            expected: message!("not to be null"),
            actual: message!("null in at least one row"),
        })
    }

    pub async fn has_duplicate(
        &mut self,
        object: &Object,
        schema: &str,
        table: &str,
        columns: &[String],
        is_view: bool,
    ) -> Came {
        let sql = self.writer(object, schema, table).a_duplicate(columns);
        let answer = self.ask(&sql, self.limit).await;
        let shown = columns.join(", ");
        scanned(answer, is_view, || Came::Failed {
            expected: message!("({}) to be unique", shown),
            actual: message!("a value that is there more than once"),
        })
    }

    /// Tests the number of rows.
    pub async fn rows(&mut self, object: &Object, schema: &str, table: &str) -> Came {
        let Some(rows) = &object.rows else { return Came::Passed(None) };
        let sql = self.writer(object, schema, table).count();
        let answer = match self.ask(&sql, self.limit).await {
            Ok(answer) => answer,
            Err(NoAnswer::Late(limit)) => return not_in_time("not counted", limit),
            Err(other) => return errored(other),
        };
        match rows.judge(first_value(&answer), self.scope) {
            Ok(mismatches) => match mismatches.into_iter().next() {
                None => Came::Passed(Some(message!("{} rows", first_value(&answer)))),
                Some(mismatch) => Came::Failed {
                    expected: message!("rows ").then(mismatch.expected),
                    actual: mismatch.actual,
                },
            },
            Err(error) => Came::Errored { fault: Fault::Template, cause: message!("{}", error), hint: None },
        }
    }

    /// Measures a quality rule and compares the result with what it requires.
    pub async fn rule(
        &mut self,
        object: &Object,
        schema: &str,
        table: &str,
        rule: &Rule,
        columns: &[String],
    ) -> Came {
        let sql = match self.writer(object, schema, table).measure(&rule.measure, columns) {
            Ok(sql) => sql,
            Err(group) => return Came::Unchecked { group, which: None },
        };
        let measured = match self.measured(&sql).await {
            Ok(measured) => measured,
            Err(came) => return came,
        };
        let mut unit = "";
        let mut value = measured;
        if rule.is_percent {
            let count = self.writer(object, schema, table).count();
            let all = match self.measured(&count).await {
                Ok(all) => all,
                Err(came) => return came,
            };
            (value, unit) = (percent(&value, &all), "%");
        }
        let shown = if value.is_null() { message!("NULL") } else { message!("{}{}", value, unit) };
        let mut unmet = rule.operators.iter().map(|operator| (operator, operator.holds(&value)));
        match unmet.find(|(_, holds)| *holds != Some(true)) {
            None => Came::Passed(Some(shown)),
            Some((operator, None)) => Came::errored(
                Message::new()
                    .words(format!("it gives {}, which cannot be compared: expected it ", kind(&value)))
                    .words(operator.in_words()),
                message!("a rule gives one number: see its query"),
            ),
            Some((operator, Some(_))) => {
                let expected = message!("{} ", rule.measure.name()).data(operator.in_words()).words(unit);
                let expected = match &rule.name {
                    Some(name) => message!("{}: ", name).then(expected),
                    None => expected,
                };
                if rule.only_warns {
                    Came::Warned { expected, actual: shown }
                } else {
                    Came::Failed { expected, actual: shown }
                }
            }
        }
    }

    /// Returns the single value of the single row.
    async fn measured(&mut self, sql: &Sql) -> Result<Value, Came> {
        let answer = match self.ask(sql, self.limit).await {
            Ok(answer) => answer,
            Err(NoAnswer::Late(limit)) => return Err(not_in_time("not measured", limit)),
            Err(other) => return Err(errored(other)),
        };
        let hint = || message!("a rule gives one row with one number: see its query");
        match (answer.count, answer.first().map(Vec::as_slice)) {
            (1, Some([(_, value)])) => Ok(value.clone()),
            (1, Some(columns)) => {
                Err(Came::errored(message!("it gives {} columns, expected one", columns.len()), hint()))
            }
            (0, _) => Err(Came::errored(message!("it gives no row, expected one"), hint())),
            (count, _) => Err(Came::errored(message!("it gives {} rows, expected one", count), hint())),
        }
    }
}

/// Returns the result of a scan for a row that must not exist. What cannot be proven on a view is counted as not
/// checked.
fn scanned(answer: Answer, is_view: bool, found: impl FnOnce() -> Came) -> Came {
    match answer {
        Ok(answer) if answer.count == 0 => Came::Passed(None),
        Ok(_) => found(),
        Err(NoAnswer::Late(_)) if is_view => {
            Came::Unchecked { group: "not provable in time on a view", which: None }
        }
        Err(NoAnswer::Late(limit)) => not_in_time("not proven", limit),
        Err(other) => errored(other),
    }
}

/// Builds the result for a search for the newest value that ran out of time.
pub(super) fn not_fresh_in_time(column: &str, limit: Duration) -> Came {
    Came::errored(
        message!("could not be determined in {} (no index on `{}`?)", Span(limit), column),
        message!("index the column: then the newest value is one look; or raise `budget`"),
    )
}

pub(super) fn not_in_time(what: &str, limit: Duration) -> Came {
    Came::errored(
        message!("{} in {}", what, Span(limit)),
        message!("add a constraint or an index, look at a part of it with `where`, or raise `budget`"),
    )
}

fn locked(waited: Duration) -> Came {
    Came::errored(
        message!(
            "locked: another session holds a lock on it, and did not release it within {}",
            Span(waited)
        ),
        message!("look for a migration that still runs (`pg_locks`), and check again after it"),
    )
}

fn errored(no_answer: NoAnswer) -> Came {
    match no_answer {
        NoAnswer::Late(limit) => not_in_time("not determined", limit),
        NoAnswer::Locked(waited) => locked(waited),
        NoAnswer::Failed { fault, cause, hint } => Came::Errored { fault, cause, hint },
    }
}

/// Removes values from a database error. An error about a value (class 22) contains it, and one that a user raises
/// (class P0) may.
fn without_values(cause: Message) -> Message {
    let text = cause.to_string();
    let code = text.split_once("(SQLSTATE ").and_then(|(_, rest)| rest.get(..5)).map(str::to_owned);
    match code {
        Some(code) if code == "22012" => message!("division by zero (SQLSTATE {})", code),
        Some(code) if code.starts_with("22") || code.starts_with("P0") => {
            message!("the statement fails on a value (SQLSTATE {})", code)
        }
        Some(_) | None => cause,
    }
}

fn first_value(answer: &QueryResult) -> &Value {
    let cell = answer.first().and_then(|row| row.first());
    cell.map_or(&Value::Null, |(_, value)| value)
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(boolean) => *boolean,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
