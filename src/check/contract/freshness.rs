//! The age of the newest value of a column, by the database's clock.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::outcome::Span;
use crate::probe::database::Family;
use crate::secret::{Message, message};

/// How far ahead of the clock a value may be before it counts as being in the future: two clocks never agree exactly.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// A number whose absolute value is larger than this counts milliseconds since 1970, not seconds.
const LARGEST_SECONDS: f64 = 1e11;

/// The time zone of dates and times that have none.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub zone: TimeZone,
    pub name: String,
}

/// The age of the newest value.
#[derive(Debug, PartialEq)]
pub(super) enum Age {
    /// The age, and the value as text.
    Old(Duration, String),
    /// How far the value is ahead of the clock, and the value as text.
    Future(Duration, String),
    Infinite,
    /// Neither a date nor a time.
    Unreadable,
}

/// Returns the age of `newest`, a value of a column of type family `family`.
pub(super) fn age(newest: &Value, now: Timestamp, family: Family, zone: &Zone) -> Age {
    let read_as = || format!(", read as {}", zone.name);
    let instant = |at: Timestamp, how: String| {
        let ahead = at.duration_since(now);
        let shown = format!("{at:.0}{how}");
        if ahead > SKEW { Age::Future(ahead.unsigned_abs(), shown) } else { Age::Old(since(at, now), shown) }
    };
    let text = match newest {
        Value::String(text) => text.trim(),
        Value::Number(number) => {
            let Some(seconds) = number.as_f64() else { return Age::Unreadable };
            let seconds = if seconds.abs() > LARGEST_SECONDS { seconds / 1e3 } else { seconds };
            let at = SignedDuration::try_from_secs_f64(seconds).ok();
            let at = at.and_then(|since| Timestamp::from_duration(since).ok());
            return at.map_or(Age::Unreadable, |at| instant(at, ", read as seconds since 1970".to_owned()));
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Age::Unreadable,
    };
    if matches!(text, "infinity" | "-infinity") {
        return Age::Infinite;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return instant(at, String::new());
    }
    if !text.contains(':') {
        return match text.parse::<Date>() {
            Ok(date) => day(date, now, zone),
            Err(_) => Age::Unreadable,
        };
    }
    let Ok(local) = text.parse::<DateTime>() else { return Age::Unreadable };
    match family {
        Family::Instant => match local.to_zoned(TimeZone::UTC) {
            Ok(zoned) => instant(zoned.timestamp(), String::new()),
            Err(_) => Age::Unreadable,
        },
        _ => match local.to_zoned(zone.zone.clone()) {
            Ok(zoned) => instant(zoned.timestamp(), read_as()),
            Err(_) => Age::Unreadable,
        },
    }
}

/// Returns the age of a day, measured from its end: the last record of that day may have arrived just before midnight.
fn day(date: Date, now: Timestamp, zone: &Zone) -> Age {
    let start = |date: Date| date.to_zoned(zone.zone.clone()).ok().map(|zoned| zoned.timestamp());
    let (Some(begin), Some(end)) = (start(date), date.tomorrow().ok().and_then(start)) else {
        return Age::Unreadable;
    };
    let shown = format!("{date}, a day in {}", zone.name);
    let ahead = begin.duration_since(now);
    if ahead > SKEW { Age::Future(ahead.unsigned_abs(), shown) } else { Age::Old(since(end, now), shown) }
}

fn since(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

/// Formats an age with only as much precision as matters: no milliseconds for two hours, no minutes for a week.
pub(super) fn rounded(age: Duration) -> String {
    const DAY: u64 = 86_400;
    let seconds = age.as_secs();
    if seconds >= 3 * DAY {
        let hours = seconds % DAY / 3_600;
        let rest = if hours > 0 { format!(" {hours}h") } else { String::new() };
        return format!("{}d{rest}", seconds / DAY);
    }
    Span(if seconds < 10 { age } else { Duration::from_secs(seconds) }).to_string()
}

/// Returns the age in words, as an error if it is greater than `within`, in the future, infinite or unreadable.
pub(super) fn judge(age: &Age, within: Duration) -> Result<Message, Message> {
    let old = |age: &Duration, newest: &String| {
        Message::new().words(format!("{} old (newest ", rounded(*age))).data(newest).words(")")
    };
    match age {
        Age::Old(age, newest) if *age <= within => Ok(old(age, newest)),
        Age::Old(age, newest) => Err(old(age, newest)),
        Age::Future(ahead, newest) => Err(Message::new()
            .words(format!(
                "a value in the future, {} ahead of the database's clock (newest ",
                rounded(*ahead)
            ))
            .data(newest)
            .words("): local time in a column that is read as another?")),
        Age::Infinite => Err(message!("an infinite value")),
        Age::Unreadable => Err(message!("no date or time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn zone(name: &str) -> Zone {
        Zone { zone: TimeZone::get(name).unwrap(), name: name.to_owned() }
    }

    #[test]
    fn values_are_as_old_as_the_database_means_them() {
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let (utc, berlin) = (zone("UTC"), zone("Europe/Berlin"));
        for (newest, family, zone, expected) in [
            (json!("2026-11-29T11:00:00+00:00"), Family::Instant, &utc, Ok(3_600)),
            (json!("2026-11-29 12:30:00.5+01"), Family::Instant, &utc, Ok(1_799)),
            (json!("2026-11-29T11:00:00"), Family::LocalTime, &utc, Ok(3_600)),
            (json!("2026-11-29 12:00:00"), Family::LocalTime, &berlin, Ok(3_600)),
            (json!("2026-11-29 11:00:00"), Family::Instant, &berlin, Ok(3_600)),
            // The day ended at 23:00 UTC.
            (json!("2026-11-28"), Family::Date, &berlin, Ok(13 * 3_600)),
            (json!("2026-11-28"), Family::Date, &utc, Ok(12 * 3_600)),
            (json!("2026-11-29"), Family::Date, &utc, Ok(0)),
            (json!("2026-11-30"), Family::Date, &utc, Err(12 * 3_600)),
            (json!("2026-11-29T12:00:59Z"), Family::Instant, &utc, Ok(0)),
            (json!("2026-11-29T12:01:01Z"), Family::Instant, &utc, Err(61)),
            (json!("2026-11-29T13:00:00"), Family::LocalTime, &utc, Err(3_600)),
            (json!(1_795_950_000), Family::Number, &utc, Ok(3_600)),
            (json!(1_795_950_000_000_u64), Family::Number, &utc, Ok(3_600)),
        ] {
            let seconds = match age(&newest, now, family, zone) {
                Age::Old(age, _) => Ok(age.as_secs()),
                Age::Future(ahead, _) => Err(ahead.as_secs()),
                other => panic!("{newest}: {other:?}"),
            };
            assert_eq!(seconds, expected, "{newest}");
        }
        let shown = [(3_600, "1h"), (176_700, "49h 5m"), (7 * 86_400, "7d"), (272_627_409, "3155d 9h")];
        for (seconds, text) in shown {
            assert_eq!(rounded(Duration::from_secs(seconds)), text);
        }
        assert_eq!(age(&json!("infinity"), now, Family::Instant, &utc), Age::Infinite);
        assert_eq!(age(&json!("soon"), now, Family::Text, &utc), Age::Unreadable);
        assert_eq!(age(&json!(true), now, Family::Boolean, &utc), Age::Unreadable);
    }
}
