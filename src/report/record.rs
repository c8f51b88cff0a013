//! What machines read: the records that `--json` and `--events` are made of.
//!
//! Keys are in snake case, values that are smoke's own words as they are written everywhere else (`fail-fast`,
//! `SIGTERM`). A key that ends in `_ms` is a number of milliseconds. Every key is always there: it is `null`
//! where there is nothing to say, and a list is empty. New keys may come; one that changes its meaning or goes
//! raises [`SCHEMA_VERSION`].

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Rejection;
use super::summary::{Counts, causes};
use crate::event::{CancelReason, CheckInfo, CheckReport, RunInfo, RunReport, StepReport};
use crate::exit::Exit;
use crate::outcome::{Certificate, Failure, NeedFailed, Outcome, Phase, SkipReason, Started, Verdict};
use crate::suite::keys::Severity;
use crate::suite::source::Location;

/// The version of the format, in every document and in the first of the events.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// How smoke ends.
#[derive(Debug, Serialize)]
pub(super) struct ExitRecord {
    /// The exit code, as far as the checks decide it: that a report could not be written (6) is not in it.
    code: u8,
    /// What it means, as `--help` says it.
    meaning: &'static str,
}

impl From<Exit> for ExitRecord {
    fn from(exit: Exit) -> ExitRecord {
        ExitRecord { code: exit.code(), meaning: exit.meaning() }
    }
}

/// How many checks came to what; `checks` is the sum of all but `flaky` and `slow`, which are among the passed.
#[derive(Debug, Default, Serialize)]
pub(super) struct CountsRecord {
    checks: usize,
    passed: usize,
    flaky: usize,
    slow: usize,
    failed: usize,
    errored: usize,
    undecided: usize,
    warned: usize,
    skipped: usize,
}

impl CountsRecord {
    pub fn of(report: &RunReport) -> CountsRecord {
        let Counts { passed, flaky, slow, warned, failed, undecided, skipped } = Counts::of(report);
        let errored = report.checks.iter().filter(|check| word(&check.outcome) == "errored").count();
        CountsRecord {
            checks: report.checks.len(),
            passed,
            flaky,
            slow,
            failed: failed - errored,
            errored,
            undecided,
            warned,
            skipped,
        }
    }
}

/// Why a run ended before all its checks had.
#[derive(Debug, Serialize)]
pub(super) struct CancelRecord<'a> {
    /// `fail-fast`, `budget` or `signal`.
    by: &'static str,
    /// The check that failed, for `fail-fast`.
    check: Option<&'a str>,
    /// `SIGINT` or `SIGTERM`, for `signal`.
    signal: Option<String>,
}

impl<'a> From<&'a CancelReason> for CancelRecord<'a> {
    fn from(reason: &'a CancelReason) -> CancelRecord<'a> {
        match reason {
            CancelReason::FailFast { failed } => {
                CancelRecord { by: "fail-fast", check: Some(failed), signal: None }
            }
            CancelReason::Budget(_) => CancelRecord { by: "budget", check: None, signal: None },
            CancelReason::Signal(signal) => {
                CancelRecord { by: "signal", check: None, signal: Some(signal.to_string()) }
            }
        }
    }
}

/// A check that did not pass by itself, and what was skipped because of it. The first one is the root cause.
#[derive(Debug, Serialize)]
pub(super) struct CauseRecord<'a> {
    check: &'a str,
    message: String,
    skipped: Vec<&'a str>,
}

impl<'a> CauseRecord<'a> {
    pub fn all(run: &'a RunInfo, report: &'a RunReport) -> Vec<CauseRecord<'a>> {
        let causes = causes(run, report).into_iter();
        causes
            .map(|cause| CauseRecord {
                check: &run.checks[cause.check.check].name,
                message: cause.failure.to_string(),
                skipped: cause.skipped,
            })
            .collect()
    }
}

/// A place in the suite; lines and columns (in characters) are counted from 1.
#[derive(Debug, Serialize)]
pub(super) struct LocationRecord {
    file: String,
    line: usize,
    column: usize,
}

