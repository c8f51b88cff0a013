//! `JUnit` XML, as Jenkins, GitLab, GitHub Actions and Azure read it.
//!
//! Source of the format: the Jenkins xUnit schema `junit-10.xsd`. It has one `testsuite`, and exactly one `testcase`
//! per selected check, in the suite's order.

mod markup;

use std::time::Duration;

use junit_report::{OffsetDateTime, Report, TestCase, TestSuite};

use self::markup::{Additions, flaky};
use super::attempts::{self, FailedAttempt};
use super::file::{Destination, ReportError};
use super::standing::{excuse_word, remarks};
use super::summary::nothing_was_reached;
use super::{Rejection, Reporter, promises};
use crate::event::{CheckReport, Event, RunInfo, RunReport, Status, StepName, StepReport, Trail};
use crate::language::printable::printable;
use crate::outcome::{Certificate, Failure, Log, Outcome, Span, Verdict};

/// Writes the report at the end of the run.
pub struct Junit {
    to: Destination,
    document: Option<String>,
}

impl Junit {
    pub fn new(to: Destination) -> Junit {
        Junit { to, document: None }
    }
}

impl Reporter for Junit {
    fn begin(&mut self) -> Result<(), ReportError> {
        self.to.clear()
    }

    fn on_event(&mut self, event: &Event, run: &RunInfo) {
        if let Event::RunFinished(report) = event {
            self.document = Some(render(report, run));
        }
    }

    /// Writes a single test case with the mistakes.
    fn on_rejection(&mut self, rejection: &Rejection<'_>) {
        let Rejection { file, error, redactor, labels, .. } = rejection;
        let text: String = error.lines().flat_map(|line| [line, "\n".to_owned()]).collect();
        let mut case = TestCase::error(&clean(file), milliseconds(Duration::ZERO), "suite", &error.summary());
        set_cause(&mut case, &clean(&redactor.clean(&text)));
        case.set_classname("smoke.suite");
        let suite = TestSuite::new("smoke");
        let additions = Additions { properties: of_labels(labels), ..Additions::default() };
        self.document = Some(document(suite, jiff::Timestamp::now(), vec![case], additions));
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        match self.document.take() {
            Some(document) => self.to.write(&document),
            None => Ok(()),
        }
    }
}

/// Renders the document.
fn render(report: &RunReport, run: &RunInfo) -> String {
    let cases = report.checks.iter().map(|check| case(check, run)).collect();
    let additions = Additions {
        took: report.took,
        properties: properties(report, run),
        of_cases: report.checks.iter().map(|check| flaky_attempts(check)).collect(),
        ..Additions::default()
    };
    document(TestSuite::new(&clean(&run.suite)), run.started, cases, additions)
}

/// The labels, and what is to be known of the run as a whole: the schema has properties of a suite only.
fn properties(report: &RunReport, run: &RunInfo) -> Vec<(String, String)> {
    let mut properties = of_labels(&run.labels);
    let mut add = |name: &str, value: &str| properties.push((name.to_owned(), clean(value)));
    add("smoke.exit-code", &report.exit.code().to_string());
    if nothing_was_reached(report) {
        add("smoke.nothing-reached", "true");
    }
    if let Some(baseline) = &run.baseline {
        add("smoke.baseline", &baseline.file);
        add("smoke.baseline.started", &baseline.started);
        add("smoke.baseline.exit-code", &baseline.exit_code.to_string());
    }
    for check in &report.checks {
        let name = &run.checks[check.check].name;
        let standing = run.standing(check).filter(|_| matches!(check.outcome, Outcome::Failed(_)));
        if let Some(excuse) = run.excuse(check) {
            add(&format!("smoke.{}", excuse_word(excuse)), name);
        } else if standing.is_some() {
            add("smoke.new", name);
        }
        if run.slower_than(check).is_some() {
            add("smoke.slower", name);
        }
    }
    properties
}

fn of_labels(labels: &[(String, String)]) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| (clean(name), clean(value))).collect()
}

/// The attempts that failed before one passed, as elements of their own.
fn flaky_attempts(check: &CheckReport) -> String {
    if !check.is_flaky() {
        return String::new();
    }
    let attempts = attempts::of_flaky(check).into_iter();
    attempts
        .map(|FailedAttempt { which, failure, .. }| {
            let element = match failure.verdict() {
                Verdict::Failed | Verdict::Warned => "flakyFailure",
                Verdict::Errored | Verdict::Undecided => "flakyError",
            };
            let message = clean(&first_line(&format!("{which}: {failure}")));
            let text = in_cdata(&clean(&format!("{failure}\n{}", answer_and_hint(failure))));
            flaky(element, failure.type_name(), &message, &text)
        })
        .collect()
}

