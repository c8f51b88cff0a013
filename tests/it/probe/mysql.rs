//! MySQL's URLs and the login, TLS, values in both directions; on a real MariaDB.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::ask::{Asked, quoted};
use crate::support::certificates::Certificates;
use crate::support::junit::Outcome;
use crate::support::mariadb::{CERT, ED25519, MariaDb, OPEN, PASSWORD, ROOT, SMOKE, TLS_ONLY};

const IS_SECURED: &str =
    "select variable_value <> '' from information_schema.session_status where variable_name = 'Ssl_cipher'";

#[test]
fn each_login_method_logs_in_by_tcp_and_by_socket() {
    let server = MariaDb::shared();
    let database = server.create_database();
    let name = &database.name;
    let socket = server.socket().display().to_string();
    let encoded = socket.replace('/', "%2F");
    let query =
        |user: &str| format!("query = \"select substring_index(user(), '@', 1)\"\nexpect.value = '{user}'");
    let mut asked = Asked::at("");
    for user in [ROOT, SMOKE, TLS_ONLY, ED25519, OPEN] {
        asked = asked.url(user, &database.url_for(user), &query(user));
    }
    for (number, address) in [
        format!("localhost:{}/{name}?socket={socket}", server.port()),
        format!("{encoded}/{name}"),
        format!("({socket})/{name}"),
    ]
    .iter()
    .enumerate()
    {
        let url = format!("mariadb://{SMOKE}:{PASSWORD}@{address}");
        asked = asked.url(&format!("socket {number}"), &url, &query(SMOKE));
    }
    asked.url("without a query", &database.url(), "").passes();
}

#[test]
fn a_refused_login_says_why_without_showing_the_password() {
    let server = MariaDb::shared();
    let name = &server.create_database().name;
    let wrong = "wrong-donkey";
    let asked = Asked::at("")
        .url("password", &server.url(SMOKE, wrong, name), "")
        .url("ed25519", &server.url(ED25519, wrong, name), "")
        .url("user", &server.url("nobody_here", wrong, name), "")
        .url("database", &server.url(SMOKE, PASSWORD, "test_missing"), "")
        .url("not granted", &server.url(SMOKE, PASSWORD, "mysql"), "")
        .url("tls only", &format!("{}?ssl-mode=disabled", server.url(TLS_ONLY, PASSWORD, name)), "")
        .url("no server", &format!("mysql://{SMOKE}:{PASSWORD}@127.0.0.1:1/{name}"), "")
        .url("no socket", &format!("mysql://{SMOKE}:{PASSWORD}@localhost/{name}?socket=/nowhere.sock"), "");
    let ran = asked.run();
    let report = ran.junit();
    for output in [&ran.stderr, &ran.stdout, &report.xml] {
        assert!(!output.contains(PASSWORD) && !output.contains(wrong), "{output}");
    }
    for (check, kind, text, hint) in [
        ("password", "auth", "Access denied for user 'smoke'", "check user and password"),
        ("ed25519", "auth", "Access denied for user 'smoke_ed25519'", "check user and password"),
        ("user", "auth", "Access denied for user 'nobody_here'", "check user and password"),
        ("database", "sql", "Unknown database 'test_missing' (error 1049, SQLSTATE 42000)", "or create it"),
        ("not granted", "auth", "(error 1044, SQLSTATE 42000)", "grant the user"),
        ("tls only", "auth", "Access denied for user 'smoke_tls_only'", "needs `ssl-mode=required`"),
        ("no server", "connect", "connection refused", "nothing listens on that port"),
        ("no socket", "connect", "connecting to /nowhere.sock", "hint: "),
    ] {
        let case = report.case(check);
        assert_eq!(case.outcome, Outcome::Errored, "{check}: {}", case.text);
        assert!(case.told().starts_with(&format!("{kind}: ")), "{check}: {}", case.told());
        assert!(case.text.to_lowercase().contains(&text.to_lowercase()), "{check}: {}", case.text);
        assert!(case.text.contains(hint), "{check}: {}", case.text);
    }
}

