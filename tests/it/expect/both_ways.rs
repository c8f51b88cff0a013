//! Every expectation and capture, once passing and once failing with its message. The schema provides the list, so none
//! can be forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::ask::{Asked, quoted};
use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::http::{HttpServer, Request, Response};
use crate::support::journeys::{journey, step};
use crate::support::junit::Outcome;
use crate::support::schema::{keys, schema};
use crate::support::scratch;
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health, suite};

/// A key, its use, and the message: empty if it passes.
type Case = (&'static str, &'static str, &'static str);

/// Asserts that `cases` contains every key of these definitions, both passing and failing.
fn assert_complete(definitions: &[&str], but: &[&str], cases: &[Case]) {
    let known = keys(&schema());
    let of = |definition: &str| {
        let known =
            known.iter().filter_map(|key| key.strip_prefix(&format!("{definition}.")).map(str::to_owned));
        known.collect::<Vec<String>>()
    };
    let wanted: BTreeSet<String> = definitions
        .iter()
        .flat_map(|definition| of(definition))
        .filter(|key| !but.contains(&key.as_str()))
        .collect();
    assert!(!wanted.is_empty());
    for (way, holds) in [("holds", true), ("fails", false)] {
        let had: BTreeSet<String> = cases
            .iter()
            .filter(|(_, _, told)| told.is_empty() == holds)
            .map(|(key, _, _)| (*key).to_owned())
            .collect();
        let missing: Vec<&String> = wanted.difference(&had).collect();
        assert!(missing.is_empty(), "nothing that {way}: {missing:?}");
    }
}

const DOCUMENT: &str = r#"{"name": "tea", "n": 3, "open": true, "tags": ["a", "b"], "of": {"id": 1}, "none": null,
        "items": [{"n": 1}, {"n": 2}]}"#;

const CONDITIONS: [Case; 43] = [
    ("equals", "'$.of' = { equals = { id = 1 } }", ""),
    ("equals", "'$.of' = { equals = { id = 2 } }", "$.of {\"id\":2}, got {\"id\":1}"),
    ("not", "'$.name' = { not = 'coffee' }", ""),
    ("not", "'$.name' = { not = { contains = 'e' } }", "$.name not to contain \"e\", got \"tea\""),
    ("min", "'$.n' = { min = 3 }", ""),
    ("min", "'$.n' = { min = 3.5 }", "$.n at least 3.5, got 3"),
    ("max", "'$.n' = { max = 3 }", ""),
    ("max", "'$.n' = { max = -1 }", "$.n at most -1, got 3"),
    ("max", "'$.name' = { max = 1 }", "$.name at most 1, got \"tea\" (a string, not a number)"),
    ("contains", "'$.name' = { contains = 'te' }", ""),
    ("contains", "'$.tags' = { contains = 'b' }", ""),
    ("contains", "'$.name' = { contains = 'tee' }", "$.name to contain \"tee\", got \"tea\""),
    ("contains", "'$.tags' = { contains = 'ab' }", "$.tags to contain \"ab\", got [\"a\",\"b\"]"),
    ("matches", "'$.name' = { matches = '^t.a$' }", ""),
    ("matches", "'$.name' = { matches = '^t$' }", "$.name to match /^t$/, got \"tea\""),
    ("one-of", "'$.n' = { one-of = [1, 3.0] }", ""),
    ("one-of", "'$.n' = { one-of = [1, '3'] }", "$.n one of 1, \"3\", got 3"),
    ("exists", "'$.none' = { exists = true }", ""),
    ("exists", "'$.milk' = { exists = false }", ""),
    ("exists", "'$.milk' = { exists = true }", "$.milk to exist, got nothing"),
    ("exists", "'$.name' = { exists = false }", "$.name not to exist, got \"tea\""),
    ("type", "'$.name' = { type = 'string' }", ""),
    ("type", "'$.n' = { type = 'number' }", ""),
    ("type", "'$.open' = { type = 'boolean' }", ""),
    ("type", "'$.tags' = { type = 'array' }", ""),
    ("type", "'$.of' = { type = 'object' }", ""),
    ("type", "'$.none' = { type = 'null' }", ""),
    ("type", "'$.n' = { type = 'string' }", "$.n type string, got number 3"),
    ("type", "'$.none' = { type = 'object' }", "$.none type object, got null"),
    ("length", "'$.name' = { length = 3 }", ""),
    ("length", "'$.tags' = { length = { min = 2 } }", ""),
    ("length", "'$.of' = { length = 1 }", ""),
    ("length", "'$.tags' = { length = 3 }", "$.tags length 3, got 2"),
    ("each", "'$.items[*].n' = { each = { min = 1 } }", ""),
    ("each", "'$.tags' = { each = { type = 'string' } }", ""),
    ("each", "'$.items[*].n' = { each = 1 }", "$.items[*].n each 1, got 2 (value 2 of 2)"),
    ("any", "'$.items[*].n' = { any = 2 }", ""),
    ("any", "'$.tags' = { any = 'b' }", ""),
    ("any", "'$.items[*].n' = { any = 3 }", "$.items[*].n any 3, got 2 values: 1, 2"),
    ("count", "'$.items[*]' = { count = 2 }", ""),
    ("count", "'$.milk' = { count = 0 }", ""),
    ("count", "'$.items[*]' = { count = { min = 3 } }", "$.items[*] count at least 3, got 2"),
    ("count", "'$.milk' = { count = 1 }", "$.milk count 1, got 0"),
];

