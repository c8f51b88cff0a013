//! The reader of reports and their schema.

use std::fs;

use crate::support::junit::{Junit, Outcome, validate_xsd};
use crate::support::scratch;

const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="shop" tests="4" failures="1" errors="1" skipped="1" time="1.25" timestamp="2026-01-02T03:04:05">
    <testcase name="api is healthy" classname="shop.health" time="0.25"><system-out>step 1 &lt;ok&gt;</system-out></testcase>
    <testcase name="version" classname="shop.health" time="1"><failure type="mismatch" message="expected 1">body</failure></testcase>
    <testcase name="orders" classname="shop.database" time="0"><error type="connect" message="refused"/></testcase>
    <testcase name="log in" classname="shop.journey" time="0"><skipped message="needs `orders`"/></testcase>
  </testsuite>
</testsuites>
"#;

#[test]
fn a_report_is_read_faithfully() {
    let report = Junit::parse(REPORT);
    assert_eq!((report.name.as_str(), report.tests), ("shop", 4));
    assert_eq!((report.failures, report.errors, report.skipped), (1, 1, 1));
    assert!((report.time - 1.25).abs() < 1e-9);
    assert_eq!(report.xml, REPORT);

    let healthy = report.case("api is healthy");
    assert_eq!((healthy.classname.as_str(), healthy.outcome), ("shop.health", Outcome::Passed));
    assert!((healthy.time - 0.25).abs() < 1e-9);
    assert_eq!((healthy.output.as_str(), &healthy.kind, &healthy.message), ("step 1 <ok>", &None, &None));
    let version = report.case("version");
    assert_eq!((version.outcome, version.text.as_str()), (Outcome::Failed, "body"));
    assert_eq!((version.kind.as_deref(), version.message.as_deref()), (Some("mismatch"), Some("expected 1")));
    assert_eq!(report.case("orders").outcome, Outcome::Errored);
    assert_eq!(report.case("log in").outcome, Outcome::Skipped);
    assert_eq!(report.count(Outcome::Passed), 1);
}

#[test]
fn the_schema_accepts_a_good_report_and_rejects_a_bad_one() {
    let folder = scratch::for_a_test();
    let path = folder.path().join("junit.xml");
    fs::write(&path, REPORT).expect("write the report");
    validate_xsd(&path).expect("a valid report");

    fs::write(&path, REPORT.replace("name=\"shop\" ", "")).expect("write the report");
    let complaint = validate_xsd(&path).expect_err("a suite without a name");
    assert!(complaint.contains("The attribute 'name' is required but missing"), "{complaint}");
}
