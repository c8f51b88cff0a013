//! Every matcher on a real response, passing and failing, with its message.

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health, health_in};

const DOCUMENT: &str = r#"{"status": "ok", "n": 1, "price": 1.50, "open": true, "nothing": null, "text": "1",
    "tags": ["a", "b"], "items": [{"id": 1, "stock": 2}, {"id": 2, "stock": 0}]}"#;

const PAGE: &str = r#"<!doctype html><title>Shop</title><h1>  Welcome,
    <b>Ann</b> </h1><ul class="products"><li>Tea</li><li>Coffee</li></ul><p id="n">42</p>"#;

fn document() -> HttpServer {
    HttpServer::start(|_| Response::json(DOCUMENT))
}

/// Each `(matcher on the path, failure)`, without the part of the message about the path.
fn on_json(path: &str, cases: &[(&str, &str)]) -> Vec<(String, String)> {
    cases
        .iter()
        .map(|(matcher, failure)| {
            let keys = format!("expect.json.\"{path}\" = {matcher}");
            case(
                keys,
                if failure.is_empty() { String::new() } else { format!("expected json {path} {failure}") },
            )
        })
        .collect()
}

fn at(server: &HttpServer, cases: Vec<(String, String)>) -> Vec<(String, String)> {
    cases
        .into_iter()
        .map(|(keys, failure)| (format!("url = {:?}\n{keys}", server.url("/")), failure))
        .collect()
}

#[test]
fn a_scalar_must_be_equal_in_type_and_value() {
    let server = document();
    let cases = [
        on_json("$.status", &[("\"ok\"", ""), ("\"down\"", "\"down\", got \"ok\"")]),
        on_json("$.n", &[("1", ""), ("1.0", ""), ("2", "2, got 1"), ("\"1\"", "\"1\", got 1 (a number)")]),
        on_json("$.text", &[("\"1\"", ""), ("1", "1, got \"1\" (a string)")]),
        on_json("$.price", &[("1.5", ""), ("1.51", "1.51, got 1.50")]),
        on_json("$.open", &[("true", ""), ("false", "false, got true"), ("1", "1, got true (a boolean)")]),
        on_json("$.tags", &[("[\"a\", \"b\"]", ""), ("[\"b\", \"a\"]", "[\"b\",\"a\"], got [\"a\",\"b\"]")]),
        on_json("$.items[0]", &[("{ equals = { stock = 2, id = 1 } }", "")]),
    ]
    .concat();
    let _ = health(&at(&server, cases));
}

#[test]
fn all_conditions_of_a_table_must_hold() {
    let server = document();
    let cases = [
        on_json(
            "$.n",
            &[
                ("{ min = 1, max = 1 }", ""),
                ("{ min = 2 }", "at least 2, got 1"),
                ("{ max = 0.5 }", "at most 0.5, got 1"),
                ("{ not = 2 }", ""),
                ("{ not = 1 }", "not 1, got 1"),
                ("{ one-of = [2, 3] }", "one of 2, 3, got 1"),
                ("{ type = \"number\" }", ""),
                ("{ type = \"string\" }", "type string, got number 1"),
                ("{ length = 1 }", "length 1, got 1, which has no length"),
            ],
        ),
        on_json(
            "$.status",
            &[
                ("{ contains = \"o\", matches = \"^[a-z]+$\", length = 2 }", ""),
                ("{ contains = \"x\" }", "to contain \"x\", got \"ok\""),
                ("{ matches = \"^[0-9]+$\" }", "to match /^[0-9]+$/, got \"ok\""),
                ("{ length = { min = 3 } }", "length at least 3, got 2"),
                ("{ min = 3 }", "at least 3, got \"ok\" (a string, not a number)"),
                ("{ one-of = [\"ok\", \"fine\"] }", ""),
            ],
        ),
        on_json(
            "$.tags",
            &[("{ contains = \"b\" }", ""), ("{ contains = \"c\" }", "to contain \"c\", got [\"a\",\"b\"]")],
        ),
        on_json(
            "$.nothing",
            &[("{ type = \"null\" }", ""), ("{ exists = false }", "not to exist, got null")],
        ),
    ]
    .concat();
    let _ = health(&at(&server, cases));
}

