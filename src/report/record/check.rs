//! Checks and steps, and what they came to.

use serde::Serialize;

use super::LocationRecord;
use super::failure::FailureRecord;
use super::time::{Milliseconds, Phases};
use crate::event::{CheckInfo, CheckReport, RunInfo, StepReport};
use crate::language::severity::Severity;
use crate::outcome::{Certificate, NeedFailed, Outcome, SkipReason, Started, Verdict};

/// A selected check, as the suite has it.
#[derive(Debug, Serialize)]
pub(in crate::report) struct CheckRecord<'a> {
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
pub(in crate::report) struct ResultRecord<'a> {
    #[serde(flatten)]
    check: CheckRecord<'a>,
    /// `passed`, `failed` (it answered, and not as expected, or its own budget ended), `errored` (smoke could not
    /// find out), `undecided` (the suite's budget ended first), `warned` (a `warn` check failed or errored) or
    /// `skipped`.
    outcome: &'static str,
    /// Did it pass, but it or a step of it not at the first attempt?
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
    address: Option<String>,
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
            failed_attempts: FailureRecord::all(&report.failed_attempts),
            phases_ms: Phases(&report.phases),
            address: report.address.as_ref().map(|address| address.to_string()),
            certificate: report.certificate.as_ref().map(|certificate| CertificateRecord::of(certificate)),
            // A booted process has one at hand while it stays: it may still fail.
            reproduce: report.reproduce.as_ref().filter(|_| has_failed).map(|command| command.to_string()),
            steps: report.steps.iter().map(StepRecord::from).collect(),
        }
    }
}

/// What a step of a journey came to.
#[derive(Debug, Serialize)]
pub(in crate::report) struct StepRecord<'a> {
    /// Counted from 1; cleanup steps go on after the steps.
    number: usize,
    name: &'a str,
    cleanup: bool,
    passed: bool,
    failure: Option<FailureRecord<'a>>,
    duration_ms: Milliseconds,
    attempts: u32,
    failed_attempts: Vec<FailureRecord<'a>>,
    phases_ms: Phases<'a>,
    address: Option<String>,
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
            failed_attempts: FailureRecord::all(&step.failed_attempts),
            phases_ms: Phases(&step.phases),
            address: step.address.as_ref().map(|address| address.to_string()),
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
pub(in crate::report) struct ReasonRecord<'a> {
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

/// The outcome in one word.
pub(super) fn word(outcome: &Outcome) -> &'static str {
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
