//! Of a malformed address, only the scheme is printed.

use crate::support::outputs::{asked_for_all, have_none_of};
use crate::support::smoke::Smoke;

fn parts() -> [(&'static str, String); 2] {
    [("the first half", "hunter".to_owned()), ("the second half", "tail4711".to_owned())]
}

#[test]
fn a_password_that_is_not_encoded_is_in_no_output_and_nothing_is_sent() {
    for sign in ["@", "/", "?", "#", "/x@", ":"] {
        let password = format!("hunter{sign}tail4711");
        let urls = [
            format!("postgres://shop:{password}@127.0.0.1:1/shop"),
            format!("http://shop:{password}@127.0.0.1:1/"),
        ];
        for (kind, url) in ["database", "health"].into_iter().zip(urls) {
            let from_outside = format!(
                "[vars]\ndb_url = {{ env = \"DB_URL\" }}\n[[{kind}]]\nname = \"it\"\nurl = \"{{{{db_url}}}}\"\n"
            );
            let in_clear = format!("[[{kind}]]\nname = \"it\"\nurl = \"{url}\"\n");
            for suite in [from_outside, in_clear] {
                let ran = asked_for_all().suite(&suite).env("DB_URL", &url).run();
                have_none_of(&ran, &parts());
                // These two are valid addresses of a user.
                let is_sound = sign == ":"
                    || (kind == "health" && sign == "@")
                    || (kind == "database" && ["#", "/"].contains(&sign));
                ran.exits(if is_sound { 1 } else { 2 });
                assert!(is_sound || ran.stderr.contains("{{password|urlencode}}"), "{url}\n{}", ran.stderr);
            }
        }
    }
}

#[test]
fn a_connection_string_where_a_url_is_meant_is_in_no_output() {
    for string in [
        "host=127.0.0.1 user=shop password=hunter-tail4711 dbname=shop",
        "host=127.0.0.1 password='hunter tail4711'",
        "Server=127.0.0.1;User Id=shop;Password=hunter-tail4711;Database=shop",
        "jdbc:postgresql://127.0.0.1:1/shop?user=shop&password=hunter-tail4711",
        "shop:hunter-tail4711@127.0.0.1:1",
    ] {
        for kind in ["database", "health"] {
            let suite = format!(
                "[vars]\ndb_url = {{ env = \"DB_URL\" }}\n[[{kind}]]\nname = \"it\"\nurl = \"{{{{db_url}}}}\"\n"
            );
            let ran = asked_for_all().suite(&suite).env("DB_URL", string).run();
            ran.exits(2);
            have_none_of(&ran, &parts());
            let ran = asked_for_all().suite(&suite.replace("{{db_url}}", string)).env("DB_URL", "x").run();
            ran.exits(2);
            have_none_of(&ran, &parts());
        }
    }
}

#[test]
fn a_proxy_without_a_scheme_keeps_its_password() {
    let suite = "[vars]\nproxy = { env = \"THE_PROXY\" }\n[[health]]\nname = \"it\"\nurl = \"http://shop.example/\"\nproxy = \"{{proxy}}\"\n";
    let ran = asked_for_all().suite(suite).env("THE_PROXY", "shop:hunter-tail4711@127.0.0.1:1").run();
    ran.exits(1);
    have_none_of(&ran, &parts());
    let ran = asked_for_all()
        .suite(&suite.replace("{{proxy}}", "shop:hunter-tail4711@127.0.0.1:1"))
        .env("THE_PROXY", "x")
        .run();
    ran.exits(1);
    have_none_of(&ran, &parts());
}

#[test]
fn what_is_no_name_and_value_is_not_shown() {
    let suite = "[[health]]\nname = \"it\"\nurl = \"http://127.0.0.1:1/\"\n";
    let ran = Smoke::new().suite(suite).arg("--var").arg("password:hunter-tail4711").run();
    ran.exits(2);
    assert!(!ran.stderr.contains("hunter") && ran.stderr.contains("NAME=VALUE"), "{}", ran.stderr);
}
