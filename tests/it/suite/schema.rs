//! `smoke schema`: accepts valid suites and rejects invalid ones, as far as a schema can tell.

use std::collections::BTreeSet;
use std::process::Command;

use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Value, json};

use crate::support::corpus;
use crate::support::pages::{blocks, page};
use crate::support::schema::{FILE, as_json, keys, schema, strike_out, validator};
use crate::support::smoke::Smoke;

/// Returns the suites of a folder in `tests/suites`, by name.
fn suites(folder: &str) -> Vec<(String, String)> {
    corpus::suites(folder).into_iter().map(|suite| (suite.name, suite.text)).collect()
}

/// Returns the valid suites of the repository: the corpus, the example, and every suite fragment in the documentation.
fn valid() -> Vec<(String, String)> {
    let samples = blocks("toml").into_iter().map(|block| (block.place, block.text));
    let example = ("smoke.example.toml".to_owned(), corpus::text("smoke.example.toml"));
    suites("valid").into_iter().chain([example]).chain(samples).collect()
}

/// Returns the errors of a suite.
fn errors(validator: &Validator, text: &str) -> Vec<String> {
    let suite = as_json(text).expect("TOML");
    validator.iter_errors(&suite).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_schema_is_a_valid_schema() {
    let schema = schema();
    jsonschema::draft202012::meta::validate(&schema).expect("valid against the metaschema");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for key in ["$id", "title", "description"] {
        assert!(schema[key].as_str().is_some_and(|text| !text.is_empty()), "{key}");
    }
}

#[test]
fn every_reference_is_defined_and_every_definition_is_used() {
    fn references(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(members) => {
                found.extend(members.get("$ref").map(|to| to.as_str().expect("a string").to_owned()));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let schema = schema();
    let mut used = BTreeSet::new();
    references(&schema, &mut used);
    let definitions = schema["$defs"].as_object().expect("definitions");
    let made: BTreeSet<String> = definitions.keys().map(|name| format!("#/$defs/{name}")).collect();
    assert_eq!(used, made);
}

#[test]
fn every_suite_of_the_corpus_is_a_suite() {
    for suite in corpus::suites("valid") {
        let ran = Smoke::bare().arg("check").arg(suite.path).run();
        assert_eq!(ran.code, Some(0), "{}\n{}", suite.name, ran.stderr);
    }
}

#[test]
fn every_valid_suite_is_accepted() {
    let validator = validator();
    for (name, text) in valid() {
        assert_eq!(errors(&validator, &text), Vec::<String>::new(), "{name}");
    }
}

/// The errors that no schema can find, by what it would need to know.
const NOT_FOUND: [(&str, &[&str]); 8] = [
    (
        "which names there are, and in which order they come",
        &[
            "captured_after_its_use",
            "cycle",
            "dead_need",
            "duplicate_names",
            "duplicate_steps",
            "self_need",
            "share_of_what_is_not_captured",
            "shared_by_a_command_that_does_not_capture_it",
            "shared_by_a_gate_that_is_skipped",
            "shared_by_a_gate_that_waits_for_it",
            "shared_but_not_needed",
            "template_in_a_name_of_a_variable",
            "undefined_variable",
            "undefined_variable_in_text",
            "undefined_variable_in_variable",
            "unknown_env",
            "variables_in_a_circle",
        ],
    ),
    (
        "what other files and the environment say, and which file is the suite's own",
        &[
            "empty_file",
            "include_itself",
            "include_missing",
            "missing_certificate",
            "missing_part",
            "no_checks",
            "no_such_secret_file",
            "no_value_in_the_environment",
        ],
    ),
    (
        "the languages inside of strings: expressions, JSONPath, CSS, regular expressions, SQL",
        &[
            "bad_css_selector",
            "bad_jsonpath",
            "bad_regex",
            "bad_template_in_a_verb",
            "empty_braces",
            "empty_query",
            "lines_to_be_ready",
            "quoted_variable_in_sql",
            "template_that_is_no_selector",
            "unclosed_braces",
            "unknown_filter",
        ],
    ),
    (
        "what a string is once its variables have their values",
        &[
            "bad_port",
            "empty_secret",
            "not_a_url",
            "path_of_a_port",
            "port_zero",
            "proxy_that_is_none",
            "short_secret",
            "resolve_of_no_port",
            "resolve_twice",
            "tcp_without_port",
            "mysql_urls",
            "unknown_database_parameters",
            "unknown_database_scheme",
            "unknown_scheme",
        ],
    ),
    (
        "what one key says about what another table may have",
        &[
            "addresses_with_a_proxy_of_the_defaults",
            "addresses_with_resolve_of_the_defaults",
            "certificate_without_tls",
            "column_captured_from_http",
            "contract_on_redis",
            "dependency_that_is_a_gate",
            "exit_of_a_plugin",
            "header_captured_from_rows",
            "http_expectation_on_tcp",
            "replicas_of_a_journey",
            "replicas_of_a_step",
            "rows_without_a_query",
            "stdout_captured_from_http",
            "writes_without_a_query",
        ],
    ),
    (
        "how long a duration is, and which number is the greater",
        &[
            "budget_larger_than_the_suites",
            "duration_of_ages",
            "max_below_min",
            "max_of_another_type",
            "poll_that_cannot_hold",
        ],
    ),
    (
        "what the sources of a metric, and the ends of a canary, owe each other",
        &[
            "canary_arrivals_of_one_name",
            "canary_cleanup_without_commit",
            "canary_commit_is_false",
            "canary_look_without_a_query",
            "canary_reads_another_arrival",
            "canary_send_without_a_query",
            "canary_that_sends_nothing_of_its_own",
            "canary_without_commit",
            "canary_without_the_nonce",
            "metric_by_not_in_columns",
            "metric_by_without_rows",
            "metric_column_of_a_request",
            "metric_header_of_a_query",
            "metric_of_one_source",
            "metric_rows_without_by",
            "metric_sources_of_one_name",
            "metric_value_with_by",
            "metric_without_a_figure",
            "metric_without_value",
            "undefined_part_of_a_canary",
            "undefined_part_of_a_period",
            "unknown_time_zone",
            "variable_called_canary",
            "variable_called_yesterday",
        ],
    ),
    ("what stands in a header and in a body is text", &["body_contains_a_list", "number_for_text"]),
];

#[test]
fn every_invalid_suite_is_rejected_as_far_as_a_schema_can_tell() {
    let validator = validator();
    let is_toml = |text: &str| as_json(text).is_some();
    let missed: BTreeSet<String> = suites("invalid")
        .into_iter()
        .filter(|(_, text)| is_toml(text) && errors(&validator, text).is_empty())
        .map(|(name, _)| name)
        .collect();
    let expected: BTreeSet<String> =
        NOT_FOUND.iter().flat_map(|(_, names)| names.iter()).map(|name| (*name).to_owned()).collect();
    assert_eq!(missed, expected);
}

#[test]
fn the_corpus_uses_every_key_of_the_schema() {
    let schema = schema();
    let mut unused = keys(&schema);
    for (_, text) in suites("valid") {
        let suite = as_json(&text).expect("TOML");
        strike_out(&suite, &schema, FILE, &schema, &mut unused);
    }
    assert!(unused.is_empty(), "no valid suite uses {unused:#?}");
}

#[test]
fn the_documented_schema_line_is_known_to_editors() {
    let page = page("docs/suite.md");
    assert!(page.text.contains("smoke schema > smoke.schema.json"), "the page says how to get the schema");
    let directive = page.text.lines().find(|line| line.starts_with("#:schema ")).expect("the line");
    assert_eq!(directive, "#:schema ./smoke.schema.json");
    // For smoke itself, it is a comment.
    let suite = format!("{directive}\n[[health]]\nname = \"up\"\nurl = \"http://127.0.0.1:1\"\n");
    Smoke::bare().arg("check").suite(&suite).run().exits(0);
}

#[test]
fn it_is_printed_as_one_document_and_the_same_each_time() {
    let print = || Command::new(env!("CARGO_BIN_EXE_smoke")).arg("schema").output().expect("smoke runs");
    let (first, second) = (print(), print());
    assert!(first.status.success() && first.stderr.is_empty());
    assert_eq!(first.stdout, second.stdout);
    let text = String::from_utf8(first.stdout).expect("text");
    assert!(text.starts_with("{\n  \"$schema\"") && text.ends_with("}\n"), "pretty");
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), schema());
}

#[test]
fn a_value_of_the_wrong_type_is_found_everywhere() {
    let validator = validator();
    let health = |keys: Value| {
        let mut check = json!({ "name": "x", "url": "http://x" });
        check.as_object_mut().expect("a table").extend(keys.as_object().expect("a table").clone());
        json!({ "health": [check] })
    };
    for (wrong, right) in [
        (json!({ "budget": 5 }), json!({ "budget": "5s" })),
        (json!({ "expect": { "status": 99 } }), json!({ "expect": { "status": ["2xx", 404] } })),
        (json!({ "expect": { "body": {} } }), json!({ "expect": { "body": { "exists": true } } })),
        (
            json!({ "expect": { "json": { "$.a": { "each": { "min": 1, "mix": 2 } } } } }),
            json!({ "expect": { "json": { "$.a": { "each": { "min": 1, "max": 2 } } } } }),
        ),
        (
            json!({ "poll": { "every": "1s" }, "retry": { "attempts": 2 } }),
            json!({ "poll": { "every": "1s" } }),
        ),
        (json!({ "tls": { "cert": "a" } }), json!({ "tls": { "cert": "a", "key": "b" } })),
        (json!({ "max-body": "1 mile" }), json!({ "max-body": "1 MiB" })),
        (json!({ "headers": { "a b": "c" } }), json!({ "headers": { "a-b": "c" } })),
        (json!({ "resolve": { "host": "1.2.3.4:5" } }), json!({ "resolve": { "host:1": "1.2.3.4:5" } })),
        (json!({ "severity": "warning" }), json!({ "severity": "warn" })),
        (json!({ "expect": { "json": {} } }), json!({ "expect": { "json": { "$": 1 } } })),
        (
            json!({ "expect": { "header": { "a b": "c" } } }),
            json!({ "expect": { "header": { "a-b": "c" } } }),
        ),
        (
            json!({ "expect": { "body": { "min": "x" } } }),
            json!({ "expect": { "body": { "min": "{{x}}" } } }),
        ),
        (
            json!({ "expect": { "body": { "min": true } } }),
            json!({ "expect": { "body": { "min": "2024-01-01" } } }),
        ),
        (json!({ "expect": { "body": { "length": -1 } } }), json!({ "expect": { "body": { "length": 0 } } })),
        (
            json!({ "expect": { "body": { "length": { "each": 1 } } } }),
            json!({ "expect": { "body": { "length": { "min": 1 } } } }),
        ),
        (
            json!({ "expect": { "body": { "one-of": [] } } }),
            json!({ "expect": { "body": { "one-of": ["a"] } } }),
        ),
    ] {
        assert!(!validator.is_valid(&health(wrong.clone())), "{wrong}");
        assert!(validator.is_valid(&health(right.clone())), "{right}");
    }
}

/// Returns where an editor underlines, and which unknown keys it reports there.
fn underlined(validator: &Validator, step: &Value) -> Vec<(String, Vec<String>)> {
    let suite = json!({ "journey": [{ "name": "j", "step": [step] }] });
    let errors = validator.iter_errors(&suite).map(|error| {
        let unknown = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => unexpected.clone(),
            _ => Vec::new(),
        };
        (error.instance_path().to_string(), unknown)
    });
    errors.collect()
}

