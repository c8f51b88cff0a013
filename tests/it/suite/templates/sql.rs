//! In SQL a variable is a bound parameter.

use crate::support::ask::{Asked, plain, quoted};
use crate::support::journeys::{journey, step};
use crate::support::postgres::Postgres;
use crate::support::smoke::Smoke;
use crate::support::verdicts::suite;

#[test]
fn a_variable_of_every_type_is_a_bound_parameter_in_sql() {
    let shop = Postgres::shared().create_database();
    shop.sql("create table t (i int, b bigint, x float8, yes bool, w text); insert into t values (7, 9007199254740993, 0.5, true, 'it''s; drop table t')");
    let folder = crate::support::scratch::for_a_test();
    let path = folder.path().join("shop.db");
    let lite = rusqlite::Connection::open(&path).expect("create a database");
    lite.execute_batch("create table t (i int, b int, x real, yes int, w text); insert into t values (7, 9007199254740993, 0.5, true, 'it''s; drop table t')")
        .expect("fill it");
    let head = format!(
        "[vars]\nint = 7\nbig = 9007199254740993\nfloat = 0.5\nyes = true\ntext = {}\nsame = \"7\"",
        quoted("it's; drop table t")
    );
    for url in [shop.url(), format!("sqlite:{}", path.display())] {
        let asked = Asked::at(&url).with(&head);
        asked
            .query("select count(*) from t where i = {{int}}", "value = 1")
            .query("select count(*) from t where i = {{same}}", "value = 1")
            .query("select count(*) from t where b = {{big}}", "value = 1")
            .query("select count(*) from t where x = {{float}}", "value = 1")
            .query("select count(*) from t where yes = {{yes}}", "value = 1")
            .query("select count(*) from t where w = {{text}}", "value = 1")
            .query("select count(*) from t where i is not distinct from {{none}}", "value = 0")
            .query(
                "select w from t where i = {{int}} and w = {{text}} and yes = {{yes}} limit {{ 1 }}",
                "rows = 1",
            )
            .passes();
        // A captured null is null, not the text.
        let query = |query: &str, rest: &str| {
            step(&plain(query), &format!("database = {}\nquery = {}\n{rest}", quoted(&url), quoted(query)))
        };
        let steps = [
            query(
                "select null as n, i as i from t",
                "capture.n = { column = 'n' }\ncapture.i = { column = 'i' }",
            ),
            query(
                "select count(*) as c from t where w is not distinct from {{n}} or i = {{i}}",
                "expect.value = 1",
            ),
            query("select coalesce({{n}}, 'none') as c", "expect.value = 'none'"),
        ];
        Smoke::new().suite(&suite(&journey("it", "", &steps))).run().exits(0);
    }
    assert_eq!(shop.value("select count(*) from t"), "1");
}
