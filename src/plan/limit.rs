//! The largest budget that a check may have.

use std::time::Duration;

use crate::language::diagnostic::Diagnostic;
use crate::language::source::Place;
use crate::outcome::Span;
use crate::suite::keys::{EnvironmentKeys, SuiteKeys};

/// The largest budget that a check may have.
pub(super) struct Limit<'s> {
    pub span: Duration,
    whose: Whose<'s>,
}

/// The owner of the limiting budget.
enum Whose<'s> {
    /// `--budget`
    Run,
    Suite,
    /// The suite's, in this environment.
    Environment(&'s str),
}

impl<'s> Limit<'s> {
    /// Returns the limit for the budgets of checks. A `--budget` larger than the suite's raises the limit. A smaller
    /// one does not lower it: it cuts the run, and does not turn a valid suite into a mistake.
    pub fn of(
        keys: &SuiteKeys,
        environment: Option<(&'s String, &EnvironmentKeys)>,
        given: Option<Duration>,
    ) -> Limit<'s> {
        let suites = keys.budget.unwrap_or(SuiteKeys::BUDGET);
        match (given.filter(|given| *given > suites), environment) {
            (Some(given), _) => Limit { span: given, whose: Whose::Run },
            (None, Some((name, environment))) if environment.suite.budget.is_some() => {
                Limit { span: suites, whose: Whose::Environment(name) }
            }
            (None, _) => Limit { span: suites, whose: Whose::Suite },
        }
    }

    pub fn is_exceeded(&self, own: Duration, place: Place) -> Diagnostic {
        let (own, span) = (Span(own), Span(self.span));
        let (whose, raise) = match self.whose {
            Whose::Run => (format!("the run's of {span}"), "`--budget`".to_owned()),
            Whose::Suite => (format!("the suite's of {span}"), "`suite.budget`".to_owned()),
            Whose::Environment(name) => {
                (format!("the suite's of {span} in `{name}`"), format!("the budget under `[env.{name}]`"))
            }
        };
        let message = format!("the check's budget of {own} is larger than {whose}");
        Diagnostic::new(place, message).hint(format!("raise {raise}, or lower this one"))
    }
}