#[test]
fn a_path_that_finds_nothing_or_several_values_is_reported() {
    let server = document();
    let several = "got 2 values: 2, 0; use `each`, `any` or `count` where several are found";
    let cases = [
        on_json(
            "$.version",
            &[
                ("1", "1, got nothing"),
                ("{ not = 1 }", "not 1, got nothing"),
                ("{ exists = true }", "to exist, got nothing"),
                ("{ exists = false }", ""),
            ],
        ),
        on_json(
            "$.items[*].stock",
            &[
                ("2", &format!("2, {several}")),
                ("{ each = { min = 0 } }", ""),
                ("{ each = { min = 1 } }", "each at least 1, got 0 (value 2 of 2)"),
                ("{ any = 0 }", ""),
                ("{ any = 5 }", "any 5, got 2 values: 2, 0"),
                ("{ count = 2 }", ""),
                ("{ count = { min = 3 } }", "count at least 3, got 2"),
            ],
        ),
    ]
    .concat();
    let _ = health(&at(&server, cases));
}

#[test]
fn the_document_stands_once_however_many_values_are_missing_in_it() {
    let server = HttpServer::start(|_| Response::json("{\"only\": \"half \\ud83d\"}").status(631));
    let keys = "expect = { status = [631, \"7xx\"], json = { \"$.a\" = 1, \"$.b\" = 2, \"$.c\" = 3, \"$.only\" = { matches = \"^half .$\" } } }";
    let missing = "expected json $.a 1, got nothing; expected json $.b 2, got nothing; expected json $.c 3, got nothing";
    let ran = health(&[case(format!("url = {:?}\n{keys}", server.url("/")), missing)]);
    assert_eq!(ran.stderr.matches("\"only\"").count(), 1, "{}", ran.stderr);
    assert_eq!(ran.junit().case("case 0").text.matches("\"only\"").count(), 1);
}

#[test]
fn several_values_or_none_fail_under_not_too() {
    let server = document();
    let several = |values: &str| format!("{values}; use `each`, `any` or `count` where several are found");
    let stocks = several("got 2 values: 2, 0");
    let cases = [
        on_json(
            "$.items[*].stock",
            &[
                ("{ not = 1 }", &format!("not 1, {stocks}")),
                ("{ not = { not = 1 } }", &format!("not not 1, {stocks}")),
                ("{ not = { exists = true, min = 5 } }", &format!("not at least 5, {stocks}")),
                ("{ not = { count = 3 } }", ""),
                ("{ not = { exists = false } }", ""),
                ("{ each = { not = 1 } }", ""),
                ("{ not = { any = 1 } }", ""),
                ("{ not = { any = 0 } }", "not any 0, got 2 values: 2, 0"),
                ("{ not = { each = { min = 1 } } }", ""),
            ],
        ),
        on_json(
            "$.version[*]",
            &[
                ("{ not = { each = 1 } }", "not each 1, got nothing"),
                ("{ not = { any = 1 } }", ""),
                ("{ not = { length = 1 } }", "not length 1, got nothing"),
            ],
        ),
    ]
    .concat();
    let _ = health(&at(&server, cases));

    let page = HttpServer::start(|_| {
        let page = Response::html("<p>Error 1</p><p>Error 2</p>");
        page.header("x-v", "secret-a").header("x-v", "secret-b")
    });
    let cases = [
        (
            "header.x-v = { not = { contains = \"secret\" } }",
            format!(
                "expected header x-v not to contain \"secret\", {}",
                several("got 2 values: \"secret-a\", \"secret-b\"")
            ),
        ),
        (
            "html.p = { not = { contains = \"Error\" } }",
            format!(
                "expected html p not to contain \"Error\", {}",
                several("got 2 values: \"Error 1\", \"Error 2\"")
            ),
        ),
        ("html.p = { each = { not = { contains = \"Errata\" } } }", String::new()),
    ];
    let cases = cases.map(|(expect, failure)| case(format!("expect.{expect}"), failure));
    let _ = health(&at(&page, cases.to_vec()));
}

