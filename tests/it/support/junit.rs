//! Parses the report of a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use roxmltree::{Document, Node};

use super::scratch;

/// The report of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Junit {
    /// The suite's name.
    pub name: String,
    /// The `tests` attribute.
    pub tests: usize,
    /// The `failures` attribute.
    pub failures: usize,
    /// The `errors` attribute.
    pub errors: usize,
    /// The `skipped` attribute.
    pub skipped: usize,
    /// The suite's time in seconds.
    pub time: f64,
    /// The cases, in the file's order.
    pub cases: Vec<Case>,
    /// The unparsed file.
    pub xml: String,
}

/// One `testcase`.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The check's name.
    pub name: String,
    /// `<suite>.<kind>`.
    pub classname: String,
    /// Its time in seconds.
    pub time: f64,
    /// Its outcome, by the element in it.
    pub outcome: Outcome,
    /// That element's `type`.
    pub kind: Option<String>,
    /// That element's `message`.
    pub message: Option<String>,
    /// That element's text.
    pub text: String,
    /// The text of `system-out`.
    pub output: String,
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// None of the elements below.
    Passed,
    /// `<failure>`
    Failed,
    /// `<error>`
    Errored,
    /// `<skipped>`
    Skipped,
}

impl Junit {
    /// Reads a file.
    ///
    /// # Panics
    /// When there is none, or [`Junit::parse`] does.
    #[track_caller]
    #[must_use]
    pub fn read(path: &Path) -> Self {
        Self::parse(&fs::read_to_string(path).expect("read the JUnit file"))
    }

    /// Parses a report.
    ///
    /// # Panics
    /// When it is not XML with exactly one `testsuite`, or a count or time is not a number.
    #[track_caller]
    #[must_use]
    pub fn parse(xml: &str) -> Self {
        let document = Document::parse(xml).unwrap_or_else(|error| panic!("{error} in\n{xml}"));
        let mut suites = document.descendants().filter(|node| node.has_tag_name("testsuite"));
        let (Some(suite), None) = (suites.next(), suites.next()) else { panic!("not one suite in\n{xml}") };
        let count = |name| attribute(suite, name).parse().expect("a count");
        Self {
            name: attribute(suite, "name"),
            tests: count("tests"),
            failures: count("failures"),
            errors: count("errors"),
            skipped: count("skipped"),
            time: seconds(suite),
            cases: suite.children().filter(|node| node.has_tag_name("testcase")).map(case).collect(),
            xml: xml.to_owned(),
        }
    }

    /// Returns the case with this name.
    ///
    /// # Panics
    /// When there is not exactly one.
    #[track_caller]
    #[must_use]
    pub fn case(&self, name: &str) -> &Case {
        let mut cases = self.cases.iter().filter(|case| case.name == name);
        let (Some(case), None) = (cases.next(), cases.next()) else {
            panic!("not one case {name:?} in\n{}", self.xml)
        };
        case
    }

    /// Counts the cases with this outcome, regardless of the suite's attributes.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.cases.iter().filter(|case| case.outcome == outcome).count()
    }
}

/// Validates a file against the schema of Jenkins' xUnit plugin.
///
/// # Errors
/// The output of `xmllint`.
///
/// # Panics
/// When there is no `xmllint`.
pub fn validate_xsd(path: &Path) -> Result<(), String> {
    static SCHEMA: LazyLock<PathBuf> = LazyLock::new(|| {
        let path = scratch::folder().join("junit-10.xsd");
        fs::write(&path, include_str!("junit-10.xsd")).expect("write the schema");
        path
    });
    let mut command = Command::new("xmllint");
    command.args(["--nonet", "--noout", "--schema"]).arg(&*SCHEMA).arg(path);
    let output = command.output().expect("run xmllint");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn case(node: Node) -> Case {
    let child = |name: &'static str| node.children().find(|child| child.has_tag_name(name));
    let marks = [("failure", Outcome::Failed), ("error", Outcome::Errored), ("skipped", Outcome::Skipped)];
    let found: Vec<(Node, Outcome)> =
        marks.into_iter().filter_map(|(name, outcome)| Some((child(name)?, outcome))).collect();
    assert!(found.len() <= 1, "more than one outcome: {found:?}");
    let mark = found.first().map(|&(node, _)| node);
    let of_mark = |name| mark.and_then(|mark| mark.attribute(name)).map(str::to_owned);
    Case {
        name: attribute(node, "name"),
        classname: attribute(node, "classname"),
        time: seconds(node),
        outcome: found.first().map_or(Outcome::Passed, |&(_, outcome)| outcome),
        kind: of_mark("type"),
        message: of_mark("message"),
        text: mark.map(text).unwrap_or_default(),
        output: child("system-out").map(text).unwrap_or_default(),
    }
}

fn attribute(node: Node, name: &str) -> String {
    let value = node.attribute(name);
    value.unwrap_or_else(|| panic!("<{}> without `{name}`", node.tag_name().name())).to_owned()
}

fn seconds(node: Node) -> f64 {
    // The schema allows thousands separators.
    attribute(node, "time").replace(',', "").parse().expect("a time")
}

fn text(node: Node) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}
