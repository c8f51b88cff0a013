//! Secrets in a database's URL and parameters.

use rusqlite::Connection;

use super::{HEAD, SECRET, stars_out};
use crate::support::outputs::{asked_for_all, have_none_of};
use crate::support::postgres::{Postgres, TRUST};

#[test]
fn a_parameter_of_a_query_is_in_no_output() {
    let check = |name: &str, query: &str| {
        format!(
            "[[database]]\nname = \"{name}\"\nurl = \"sqlite:some.db\"\nquery = \"{query}\"\nexpect.value = \"never\"\n"
        )
    };
    let suite = HEAD.to_owned()
        + &check("echo", "select {{mine}} as a")
        + &check("hex", "select hex({{mine}})")
        + &check("json", "select json_object('a', {{mine}})")
        + &check("quoted", "select quote({{mine}})")
        + &check("error", "select json_extract({{mine}}, '$.a')");
    let asked = asked_for_all();
    let made = Connection::open(asked.path("some.db")).expect("create a database");
    made.execute_batch("create table t (a)").expect("fill it");
    let ran = asked.suite(&suite).env("MINE", SECRET).run();
    ran.exits(1);
    stars_out(&ran, SECRET);
}

#[test]
fn an_error_text_of_postgresql_shows_no_parameter() {
    let url = Postgres::shared().create_database().url_for(TRUST);
    let check = |name: &str, query: &str| {
        format!(
            "[[database]]\nname = \"{name}\"\nurl = \"{url}\"\nquery = \"{query}\"\nexpect.value = \"never\"\n"
        )
    };
    let suite = HEAD.to_owned()
        + &check("echo", "select {{mine}}::text")
        + &check("number", "select ({{mine}}::text)::int")
        + &check("json", "select ({{mine}}::text)::json")
        + &check("bytes", "select encode(convert_to({{mine}}::text, 'utf8'), 'hex')")
        + &check("quoted", "select quote_literal({{mine}}::text)");
    let ran = asked_for_all().suite(&suite).env("MINE", SECRET).run();
    ran.exits(1);
    let report = ran.junit();
    for name in ["echo", "number", "bytes", "quoted"] {
        assert!(report.case(name).text.contains("***"), "{name}: {}", report.case(name).text);
    }
    stars_out(&ran, SECRET);
}

#[test]
fn a_secret_in_the_path_of_a_database_is_in_no_output() {
    let tenant = "s3cr3t-token-1";
    let suite = "[suite]\nfail-fast = false\n[vars]\ntenant = { env = \"TENANT\", secret = true }\n\
         [[database]]\nname = \"file\"\nurl = \"sqlite:{{tenant}}/x.db\"\n\
         [[database]]\nname = \"socket\"\nurl = \"postgres://a@/b?host=%2F{{tenant}}\"\n\
         [[journey]]\nname = \"flow\"\n[[journey.step]]\nname = \"a\"\ndatabase = \"sqlite:{{tenant}}/x.db\"\n\
         query = \"select 1\"\n";
    let ran = asked_for_all().suite(suite).env("TENANT", tenant).run();
    ran.exits(1);
    have_none_of(&ran, &[("the secret", tenant.to_owned())]);
    assert!(ran.stderr.contains("***/x.db; connect"), "{}", ran.stderr);
}
