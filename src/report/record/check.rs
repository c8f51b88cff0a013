//! Records of checks and steps, and their results.

use serde::Serialize;

use super::LocationRecord;
use super::failure::{FailureRecord, Site, StepNameRecord};
use super::poll::PollRecord;
use super::time::{Milliseconds, Phases};
use crate::event::{CheckInfo, CheckReport, RunInfo, Status, StepReport, Trail};
use crate::language::severity::Severity;
use crate::outcome::{Certificate, NeedFailed, Outcome, SkipReason, Started};

/// A selected check, as the suite defines it.
#[derive(Debug, Serialize)]
pub(in crate::report) struct CheckRecord<'a> {
    /// Unique in the suite, and stable across runs.
    name: &'a str,
    /// `boot`, `health`, `database`, `journey`.
    kind: &'a str,
    tags: &'a [String],
    /// The head of its table.
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

/// The result of a check.
#[derive(Debug, Serialize)]
pub(in crate::report) struct ResultRecord<'a> {
    #[serde(flatten)]
    check: CheckRecord<'a>,
    /// `passed`, `failed` (the response did not meet the expectations, or the check's own budget ended), `errored`
    /// (smoke could not determine the result), `undecided` (the suite's budget ended first), `warned` (a `warn` check
    /// failed or errored) or `skipped`.
    outcome: &'static str,
    /// The word on the console: `PASS`, `FLAKY`, `FLAP`, `SLOW`, `WARN`, `FAIL`, `ERROR`, `CUT` or `SKIP`.
    status: &'static str,
    /// Whether it passed, but it or one of its steps not on the first attempt.
    flaky: bool,
    /// Whether it or one of its steps passed, failed and passed again.
    flapped: bool,
    /// Whether it passed with a quarter of its budget left, or less.
    slow: bool,
    /// Why it was skipped.
    reason: Option<ReasonRecord<'a>>,
    /// Why it did not pass.
    failure: Option<FailureRecord<'a>>,
    #[serde(flatten)]
    trail: TrailRecord<'a>,
    /// A command that reproduces the failure, with secrets as `$NAME`.
    reproduce: Option<String>,
    /// What booted processes printed while a failed check ran.
    said: Vec<SaidRecord<'a>>,
    /// What is still running, and how to stop it (`--keep-running`).
    left_running: Option<String>,
    /// A journey's steps, including cleanup, in the order in which they ended.
    steps: Vec<StepRecord<'a>>,
}

impl<'a> ResultRecord<'a> {
    pub fn of(report: &'a CheckReport, run: &'a RunInfo) -> ResultRecord<'a> {
        let site = Site { run, check: report.check, step: None };
        let (reason, failure) = match &report.outcome {
            Outcome::Passed => (None, None),
            Outcome::Failed(failure) | Outcome::Warned(failure) | Outcome::Undecided(failure) => {
                (None, Some(FailureRecord::of(failure, site)))
            }
            Outcome::Skipped(reason) => (Some(ReasonRecord::of(reason)), None),
        };
        let has_failed = failure.is_some();
        ResultRecord {
            check: (&run.checks[report.check]).into(),
            outcome: word(report.status()),
            status: report.status().word(),
            flaky: report.is_flaky(),
            flapped: report.has_flapped(),
            slow: report.is_slow(),
            reason,
            failure,
            trail: TrailRecord::of(&report.trail, site),
            // A background process that may still fail keeps its command, so the command is omitted unless it did.
            reproduce: report
                .trail
                .reproduce
                .as_ref()
                .filter(|_| has_failed)
                .map(|command| command.to_string()),
            said: report
                .trail
                .said
                .iter()
                .map(|said| SaidRecord { check: &said.by, log: said.log.to_string() })
                .collect(),
            left_running: report.trail.left_running.as_ref().map(|how| how.to_string()),
            steps: report.steps.iter().map(|step| StepRecord::of(step, site)).collect(),
        }
    }
}

/// The output of a booted process.
#[derive(Debug, Serialize)]
struct SaidRecord<'a> {
    /// The check that started the process.
    check: &'a str,
    log: String,
}