fn document(
    mut suite: TestSuite,
    started: jiff::Timestamp,
    cases: Vec<TestCase>,
    additions: Additions,
) -> String {
    suite.hostname = clean(&hostname());
    let started = OffsetDateTime::from_unix_timestamp(started.as_second());
    suite.set_timestamp(started.unwrap_or(OffsetDateTime::UNIX_EPOCH));
    suite.add_testcases(cases);
    let skipped = suite.skipped();

    let mut document = Vec::new();
    // Writing to memory fails only if the library produces invalid XML, which the tests rule out.
    let mut junit = Report::new();
    junit.add_testsuite(suite);
    let written = junit.write_xml(&mut document);
    debug_assert!(written.is_ok());
    let document = String::from_utf8(document).unwrap_or_default();
    Additions { skipped, ..additions }.put_into(&document)
}

fn case(check: &CheckReport, run: &RunInfo) -> TestCase {
    let info = &run.checks[check.check];
    let name = clean(&info.name);
    // In milliseconds, because the schema allows no more decimals.
    let time = milliseconds(check.trail.took);
    let mut case = match &check.outcome {
        Outcome::Passed => TestCase::success(&name, time),
        Outcome::Failed(failure) | Outcome::Undecided(failure) => {
            let message = clean(&first_line(&failure.to_string()));
            let kind = failure.type_name();
            let is_failure = check.status() == Status::Failed;
            let element = if is_failure { TestCase::failure } else { TestCase::error };
            let mut case = element(&name, time, kind, &message);
            set_cause(&mut case, &clean(&details(failure, check, run)));
            case
        }
        Outcome::Warned(failure) => {
            let mut case =
                TestCase::skipped_with_cause(&name, "warning", &clean(&first_line(&failure.to_string())));
            set_cause(&mut case, &clean(&details(failure, check, run)));
            case.time = time;
            case
        }
        Outcome::Skipped(reason) => {
            let mut case = TestCase::skipped_with_cause(&name, "skipped", &clean(&reason.to_string()));
            case.time = time;
            case
        }
    };
    case.set_classname(&clean(&format!("{}.{}", run.suite.replace('.', "_"), info.kind)));
    let out = system_out(check, run);
    if !out.is_empty() {
        case.set_system_out(&in_cdata(&clean(&out)));
    }
    case
}

fn set_cause(case: &mut TestCase, text: &str) {
    use junit_report::TestResult;
    match &mut case.result {
        TestResult::Error { cause, .. }
        | TestResult::Failure { cause, .. }
        | TestResult::SkippedWithCause { cause, .. } => {
            *cause = Some(in_cdata(text));
        }
        TestResult::Success | TestResult::Skipped => {}
    }
}

/// Returns all details of a failure, for the body of the element.
fn details(failure: &Failure, check: &CheckReport, run: &RunInfo) -> String {
    let mut text = format!("{failure}\n");
    text.extend(remarks(check, run).iter().map(|remark| format!("{remark}\n")));
    text.push_str(&answer_and_hint(failure));
    if let Some(log) = log_of(failure) {
        text.push_str(&format!("its output:\n{log}\n"));
    }
    for said in &check.trail.said {
        text.push_str(&format!("`{}` said meanwhile:\n{}\n", said.by, said.log));
    }
    if let Some(address) = &check.trail.address {
        text.push_str(&format!("address: {}\n", **address));
    }
    if let Some(certificate) = &check.trail.certificate {
        let Certificate { subject, issuer, expires } = &**certificate;
        text.push_str(&format!("certificate: {subject}, from {issuer}, until {expires}\n"));
    }
    if let Some(command) = &check.trail.reproduce {
        text.push_str(&format!("reproduce: {}\n", **command));
    }
    text.push_str(&format!("suite: {}\n", locations(failure, check, run)));
    text
}

/// The answer in short, or what to do about it.
fn answer_and_hint(failure: &Failure) -> String {
    match failure {
        Failure::Step { source, .. } => answer_and_hint(source),
        Failure::TimedOut { last, .. } => last.as_ref().map(|last| answer_and_hint(last)).unwrap_or_default(),
        Failure::Exited { .. } | Failure::Plugin { .. } => String::new(),
        Failure::Mismatch { answer, .. } => {
            answer.as_ref().map(|answer| format!("{answer}\n")).unwrap_or_default()
        }
        Failure::Fault { hint, .. } => {
            hint.as_ref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default()
        }
    }
}