#[test]
fn every_matcher_condition_passes_and_fails() {
    assert_complete(&["matcher"], &[], &CONDITIONS);
    let server = HttpServer::start(|_| Response::json(DOCUMENT));
    let cases = CONDITIONS.map(|(_, matcher, told)| {
        let told = if told.is_empty() { String::new() } else { format!("expected json {told}") };
        case(format!("url = {:?}\nexpect.json.{matcher}", server.url("/")), told)
    });
    let _ = health(&cases);
}

const ANSWER: [Case; 20] = [
    ("status", "status = 201", ""),
    ("status", "status = '2xx'", ""),
    ("status", "status = [404, '2xx']", ""),
    ("status", "status = 200", "expected status 200, got 201"),
    ("status", "status = '3xx'", "expected status 3xx, got 201"),
    ("status", "status = [200, '5xx']", "expected status 200 or 5xx, got 201"),
    ("header", "header.x-version = '7'", ""),
    ("header", "header.x-version = { max = 6 }", "expected header x-version at most 6, got \"7\""),
    ("body", "body = { contains = 'Tea' }", ""),
    ("body", "body = 'Tea'", "expected body \"Tea\", got …"),
    ("html", "html.'li' = { count = 2 }", ""),
    ("html", "html.'li' = 'Tea'", "expected html li \"Tea\", got 2 values: \"Tea\", \"Milk\"; use …"),
    ("within", "within = '4s'", ""),
    ("within", "within = '50ms'", "expected an answer within 50ms, got one after …"),
    ("certificate", "certificate.days-left = { min = 10 }", ""),
    (
        "certificate",
        "certificate.days-left = { min = 14 }",
        "expected certificate days-left at least 14, got 10",
    ),
    ("url", "url = { matches = '/there$' }", ""),
    ("url", "url = { matches = '/here$' }", "expected url to match //here$/, got …"),
    // The response is HTML.
    ("json", "json.'$' = { exists = true }", "expected body to be JSON, got HTML or XML…"),
    ("json", "json.'$' = { not = 1 }", "expected body to be JSON, got HTML or XML…"),
];

#[test]
fn every_response_expectation_passes_and_fails() {
    let holds_for_json = ("json", "json.'$.n' = 3", "");
    assert_complete(&["http-expectation"], &[], &[&ANSWER[..], &[holds_for_json]].concat());
    let server = HttpServer::start_tls(TlsIdentity::SoonExpiring, |request| match request.path.as_str() {
        "/here" => Response::redirect("/there"),
        "/json" => Response::json(DOCUMENT),
        _ => Response::html("<ul><li>Tea<li>Milk</ul>")
            .status(201)
            .header("x-version", "7")
            .delay(Duration::from_millis(200)),
    });
    let check = |path, expect| {
        let ca = Certificates::shared().authority();
        format!("url = {:?}\nredirects = 1\ntls.ca = {ca:?}\nexpect.{expect}", server.url(path))
    };
    let mut cases: Vec<_> =
        ANSWER.iter().map(|(_, expect, told)| case(check("/here", *expect), *told)).collect();
    cases.push(case(check("/json", holds_for_json.1), ""));
    let _ = health(&cases);
}