/// How a check or a step came to its outcome.
#[derive(Debug, Serialize)]
struct TrailRecord<'a> {
    /// The time from start to verdict. For a boot that kept running, until it was ready.
    duration_ms: Milliseconds,
    attempts: u32,
    /// The failures of all attempts before the last.
    failed_attempts: Vec<FailureRecord<'a>>,
    /// What the attempts of a `poll` got.
    poll: Option<PollRecord>,
    /// The time spent per phase of the last attempt, in order: `{"dns": 0.3, "connect": 1.2}`.
    phases_ms: Phases<'a>,
    /// The address that was used.
    address: Option<String>,
    /// With `addresses = "all"`, the addresses that this machine cannot reach, each with the reason.
    unreachable: Vec<String>,
    /// The TLS certificate that the server presented.
    certificate: Option<CertificateRecord>,
}

impl<'a> TrailRecord<'a> {
    fn of(trail: &'a Trail, site: Site<'a>) -> TrailRecord<'a> {
        TrailRecord {
            duration_ms: Milliseconds(trail.took),
            attempts: trail.attempts,
            failed_attempts: trail
                .failed_attempts
                .iter()
                .map(|failure| FailureRecord::of(failure, site))
                .collect(),
            poll: trail.poll.as_deref().map(PollRecord::of),
            phases_ms: Phases(&trail.phases),
            address: trail.address.as_ref().map(|address| address.to_string()),
            unreachable: trail.unreachable.iter().map(|address| address.to_string()).collect(),
            certificate: trail.certificate.as_ref().map(|certificate| CertificateRecord::of(certificate)),
        }
    }
}

/// The result of a journey step.
#[derive(Debug, Serialize)]
pub(in crate::report) struct StepRecord<'a> {
    #[serde(flatten)]
    step: StepNameRecord<'a>,
    /// Where the suite states its request.
    location: LocationRecord,
    cleanup: bool,
    passed: bool,
    /// `PASS`, `FLAKY`, `FLAP`, `FAIL`, `ERROR` or `CUT`.
    status: &'static str,
    failure: Option<FailureRecord<'a>>,
    #[serde(flatten)]
    trail: TrailRecord<'a>,
    reproduce: Option<String>,
}

impl<'a> StepRecord<'a> {
    /// Creates the record of a step of the check at `site`.
    pub fn of(report: &'a StepReport, site: Site<'a>) -> StepRecord<'a> {
        let StepReport { step, is_cleanup, failure, trail } = report;
        let site = Site { step: Some(step), ..site };
        StepRecord {
            step: step.into(),
            location: (&site.run.sources.location(step.place)).into(),
            cleanup: *is_cleanup,
            passed: failure.is_none(),
            status: report.status().word(),
            failure: failure.as_ref().map(|failure| FailureRecord::of(failure, site)),
            trail: TrailRecord::of(trail, site),
            reproduce: trail.reproduce.as_ref().map(|command| command.to_string()),
        }
    }
}

/// A server certificate.
#[derive(Debug, Serialize)]
struct CertificateRecord {
    subject: String,
    issuer: String,
    /// As RFC 3339.
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
    /// `skip` (in the suite), `read-only`, `need`, `fail-fast`, `budget` or `signal`.
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
    /// The root cause, for `need` and `fail-fast`.
    check: Option<&'a str>,
    /// Whether the check had started.
    started: bool,
}

impl<'a> ReasonRecord<'a> {
    fn of(reason: &'a SkipReason) -> ReasonRecord<'a> {
        let (kind, check, started) = match reason {
            SkipReason::Asked(_) => ("skip", None, Started::No),
            SkipReason::ReadOnly(_) => ("read-only", None, Started::No),
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

/// Returns the outcome in the document. Flaky, flapped and slow are separate keys.
fn word(status: Status) -> &'static str {
    match status {
        Status::Passed | Status::Flaky | Status::Flapped | Status::Slow => "passed",
        Status::Failed => "failed",
        Status::Errored => "errored",
        Status::Warned => "warned",
        Status::Undecided => "undecided",
        Status::Skipped => "skipped",
    }
}
