//! Contract documents: what is read of them without a database, many at once, and what the suite expects of them.

use std::fs;

use super::{ORDERS, check, mart, run};
use crate::support::scratch;
use crate::support::smoke::{Ran, Smoke};

fn smoke_check(contract: &str) -> Ran {
    let suite = "[[contract]]\nname = \"it\"\nfile = \"orders.odcs.yaml\"\ndatabase = \"postgres://nowhere.invalid/x\"\n";
    Smoke::bare().arg("check").file("orders.odcs.yaml", contract).suite(suite).run()
}

#[test]
fn a_sound_contract_has_no_mistakes_and_json_is_read_as_well() {
    smoke_check(ORDERS).exits(0);
    let json = r#"{"apiVersion": "v3.0.0", "kind": "DataContract", "schema": [{"name": "mart.orders", "properties": [{"name": "order_id", "primaryKey": true}]}]}"#;
    let ran = smoke_check(json);
    ran.exits(0);
    assert!(ran.stderr.ends_with("1 check, no mistakes\n"), "{}", ran.stderr);
    check(&mart().url(), json, "").passes();
}

#[test]
fn what_is_wrong_with_a_contract_is_told_at_its_line_without_a_database() {
    for (from, to, line, message) in [
        ("kind: DataContract", "kind: Pipeline", 2, "expected `kind: DataContract`, found `Pipeline`"),
        ("v3.1.0", "v2.2.2", 1, "expected `apiVersion: v3.…`, found `v2.2.2`"),
        (
            "apiVersion: v3.1.0",
            "dataContractSpecification: 1.1.0",
            1,
            "this is the Data Contract Specification",
        ),
        ("orders.ordered_at", "orders.created_at", 30, "there is no property `created_at` in `orders`"),
        ("orders.ordered_at", "refunds.ordered_at", 30, "there is no object `refunds` in this contract"),
        (
            "slaProperties",
            "    quality:\n      - {metric: rowCount, mustBeGreaterThan: 5, mustBeLessThan: 3}\nslaProperties",
            27,
            "no value satisfies these operators",
        ),
        (
            "slaProperties",
            "    quality:\n      - {metric: rowCount, mustBeLessThan: 0}\nslaProperties",
            27,
            "no value satisfies",
        ),
        (
            "slaProperties",
            "    quality:\n      - {metric: rowCount, mustBeBetween: [1]}\nslaProperties",
            27,
            "expected `mustBeBetween` to be a list of two numbers",
        ),
        ("name: total", "name: order_id", 20, "there is another `order_id` in this object"),
        ("primaryKey: true", "primaryKey: maybe", 15, "expected `primaryKey` to be true or false"),
        ("    properties:", "    properties: 5\n    x:", 11, "expected `properties` to be a list"),
        ("status: active", "status: [active", 6, "this is not YAML: "),
    ] {
        let ran = smoke_check(&ORDERS.replacen(from, to, 1));
        ran.exits(2);
        assert!(ran.stderr.contains(message), "{to}\n{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("orders.odcs.yaml:{line}:")), "{to}\n{}", ran.stderr);
    }
}

#[test]
fn unknown_fields_and_those_of_version_2_are_named_and_nothing_fails_for_them() {
    let contract = ORDERS
        .replace(
            "required: true\n      - name: total",
            "required: true\n        isNullable: false\n      - name: total",
        )
        .replace("status: active", "status: active\nowner: me\nteams: {}");
    let ran = smoke_check(&contract);
    ran.exits(0);
    for told in [
        "unknown field `isNullable`: it is not checked",
        "orders.odcs.yaml:22:",
        "hint: version 3 of the standard has `required` (the opposite)",
        "unknown field `owner`: it is not checked",
        "unknown field `teams`",
        "did you mean `team`?",
        "1 check, no mistakes, 3 warnings",
    ] {
        assert!(ran.stderr.contains(told), "{told}\n{}", ran.stderr);
    }
    let checked = check(&mart().url(), &contract, "");
    assert_eq!(checked.outcome(), "passed");
    assert_eq!(
        checked.summary(),
        "checked 15 of 18 promises; not executable: 3 unknown field (isNullable, owner, teams)"
    );
}

#[test]
fn a_pattern_makes_one_check_of_each_file() {
    let database = mart();
    database.sql("create table mart.customers (id int primary key); insert into mart.customers values (1)");
    let customers = "apiVersion: v3.1.0\nkind: DataContract\nschema: [{name: customers, physicalName: mart.customers, properties: [{name: id, primaryKey: true}]}]\n";
    let suite = |keys: &str| {
        format!(
            "[[contract]]\nname = \"product\"\nfiles = \"contracts/*.odcs.yaml\"\ndatabase = \"{}\"\n{keys}\n[[database]]\nname = \"after\"\nneeds = [\"product\"]\nurl = \"{}\"\n",
            database.url(),
            database.url()
        )
    };
    let smoke = || {
        let smoke = Smoke::new();
        fs::create_dir_all(smoke.path("contracts")).expect("make a folder");
        smoke
            .file("contracts/a.odcs.yaml", ORDERS)
            .file("contracts/customers.odcs.yaml", customers)
            .file("contracts/notes.txt", "x")
    };
    let ran = smoke().suite(&suite("")).run();
    ran.exits(0);
    let names: Vec<String> = ran.junit().cases.iter().map(|case| case.name.clone()).collect();
    assert_eq!(names, ["product: orders", "product: customers", "after"]);
    let only = smoke().suite(&suite("")).args(["--only", "product: customers"]).run();
    only.exits(0);
    let selected = smoke().suite(&suite("objects = [\"mart.customers\"]")).run();
    selected.exits(0);
    assert_eq!(selected.junit().cases.len(), 2);

    let twice = smoke().file("contracts/b.odcs.yaml", ORDERS).suite(&suite("")).run();
    twice.exits(2);
    assert!(
        twice
            .stderr
            .contains("`contracts/a.odcs.yaml` and `contracts/b.odcs.yaml` have the same name, `orders`"),
        "{}",
        twice.stderr
    );
    let none = Smoke::new().suite(&suite("")).run();
    none.exits(2);
    assert!(none.stderr.contains("no file matches `contracts/*.odcs.yaml`"), "{}", none.stderr);
}

#[test]
fn names_of_objects_are_the_contracts_then_the_databases_and_unknown_ones_are_mistakes() {
    let database = mart();
    check(&database.url(), ORDERS, "objects = [\"orders\"]").passes();
    check(
        &database.url(),
        ORDERS,
        "objects = [\"mart.orders\"]\nwhere = { \"mart.orders\" = \"total > 5\" }",
    )
    .passes();
    for (keys, message) in [
        ("objects = [\"order\"]", "there is no object `order` in the contract"),
        ("where = { orderz = \"total > 5\" }", "there is no object `orderz` in the contract"),
        (
            "where = { orders = \"country = '{{suite.name}}'\" }",
            "a variable inside an SQL string literal is not bound",
        ),
        ("timezone = \"Europe/Atlantis\"", "unknown time zone `Europe/Atlantis`"),
        ("extra-columns = \"no\"", "expected `\"allow\"` or `\"forbid\"`"),
        ("files = \"*.yaml\"", "a contract has a `file`, or `files`, or promises of its own"),
    ] {
        let suite = format!(
            "[[contract]]\nname = \"it\"\nfile = \"orders.odcs.yaml\"\ndatabase = \"{}\"\n{keys}\n",
            database.url()
        );
        let ran = Smoke::new().file("orders.odcs.yaml", ORDERS).suite(&suite).run();
        ran.exits(2);
        assert!(ran.stderr.contains(message), "{keys}\n{}", ran.stderr);
    }
}

#[test]
fn the_suite_says_what_every_document_must_say() {
    let database = mart();
    let expect = "document.\"$.team\" = { exists = true }\ndocument.\"$.slaProperties[?@.property == 'freshness']\" = { count = { min = 1 } }\n";
    let checked = check(&database.url(), ORDERS, expect);
    checked.finds("failed", "failed 5: document $.team: nothing");
    assert!(checked.message().contains("document $.team"), "{}", checked.message());
    assert!(checked.ran.stderr.contains("smoke.toml:5"), "{}", checked.ran.stderr);
    let with_team = format!("{ORDERS}team: {{name: shop}}\n");
    check(&database.url(), &with_team, expect).passes();
    let classified = "document.\"$.schema[*].properties[*].classification\" = { each = { one-of = [\"public\", \"pii\"] } }";
    let checked =
        check(&database.url(), &ORDERS.replace("primaryKey: true", "classification: open"), classified);
    assert_eq!(checked.findings().len(), 1, "{:?}", checked.findings());
}

#[test]
fn variables_reach_the_path_the_url_and_the_slice() {
    let database = mart();
    let suite = format!(
        "[vars]\nproduct = \"orders\"\nurl = \"{}\"\nsince = 5\n[[contract]]\nname = \"it\"\nfile = \"{{{{product}}}}.odcs.yaml\"\ndatabase = \"{{{{url}}}}\"\nwhere = {{ orders = \"order_id > {{{{since}}}}\" }}\n",
        database.url()
    );
    let contract =
        ORDERS.replace("slaProperties", "    quality: [{metric: rowCount, mustBe: 95}]\nslaProperties");
    run(Smoke::new().file("orders.odcs.yaml", &contract), &suite).passes();
}

#[test]
fn the_databases_servers_are_the_suites_and_never_the_contracts() {
    let database = mart();
    let contract = format!(
        "{ORDERS}servers:\n  - {{server: prod, type: postgres, host: 192.0.2.1, port: 1, database: x, schema: mart}}\n"
    );
    let checked = check(&database.url(), &contract, "");
    checked.passes();
}

#[test]
fn init_writes_the_check_of_a_contract() {
    let folder = scratch::for_a_test();
    fs::create_dir(folder.path().join("contracts")).expect("make a folder");
    let contract = folder.path().join("contracts/orders.odcs.yaml");
    fs::write(&contract, ORDERS).expect("write a contract");
    let init = Smoke::bare().arg("init").arg(folder.path()).arg("--contract").arg(&contract).run();
    init.exits(0);
    let suite = folder.path().join("smoke.toml");
    let text = fs::read_to_string(&suite).expect("the suite");
    assert!(text.contains("file = \"contracts/orders.odcs.yaml\"\n"), "{text}");
    let database = mart();
    Smoke::bare().args(["check", "--strict"]).arg(&suite).env("MART_URL", database.url()).run().exits(0);
    Smoke::new().arg(&suite).env("MART_URL", database.url()).run().exits(0);
    let again = Smoke::bare().arg("init").arg(folder.path()).arg("--contract").arg(&contract).run();
    again.exits(2);
    fs::write(&contract, ORDERS.replace("kind: DataContract", "kind: x")).expect("write a contract");
    fs::remove_file(&suite).expect("take it away");
    let wrong = Smoke::bare().arg("init").arg(folder.path()).arg("--contract").arg(&contract).run();
    wrong.exits(2);
    assert!(
        wrong.stderr.contains("expected `kind: DataContract`")
            && wrong.stderr.contains("nothing was written"),
        "{}",
        wrong.stderr
    );
    assert!(!suite.exists());
}
