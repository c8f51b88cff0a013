//! The reports that the command line requests.

use std::path::Path;

use super::{Destination, Events, Json, Junit, Reporter};

/// The destination of each report.
#[derive(Debug, Default)]
pub struct Outputs {
    pub junit: Option<Destination>,
    pub json: Option<Destination>,
    pub events: Option<Destination>,
}

/// A report that would overwrite something else.
#[derive(Debug, thiserror::Error)]
pub enum Clash {
    #[error("`{first}` and `{second}` both go to {to}\n\nhint: give one of them another file")]
    SamePlace { first: &'static str, second: &'static str, to: Destination },
    #[error("`{option}` goes to {to}, which is the suite\n\nhint: give it another file")]
    Suite { option: &'static str, to: Destination },
    #[error(
        "`{option}` goes to {to}, which is the baseline\n\nhint: give it another file: what was red before the deploy is read from that one"
    )]
    Baseline { option: &'static str, to: Destination },
}

impl Outputs {
    /// Returns a reporter for each report of the suite in this file.
    ///
    /// # Errors
    /// Two of them go to one place, or one would take the suite's or the baseline's.
    pub fn reporters(
        self,
        suite: Option<&Path>,
        baseline: Option<&Path>,
    ) -> Result<Vec<Box<dyn Reporter>>, Clash> {
        let named = [("--junit", &self.junit), ("--json", &self.json), ("--events", &self.events)];
        let given: Vec<_> =
            named.into_iter().filter_map(|(option, to)| to.as_ref().map(|to| (option, to))).collect();
        for (index, (second, to)) in given.iter().enumerate() {
            if let Some((first, _)) = given[..index].iter().find(|(_, other)| other.is_same(to)) {
                return Err(Clash::SamePlace { first, second, to: (*to).clone() });
            }
            if suite.is_some_and(|suite| to.leads_to(suite)) {
                return Err(Clash::Suite { option: second, to: (*to).clone() });
            }
            if baseline.is_some_and(|baseline| to.leads_to(baseline)) {
                return Err(Clash::Baseline { option: second, to: (*to).clone() });
            }
        }
        let Outputs { junit, json, events } = self;
        let junit = junit.map(|to| Box::new(Junit::new(to)) as Box<dyn Reporter>);
        let json = json.map(|to| Box::new(Json::new(to)) as Box<dyn Reporter>);
        let events = events.map(|to| Box::new(Events::new(to)) as Box<dyn Reporter>);
        Ok([junit, json, events].into_iter().flatten().collect())
    }
}