impl From<&Location> for LocationRecord {
    fn from(location: &Location) -> LocationRecord {
        let file = location.path.display().to_string();
        LocationRecord { file, line: location.line, column: location.column }
    }
}

/// Something that is wrong with the suite (exit code 2).
#[derive(Debug, Serialize)]
pub(super) struct MistakeRecord {
    message: String,
    hint: Option<String>,
    location: Option<LocationRecord>,
}

impl MistakeRecord {
    pub fn all(rejection: &Rejection<'_>) -> Vec<MistakeRecord> {
        let clean = |text: &String| rejection.redactor.clean(text);
        rejection
            .error
            .located()
            .map(|(location, diagnostic)| MistakeRecord {
                message: clean(&diagnostic.message),
                hint: diagnostic.hint.as_ref().map(clean),
                location: location.as_ref().map(LocationRecord::from),
            })
            .collect()
    }
}

/// A selected check, as the suite has it.
#[derive(Debug, Serialize)]
pub(super) struct CheckRecord<'a> {
    /// Unique in the suite, and the same from run to run.
    name: &'a str,
    /// `boot`, `health`, `database`, `journey`.
    kind: &'a str,
    tags: &'a [String],
    location: LocationRecord,
    /// `critical` or `warn`.
    severity: &'static str,
    gate: bool,
}

impl<'a> From<&'a CheckInfo> for CheckRecord<'a> {
    fn from(info: &'a CheckInfo) -> CheckRecord<'a> {
        CheckRecord {
            name: &info.name,
            kind: info.kind,
            tags: &info.tags,
            location: (&info.location).into(),
            severity: match info.severity {
                Severity::Critical => "critical",
                Severity::Warn => "warn",
            },
            gate: info.gate,
        }
    }
}

/// What a check came to.
#[derive(Debug, Serialize)]
pub(super) struct ResultRecord<'a> {
    #[serde(flatten)]
    check: CheckRecord<'a>,
    /// `passed`, `failed` (it answered, and not as expected, or its own budget ended), `errored` (smoke could not
    /// find out), `undecided` (the suite's budget ended first), `warned` (a `warn` check failed or errored) or
    /// `skipped`.
    outcome: &'static str,
    /// Did it pass, but not at the first attempt?
    flaky: bool,
    /// It passed with a quarter of its budget left, or less.
    slow: bool,
    /// Why it was skipped.
    reason: Option<ReasonRecord<'a>>,
    /// Why it did not pass.
    failure: Option<FailureRecord<'a>>,
    /// From its start to its verdict; for a boot, until it was ready.
    duration_ms: Milliseconds,
    attempts: u32,
    /// What the attempts before the last came to.
    failed_attempts: Vec<FailureRecord<'a>>,
    /// Where the last attempt's time went, in the order in which it was spent: `{"dns": 0.3, "connect": 1.2}`.
    phases_ms: Phases<'a>,
    /// The address that was used.
    address: Option<&'a str>,
    /// What the server showed, over TLS.
    certificate: Option<CertificateRecord>,
    /// A command that shows the failure again by hand, with secrets as `$NAME`.
    reproduce: Option<String>,
    /// A journey's steps, cleanup among them, in the order in which they ended.
    steps: Vec<StepRecord<'a>>,
}

impl<'a> ResultRecord<'a> {
    pub fn of(report: &'a CheckReport, run: &'a RunInfo) -> ResultRecord<'a> {
        let (reason, failure) = match &report.outcome {
            Outcome::Passed => (None, None),
            Outcome::Failed(failure) | Outcome::Warned(failure) | Outcome::Undecided(failure) => {
                (None, Some(FailureRecord::of(failure)))
            }
            Outcome::Skipped(reason) => (Some(ReasonRecord::of(reason)), None),
        };
        let has_failed = failure.is_some();
        ResultRecord {
            check: (&run.checks[report.check]).into(),
            outcome: word(&report.outcome),
            flaky: report.is_flaky(),
            slow: report.is_slow(),
            reason,
            failure,
            duration_ms: Milliseconds(report.took),
            attempts: report.attempts,
            failed_attempts: report
                .failed_attempts
                .iter()
                .map(|failure| FailureRecord::of(failure))
                .collect(),
            phases_ms: Phases(&report.phases),
            address: report.address.as_deref(),
            certificate: report.certificate.as_ref().map(|certificate| CertificateRecord::of(certificate)),
            // A booted process has one at hand while it stays: it may still fail.
            reproduce: report.reproduce.as_ref().filter(|_| has_failed).map(|command| command.to_string()),
            steps: report.steps.iter().map(StepRecord::from).collect(),
        }
    }
}

