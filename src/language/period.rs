//! Days in the suite's time zone: the values of `{{yesterday.start}}` and similar variables.
//!
//! They are instants, the same for every target. Text contains them in UTC; a database receives each in the form that
//! its columns compare with ([`Dialect`](super::sql::Dialect)).

use std::fmt;
use std::sync::Arc;

use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use minijinja::value::{Object, ObjectRepr, Value as Dynamic};
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::{Diagnostic, closest};
use super::dynamic::Held;
use super::read::{FromToml, ParseContext};
use super::schema::{Definitions, Schema};
use super::table::ToToml;

/// A time zone of the IANA database. smoke bundles the database, so that a zone is the same on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Zone {
        Zone(TimeZone::UTC)
    }
}

impl Zone {
    /// Returns the zone with this name, ignoring case.
    ///
    /// # Errors
    /// The zone is unknown. Contains the most similar name, if there is one.
    fn named(name: &str) -> Result<Zone, Option<String>> {
        let bundled = TimeZoneDatabase::bundled();
        bundled.get(name).map(Zone).map_err(|_| {
            let known: Vec<String> = bundled.available().map(|known| known.as_str().to_owned()).collect();
            closest(name, known.iter().map(String::as_str)).map(str::to_owned)
        })
    }

    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

impl FromToml for Zone {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        const EXPECTED: &str = "a time zone such as \"Europe/Berlin\"";
        let DeValue::String(name) = value.get_ref() else { return parse.expected(value, EXPECTED) };
        match Zone::named(name) {
            Ok(zone) => Some(zone),
            Err(meant) => {
                let place = parse.place(value.span());
                let mistake = Diagnostic::new(place, format!("unknown time zone `{name}`"));
                let mistake = mistake.hint("write a name of the IANA database, such as \"Europe/Berlin\"");
                parse.reject(match meant {
                    Some(meant) => mistake.label(format!("did you mean `{meant}`?")),
                    None => mistake,
                })
            }
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+)*$" })
    }
}

impl ToToml for Zone {
    fn to_toml(&self) -> Value {
        Value::from(self.name())
    }
}

/// A day, from its first instant to the first instant of the next day.
#[derive(Debug, Clone)]
pub struct Period {
    date: Date,
    start: Zoned,
    end: Zoned,
}

/// The names of the built-in periods.
pub const PERIODS: [&str; 2] = ["yesterday", "today"];

impl Period {
    /// Returns the periods relative to `now`, in the order of [`PERIODS`].
    pub fn all(now: jiff::Timestamp, zone: &Zone) -> [Period; 2] {
        let today = now.to_zoned(zone.0.clone()).date();
        let yesterday = today.yesterday().unwrap_or(today);
        [yesterday, today].map(|date| Period::of(date, &zone.0))
    }

    fn of(date: Date, zone: &TimeZone) -> Period {
        // A day may begin at one o'clock, where clocks go forward at midnight.
        let first = |date: Date| date.to_zoned(zone.clone()).and_then(|midnight| midnight.start_of_day());
        let start = first(date).unwrap_or_default();
        let end = date.tomorrow().and_then(first).unwrap_or_else(|_| start.clone());
        Period { date, start, end }
    }

    /// Returns the period's value for templates.
    pub(super) fn held(&self) -> Held {
        let texts = [("start", &self.start), ("end", &self.end)].map(|(name, at)| (name, utc(at)));
        let date = ("date", self.date.to_string());
        let computed = Dynamic::from_pairs(texts.into_iter().chain([date.clone()]));
        let instants = [("start", &self.start), ("end", &self.end)];
        let instants = instants.map(|(name, at)| (name, Dynamic::from_object(Instant(at.clone()))));
        let written = Dynamic::from_pairs(instants.into_iter().chain([(date.0, Dynamic::from(date.1))]));
        Held { written, computed }
    }
}

/// Formats an instant in UTC: `2026-11-27T23:00:00Z`.
fn utc(at: &Zoned) -> String {
    at.timestamp().to_string()
}

/// The first instant of a day, or the first instant after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instant(Zoned);

impl Instant {
    /// Returns the instant that `value` holds, if it holds one.
    pub(super) fn of(value: &Dynamic) -> Option<Instant> {
        value.downcast_object_ref::<Instant>().cloned()
    }

    /// Returns the name of the zone in which the instant has its date.
    pub fn zone(&self) -> &str {
        self.0.time_zone().iana_name().unwrap_or("UTC")
    }

    /// Formats the instant as in text: `2026-11-27T23:00:00Z`.
    pub fn in_utc(&self) -> String {
        utc(&self.0)
    }

    /// Formats the instant with the offset of its zone: `2026-11-28T00:00:00+01:00`. The date is the zone's.
    pub fn with_offset(&self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Formats the instant in UTC as databases write a time without a zone: `2026-11-27 23:00:00`.
    pub fn without_zone(&self) -> String {
        self.0.timestamp().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }
}

impl Object for Instant {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::variables::Variables;

    fn periods(now: &str, zone: &str) -> [String; 2] {
        let zone = Zone::named(zone).unwrap();
        let mut scope = Variables::empty(Arc::default());
        let periods = PERIODS.into_iter().zip(Period::all(now.parse().unwrap(), &zone));
        periods.for_each(|(name, period)| scope.set_period(name, &period));
        PERIODS.map(|name| scope.describe_period(name).unwrap())
    }

    #[test]
    fn a_day_is_as_long_as_its_zone_makes_it() {
        let at = "2026-03-30T08:00:00Z";
        assert_eq!(
            periods(at, "Europe/Berlin"),
            [
                "yesterday is 2026-03-29 in Europe/Berlin, from 2026-03-28T23:00:00Z to 2026-03-29T22:00:00Z",
                "today is 2026-03-30 in Europe/Berlin, from 2026-03-29T22:00:00Z to 2026-03-30T22:00:00Z",
            ]
        );
        assert_eq!(
            periods(at, "utc")[0],
            "yesterday is 2026-03-29 in UTC, from 2026-03-29T00:00:00Z to 2026-03-30T00:00:00Z"
        );
        // Clocks went forward at midnight: the day began at one o'clock.
        assert_eq!(
            periods("2018-11-05T12:00:00Z", "America/Sao_Paulo")[0],
            "yesterday is 2018-11-04 in America/Sao_Paulo, from 2018-11-04T03:00:00Z to 2018-11-05T02:00:00Z"
        );
    }

    #[test]
    fn an_instant_is_written_as_each_reader_needs_it() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let [yesterday, _] = Period::all("2026-11-29T08:00:00Z".parse().unwrap(), &zone);
        let start = Instant(yesterday.start);
        assert_eq!(start.in_utc(), "2026-11-27T23:00:00Z");
        assert_eq!(start.with_offset(), "2026-11-28T00:00:00+01:00");
        assert_eq!(start.without_zone(), "2026-11-27 23:00:00");
        assert_eq!(Zone::named("Europe/Berln"), Err(Some("Europe/Berlin".to_owned())));
    }
}