#[test]
fn a_value_of_the_wrong_type_fails_under_not_too() {
    let server = document();
    let cases = [
        on_json(
            "$.status",
            &[
                ("{ not = { min = 1 } }", "not at least 1, got \"ok\" (a string, not a number)"),
                ("{ not = { min = 1, type = \"number\" } }", ""),
                ("{ not = { length = { min = 3 } } }", ""),
                (
                    "{ not = { min = \"{{word}}\" } }",
                    "not at least \"few\", got \"ok\"; \"few\" is neither a number nor a date",
                ),
                (
                    "{ not = { contains = \"{{list}}\" } }",
                    "not to contain [\"few\"], got \"ok\"; text can only contain text",
                ),
            ],
        ),
        on_json(
            "$.n",
            &[
                (
                    "{ not = { min = \"{{word}}\" } }",
                    "not at least \"few\", got 1; \"few\" is neither a number nor a date",
                ),
                ("{ max = \"{{word}}\" }", "at most \"few\", got 1; \"few\" is neither a number nor a date"),
                (
                    "{ not = { min = 2024-01-01 } }",
                    "not at least \"2024-01-01\", got 1 (a number, not a date)",
                ),
                ("{ not = { length = 5 } }", "not length 5, got 1, which has no length"),
                (
                    "{ not = { contains = \"x\" } }",
                    "not to contain \"x\", got 1 (a number, not a text or an array)",
                ),
                (
                    "{ not = { any = { contains = \"x\" } } }",
                    "not any to contain \"x\", got 1 (a number, not a text or an array)",
                ),
            ],
        ),
        on_json("$.nothing", &[("{ not = { matches = \"x\" } }", "not to match /x/, got null, not a text")]),
        on_json(
            "$.tags",
            &[
                ("{ not = { length = \"{{word}}\" } }", "not length \"few\", got 2; \"few\" is not a number"),
                ("{ length = { not = \"{{word}}\" } }", "length not \"few\", got 2; \"few\" is not a number"),
                ("{ length = \"{{two}}\" }", ""),
                (
                    "{ not = { each = { min = 1 } } }",
                    "not each at least 1, got \"a\" (a string, not a number) (value 1 of 2)",
                ),
            ],
        ),
    ]
    .concat();
    let head = "[vars]\nword = \"few\"\ntwo = \"2\"\nlist = { value = [\"few\"] }\n";
    let _ = health_in(Smoke::new(), head, &at(&server, cases));
}

#[test]
fn headers_are_compared_as_text_whatever_the_variables_type() {
    let server = HttpServer::start(|_| Response::new(200).header("x-n", "7"));
    let cases = [
        ("header.x-n = \"{{seven}}\"", String::new()),
        ("header.x-n = { not = \"{{seven}}\" }", "expected header x-n not \"7\", got \"7\"".to_owned()),
        (
            "header.x-n = { not = \"{{list}}\" }",
            "rendering the template: expected text, found [\"few\"]".to_owned(),
        ),
    ];
    let cases = cases.map(|(expect, failure)| case(format!("expect.{expect}"), failure));
    let head = "[vars]\nseven = 7\nlist = { value = [\"few\"] }\n";
    let _ = health_in(Smoke::new(), head, &at(&server, cases.to_vec()));
}

#[test]
fn dates_are_compared_as_instants() {
    const DATES: &str = r#"{"at": "2024-01-02T03:04:05+00:00", "west": "2024-01-01T23:04:05.000-04:00",
        "local": "2024-01-02 03:04:05", "day": "2024-01-02"}"#;
    let server = HttpServer::start(|_| Response::json(DATES));
    let cases = [
        on_json(
            "$.at",
            &[
                ("2024-01-02T03:04:05Z", ""),
                ("\"{{started}}\"", ""),
                ("{ equals = 2024-01-02T03:04:06Z }", "\"2024-01-02T03:04:06Z\", got \"2024-01-02T03:04:05+00:00\""),
                ("{ not = 2024-01-02T03:04:05Z }", "not \"2024-01-02T03:04:05Z\", got \"2024-01-02T03:04:05+00:00\""),
                ("{ one-of = [2024-01-02T04:04:05+01:00] }", ""),
                ("{ min = 2024-01-02, max = 2024-01-02 }", ""),
                ("{ min = 2024-01-02T03:04:05Z, max = \"{{started}}\" }", ""),
                ("{ min = 2024-01-03 }", "at least \"2024-01-03\", got \"2024-01-02T03:04:05+00:00\""),
                (
                    "{ not = { min = 2024-01-03T00:00:00 } }",
                    "not at least \"2024-01-03T00:00:00\", got \"2024-01-02T03:04:05+00:00\"; only one of them says its offset from UTC",
                ),
            ],
        ),
        on_json("$.west", &[("2024-01-02T03:04:05Z", ""), ("{ max = 2024-01-01 }", "")]),
        on_json("$.local", &[("2024-01-02T03:04:05", ""), ("{ min = 2024-01-02T03:04:05.001 }", "at least \"2024-01-02T03:04:05.001\", got \"2024-01-02 03:04:05\"")]),
        on_json("$.day", &[("2024-01-02", ""), ("{ max = 2024-01-01 }", "at most \"2024-01-01\", got \"2024-01-02\"")]),
    ]
    .concat();
    let _ = health_in(Smoke::new(), "[vars]\nstarted = 2024-01-02T03:04:05Z\n", &at(&server, cases));
}

