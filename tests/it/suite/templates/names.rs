//! Templates in queries (paths, selectors) and in names: a value cannot change their meaning.

use crate::support::ask::quoted;
use crate::support::http::{HttpServer, Request, Response};
use crate::support::journeys::{journey, run, step};
use crate::support::smoke::Smoke;
use crate::support::verdicts::{case, health_in, suite};

/// Text that would break out of quotes if it were not escaped.
const AWKWARD: &str = "a'] || @.id == \"b\" \\ <h1>";

fn shop() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/page" => Response::html(
            "<p id=\"2 b\" data-id=\"a&quot;] x\">first</p><ul><li>one<li>two</ul><input name=\"csrf\" value=\"t0k3n\">",
        ),
        "/headers" => Response::new(200).header("x-version", "7").header("set-cookie", "session-7=s3ss10n"),
        _ => Response::json(&format!(
            "{{\"orders\": [{{\"id\": 1, \"sku\": {0}}}, {{\"id\": 2, \"sku\": \"mug\"}}], \"by sku\": {{{0}: 7}}}}",
            serde_json::Value::from(AWKWARD)
        )),
    })
}

#[test]
fn a_value_in_a_jsonpath_is_compared_and_never_read_as_a_path() {
    let server = shop();
    let head = format!("[vars]\nv = {}\nn = 2\nkey = \"by sku\"\nlist = {{ value = [1] }}", quoted(AWKWARD));
    let url = format!("url = {:?}", server.url("/"));
    let found = |path: &str, matcher: &str| format!("{url}\nexpect.json.{} = {matcher}", quoted(path));
    let gone = "{ exists = false }";
    let _ = health_in(
        Smoke::new(),
        &head,
        &[
            case(found("$.orders[?@.sku == '{{v}}'].id", "1"), ""),
            case(found("$.orders[?@.sku == \"{{v}}\"].id", "1"), ""),
            case(found("$.orders[?@.sku == {{v}}].id", "1"), ""),
            case(found("$.orders[?@.id == {{n}}].sku", "'mug'"), ""),
            case(found("$.orders[{{n - 1}}].sku", "'mug'"), ""),
            case(found("$.{{key}}[{{v}}]", "7"), ""),
            case(found("$['{{key}}']['{{v}}']", "7"), ""),
            case(
                found("$.orders[?@.id == {{n}}]", gone),
                "expected json $.orders[?@.id == 2] not to exist, got {\"id\":2,\"sku\":\"mug\"}",
            ),
            case(
                found("$.orders[?@.id == {{list}}]", gone),
                "rendering the template: a JSONPath compares with single values, and [1] is none",
            ),
        ],
    );
}

#[test]
fn what_was_deleted_is_looked_for_by_what_was_captured() {
    let server = shop();
    let create = step("create", "get = \"{{base}}/\"\ncapture.sku = { json = \"$.orders[1].sku\" }");
    let gone = step(
        "gone",
        "get = \"{{base}}/\"\nexpect.json.\"$.orders[?@.sku == '{{sku}}']\" = { exists = false }",
    );
    let ran = run(&server, &journey("it", "", &[create, gone]));
    ran.exits(1);
    let told = ran.junit().case("it").message.clone().unwrap_or_default();
    assert!(
        told.starts_with("step 2 `gone`: expected json $.orders[?@.sku == 'mug'] not to exist"),
        "{told}"
    );
}

#[test]
fn a_value_in_a_selector_is_looked_for_and_never_read_as_a_selector() {
    let server = shop();
    let head =
        "[vars]\nid = \"2 b\"\ndata = 'a\"] x'\nn = 2\ntag = \"li\"\nfield = \"csrf\"\nlike_all = \"p, li\"";
    let url = format!("url = {:?}", server.url("/page"));
    let found =
        |selector: &str, matcher: &str| format!("{url}\nexpect.html.{} = {matcher}", quoted(selector));
    let _ = health_in(
        Smoke::new(),
        head,
        &[
            case(found("#{{id}}", "'first'"), ""),
            case(found("p[data-id='{{data}}']", "'first'"), ""),
            case(found("p[data-id={{data}}]", "'first'"), ""),
            case(found("{{tag}}:nth-child({{n}})", "'two'"), ""),
            case(found("{{like_all}}", "{ exists = false }"), ""),
        ],
    );
    let capture = step(
        "capture",
        "get = \"{{base}}/page\"\ncapture.got = { html = \"input[name={{field}}]\", attr = \"{{'val' ~ 'ue'}}\" }\n",
    );
    let send = step("send", "get = \"{{base}}/{{got}}\"");
    let vars = "field = \"csrf\"\n";
    run(&server, &format!("{vars}{}", journey("it", "", &[capture, send]))).exits(0);
    assert_eq!(server.requests().last().expect("a request").path, "/t0k3n");
}

