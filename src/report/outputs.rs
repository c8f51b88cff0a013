//! The reports that are asked for on the command line.

use super::{Destination, Events, Json, Junit, Reporter};

/// Which reports go where.
#[derive(Debug, Default)]
pub struct Outputs {
    pub junit: Option<Destination>,
    pub json: Option<Destination>,
    pub events: Option<Destination>,
}

/// Two reports in one place would write over each other.
#[derive(Debug, thiserror::Error)]
#[error("`{first}` and `{second}` both go to {to}\n\nhint: give one of them another file")]
pub struct SamePlace {
    first: &'static str,
    second: &'static str,
    to: String,
}

impl Outputs {
    /// A reporter for each report.
    ///
    /// # Errors
    /// Two of them go to one place.
    pub fn reporters(self) -> Result<Vec<Box<dyn Reporter>>, SamePlace> {
        let named = [("--junit", &self.junit), ("--json", &self.json), ("--events", &self.events)];
        let given: Vec<_> =
            named.into_iter().filter_map(|(option, to)| to.as_ref().map(|to| (option, to))).collect();
        for (index, (second, to)) in given.iter().enumerate() {
            if let Some((first, _)) = given[..index].iter().find(|(_, other)| other == to) {
                return Err(SamePlace { first, second, to: to.to_string() });
            }
        }
        let Outputs { junit, json, events } = self;
        let junit = junit.map(|to| Box::new(Junit::new(to)) as Box<dyn Reporter>);
        let json = json.map(|to| Box::new(Json::new(to)) as Box<dyn Reporter>);
        let events = events.map(|to| Box::new(Events::new(to)) as Box<dyn Reporter>);
        Ok([junit, json, events].into_iter().flatten().collect())
    }
}