#[test]
fn headers_html_body_and_url_have_matchers_too() {
    let server = HttpServer::start(|_| {
        Response::html(PAGE).header("x-version", "7").header("set-cookie", "a=1").header("set-cookie", "b=2")
    });
    let url = server.url("/");
    let cases = [
        ("header.x-version = \"7\"", String::new()),
        ("header.X-Version = { min = 7 }", String::new()),
        ("header.x-version = \"8\"", "expected header x-version \"8\", got \"7\"".to_owned()),
        ("header.x-missing = { exists = false }", String::new()),
        (
            "header.x-missing = \"8\"",
            "expected header x-missing \"8\", got nothing; the headers are …".to_owned(),
        ),
        ("header.set-cookie = { count = 2 }", String::new()),
        ("html.h1 = \"Welcome, Ann\"", String::new()),
        (
            "html.h1 = { contains = \"Bob\" }",
            "expected html h1 to contain \"Bob\", got \"Welcome, Ann\"".to_owned(),
        ),
        ("html.\"ul.products li\" = { count = 2, any = \"Tea\" }", String::new()),
        ("html.\"ul.products li\" = { count = 3 }", "expected html ul.products li count 3, got 2".to_owned()),
        ("html.\"#n\" = { min = 42 }", String::new()),
        (
            "html.h2 = { exists = true }",
            "expected html h2 to exist, got nothing; the page says Shop Welcome, Ann…".to_owned(),
        ),
        ("body = { contains = \"<li>Tea</li>\" }", String::new()),
        ("body = { contains = \"Milk\" }", "expected body to contain \"Milk\", got …".to_owned()),
        ("url = { matches = \"/$\" }", String::new()),
        ("url = \"http://elsewhere/\"", format!("expected url \"http://elsewhere/\", got \"{url}\"")),
        ("json.\"$.a\" = 1", "expected body to be JSON, got HTML or XML: <!doctype html>…".to_owned()),
    ];
    let cases = cases.map(|(expect, failure)| case(format!("expect.{expect}"), failure));
    let _ = health(&at(&server, cases.to_vec()));
}

#[test]
fn all_mismatches_of_a_response_are_reported_together() {
    let server = document();
    let keys = "expect.json.\"$.status\" = \"down\"\nexpect.json.\"$.n\" = 2\nexpect.header.x = \"y\"";
    let ran =
        health(&at(&server, vec![case(keys, "expected header x \"y\", got nothing; the headers are …")]));
    let text = ran.junit().case("case 0").text.clone();
    for line in [
        "expected json $.status \"down\", got \"ok\"",
        "expected json $.n 2, got 1",
        "HTTP/1.1 200, application/json",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
        assert!(ran.stderr.contains(line), "{line} in\n{}", ran.stderr);
    }
}

#[test]
fn an_empty_body_a_truncated_document_and_a_byte_order_mark_are_distinguished() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/empty" => Response::new(200),
        "/cut" => Response::json("{\"a\": ["),
        _ => Response::json("\u{feff}{\"a\": 1}"),
    });
    let cases = [
        ("/empty", "expected body to be JSON, got an empty body"),
        (
            "/cut",
            "expected body to be JSON, got something else (EOF while parsing a list at line 1 column 7): {\"a\": [",
        ),
        ("/mark", ""),
    ];
    let cases = cases.map(|(path, failure)| {
        case(format!("url = {:?}\nexpect.json.\"$.a\" = 1", server.url(path)), failure)
    });
    let _ = health(&cases);
}
