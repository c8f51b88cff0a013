//! Dates in text (RFC 3339, and the formats of databases), compared by instant.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

/// A date, with or without a time of day.
#[derive(Debug)]
pub struct Moment {
    /// The day as written.
    day: Date,
    time: Time,
}

#[derive(Debug)]
enum Time {
    /// `2024-01-02`
    None,
    /// `2024-01-02T03:04:05`, without an offset.
    Local(DateTime),
    /// `2024-01-02T03:04:05Z`
    Instant(Timestamp),
}

impl Moment {
    /// Parses `2024-01-02`, optionally followed by `T` or a space and a time.
    pub fn parse(text: &str) -> Option<Moment> {
        let text = text.trim();
        let (date, rest) = text.split_at_checked("2024-01-02".len())?;
        let day = date.parse().ok()?;
        let time = match rest.strip_prefix(['T', 't', ' ']) {
            None if rest.is_empty() => Time::None,
            None => return None,
            Some(time) if time.contains(['Z', 'z', '+', '-']) => Time::Instant(text.parse().ok()?),
            Some(_) => Time::Local(text.parse().ok()?),
        };
        Some(Moment { day, time })
    }

    /// Compares two dates, by day only if one of them has no time. `None` if only one has an offset.
    pub fn order(&self, other: &Moment) -> Option<Ordering> {
        match (&self.time, &other.time) {
            (Time::Local(a), Time::Local(b)) => Some(a.cmp(b)),
            (Time::Instant(a), Time::Instant(b)) => Some(a.cmp(b)),
            (Time::Local(_), Time::Instant(_)) | (Time::Instant(_), Time::Local(_)) => None,
            (Time::None, _) | (_, Time::None) => Some(self.day.cmp(&other.day)),
        }
    }

    /// Whether both are the same, in any notation. A day is not equal to a time on that day.
    pub fn is_same(&self, other: &Moment) -> bool {
        match (&self.time, &other.time) {
            (Time::None, Time::None) => self.day == other.day,
            (Time::None, _) | (_, Time::None) => false,
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(a: &str, b: &str) -> Option<Ordering> {
        Moment::parse(a)?.order(&Moment::parse(b)?)
    }

    #[test]
    fn moments_compare_by_when_they_are() {
        let cases = [
            ("2024-01-02T03:04:05Z", "2024-01-02 03:04:05+00", Some(Ordering::Equal)),
            ("2024-01-02T03:04:05.5Z", "2024-01-02t05:04:05.500+02:00", Some(Ordering::Equal)),
            ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05-01:00", Some(Ordering::Less)),
            ("2024-01-02 03:04:05", "2024-01-02T03:04:05.000", Some(Ordering::Equal)),
            ("2024-01-02", "2024-01-02T23:59:59Z", Some(Ordering::Equal)),
            ("2024-01-03", "2024-01-02T23:59:59", Some(Ordering::Greater)),
            ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05", None),
        ];
        for (a, b, ordering) in cases {
            assert_eq!(order(a, b), ordering, "{a} and {b}");
            assert_eq!(order(b, a), ordering.map(Ordering::reverse), "{b} and {a}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in
            ["", "2024", "20240102", "2024-13-01", "2024-02-30", "2024-01-02x", "2024-01-02T", "é024-01-02"]
        {
            assert!(Moment::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_day_is_not_a_time_of_it() {
        let is_same = |a: &str, b: &str| Moment::parse(a).unwrap().is_same(&Moment::parse(b).unwrap());
        assert!(!is_same("2024-01-02", "2024-01-02T00:00:00Z"));
        assert!(is_same("2024-01-02", "2024-01-02"));
        assert!(is_same("2024-01-02T00:00:00Z", "2024-01-02T00:00:00.0+00:00"));
    }
}