/// What a booted process printed that ended, or was never ready.
fn log_of(failure: &Failure) -> Option<&Log> {
    match failure {
        Failure::Step { source, .. } => log_of(source),
        Failure::TimedOut { last, log, .. } => {
            log.as_ref().or_else(|| last.as_ref().and_then(|last| log_of(last)))
        }
        Failure::Exited { log, .. } | Failure::Plugin { log, .. } => log.as_ref(),
        Failure::Mismatch { .. } | Failure::Fault { .. } => None,
    }
}

/// Where the suite says what was not met, each line once: `smoke.toml:7, smoke.toml:9`.
fn locations(failure: &Failure, check: &CheckReport, run: &RunInfo) -> String {
    let places = failure.mismatches().iter().filter_map(|mismatch| mismatch.place);
    let mut lines = vec![run.location_of(check.check, None, failure).to_string()];
    for line in places.map(|place| run.sources.location(place).to_string()) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join(", ")
}

fn system_out(check: &CheckReport, run: &RunInfo) -> String {
    let failed =
        |FailedAttempt { which, failure, .. }: FailedAttempt<'_>| format!("{which} failed: {failure}");
    let mut lines: Vec<String> = attempts::of_check(check).map(failed).collect();
    lines.extend(attempts::others(&check.trail));
    let unreachable = check.trail.unreachable.iter();
    lines.extend(unreachable.map(|address| format!("not asked: {}", **address)));
    let warnings = |trail: &Trail| -> Vec<String> {
        trail.warnings.iter().map(|warning| format!("warning: {}", **warning)).collect()
    };
    lines.extend(warnings(&check.trail));
    lines.extend(check.trail.notes.iter().map(|note| note.to_string()));
    for step in &check.steps {
        lines.extend(attempts::of_step(step).map(failed));
        lines.extend(attempts::others(&step.trail));
        lines.extend(warnings(&step.trail));
        lines.push(step_line(check, step, run));
    }
    if check.has_flapped() {
        lines.push(attempts::flaps(check));
    }
    lines.extend(check.trail.promises.iter().flat_map(|promises| promises::lines(promises, run)));
    if !matches!(check.outcome, Outcome::Failed(_) | Outcome::Warned(_)) {
        lines.extend(remarks(check, run));
    }
    lines.join("\n")
}

fn step_line(check: &CheckReport, report: &StepReport, run: &RunInfo) -> String {
    let StepReport { step, is_cleanup, failure, trail } = report;
    let (StepName { number, name, .. }, Trail { attempts, took, .. }) = (step, trail);
    let verdict = match failure {
        None => "passed",
        Some(failure) if failure.verdict() == Verdict::Warned => "warned",
        Some(_) => "did not pass",
    };
    let again = if *attempts > 1 { format!(" after {attempts} attempts") } else { String::new() };
    let what = if *is_cleanup { "cleanup step" } else { "step" };
    let line = format!("{what} {number} `{name}`: {verdict}{again} in {}", Span(*took));
    match failure {
        // A step's failure is also the check's, but a cleanup step's appears only here.
        Some(failure) if *is_cleanup => {
            let location = run.location_of(check.check, Some(step), failure);
            format!("{line}: {} ({location})", **failure)
        }
        Some(_) | None => line,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches(':').to_owned()
}

/// Rounds down to milliseconds, because the library writes all decimals.
fn milliseconds(span: Duration) -> junit_report::Duration {
    junit_report::Duration::milliseconds(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .or_else(|| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Breaks up the end marker of a CDATA section, in which the library writes text.
fn in_cdata(text: &str) -> String {
    text.replace("]]>", "]] >")
}

/// Replaces characters that XML 1.0 forbids, and text that GitHub would treat as a command if the report is printed.
/// Source: <https://www.w3.org/TR/xml/#charsets>.
fn clean(text: &str) -> String {
    let text = printable(text).replace(['\u{FFFE}', '\u{FFFF}'], "\u{FFFD}");
    let lines = text.split('\n').map(|line| match line.trim_start().strip_prefix("::") {
        Some(command) => format!("{}\\u{{3a}}:{command}", &line[..line.len() - line.trim_start().len()]),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
