//! Records of checks and steps, and their results.

use serde::Serialize;

use super::LocationRecord;
use super::failure::{FailureRecord, Site, StepNameRecord};
use super::poll::PollRecord;
use super::promise::PromiseRecord;
use super::time::{Milliseconds, Phases};
use crate::event::{Before, CheckInfo, CheckReport, FailedAttempts, RunInfo, Status, StepReport, Trail};
use crate::language::severity::Severity;
use crate::outcome::{Certificate, NeedFailed, Outcome, SkipReason, Started};
use crate::report::standing;

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
    /// It is about something that a deploy does not change.
    dependency: bool,
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
            dependency: info.dependency,
        }
    }
}

/// The result of a check.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the document")]
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
    /// Of a check that did not pass, with `--baseline`: `known` (it was red then, too) or `new`.
    baseline: Option<&'static str>,
    /// Why what is red, or was skipped because of that, is not this deploy's doing: `known` or `dependency`.
    excuse: Option<&'static str>,
    /// It took over three times as long as in the baseline, and 100 ms more.
    slower: bool,
    /// How long it took in the baseline, if it passed there.
    baseline_ms: Option<Milliseconds>,
    /// Why it was skipped.
    reason: Option<ReasonRecord<'a>>,
    /// Why it did not pass.
    failure: Option<FailureRecord<'a>>,
    #[serde(flatten)]
    trail: TrailRecord<'a>,
    /// A command that reproduces the failure, with secrets as `$NAME`.
    reproduce: Option<String>,
    /// What everyone should know of it, also where it passed.
    notes: Vec<String>,
    /// What booted processes said while a check ran that did not pass.
    said: Vec<SaidRecord<'a>>,
    /// What is still running, and how to stop it (`--keep-running`).
    left_running: Option<String>,
    /// A journey's steps, including cleanup, in the order in which they ended.
    steps: Vec<StepRecord<'a>>,
    /// What a contract promises, and what came of each promise.
    promises: Vec<PromiseRecord>,
    /// How many promises were checked, and which were not.
    promises_summary: Option<String>,
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
            baseline: run.standing(report).map(standing::word),
            excuse: run.excuse(report).map(standing::excuse_word),
            slower: run.slower_than(report).is_some(),
            baseline_ms: match run.checks[report.check].before {
                Some(Before::Passed(took)) => Some(Milliseconds(took)),
                Some(Before::Red | Before::Unknown) | None => None,
            },
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
            notes: report.trail.notes.iter().map(|note| note.to_string()).collect(),
            said: report
                .trail
                .said
                .iter()
                .map(|said| SaidRecord { check: &said.by, log: said.log.to_string() })
                .collect(),
            left_running: report.trail.left_running.as_ref().map(|how| how.to_string()),
            steps: report.steps.iter().map(|step| StepRecord::of(step, site)).collect(),
            promises: report
                .trail
                .promises
                .iter()
                .flat_map(|promises| &promises.list)
                .map(|promise| PromiseRecord::of(promise, run))
                .collect(),
            promises_summary: report.trail.promises.as_ref().map(|promises| promises.summary.to_string()),
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

/// An attempt that failed, and those later ones that failed alike.
#[derive(Debug, Serialize)]
pub(in crate::report) struct FailedAttemptsRecord<'a> {
    #[serde(flatten)]
    failure: FailureRecord<'a>,
    /// The number of the first.
    attempt: u32,
    /// How many there were.
    times: u32,
}

impl<'a> FailedAttemptsRecord<'a> {
    pub fn of(failed: &'a FailedAttempts, site: Site<'a>) -> FailedAttemptsRecord<'a> {
        let FailedAttempts { attempt, times, failure } = failed;
        FailedAttemptsRecord { failure: FailureRecord::of(failure, site), attempt: *attempt, times: *times }
    }
}

/// How a check or a step came to its outcome.
#[derive(Debug, Serialize)]
struct TrailRecord<'a> {
    /// The time from start to verdict. For a boot that kept running, until it was ready.
    duration_ms: Milliseconds,
    attempts: u32,
    /// What the attempts before the last came to: each of the first 20, and then those that came to something else.
    failed_attempts: Vec<FailedAttemptsRecord<'a>>,
    /// How many attempts came to something that is not listed.
    other_failed_attempts: u32,
    /// What the attempts of a `poll` saw.
    poll: Option<PollRecord>,
    /// The time spent per phase of the last attempt, in order: `{"dns": 0.3, "connect": 1.2}`.
    phases_ms: Phases<'a>,
    /// The address that was used.
    address: Option<String>,
    /// With `addresses = "all"`, the addresses that this machine cannot reach, each with the reason.
    unreachable: Vec<String>,
    /// What was found that people should know, whatever the verdict.
    warnings: Vec<String>,
    /// What the server showed, over TLS.
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
                .map(|failed| FailedAttemptsRecord::of(failed, site))
                .collect(),
            other_failed_attempts: trail.other_failed_attempts,
            poll: trail.poll.as_deref().map(PollRecord::of),
            phases_ms: Phases(&trail.phases),
            address: trail.address.as_ref().map(|address| address.to_string()),
            unreachable: trail.unreachable.iter().map(|address| address.to_string()).collect(),
            warnings: trail.warnings.iter().map(|warning| warning.to_string()).collect(),
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