#[test]
fn a_mistake_in_a_step_is_underlined_at_its_key_and_not_at_the_step() {
    let validator = validator();
    let step = "/journey/0/step/0";
    for (wrong, path, unknown) in [
        // A step that sends a request, and one that runs a query. Each has its own keys.
        (json!({ "name": "s", "get": 5 }), "/get", None),
        (json!({ "name": "s", "get": "http://x", "redirects": "three" }), "/redirects", None),
        (json!({ "name": "s", "get": "http://x", "expect": { "status": 99 } }), "/expect/status", None),
        (json!({ "name": "s", "database": "sqlite:x", "query": 5 }), "/query", None),
        (json!({ "name": "s", "database": "sqlite:x", "writes": "yes" }), "/writes", None),
        (json!({ "name": "s", "get": "http://x", "hedaers": {} }), "", Some("hedaers")),
        (json!({ "name": "s", "database": "sqlite:x", "headers": {} }), "", Some("headers")),
        (json!({ "name": "s", "get": "http://x", "writes": true }), "", Some("writes")),
        (
            json!({ "name": "s", "database": "sqlite:x", "expect": { "status": 200 } }),
            "/expect",
            Some("status"),
        ),
    ] {
        let errors = underlined(&validator, &wrong);
        let expected = format!("{step}{path}");
        assert!(errors.iter().all(|(at, _)| at.starts_with(&expected)), "{wrong}: {errors:?}");
        assert!(!errors.is_empty(), "{wrong}");
        let named: Vec<&str> = errors.iter().flat_map(|(_, unknown)| unknown).map(String::as_str).collect();
        assert_eq!(named, Vec::from_iter(unknown), "{wrong}: {errors:?}");
    }
    let right = json!({ "name": "s", "database": "sqlite:x", "query": "select 1", "expect": { "value": 1 } });
    assert_eq!(underlined(&validator, &right), []);
}
