//! Shares of rows, for quality rules in percent.

use serde_json::Value;

/// Returns the share in percent, with six decimals. Zero of zero is 0%. A share that is not nothing is not rounded to
/// nothing, and one that is not everything not to everything: a single bad row among millions counts.
pub fn percent(part: &Value, all: &Value) -> Value {
    let (Some(part), Some(all)) = (part.as_f64(), all.as_f64()) else { return Value::Null };
    let share = if all == 0.0 { 0.0 } else { part * 100.0 / all };
    let rounded = (share * 1e6).round() / 1e6;
    let is_bound = |value: f64| value <= 0.0 || value >= 100.0;
    Value::from(if is_bound(rounded) && !is_bound(share) { share } else { rounded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_among_millions_is_a_share() {
        let of = |part: u64, all: u64| percent(&part.into(), &all.into());
        let expected = [0.0, 0.0, 100.0, 33.333_333].map(Value::from);
        assert_eq!([of(0, 0), of(0, 7), of(7, 7), of(1, 3)], expected);
        assert!(of(1, 1_000_000_000).as_f64() > Some(0.0));
        assert!(of(999_999_999, 1_000_000_000).as_f64() < Some(100.0));
    }
}
