//! libpq's environment variables: they fill in what a URL omits, and unsupported ones are rejected.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::ask::Asked;
use crate::support::postgres::{PASSWORD, Postgres, SMOKE};
use crate::support::scratch;

/// Returns the result of a query at `url` with these variables, from smoke and from psql: the answer, or why there is
/// none.
fn both(url: &str, query: &str, variables: &[(&str, &str)]) -> (Result<String, String>, Option<String>) {
    // A separate `HOME` keeps this machine's own files out.
    let home = scratch::for_a_test();
    let home = home.path().to_str().expect("a plain name");
    let variables: Vec<(&str, &str)> =
        [("HOME", home)].into_iter().chain(variables.iter().copied()).collect();
    let keys = format!("query = \"select ({query})::text as it\"\nexpect.value = 'never'");
    let smoke = Asked::at(url).check("it", &keys).smoke();
    let ran = variables.iter().fold(smoke, |smoke, (name, value)| smoke.env(name, value)).run();
    let told = ran.junit().case("it").message.clone().unwrap_or_default();
    let got = told
        .split_once("expected value \"never\", got \"")
        .map(|(_, got)| got.trim_end_matches('"').to_owned());
    let mut psql = Command::new(Postgres::shared().programs().join("psql"));
    psql.env_clear().envs(variables).args(["-X", "-Atc", &format!("select ({query})::text"), url]);
    let output = psql.output().expect("run psql");
    let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (got.ok_or(told), output.status.success().then_some(answer))
}

#[test]
fn a_variable_counts_as_in_psql_where_the_url_is_silent() {
    let server = Postgres::shared();
    let database = server.create_database();
    let (port, own) = (server.port().to_string(), server.port().to_string());
    let password = ("PGPASSWORD", PASSWORD);
    let whole = database.url();
    let address = format!("postgres://127.0.0.1:{port}/{}", database.name);
    let socket = server.socket_folder().to_str().expect("a plain name");
    let place = [("PGHOST", "127.0.0.1"), ("PGPORT", &own), password];
    for (url, query, variables, answer) in [
        (
            "postgres://",
            "current_database()",
            &[place.as_slice(), &[("PGUSER", SMOKE), ("PGDATABASE", &database.name)]].concat()[..],
            &*database.name,
        ),
        (&address, "current_user", &[("PGUSER", SMOKE), password], SMOKE),
        (
            &whole,
            "current_database()",
            &[
                ("PGHOST", "nowhere.invalid"),
                ("PGPORT", "1"),
                ("PGUSER", "x"),
                ("PGPASSWORD", "x"),
                ("PGDATABASE", "x"),
            ],
            &database.name,
        ),
        (
            &format!("postgres://{SMOKE}@/{}", database.name),
            "current_user",
            &[("PGHOST", socket), ("PGPORT", &own), password],
            SMOKE,
        ),
        (&whole, "current_setting('search_path')", &[("PGOPTIONS", "-c search_path=mart")], "mart"),
        (
            &format!("{whole}?options=-c%20search_path%3Dhere"),
            "current_setting('search_path')",
            &[("PGOPTIONS", "-c search_path=mart")],
            "here",
        ),
        (&whole, "current_setting('application_name')", &[("PGAPPNAME", "nightly")], "nightly"),
        (
            &whole,
            "(select ssl from pg_stat_ssl where pid = pg_backend_pid())",
            &[("PGSSLMODE", "disable")],
            "false",
        ),
        (
            &format!("{whole}?sslmode=require"),
            "(select ssl from pg_stat_ssl where pid = pg_backend_pid())",
            &[("PGSSLMODE", "disable")],
            "true",
        ),
        (&whole, "1", &[("PGOPTIONS", ""), ("PGREQUIRESSL", "0"), ("PGGSSENCMODE", "disable")], "1"),
    ] {
        let (smoke, psql) = both(url, query, variables);
        assert_eq!(smoke.as_deref(), Ok(answer), "{url} {variables:?}");
        assert_eq!(psql.as_deref(), Some(answer), "psql {url} {variables:?}");
    }
}