#[test]
fn each_ssl_mode_encrypts_and_verifies_as_documented() {
    let server = MariaDb::shared();
    let database = server.create_database();
    let certificates = Certificates::shared();
    let (ca, other) = (certificates.authority(), certificates.other_authority());
    let (cert, key) = (certificates.client_certificate(), certificates.client_key());
    let (ca, other) = (ca.display(), other.display());
    let identity = format!("ssl-cert={}&ssl-key={}", cert.display(), key.display());
    let url = |user: &str, parameters: &str| format!("{}?{parameters}", database.url_for(user));
    let mut asked = Asked::at("");
    for (parameters, is_secured) in [
        ("ssl-mode=disabled".to_owned(), 0),
        ("ssl-mode=preferred".to_owned(), 1),
        ("ssl-mode=required".to_owned(), 1),
        (format!("ssl-mode=verify-ca&ssl-ca={ca}"), 1),
        (format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}"), 1),
        (format!("sslmode=verify-full&sslca={ca}"), 1),
        (format!("ssl-ca={ca}"), 1),
        (String::new(), 1),
    ] {
        let keys = format!("query = {}\nexpect.value = {is_secured}", quoted(IS_SECURED));
        asked = asked.url(&format!("it {parameters}"), &url(SMOKE, &parameters), &keys);
    }
    asked.url("client", &url(CERT, &format!("ssl-ca={ca}&{identity}")), "").passes();

    let report = Asked::at("")
        .url("other", &url(SMOKE, &format!("ssl-mode=verify-ca&ssl-ca={other}")), "")
        .url("other and required", &url(SMOKE, &format!("ssl-mode=required&ssl-ca={other}")), "")
        .url("system", &url(SMOKE, "ssl-mode=verify-identity"), "")
        .url("no authority", &url(SMOKE, "ssl-mode=verify-ca"), "")
        .url("no file", &url(SMOKE, "ssl-mode=verify-ca&ssl-ca=/nowhere.pem"), "")
        .url("no key", &url(CERT, &format!("ssl-ca={ca}&ssl-cert={}", cert.display())), "")
        .url("no client certificate", &url(CERT, &format!("ssl-ca={ca}")), "")
        .fails();
    for (check, kind, text) in [
        ("other", "tls", "authority"),
        ("other and required", "tls", "authority"),
        ("system", "tls", "authority"),
        ("no authority", "template", "there is no authority"),
        ("no file", "local", "/nowhere.pem"),
        ("no key", "template", "no `ssl-key`"),
        ("no client certificate", "auth", "Access denied"),
    ] {
        let case = report.case(check);
        assert!(case.told().starts_with(&format!("{kind}: ")), "{check}: {}", case.told());
        assert!(case.text.contains(text), "{check}: {}", case.text);
    }

    let plain = MariaDb::without_tls();
    let address = plain.url(OPEN, "", "");
    Asked::at("")
        .url("preferred", &format!("{address}?ssl-mode=preferred"), "query = 'select 1'")
        .url("disabled", &format!("{address}?ssl-mode=disabled"), "query = 'select 1'")
        .passes();
    let report = Asked::at(&format!("{address}?ssl-mode=required")).check("it", "").fails();
    assert!(
        report.case("it").told().contains("the server does not offer TLS"),
        "{}",
        report.case("it").told()
    );
}

#[test]
fn every_type_is_read() {
    let database = MariaDb::shared().create_database();
    database.admin_sql(
        "create table kinds (
            ti tinyint, tu tinyint unsigned, si smallint, mi mediumint, i int, iu int unsigned, bi bigint,
            bu bigint unsigned, yes bool, d decimal(30,10), du decimal(65,0), f float, g double, b bit(10), y year,
            da date, dt datetime, dt6 datetime(6), ts timestamp(3) null, t time, t6 time(6), zero date,
            c char(5), v varchar(50), tx longtext, e enum('sad','ok'), s set('a','b','c'), bin binary(4), vb varbinary(20),
            bl blob, j json, u uuid, ip inet6, po point, nothing int);
         set time_zone = '+00:00';
         set sql_mode = '';
         insert into kinds values (-128, 255, -32768, -8388608, -2147483648, 4294967295, -9223372036854775808,
            18446744073709551615, true, -12345678901234567890.0123400000, repeat('9', 65), 0.1, 1e300, b'1000000001', 2026,
            '2026-01-31', '2026-01-31 12:00:00', '0044-03-15 23:59:59.000001', '2026-01-31 12:00:00.25', '-838:59:59', '12:00:00.5',
            '0000-00-00', 'abc', 'ä \\'x\\'', 'long', 'ok', 'a,c', 'ab', 'plain', x'00ff10', '{\"k\": [1, 2.50]}',
            'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::1', point(1, 2), null)",
    );
    let row = "{ ti = -128, tu = 255, si = -32768, mi = -8388608, i = -2147483648, iu = 4294967295,
        bi = -9223372036854775808, yes = 1,
        f = 0.1, g = 1e300, b = 513, y = 2026,
        da = '2026-01-31', dt = '2026-01-31 12:00:00', dt6 = '0044-03-15 23:59:59.000001',
        ts = '2026-01-31 12:00:00.250', t = '-838:59:59', t6 = '12:00:00.500000', zero = '0000-00-00',
        c = 'abc', v = \"ä 'x'\", tx = 'long', e = 'ok', s = 'a,c', bin = '0x61620000', vb = 'plain', bl = '0x00FF10',
        j = '{\"k\": [1, 2.50]}', u = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', ip = '::1',
        nothing = { type = 'null' } }"
        .replace('\n', " ");
    Asked::at(&database.url())
        .query("select * from kinds where ts = '2026-01-31 12:00:00.25' or true", &format!("row = {row}"))
        .query("select 0.1 + 0.2 as x, cast(19.90 as decimal(10,2)) as y", "row = { x = 0.3, y = 19.9 }")
        .query("select 1 as a, 2 as a", "row = { a = 1 }")
        .query("select json_value('{\"a\":1}', '$.a') as a, count(*), max(i) from kinds", "rows = 1")
        .passes();
}

