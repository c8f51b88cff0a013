//! Quality rules and service levels of a contract.

use super::{check, mart};

/// The contract of orders with these rules on the object and on `total`.
fn with_rules(object: &str, total: &str) -> String {
    format!(
        "apiVersion: v3.1.0\nkind: DataContract\nname: orders\nschema:\n- name: orders\n  physicalName: mart.orders\n  quality: [{object}]\n  properties:\n  - name: total\n    quality: [{total}]\n  - name: country\n  - name: ordered_at\n"
    )
}

#[test]
fn each_metric_counts_what_it_says() {
    let database = mart();
    database.sql(
        "update mart.orders set total = null where order_id <= 10;
         update mart.orders set total = 7 where order_id in (50, 51, 52)",
    );
    // 10 nulls; 7 four times, so that one value is there more than once.
    for (object, total, passes) in [
        ("{metric: rowCount, mustBe: 100}", "", true),
        ("{metric: rowCount, mustBeBetween: [1, 99]}", "", false),
        ("{metric: rowCount, mustBeBetween: [1, 100]}", "", true),
        ("", "{metric: nullValues, mustBe: 10}", true),
        ("", "{metric: nullValues, mustBeLessThan: 10}", false),
        ("", "{metric: nullValues, mustBeLessOrEqualTo: 10, unit: percent}", true),
        ("", "{metric: nullValues, mustBeLessThan: 10, unit: percent}", false),
        ("", "{metric: missingValues, mustBe: 13, arguments: {missingValues: [null, '7.00']}}", true),
        (
            "",
            "{metric: invalidValues, mustBe: 3, arguments: {pattern: '^([0-9]|[1-9][0-9]|100)[.]00$'}}",
            false,
        ),
        (
            "",
            "{metric: invalidValues, mustBe: 0, arguments: {pattern: '^([0-9]|[1-9][0-9]|100)[.]00$'}}",
            true,
        ),
        ("", "{metric: invalidValues, mustBe: 87, arguments: {validValues: ['7.00', null]}}", true),
        ("", "{metric: duplicateValues, mustBe: 1}", true),
        ("", "{metric: duplicateValues, mustBe: 0}", false),
        ("{metric: duplicateValues, mustBe: 0, arguments: {properties: [total, ordered_at]}}", "", true),
        ("{metric: duplicateValues, mustBe: 1, arguments: {properties: [total, country]}}", "", true),
        ("", "{type: library, rule: nullCheck}", false),
        (
            "{type: sql, query: 'select count(*) from {object} where {schema}.{table}.total is null;', mustBe: 10}",
            "",
            true,
        ),
        ("", "{type: sql, query: 'select max(${column}) from ${table}', mustBe: 100}", true),
        ("", "{type: sql, query: 'select sum({property}) from mart.{model}', mustNotBe: 0}", true),
        ("", "{type: sql, query: 'select null::int', mustNotBe: 0}", false),
        ("", "{type: sql, query: \"select 'ok'\", mustBe: ok}", true),
        ("", "{type: sql, query: 'select true', mustBe: true}", true),
    ] {
        let checked = check(&database.url(), &with_rules(object, total), "");
        let expected = if passes { "passed" } else { "failed" };
        assert_eq!(checked.outcome(), expected, "{object}{total}\n{}", checked.ran.stderr);
    }
    // A slice is what is counted.
    let sliced = check(
        &database.url(),
        &with_rules("{metric: rowCount, mustBe: 40}", "{metric: nullValues, mustBe: 0}"),
        "where = { orders = \"order_id > 60\" }",
    );
    sliced.passes();
}

#[test]
fn a_broken_rule_says_what_it_measured_and_a_mild_one_only_reports() {
    let database = mart();
    let checked = check(
        &database.url(),
        &with_rules("{metric: rowCount, mustBeGreaterThan: 1000, name: volume}", ""),
        "",
    );
    assert_eq!(checked.message(), "expected orders volume: rowCount to be greater than 1000, got 100");
    for severity in ["info", "warning", "low", "minor"] {
        let rule = format!("{{metric: rowCount, mustBeGreaterThan: 1000, severity: {severity}}}");
        let checked = check(&database.url(), &with_rules(&rule, ""), "");
        assert_eq!(checked.outcome(), "passed");
        assert_eq!(checked.with("warned"), ["orders rowCount to be greater than 1000: 100"]);
        assert!(
            checked
                .summary()
                .ends_with("; warning: expected orders rowCount to be greater than 1000, got 100")
        );
    }
    let checked = check(
        &database.url(),
        &with_rules("{metric: rowCount, mustBeGreaterThan: 1000, severity: error}", ""),
        "",
    );
    assert_eq!(checked.outcome(), "failed");
}

#[test]
fn what_cannot_be_executed_is_counted_aloud() {
    let database = mart();
    let contract = with_rules(
        "{type: text, description: a}, {type: text}, {type: custom, engine: soda, implementation: 'x'}, {metric: rowCount}",
        "{metric: freshnessOfTea, mustBe: 1}",
    ) + "slaProperties:\n- {property: retention, value: 3, unit: y}\n- {property: endOfLife, value: '2032-05-12'}\n- {property: Latency, value: 2, unit: h, element: orders.ordered_at}\n";
    let checked = check(&database.url(), &contract, "");
    checked.passes();
    assert_eq!(
        checked.summary(),
        "checked 6 of 13 promises; not executable: 1 library (freshnessOfTea), 2 text, 1 custom (soda), 1 rule without an operator, 2 SLA (retention, endOfLife)"
    );
    let lines = checked.ran.junit();
    let out = lines.case("it").output.clone();
    assert!(out.contains("orders: passed (6 passed, 5 not-checked)\n"), "{out}");
    assert!(out.contains("\n  text: not-checked: text (orders.odcs.yaml:7)\n"), "{out}");
    assert!(out.contains("checked 6 of 13 promises; not executable: "), "{out}");
}

#[test]
fn service_levels_say_how_old_the_newest_value_may_be() {
    let database = mart();
    database.sql("update mart.orders set ordered_at = ordered_at - interval '30 hours'");
    let of = |levels: &str| with_rules("", "") + "slaProperties:\n" + levels;
    let latency = "- {property: latency, value: 8, unit: h, element: orders.ordered_at}\n";
    let frequency = "- {property: FREQUENCY, value: 1, unit: d, element: orders.ordered_at}\n";
    for (levels, passes) in [
        ("- {property: Freshness, value: 29, unit: hours, element: orders.ordered_at}\n".to_owned(), false),
        ("- {property: freshness, value: 31, unit: h, element: mart.orders.ordered_at}\n".to_owned(), true),
        ("- {property: freshness, value: PT31H, element: ordered_at}\n".to_owned(), true),
        (latency.to_owned(), false),
        (format!("{latency}{frequency}"), true),
    ] {
        let checked = check(&database.url(), &of(&levels), "");
        assert_eq!(
            checked.outcome(),
            if passes { "passed" } else { "failed" },
            "{levels}{}",
            checked.ran.stderr
        );
    }
    let both = check(&database.url(), &of(&format!("{latency}{frequency}")), "");
    assert!(
        both.with("passed").iter().any(|promise| promise.contains("latency and frequency within 32h")),
        "{:?}",
        both.with("passed")
    );
}