#[test]
fn a_variable_that_asks_for_more_safety_is_never_ignored() {
    let (server, plain) = (Postgres::shared(), Postgres::without_tls());
    let url = |server: &Postgres| server.url(SMOKE, PASSWORD, "postgres");
    let other = server.other_ca_path();
    let other = other.to_str().expect("a plain name");
    for (url, variables, told) in [
        (url(plain), &[("PGSSLMODE", "require")][..], "the server does not offer TLS"),
        (url(server), &[("PGSSLMODE", "verify-full")], "there is no root certificate"),
        (url(server), &[("PGSSLMODE", "verify-ca"), ("PGSSLROOTCERT", other)], "certificate"),
        (url(plain), &[("PGCHANNELBINDING", "require")], "channel binding"),
        (url(server), &[("PGTARGETSESSIONATTRS", "standby")], "not of the kind"),
        (url(server), &[("PGSERVICE", "shop")], "`PGSERVICE` is set, and is not supported"),
        (url(server), &[("PGREQUIREPEER", "nobody")], "`PGREQUIREPEER` is set"),
        (url(server), &[("PGREQUIREAUTH", "none")], "`PGREQUIREAUTH` is set"),
        (url(server), &[("PGSSLMINPROTOCOLVERSION", "TLSv1.3")], "`PGSSLMINPROTOCOLVERSION` is set"),
        (url(server), &[("PGGSSENCMODE", "require")], "`PGGSSENCMODE` is set"),
    ] {
        let (smoke, _) = both(&url, "1", variables);
        let failure = smoke.expect_err("refused");
        assert!(failure.contains(told), "{variables:?}: {failure}");
    }
    for (parameter, told) in [
        ("requirepeer=root", "`requirepeer` is set, and is not supported"),
        ("sslcrl=x.pem", "`sslcrl` is set"),
        ("gssencmode=require", "`gssencmode` is set"),
        ("schema=shop", "options=-c%20search_path%3DNAME"),
        ("pgbouncer=true", "no statement is left behind on a pooler"),
        ("connection_limit=5", "the check's `budget` is the limit"),
    ] {
        let ran = Asked::at(&format!("{}?{parameter}", url(server))).check("it", "").run();
        ran.exits(2);
        assert!(ran.stderr.contains(told), "{parameter}: {}", ran.stderr);
    }
}

#[test]
fn a_password_file_is_read_as_psql_reads_it() {
    let server = Postgres::shared();
    let folder = scratch::for_a_test();
    let file = folder.path().join("pgpass");
    let path = file.to_str().expect("a plain name");
    let url = format!("postgres://{SMOKE}@127.0.0.1:{}/postgres", server.port());
    let line = format!("127.0.0.1:1:*:*:wrong\n127.0.0.1:{}:postgres:{SMOKE}:{PASSWORD}\n", server.port());
    fs::write(&file, line).expect("write the file");
    for (mode, is_read) in [(0o600, true), (0o640, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set the mode");
        for (url, variables) in [
            (url.clone(), &[("PGPASSFILE", path)][..]),
            (format!("{url}?passfile={path}"), &[]),
            (url.clone(), &[("PGPASSFILE", path), ("PGPASSWORD", "")]),
        ] {
            let (smoke, psql) = both(&url, "current_user", variables);
            assert_eq!(
                (smoke.is_ok(), psql.is_some()),
                (is_read, is_read),
                "{mode:o} {url} {variables:?}: {smoke:?}"
            );
            if let Err(failure) = smoke {
                assert!(failure.contains("is not read, because others may read it"), "{failure}");
            }
        }
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set the mode");
    let (smoke, psql) = both(&url, "current_user", &[("PGPASSFILE", path), ("PGPASSWORD", "wrong")]);
    assert!(smoke.is_err() && psql.is_none(), "the variable counts first");
}

#[test]
fn the_limits_of_a_session_are_not_loosened() {
    let database = Postgres::shared().create_database();
    database.sql("create table t (id int)");
    let role = format!("limited_{}", database.name);
    database.admin_sql(&format!(
        "create role {role} login password '{PASSWORD}'; alter role {role} set statement_timeout = '300ms';
         alter role {role} set lock_timeout = '200ms'; grant select on t to {role}"
    ));
    let asked = Asked::at(&database.url_for(&role))
        .query("select current_setting('statement_timeout') || current_setting('lock_timeout')", "value = '300ms200ms'")
        .url(
            "by the URL",
            &format!("{}?options=-c%20statement_timeout%3D1min%20-c%20lock_timeout%3D2s", database.url()),
            "query = \"select current_setting('lock_timeout')\"\nexpect.value = '2s'",
        )
        .url(
            "the budget is smaller",
            &format!("{}?options=-c%20statement_timeout%3D2147483647", database.url()),
            "query = \"select current_setting('statement_timeout')\"\nbudget = '9s'\nexpect.value = { matches = '^[89][0-9]{3}ms$' }",
        );
    asked.passes();
    let report = Asked::at(&database.url_for(&role)).query("select pg_sleep(20)", "rows = 1").fails();
    let case = report.case("select pg_sleep(20)");
    assert_eq!(
        case.told(),
        "sql: running the query: canceling statement due to statement timeout (SQLSTATE 57014)"
    );
    assert!(case.text.contains("hint: that was a `statement_timeout` of the role"), "{}", case.text);
}
