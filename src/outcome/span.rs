//! Durations in human-readable form.

use std::fmt;
use std::time::Duration;

/// A human-readable duration: `0.4ms`, `312ms`, `1.24s`, `2m 5s`.
#[derive(Debug, Clone, Copy)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0;
        let text = if span.is_zero() {
            "0ms".to_owned()
        } else if span < Duration::from_millis(10) {
            let tenths = span.as_micros().div_ceil(100);
            match tenths % 10 {
                0 => format!("{}ms", tenths / 10),
                rest => format!("{}.{rest}ms", tenths / 10),
            }
        } else if span < Duration::from_secs(1) {
            format!("{}ms", span.as_millis())
        } else if span < Duration::from_mins(1) {
            let text = format!("{:.2}", span.as_secs_f64());
            format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
        } else {
            let seconds = span.as_secs();
            let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
            let shown: Vec<String> =
                parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
            shown.join(" ")
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        let cases = [
            (0, "0ms"),
            (40, "0.1ms"),
            (3_100, "3.1ms"),
            (9_950, "10ms"),
            (312_400, "312ms"),
            (1_240_000, "1.24s"),
            (2_000_000, "2s"),
            (59_999_000, "60s"),
            (125_000_000, "2m 5s"),
            (3_600_000_000, "1h"),
        ];
        for (micros, shown) in cases {
            assert_eq!(Span(Duration::from_micros(micros)).to_string(), shown, "{micros} µs");
        }
    }
}