#[test]
fn a_variable_in_sql_is_bound_in_mysqls_dialect() {
    let database = MariaDb::shared().create_database();
    database.admin_sql(
        "create table `odd names` (`order` int, `a``b` varchar(40), amount decimal(20,4), at datetime);
         insert into `odd names` values (1, 'it''s \\\\ a \"test\"', 12345678901234.5678, '2026-01-31 12:00:00'), (2, null, 0.1, null)",
    );
    Asked::at(&database.url())
        .with("[vars]\nn = 1\ntext = \"it's \\\\ a \\\"test\\\"\"\nbig = \"12345678901234.5678\"\nnothing = \"x\"\nflag = true\nat = \"2026-01-31 12:00:00\"\nlike = \"it%\"\n")
        .query("select `a``b` from `odd names` where `order` = {{n}}", "value = '{{text}}'")
        .query("select `order` from `odd names` where `a``b` = {{text}}", "value = 1")
        .query("select `order` from `odd names` where amount = {{big}} and at = {{at}}", "value = 1")
        .query("select {{flag}} = true, {{n}} + 1 from dual", "rows = 1")
        .query("select count(*) from `odd names` where `a``b` is null and {{none}} is null", "value = 1")
        .query("select 'it\\'s {' as x, {{n}} as y # a comment with {{text}}\n", "row = { x = \"it's {\", y = 1 }")
        .query("select \"a ' b\" as x, {{n}} -- {{text}}\n + 1 as y", "row = { x = \"a ' b\", y = 2 }")
        .query("select 5--{{n}} as x", "value = 6")
        .query("select `order` from `odd names` order by 1 limit {{n}}", "value = 1")
        .query("select {{text}} as a, {{text}} as b, {{ 18446744073709551615 }} as c", "row = { a = '{{text}}', b = '{{text}}' }")
        .query("select /* {{text}} */ {{n}}", "value = 1")
        .query("select /*! {{n}} + */ 1", "value = 2")
        .passes();
    let report = Asked::at(&database.url()).check("placeholder", "query = 'select ? = 1'").fails();
    assert!(
        report.case("placeholder").text.contains("placeholder of its own"),
        "{}",
        report.case("placeholder").text
    );
    // To MySQL double quotes are a string, too.
    for inside in ["select \\\"{{n}}\\\"", "select 'a\\\\' {{n}}'", "select `{{n}}`"] {
        let suite =
            Asked::at(&database.url()).with("[vars]\nn = 1").check("it", &format!("query = \"{inside}\""));
        let ran = suite.run();
        ran.exits(2);
        assert!(
            ran.stderr.contains("a variable inside an SQL string literal is not bound"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn an_sql_error_is_reported_with_a_hint() {
    let database = MariaDb::shared().create_database();
    database.admin_sql("create table orders (id int); insert into orders values (1)");
    let cases = [
        ("selekt 1", "near 'selekt 1' at line 1 (error 1064, SQLSTATE 42000)", ""),
        (
            "select * from nothing_here",
            "doesn't exist (error 1146, SQLSTATE 42S02)",
            "check the database in the URL",
        ),
        ("select 1; select 2", "near 'select 2'", "a query is one statement"),
        ("select * from mysql.global_priv", "command denied to user", "grant the user what the query needs"),
        ("select nothing from orders", "Unknown column 'nothing'", ""),
        ("  -- nothing\n", "(error 1065", ""),
    ];
    let asked = cases.iter().fold(Asked::at(&database.url()), |asked, (query, ..)| {
        asked.check(&query.replace('\n', ""), &format!("query = {}", quoted(query)))
    });
    let report = asked.fails();
    for (query, text, hint) in cases {
        let case = report.case(&query.replace('\n', ""));
        assert_eq!(
            (case.outcome, case.kind.as_deref()),
            (Outcome::Errored, Some("sql")),
            "{query}: {}",
            case.text
        );
        assert!(case.text.contains(text) && case.text.contains(hint), "{query}: {}", case.text);
    }
    Asked::at(&database.url())
        .query("show tables", "value = 'orders'")
        .query("explain select * from orders", "rows = 1")
        .query("describe orders", "row = { Field = 'id' }")
        .query("with a as (select 1 as x union select 2) select max(x) from a", "value = 2")
        .query("(select 1) union (select 2) order by 1 desc", "rows = 2")
        .query("values (1), (2)", "rows = 2")
        .query("select * from orders order by id limit 1;", "rows = 1")
        .query("select id, id from orders", "rows = 1")
        .query("show variables like 'max_conn%'", "rows = { min = 1 }")
        .passes();
}

#[test]
fn the_option_file_and_the_environment_count_as_for_mysql() {
    let server = MariaDb::shared();
    let database = server.create_database();
    let name = &database.name;
    let socket = server.socket().display().to_string();
    let ask = |url: &str, file: &str, variables: &[(&str, &str)]| {
        let smoke = Asked::at(url).check("it", "query = 'select 1'").smoke();
        let smoke =
            smoke.file(".my.cnf", file).file("more.cnf", format!("[client]\npassword=\"{PASSWORD}\"\n"));
        fs::set_permissions(smoke.path(".my.cnf"), fs::Permissions::from_mode(0o600))
            .expect("close the file");
        let ran = variables.iter().fold(smoke, |smoke, (name, value)| smoke.env(name, value)).run();
        let case = ran.junit();
        let case = case.case("it");
        assert!(!ran.stderr.contains(PASSWORD), "{}", ran.stderr);
        (case.outcome, case.text.clone())
    };
    let port = server.port().to_string();
    let by_file = format!("[mysqld]\nport=1\n[client]\nuser={SMOKE}\npassword='{PASSWORD}' # it\n");
    for (url, file, variables) in [
        (format!("mysql://{SMOKE}:{PASSWORD}@127.0.0.1:{port}/{name}"), String::new(), vec![]),
        (format!("mysql://127.0.0.1:{port}/{name}"), by_file.clone(), vec![]),
        (format!("mysql://127.0.0.1:{port}/{name}"), by_file.clone(), vec![("MYSQL_PWD", "wrong-donkey")]),
        (format!("mysql://{SMOKE}@127.0.0.1:{port}/{name}"), String::new(), vec![("MYSQL_PWD", PASSWORD)]),
        (
            format!("mysql://{SMOKE}:{PASSWORD}@127.0.0.1/{name}"),
            String::new(),
            vec![("MYSQL_TCP_PORT", &port)],
        ),
        (
            format!("mysql://{SMOKE}:{PASSWORD}@/{name}"),
            String::new(),
            vec![("MYSQL_HOST", "127.0.0.1"), ("MYSQL_TCP_PORT", &port)],
        ),
        (format!("mysql://{SMOKE}:{PASSWORD}@/{name}"), String::new(), vec![("MYSQL_UNIX_PORT", &socket)]),
        (format!("mysql:///{name}"), format!("{by_file}socket={socket}\n"), vec![]),
    ] {
        let (outcome, text) = ask(&url, &file, &variables);
        assert_eq!(outcome, Outcome::Passed, "{url} {file} {variables:?}: {text}");
    }
    for (file, variables, expected) in [
        ("[client]\nssl-capath=/etc/ssl\n", vec![], "`ssl-capath` is set in `"),
        ("[client]\ndefault-auth=dialog\n", vec![], "is not supported"),
        ("", vec![("MYSQL_GROUP_SUFFIX", "_x")], "`MYSQL_GROUP_SUFFIX` is set, and is not supported"),
        ("[client]\nssl-mode=sometimes\n", vec![], "`ssl-mode` is `sometimes`"),
    ] {
        let (outcome, text) = ask(&database.url(), file, &variables);
        assert_eq!(outcome, Outcome::Errored, "{file} {variables:?}");
        assert!(text.contains(expected), "{file} {variables:?}: {text}");
    }
}