const ROWS: [Case; 8] = [
    ("rows", "rows = 2", ""),
    ("rows", "rows = { min = 3 }", "mismatch: expected rows at least 3, got 2"),
    ("value", "value = 'tea'", ""),
    ("value", "value = { length = 4 }", "mismatch: expected value length 4, got 3"),
    ("row", "row = { sku = 'tea', n = { min = 1 } }", ""),
    ("row", "row.n = 2", "mismatch: expected column n 2, got 1"),
    ("within", "within = '4s'", ""),
    ("within", "within = '1us'", "mismatch: expected an answer within "),
];

#[test]
fn every_row_expectation_passes_and_fails() {
    assert_complete(&["rows-expectation"], &[], &ROWS);
    let folder = scratch::for_a_test();
    let path = folder.path().join("shop.db");
    let shop = rusqlite::Connection::open(&path).expect("create a database");
    shop.execute_batch("create table t (sku text, n int); insert into t values ('tea', 1), ('milk', 2)")
        .expect("fill it");
    let asked = |holds: bool| {
        let cases = ROWS.iter().filter(|(_, _, told)| told.is_empty() == holds);
        cases.fold(Asked::at(&format!("sqlite:{}", path.display())), |asked, (_, expect, _)| {
            asked.check(expect, &format!("query = 'select sku, n from t order by n'\nexpect.{expect}"))
        })
    };
    asked(true).passes();
    let report = asked(false).fails();
    for (_, expect, told) in ROWS.iter().filter(|(_, _, told)| !told.is_empty()) {
        let case = report.case(expect);
        assert!(case.told().starts_with(told), "{expect}: {}", case.told());
    }
}

const OF_ANSWERS: [Case; 20] = [
    ("json", "{ json = '$.n' }", ""),
    ("json", "{ json = '$.milk' }", "one value at json $.milk, got nothing"),
    ("json", "{ json = '$.tags[*]' }", "one value at json $.tags[*], got 2 values, the first \"a\""),
    ("header", "{ header = 'X-A' }", ""),
    ("header", "{ header = 'x-b' }", "one header x-b, got nothing; the headers are "),
    ("cookie", "{ cookie = 'crumb' }", ""),
    ("cookie", "{ cookie = 'cake' }", "one cookie cake, got nothing; the response sets crumb"),
    ("html", "{ html = 'h1' }", ""),
    ("html", "{ html = 'h2' }", "one element h2, got nothing; the page says Log in"),
    ("html", "{ html = 'h1, input' }", "one element h1, input, got 2 values, the first \"Log in\""),
    ("attr", "{ html = 'input', attr = 'value' }", ""),
    ("attr", "{ html = 'input', attr = 'id' }", "one element input with the attribute id, got nothing; "),
    ("regex", "{ regex = 'value=\"([0-9]+)' }", ""),
    ("regex", "{ regex = 'value=\"[0-9]+' }", ""),
    ("regex", "{ regex = 'nonce=([0-9]+)' }", "a text that matches /nonce=([0-9]+)/, got nothing"),
    ("regex", "{ regex = 'value(,no)?' }", "a text that matches /value(,no)?/, got nothing"),
    // Every response has these, even one without a body.
    ("status", "{ status = true }", ""),
    ("body", "{ body = true }", ""),
    ("body", "{ body = true, secret = false }", ""),
    ("stdout", "{ stdout = true }", ""),
];

/// Captures on a response without rows, or without the requested column.
const OF_ROWS: [Case; 6] = [
    ("value", "{ value = true }", ""),
    ("value", "{ value = true }", "a first row, got 0 rows"),
    ("column", "{ column = 'n' }", ""),
    ("column", "{ column = 'n' }", "a first row with the column n, got 0 rows"),
    (
        "column",
        "{ column = 'm' }",
        "a first row with the column m, got 1 row, the first: sku = \"tea\", n = 1",
    ),
    (
        "column",
        "{ column = 'N' }",
        "a first row with the column N, got 1 row, the first: sku = \"tea\", n = 1",
    ),
];

