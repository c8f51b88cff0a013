//! Numbers keep their type and their digits.

use crate::support::ask::{Asked, plain, quoted};
use crate::support::http::{HttpServer, Request, Response};
use crate::support::journeys::{journey, step};
use crate::support::postgres::Postgres;
use crate::support::smoke::Smoke;
use crate::support::verdicts::suite;

/// Numbers that no machine type would print in this form.
const NUMBERS: [&str; 9] = [
    "1.0",
    "19.90",
    "1e+2",
    "-0.0",
    "5e+22",
    "9007199254740993.0",
    "12345678901234567890",
    "0.12345678901234567890",
    "-123456789012345678901234567890.10",
];

#[test]
fn a_number_keeps_its_type_and_its_digits_however_it_is_written() {
    let server = HttpServer::start(|request| match request.method.as_str() {
        "POST" => Response::json(&request.text()),
        _ => Response::json(&format!("{{\"numbers\": [{}]}}", NUMBERS.join(", "))),
    });
    let vars = "[vars]\nwhole = 1.0\nprice = 19.90\nhuge = 1e2\nzero = -0.0\nlong = 0.12345678901234567890\nlist = { value = [1.50] }\n";
    let captures = (0..NUMBERS.len()).map(|at| format!("capture.n{at} = {{ json = '$.numbers[{at}]' }}"));
    let captures: Vec<String> = captures.collect();
    let expects = (0..NUMBERS.len()).map(|at| format!("expect.json.'$.numbers[{at}]' = '{{{{n{at}}}}}'"));
    let expects: Vec<String> = expects.collect();
    let at = server.url("/");
    let get = |rest: String| step("get", &format!("get = {at:?}\n{rest}\ncapture.all = {{ json = '$' }}"));
    let sent: Vec<String> = (0..NUMBERS.len()).map(|at| format!("n{at} = '{{{{n{at}}}}}'")).collect();
    let post = |name: &str, rest: &str| step(name, &format!("post = {at:?}\n{rest}"));
    let steps = [
        get(captures.join("\n")),
        step("again", &format!("get = {at:?}\n{}", expects.join("\n"))),
        post(
            "what was captured",
            &format!(
                "json = {{ {}, part = '{{{{all.numbers[1]}}}}', all = '{{{{all}}}}' }}",
                sent.join(", ")
            ),
        ),
        post(
            "variables",
            "json = { whole = '{{whole}}', price = '{{price}}', huge = '{{huge}}', zero = '{{zero}}', long = '{{long}}', list = '{{list}}', sum = '{{whole + n1}}', text = '{{price}} {{n8}}', is = '{{n6 > 5}}' }\nexpect.json.'$.sum' = 20.9",
        ),
    ];
    Smoke::new().suite(&suite(&format!("{vars}{}", journey("it", "", &steps)))).run().exits(0);
    let posts: Vec<String> =
        server.requests().iter().filter(|request| request.method == "POST").map(Request::text).collect();
    let members: Vec<String> =
        NUMBERS.iter().enumerate().map(|(at, number)| format!("\"n{at}\":{number}")).collect();
    let all = format!("{{\"numbers\":[{}]}}", NUMBERS.join(","));
    assert_eq!(posts[0], format!("{{{},\"part\":19.9,\"all\":{all}}}", members.join(",")));
    assert_eq!(
        posts[1],
        "{\"whole\":1.0,\"price\":19.90,\"huge\":1e+2,\"zero\":-0.0,\"long\":0.12345678901234567890,\"list\":[1.50],\"sum\":20.9,\"text\":\"19.90 -123456789012345678901234567890.10\",\"is\":true}"
    );
}

#[test]
fn a_number_is_bound_as_a_number_however_it_is_written() {
    let shop = Postgres::shared().create_database();
    shop.sql("create table t (n numeric, big numeric); insert into t values (19.90, 12345678901234567890)");
    let folder = crate::support::scratch::for_a_test();
    let path = folder.path().join("shop.db");
    rusqlite::Connection::open(&path)
        .expect("create a database")
        .execute_batch("create table t (n)")
        .expect("fill it");
    let vars = "[vars]\nwhole = 1.0\nprice = 19.90\n";
    let asked = Asked::at(&format!("sqlite:{}", path.display())).with(vars);
    asked
        .query("select typeof({{whole}})", "value = 'real'")
        .query("select typeof({{price}})", "value = 'real'")
        .query("select {{whole}} = 1", "value = 1")
        .passes();
    let query = |query: &str, rest: &str| {
        step(&plain(query), &format!("database = {}\nquery = {}\n{rest}", quoted(&shop.url()), quoted(query)))
    };
    let steps = [
        query(
            "select n, big from t limit 1",
            "capture.n = { column = 'n' }\ncapture.big = { column = 'big' }",
        ),
        query("select n, big from t", "expect.row = { n = '{{n}}', big = '{{big}}' }"),
        query(
            "select count(*) from t where n = {{n}} and big = {{big}} and n > {{whole}}",
            "expect.value = 1",
        ),
        query("select timestamptz '2024-01-02 03:04:05Z'", "expect.value = 2024-01-02T03:04:05Z"),
    ];
    Smoke::new().suite(&suite(&format!("{vars}{}", journey("it", "", &steps)))).run().exits(0);
}
