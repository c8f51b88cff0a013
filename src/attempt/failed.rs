//! Failed attempts that were followed by another attempt. A poll may have thousands, and a report must not grow with
//! them: the first ones are kept individually, and later ones are counted with the attempts that failed in the same
//! way. Past a limit, only the total is counted.

use crate::event::FailedAttempts;
use crate::outcome::Failure;
use crate::secret::Redactor;

/// The number of attempts kept individually, and the number of further distinct failures kept beside them.
const KEPT: usize = 20;

/// The failed attempts of a check or a step.
#[derive(Debug, Default)]
pub(super) struct Failed {
    kept: Vec<(String, FailedAttempts)>,
    others: u32,
}

impl Failed {
    /// Records the failure of attempt number `attempt` and returns it, redacted, if it is worth reporting. An attempt
    /// that is only counted is worth reporting each time its count reaches a power of two.
    pub fn take(&mut self, attempt: u32, failure: Failure, redactor: &Redactor) -> Option<FailedAttempts> {
        let what = failure.to_string();
        let one_by_one = self.kept.len() < KEPT;
        let known = self.kept.iter_mut().rev().filter(|_| !one_by_one).find(|(known, _)| *known == what);
        if let Some((_, known)) = known {
            known.times += 1;
            return known.times.is_power_of_two().then(|| known.clone());
        }
        let is_kept = self.kept.len() < 2 * KEPT;
        self.others += u32::from(!is_kept);
        if !is_kept && !self.others.is_power_of_two() {
            return None;
        }
        let failed = FailedAttempts { attempt, times: 1, failure: redactor.redact(failure) };
        if is_kept {
            self.kept.push((what, failed.clone()));
        }
        Some(failed)
    }

    /// Returns the attempts that were kept, and the number of the others.
    pub fn all(&self) -> (Vec<FailedAttempts>, u32) {
        (self.kept.iter().map(|(_, failed)| failed.clone()).collect(), self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Message;

    fn of(what: &str) -> Failure {
        let word = |word: &str| Message::new().words(word.to_owned());
        Failure::mismatch(word("it"), word("x"), word(what))
    }

    #[test]
    fn ten_thousand_equal_ones_are_kept_as_twenty_and_told_a_few_times_more() {
        let (mut failed, redactor) = (Failed::default(), Redactor::new());
        let told = (1..=10_000).filter(|attempt| failed.take(*attempt, of("old"), &redactor).is_some());
        assert_eq!(told.count(), 20 + 13);
        let (kept, others) = failed.all();
        assert_eq!((kept.len(), others), (20, 0));
        assert_eq!(kept.iter().map(|failed| failed.times).sum::<u32>(), 10_000);
        assert_eq!((kept[0].times, kept[19].attempt, kept[19].times), (1, 20, 9_981));
    }

    #[test]
    fn one_that_fails_in_another_way_is_kept_though_many_were_there_before_it() {
        let (mut failed, redactor) = (Failed::default(), Redactor::new());
        for attempt in 1..=500 {
            let what = if attempt == 400 { "late" } else { "old" };
            let _ = failed.take(attempt, of(what), &redactor);
        }
        let (kept, _) = failed.all();
        let late = kept.last().unwrap();
        assert_eq!((late.attempt, late.times), (400, 1));
        assert!(late.failure.to_string().ends_with("got late"));
    }

    #[test]
    fn of_ten_thousand_different_ones_forty_are_kept_and_the_others_counted() {
        let (mut failed, redactor) = (Failed::default(), Redactor::new());
        for attempt in 1..=10_000 {
            let _ = failed.take(attempt, of(&attempt.to_string()), &redactor);
        }
        let (kept, others) = failed.all();
        assert_eq!((kept.len(), others), (40, 9_960));
    }
}
