//! PostgreSQL URLs: which host, which user, and the message when it is the wrong one.

use std::time::Duration;

use crate::support::ask::{Asked, quoted};
use crate::support::fault::{Fault, FaultServer};
use crate::support::postgres::{ADMIN, PASSWORD, Postgres, SMOKE, TRUST};
use crate::support::psql::End::{Refused, Says};
use crate::support::psql::{both_end, smoke_ends};
use crate::support::smoke::Smoke;
use crate::support::thorough::bound;
use crate::support::verdicts::suite;

/// Identifies the server.
const PORT: &str = "select inet_server_port()";

fn hosts(role: &str, hosts: &[String], parameters: &str) -> String {
    format!("postgres://{role}:{PASSWORD}@{}/postgres?{parameters}", hosts.join(","))
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

#[test]
fn a_refused_login_says_why_without_showing_the_password() {
    let server = Postgres::shared();
    server.admin_sql(&format!("create role full_up login password '{PASSWORD}' connection limit 0"));
    server.admin_sql(&format!("create role no_login nologin password '{PASSWORD}'"));
    let url = |user, database| server.url(user, PASSWORD, database);
    let wrong_password = server.url(SMOKE, "c0rrect-h0rse", "postgres");
    both_end(
        "select 1",
        &[
            (
                wrong_password,
                Refused("auth", "password authentication failed for user \"smoke\" (SQLSTATE 28P01)"),
            ),
            (
                url("nobody", "postgres"),
                Refused("auth", "password authentication failed for user \"nobody\""),
            ),
            (url(SMOKE, "missing"), Refused("sql", "database \"missing\" does not exist (SQLSTATE 3D000)")),
            (
                url("full_up", "postgres"),
                Refused("auth", "too many connections for role \"full_up\" (SQLSTATE 53300)"),
            ),
            (url("no_login", "postgres"), Refused("auth", "role \"no_login\" is not permitted to log in")),
            (server.url(SMOKE, "", "postgres"), Refused("auth", "password missing")),
            (server.url(TRUST, "", "postgres"), Says("1")),
        ],
    );
    let report = Asked::at(&server.url(SMOKE, "c0rrect-h0rse", "postgres")).check("x", "").fails();
    assert!(!report.xml.contains("c0rrect"), "{}", report.xml);
    assert!(report.case("x").text.contains("hint: check user and password"), "{}", report.xml);
}

#[test]
fn a_password_with_any_characters_logs_in_and_is_never_shown() {
    let server = Postgres::shared();
    let awkward = "p@ss:w/rd %41&'\"<é?#";
    server.admin_sql(&format!("create role awkward login password '{}'", awkward.replace('\'', "''")));
    let encoded = percent_encoding::utf8_percent_encode(awkward, percent_encoding::NON_ALPHANUMERIC);
    let url = format!("postgres://awkward:{encoded}@127.0.0.1:{}/postgres", server.port());
    Asked::at(&url).query("select current_user", "value = 'awkward'").passes();

    // This also holds if the URL has several hosts and the server echoes the password.
    let two = url.replace("@127.0.0.1", "@127.0.0.1:1,127.0.0.1");
    let echo = format!(
        "query = {}\nexpect.value = 'x'",
        quoted(&format!("select '{}'", awkward.replace('\'', "''")))
    );
    for url in [url, two] {
        let ran = Asked::at(&url).check("x", &echo).run();
        ran.exits(1);
        for output in [&ran.stderr, &ran.junit().xml, &ran.junit().case("x").text] {
            assert!(output.contains("***"), "{output}");
            assert!(!output.contains("p@ss:w"), "{output}");
        }
    }
}

#[test]
fn an_unreachable_host_falls_back_to_the_next_one() {
    let (first, second) = (Postgres::shared(), Postgres::without_tls());
    let (one, two) = (first.port().to_string(), second.port().to_string());
    let good = local(first.port());
    both_end(
        PORT,
        &[
            (hosts(SMOKE, &[local(1), good.clone()], ""), Says(&one)),
            (hosts(SMOKE, &["nowhere.invalid:5432".to_owned(), good.clone()], ""), Says(&one)),
            (hosts(SMOKE, &[good.clone(), local(1)], "sslmode=require"), Says(&one)),
            (hosts(SMOKE, &[local(1), local(second.port()), good], ""), Says(&two)),
            (
                hosts(SMOKE, &[local(1), local(2)], ""),
                Refused(
                    "connect",
                    "none of the 2 hosts can be had: connecting to 127.0.0.1:1: connection refused; connecting to 127.0.0.1:2: ",
                ),
            ),
            (
                hosts(SMOKE, &[local(1)], ""),
                Refused("connect", "connecting to 127.0.0.1:1: connection refused"),
            ),
            (hosts(SMOKE, &[], "host=/nowhere"), Refused("connect", "/nowhere/.s.PGSQL.5432: no such file")),
        ],
    );
}

#[test]
fn a_refused_login_is_not_retried_on_the_next_host() {
    let (first, second) = (Postgres::shared(), Postgres::without_tls());
    second.admin_sql(&format!("create role only_there login password '{PASSWORD}'"));
    let order = |ports: [u16; 2]| hosts("only_there", &ports.map(local), "");
    let there = second.port().to_string();
    both_end(
        PORT,
        &[
            (order([second.port(), first.port()]), Says(&there)),
            (order([first.port(), second.port()]), Refused("auth", "password authentication failed")),
        ],
    );
    let full = Postgres::shared().admin_sql("create role full_here login connection limit 0");
    assert!(full.is_empty());
    first.admin_sql(&format!("alter role full_here password '{PASSWORD}'"));
    second.admin_sql(&format!("create role full_here login password '{PASSWORD}'"));
    let url = hosts("full_here", &[local(first.port()), local(second.port())], "");
    both_end(PORT, &[(url, Refused("auth", "too many connections"))]);
}

#[test]
fn target_session_attrs_chooses_the_host() {
    let (first, second) = (Postgres::shared(), Postgres::without_tls());
    for server in [first, second] {
        server.admin_sql(&format!("create role chooser login password '{PASSWORD}'"));
    }
    first.admin_sql("alter role chooser set default_transaction_read_only = on");
    let (one, two) = (first.port().to_string(), second.port().to_string());
    let wants = |what: &str| {
        let servers = [local(1), local(first.port()), local(second.port())];
        hosts("chooser", &servers, &format!("target_session_attrs={what}"))
    };
    both_end(
        PORT,
        &[
            (wants("any"), Says(&one)),
            (wants("read-write"), Says(&two)),
            (wants("read-only"), Says(&one)),
            (wants("primary"), Says(&one)),
            (wants("prefer-standby"), Says(&one)),
            (wants("standby"), Refused("connect", "not of the kind that `target_session_attrs` asks for")),
        ],
    );
    let ran = Asked::at(&wants("sometimes")).check("x", "").run();
    ran.exits(2);
    assert!(ran.stderr.contains("`target_session_attrs` is `sometimes`"), "{}", ran.stderr);
}

#[test]
fn connect_timeout_covers_everything_before_the_query() {
    let server = Postgres::shared();
    let port = server.port().to_string();
    for fault in [Fault::PostgresMute, Fault::Mute] {
        let mute = FaultServer::start(fault);
        let servers = [mute.address().to_string(), local(server.port())];
        both_end(PORT, &[(hosts(SMOKE, &servers, "connect_timeout=2"), Says(&port))]);
        let alone = hosts(SMOKE, &servers[..1], "connect_timeout=1");
        smoke_ends(
            PORT,
            &[(alone, Refused("connect", "no connection within 1s (`connect_timeout` of the URL), "))],
        );
    }
}

#[test]
fn a_budget_shorter_than_connect_timeout_is_reported_as_the_budget() {
    for fault in [Fault::NeverAccept, Fault::PostgresMute] {
        let server = FaultServer::start(fault);
        let url = format!("postgres://smoke:secret@{}/smoke?connect_timeout=10", server.address());
        let ran = Asked::at(&url).check("x", "budget = '400ms'").run();
        ran.exits(1);
        let told = ran.junit().case("x").told();
        assert!(told.starts_with("timeout: no connection within 400ms (check budget), while "), "{told}");
        assert!(ran.took < bound(Duration::from_secs(3)), "{:?}", ran.took);
    }
}

#[test]
fn application_name_identifies_the_check() {
    let server = Postgres::shared();
    let url = server.url(SMOKE, PASSWORD, "postgres");
    let name = "select current_setting('application_name')";
    let query = |value: &str| format!("query = \"{name}\"\nexpect.value = '{value}'");
    let long = "a check with a name that goes on and on, longer than a server keeps it";
    Asked::at(&url)
        .check(
            "the shop's \"é\"",
            &query("smoke/asked/the shop''s \"?\"")
                .replace("''", "'")
                .replace("'smoke/asked/the shop's \"?\"'", r#""smoke/asked/the shop's \"?\"""#),
        )
        .check(long, &query(&format!("smoke/asked/{long}")[..63]))
        .url("its own", &format!("{url}?application_name=nightly%20check"), &query("nightly check"))
        .passes();
}

#[test]
fn options_in_the_url_apply_to_the_session() {
    let database = Postgres::shared().create_database();
    database.sql(
        "create schema shop; create table shop.orders (id int); insert into shop.orders values (1), (2)",
    );
    let count = "select count(*) from orders";
    let options = |options: &str| format!("{}?options={options}", database.url());
    both_end(
        count,
        &[
            (options("-c%20search_path%3Dshop"), Says("2")),
            (options("-c%20search_path%3Dshop%20-c%20statement_timeout%3D9s"), Says("2")),
            (options("--search_path%3Dshop"), Says("2")),
            (database.url(), Refused("sql", "relation \"orders\" does not exist")),
            (options("-c%20no_such_setting%3D1"), Refused("auth", "unrecognized configuration parameter")),
        ],
    );
}

#[test]
fn host_and_port_can_be_given_as_parameters() {
    let server = Postgres::shared();
    let port = server.port().to_string();
    let folder = server.socket_folder().display().to_string();
    let url =
        |at: &str, parameters: &str| format!("postgres://{SMOKE}:{PASSWORD}@{at}/postgres?{parameters}");
    both_end(
        PORT,
        &[
            (url("127.0.0.1", &format!("port={port}")), Says(&port)),
            (url("127.0.0.1:1", &format!("port={port}")), Says(&port)),
            (url("nowhere.invalid:1", &format!("host=127.0.0.1&port={port}")), Says(&port)),
            (url(&format!("127.0.0.1:{port}"), "application_name=a@b"), Says(&port)),
            (url("127.0.0.1:1,127.0.0.1:2", &format!("port={port}")), Says(&port)),
        ],
    );
    let by_socket =
        [format!("host={folder}&port={port}"), format!("port={port}&host={}", folder.replace('/', "%2F"))];
    both_end("select 1", &by_socket.map(|parameters| (url("", &parameters), Says("1"))));
}

#[test]
fn without_a_user_the_account_that_runs_smoke_is_used_not_the_environments() {
    let id = std::process::Command::new("id").arg("-un").output().expect("run id");
    let me = String::from_utf8(id.stdout).expect("text").trim().to_owned();
    let url = format!("postgres://127.0.0.1:{}/postgres", Postgres::shared().port());
    let run = |name: &str, value: &str| {
        let ran = Asked::at(&url).check("x", "").smoke().env("PGPASSWORD", "n0t-it").env(name, value).run();
        ran.exits(1);
        ran.junit().case("x").message.clone().unwrap_or_default()
    };
    let refused = |user: &str| format!("password authentication failed for user \"{user}\"");
    let (by_default, by_pguser) = (run("USER", "somebody-else"), run("PGUSER", "somebody-else"));
    assert!(by_default.contains(&refused(&me)), "{by_default}");
    assert!(by_pguser.contains(&refused("somebody-else")), "{by_pguser}");
}

#[test]
fn a_login_as_a_superuser_is_warned_about_once_for_all_checks_of_a_run() {
    let database = Postgres::shared().create_database();
    let check = |name: &str, role: &str| {
        format!("[[database]]\nname = \"{name}\"\nurl = {:?}\nquery = \"select 1\"\n", database.url_for(role))
    };
    let run = |checks: &[String]| {
        let ran = Smoke::new().suite(&suite(&checks.concat())).args(["--json", "run.json"]).run();
        ran.exits(0);
        let document = std::fs::read_to_string(ran.path("run.json")).expect("the report");
        (ran, document)
    };
    let warning = format!("the role `{ADMIN}` of ");
    let (ran, document) = run(&[check("a", ADMIN), check("b", ADMIN), check("c", SMOKE)]);
    for output in [&ran.stderr, &document, &ran.junit().xml] {
        assert_eq!(output.matches(&warning).count(), 1, "{output}");
    }
    assert!(
        ran.stderr.contains("is a superuser, whom a read-only transaction does not keep from everything")
    );
    let (ran, _) = run(&[check("c", SMOKE)]);
    assert!(!ran.stderr.contains("superuser"), "{}", ran.stderr);
}