/// The value of each successful capture, as JSON.
const CAPTURED: [(&str, &str); 11] = [
    ("{ json = '$.n' }", "3"),
    ("{ header = 'X-A' }", "\"head\""),
    ("{ cookie = 'crumb' }", "\"1%202\""),
    ("{ html = 'h1' }", "\"Log in\""),
    ("{ html = 'input', attr = 'value' }", "\"42\""),
    ("{ regex = 'value=\"([0-9]+)' }", "\"42\""),
    ("{ regex = 'value=\"[0-9]+' }", "\"value=\\\"42\""),
    ("{ status = true }", "200"),
    ("{ value = true }", "\"tea\""),
    ("{ column = 'n' }", "1"),
    ("{ stdout = true }", "\"out\""),
];

const PAGE: &str = "<h1> Log <b>in</b></h1><input value=\"42\">";

#[test]
fn every_capture_gets_its_value_or_fails_its_step() {
    let all = [&OF_ANSWERS[..], &OF_ROWS].concat();
    // A status, a body and an output always exist; `secret` captures nothing.
    let always = ["status", "body", "stdout"].map(|key| (key, "", "always there"));
    assert_complete(&["capture"], &["secret"], &[&all[..], &always].concat());

    let server = HttpServer::start(|request| match request.path.as_str() {
        "/json" => Response::json(DOCUMENT),
        _ => Response::html(PAGE).header("x-a", "head").header("set-cookie", "crumb=1%202; Path=/"),
    });
    let smoke = Smoke::new();
    let shop = rusqlite::Connection::open(smoke.path("shop.db")).expect("create a database");
    shop.execute_batch("create table t (sku text, n int); insert into t values ('tea', 1)").expect("fill it");

    let look = |capture: &str, told: &str| {
        let ask = match capture {
            _ if capture.contains("json =") => "get = '{{base}}/json'",
            _ if told.ends_with("0 rows") => {
                "database = 'sqlite:shop.db'\nquery = 'select sku, n from t where n > 1'"
            }
            _ if capture.contains("value =") || capture.contains("column =") => {
                "database = 'sqlite:shop.db'\nquery = 'select sku, n from t'"
            }
            _ if capture.contains("stdout =") => "run = ['echo', 'out']",
            _ => "get = '{{base}}/page'",
        };
        step("look", &format!("{ask}\ncapture.it = {capture}"))
    };
    // Sent as JSON, so that its type is visible.
    let tell = step("tell", "post = '{{base}}/told'\njson = { it = '{{it}}' }\nexpect.status = 200");
    let checks: Vec<String> = (0..)
        .zip(&all)
        .map(|(number, (_, capture, told))| {
            journey(&format!("case {number}"), "", &[look(capture, told), tell.clone()])
        })
        .collect();
    let head = format!("[vars]\nbase = {}\n", quoted(&server.url("")));
    let ran = smoke.suite(&suite(&format!("{head}{}", checks.concat()))).run();
    ran.exits(1);
    let report = ran.junit();
    for (number, (_, capture, told)) in (0..).zip(&all) {
        let case = report.case(&format!("case {number}"));
        let message = case.message.clone().unwrap_or_default();
        if told.is_empty() {
            assert_eq!(case.outcome, Outcome::Passed, "{capture}: {message}");
        } else {
            let start = format!("step 1 `look`: expected the capture `it` to find {told}");
            assert!(message.starts_with(&start), "{capture}\nexpected: {start}\nactual:   {message}");
        }
    }
    let mut sent: Vec<String> =
        server.requests().iter().filter(|request| request.path == "/told").map(Request::text).collect();
    sent.sort();
    let whole = serde_json::Value::from(PAGE).to_string();
    let bodies = [whole.as_str(), whole.as_str()];
    let expected = CAPTURED.iter().map(|(_, value)| *value).chain(bodies);
    let mut expected: Vec<String> = expected.map(|value| format!("{{\"it\":{value}}}")).collect();
    expected.sort();
    assert_eq!(sent, expected);
}
