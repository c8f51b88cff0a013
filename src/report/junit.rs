//! `JUnit` XML, as Jenkins, GitLab, GitHub Actions and Azure read it.
//!
//! Source of the format: the Jenkins xUnit schema `junit-10.xsd`. It has one `testsuite`, and exactly one `testcase`
//! per selected check, in the suite's order.

use std::time::Duration;

use junit_report::{OffsetDateTime, Report, TestCase, TestSuite};

use super::attempts::{self, FailedAttempt};
use super::file::{Destination, ReportError};
use super::{Rejection, Reporter};
use crate::event::{CheckReport, Event, RunInfo, RunReport, Status, StepName, StepReport, Trail};
use crate::language::printable::printable;
use crate::outcome::{Certificate, Failure, Outcome, Span};

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
        let Rejection { file, error, redactor, .. } = rejection;
        let text: String = error.lines().flat_map(|line| [line, "\n".to_owned()]).collect();
        let mut case = TestCase::error(&clean(file), milliseconds(Duration::ZERO), "suite", &error.summary());
        set_cause(&mut case, &clean(&redactor.clean(&text)));
        case.set_classname("smoke.suite");
        let suite = TestSuite::new("smoke");
        self.document = Some(document(suite, jiff::Timestamp::now(), Duration::ZERO, vec![case]));
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
    document(TestSuite::new(&clean(&run.suite)), run.started, report.took, cases)
}

fn document(mut suite: TestSuite, started: jiff::Timestamp, took: Duration, cases: Vec<TestCase>) -> String {
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
    with_suite_facts(&document, took, skipped)
}

/// Corrects the suite's attributes. The library sums the times of concurrent cases, and does not count skipped ones.
fn with_suite_facts(document: &str, took: Duration, skipped: usize) -> String {
    let Some(start) = document.find("<testsuite ") else { return document.to_owned() };
    let Some(end) = document[start..].find('>').map(|end| start + end) else { return document.to_owned() };
    let tag = &document[start..end];
    let tag = match tag.find(" time=\"") {
        Some(at) => {
            let value = at + " time=\"".len();
            let after = tag[value..].find('"').map_or(tag.len(), |quote| value + quote);
            format!("{}{}{}", &tag[..value], seconds(took), &tag[after..])
        }
        None => tag.to_owned(),
    };
    let (tag, slash) = match tag.strip_suffix('/') {
        Some(open) => (open.to_owned(), "/"),
        None => (tag, ""),
    };
    format!("{}{tag} skipped=\"{skipped}\"{slash}{}\n", &document[..start], &document[end..])
}

/// Formats seconds with three decimals, as the schema's `SUREFIRE_TIME` requires.
fn seconds(span: Duration) -> String {
    format!("{:.3}", span.as_secs_f64())
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
    let (mut layer, mut log) = (Some(failure), None);
    while let Some(failure) = layer {
        layer = match failure {
            Failure::Step { source, .. } => Some(source),
            Failure::TimedOut { last, log: of_it, .. } => {
                log = log.or(of_it.as_ref());
                last.as_deref()
            }
            Failure::Exited { log: of_it, .. } => {
                log = log.or(of_it.as_ref());
                None
            }
            Failure::Mismatch { answer, .. } => {
                text.extend(answer.iter().map(|answer| format!("{answer}\n")));
                None
            }
            Failure::Fault { hint, .. } => {
                text.extend(hint.iter().map(|hint| format!("hint: {hint}\n")));
                None
            }
        };
    }
    if let Some(log) = log {
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

/// Returns the locations of the unmet expectations, without duplicates: `smoke.toml:7, smoke.toml:9`.
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
    let unreachable = check.trail.unreachable.iter();
    lines.extend(unreachable.map(|address| format!("not asked: {}", **address)));
    for step in &check.steps {
        lines.extend(attempts::of_step(step).map(failed));
        lines.push(step_line(check, step, run));
    }
    if check.has_flapped() {
        lines.push(attempts::flaps(check));
    }
    lines.join("\n")
}

fn step_line(check: &CheckReport, report: &StepReport, run: &RunInfo) -> String {
    let StepReport { step, is_cleanup, failure, trail } = report;
    let (StepName { number, name, .. }, Trail { attempts, took, .. }) = (step, trail);
    let verdict = if failure.is_none() { "passed" } else { "did not pass" };
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