#[test]
fn names_in_requests_and_answers_have_templates() {
    let server = shop();
    let head = "[vars]\nv = \"version\"\nn = 7\n";
    let keys = "query = { \"q{{n}}\" = 1 }\nheaders = { \"x-{{v}}\" = \"h\" }";
    let bodies = [
        "form = { \"f{{n}}\" = 2 }",
        "multipart = { \"m{{n}}\" = 3 }",
        "json = { \"j{{n}}\" = { \"k{{n}}\" = 4 } }",
    ];
    let cases = bodies
        .map(|body| case(format!("url = {:?}\nmethod = \"POST\"\n{keys}\n{body}", server.url("/")), ""));
    let _ = health_in(Smoke::new(), head, &cases);
    let bodies: Vec<String> = server.requests().iter().map(Request::text).collect();
    for request in server.requests() {
        assert_eq!((request.query.as_str(), request.header("x-version")), ("q7=1", Some("h")));
    }
    for part in ["f7=2", "name=\"m7\"", r#"{"j7":{"k7":4}}"#] {
        assert!(bodies.iter().any(|body| body.contains(part)), "{part} in {bodies:?}");
    }
    let answer =
        format!("url = {:?}\nexpect.header = {{ \"X-{{{{v}}}}\" = \"{{{{n}}}}\" }}", server.url("/headers"));
    let _ = health_in(Smoke::new(), head, &[case(answer, "")]);
    let capture = step(
        "capture",
        "get = \"{{base}}/headers\"\ncapture.a = { header = \"x-{{v}}\" }\ncapture.b = { cookie = \"session-{{n}}\" }",
    );
    let again = step("again", "get = \"{{base}}/headers\"\ncapture.c = { regex = \"^({{a}}|)$\" }");
    let send = step("send", "get = \"{{base}}/{{a}}-{{b}}\"");
    run(&server, &format!("v = \"version\"\nn = 7\n{}", journey("it", "", &[capture, again, send]))).exits(0);
    assert_eq!(server.requests().last().expect("a request").path, "/7-s3ss10n");
}

#[test]
fn a_header_of_the_request_replaces_that_of_the_defaults_whatever_makes_its_name() {
    let server = shop();
    let head = "[vars]\nh = \"x-a\"\n[defaults.http]\nheaders = { X-A = \"default\", x-b = \"default\" }\n";
    let keys = format!("url = {:?}\nheaders = {{ \"{{{{h}}}}\" = \"own\" }}", server.url("/"));
    let _ = health_in(Smoke::new(), head, &[case(keys, "")]);
    let request = server.requests().pop().expect("a request");
    assert_eq!((request.header("x-a"), request.header("x-b")), (Some("own"), Some("default")));
}

#[test]
fn columns_and_environment_variables_have_templates() {
    let folder = crate::support::scratch::for_a_test();
    let path = folder.path().join("shop.db");
    rusqlite::Connection::open(&path)
        .expect("create a database")
        .execute_batch("create table t (i int)")
        .unwrap();
    let checks = format!(
        "[vars]\nc = \"total\"\nname = \"GREETING\"\n\
         [[database]]\nname = \"row\"\nurl = \"sqlite:{0}\"\nquery = \"select 7 as total\"\nexpect.row = {{ \"{{{{c}}}}\" = 7 }}\n\
         [[journey]]\nname = \"column\"\n[[journey.step]]\nname = \"a\"\ndatabase = \"sqlite:{0}\"\n\
         query = \"select 7 as total\"\ncapture.n = {{ column = \"{{{{c}}}}\" }}\n\
         [[journey.step]]\nname = \"b\"\ndatabase = \"sqlite:{0}\"\nquery = \"select {{{{n}}}} as v\"\nexpect.value = 7\n\
         [[boot]]\nname = \"boot\"\ncommand = [\"sh\", \"-c\", \"echo $GREETING; exec sleep 60\"]\n\
         env = {{ \"{{{{name}}}}\" = \"hello\" }}\nready = {{ log = \"hello\" }}\n",
        path.display()
    );
    Smoke::new().suite(&suite(&checks)).run().exits(0);
}

#[test]
fn two_keys_that_come_to_one_name_are_an_error() {
    let server = shop();
    let keys =
        format!("url = {:?}\nmethod = \"POST\"\njson = {{ a = 1, \"{{{{k}}}}\" = 2 }}", server.url("/"));
    let _ = health_in(
        Smoke::new(),
        "[vars]\nk = \"a\"",
        &[case(keys, "rendering the JSON body: two keys of one object are `a`")],
    );
    assert_eq!(server.requests().len(), 0);
}