/// What a step of a journey came to.
#[derive(Debug, Serialize)]
pub(super) struct StepRecord<'a> {
    /// Counted from 1; cleanup steps go on after the steps.
    number: usize,
    name: &'a str,
    cleanup: bool,
    passed: bool,
    failure: Option<FailureRecord<'a>>,
    duration_ms: Milliseconds,
    attempts: u32,
    phases_ms: Phases<'a>,
    address: Option<&'a str>,
    certificate: Option<CertificateRecord>,
    reproduce: Option<String>,
}

impl<'a> From<&'a StepReport> for StepRecord<'a> {
    fn from(step: &'a StepReport) -> StepRecord<'a> {
        StepRecord {
            number: step.number,
            name: &step.name,
            cleanup: step.is_cleanup,
            passed: step.failure.is_none(),
            failure: step.failure.as_ref().map(|failure| FailureRecord::of(failure)),
            duration_ms: Milliseconds(step.took),
            attempts: step.attempts,
            phases_ms: Phases(&step.phases),
            address: step.address.as_deref(),
            certificate: step.certificate.as_ref().map(|certificate| CertificateRecord::of(certificate)),
            reproduce: step.reproduce.as_ref().map(|command| command.to_string()),
        }
    }
}

/// A server's certificate.
#[derive(Debug, Serialize)]
struct CertificateRecord {
    subject: String,
    issuer: String,
    /// RFC 3339.
    expires: String,
}

impl CertificateRecord {
    fn of(certificate: &Certificate) -> CertificateRecord {
        let Certificate { subject, issuer, expires } = certificate;
        CertificateRecord {
            subject: subject.to_string(),
            issuer: issuer.to_string(),
            expires: expires.to_string(),
        }
    }
}

/// Why a check was skipped.
#[derive(Debug, Serialize)]
pub(super) struct ReasonRecord<'a> {
    /// `skip` (the suite says so), `need`, `fail-fast`, `budget` or `signal`.
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
    /// The check at the root of it, for `need` and `fail-fast`.
    check: Option<&'a str>,
    /// Had it begun?
    started: bool,
}

impl<'a> ReasonRecord<'a> {
    fn of(reason: &'a SkipReason) -> ReasonRecord<'a> {
        let (kind, check, started) = match reason {
            SkipReason::Asked(_) => ("skip", None, Started::No),
            SkipReason::Need { root, why: NeedFailed::DidNotPass | NeedFailed::WasSkipped, .. } => {
                ("need", Some(root.as_str()), Started::No)
            }
            SkipReason::FailFast { failed, started } => ("fail-fast", Some(failed.as_str()), *started),
            SkipReason::Budget(_) => ("budget", None, Started::No),
            SkipReason::Signal { started, .. } => ("signal", None, *started),
        };
        ReasonRecord { kind, message: reason.to_string(), check, started: started == Started::InFlight }
    }
}

/// Why something did not pass. What the layers around it add (the step it was, the budget that ended) stands beside
/// the cause, and not around it.
#[derive(Debug, Serialize)]
pub(super) struct FailureRecord<'a> {
    /// `mismatch`, `timeout`, `budget`, `exit`, or what kept smoke from finding out (`dns`, `connect`, …): as in
    /// `JUnit`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// All of it in words, as on the console.
    message: String,
    /// The step of a journey that it happened in.
    step: Option<StepName<'a>>,
    /// Every expectation that was not met.
    mismatches: Vec<MismatchRecord>,
    /// The answer in short, where expectations were not met.
    answer: Option<String>,
    /// The budget that ended.
    cut: Option<CutRecord>,
    /// What kept smoke from finding out.
    fault: Option<FaultRecord>,
    /// The last lines that a booted process printed before it ended.
    log: Option<String>,
}

#[derive(Debug, Serialize)]
struct StepName<'a> {
    number: usize,
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct MismatchRecord {
    /// What was looked at, such as `status` or `json $.version`.
    what: String,
    expected: String,
    actual: String,
}

#[derive(Debug, Serialize)]
struct CutRecord {
    /// Whose budget it was: `suite`, `check`, `step` or `grace`.
    scope: String,
    budget_ms: Milliseconds,
    /// What was under way: a key of `phases_ms`.
    phase: String,
}

#[derive(Debug, Serialize)]
struct FaultRecord {
    doing: String,
    cause: String,
    /// What to do about it.
    hint: Option<String>,
}

impl<'a> FailureRecord<'a> {
    pub fn of(failure: &'a Failure) -> FailureRecord<'a> {
        let mut record = FailureRecord {
            kind: failure.type_name(),
            message: failure.to_string(),
            step: None,
            mismatches: Vec::new(),
            answer: None,
            cut: None,
            fault: None,
            log: None,
        };
        let mut layer = Some(failure);
        while let Some(failure) = layer {
            layer = record.take(failure);
        }
        record
    }

    /// Takes over what this layer says, and gives back the one below.
    fn take(&mut self, failure: &'a Failure) -> Option<&'a Failure> {
        match failure {
            Failure::Step { step, number, source } => {
                self.step.get_or_insert(StepName { number: *number, name: step });
                Some(source)
            }
            Failure::TimedOut { cut, phase, last, .. } => {
                self.cut.get_or_insert_with(|| CutRecord {
                    scope: cut.scope.to_string(),
                    budget_ms: Milliseconds(cut.budget),
                    phase: key(*phase),
                });
                last.as_deref()
            }
            Failure::Mismatch { mismatches, answer } => {
                self.mismatches = mismatches
                    .iter()
                    .map(|mismatch| MismatchRecord {
                        what: mismatch.what.to_string(),
                        expected: mismatch.expected.to_string(),
                        actual: mismatch.actual.to_string(),
                    })
                    .collect();
                self.answer = answer.as_ref().map(ToString::to_string);
                None
            }
            Failure::Fault { doing, cause, hint, .. } => {
                self.fault = Some(FaultRecord {
                    doing: doing.to_string(),
                    cause: cause.to_string(),
                    hint: hint.as_ref().map(ToString::to_string),
                });
                None
            }
            Failure::Exited { log, .. } => {
                self.log = log.as_ref().map(ToString::to_string);
                None
            }
        }
    }
}

/// The outcome in one word.
fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed(failure) => match failure.verdict() {
            Verdict::Errored => "errored",
            Verdict::Failed | Verdict::Undecided => "failed",
        },
        Outcome::Warned(_) => "warned",
        Outcome::Undecided(_) => "undecided",
        Outcome::Skipped(_) => "skipped",
    }
}

/// A duration as a number of milliseconds, to the microsecond.
#[derive(Debug, Clone, Copy)]
pub(super) struct Milliseconds(pub Duration);

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0.as_secs_f64() * 1e6).round() / 1e3)
    }
}

/// Phases by name; what was spent in one phase at several times is added up.
#[derive(Debug)]
struct Phases<'a>(&'a [(Phase, Duration)]);

impl Serialize for Phases<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut spent: Vec<(Phase, Duration)> = Vec::new();
        for (phase, took) in self.0 {
            match spent.iter_mut().find(|(known, _)| known == phase) {
                Some((_, sum)) => *sum += *took,
                None => spent.push((*phase, *took)),
            }
        }
        serializer.collect_map(spent.into_iter().map(|(phase, took)| (key(phase), Milliseconds(took))))
    }
}

/// A phase as a key: `first_byte`.
fn key(phase: Phase) -> String {
    phase.name().replace(' ', "_")
}
