//! The `reproduce` command does what smoke did, whatever characters a secret contains.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::ask::{plain, quoted};
use crate::support::certificates::Certificates;
use crate::support::http::{HttpServer, Request, Response};
use crate::support::journeys::{journey, step};
use crate::support::mariadb::MariaDb;
use crate::support::postgres::Postgres;
use crate::support::smoke::{Ran, Smoke};

/// Passwords as chosen by people and password managers.
const PASSWORDS: [&str; 3] = ["Pg/s@ecret w0rd#7", "Adm\"in\\pa$$w0rd`!'", "100%41&a=b+c?ü{x}[1] ~é;"];

/// Runs `suite` without fail-fast, with `PW` set to `password`.
fn run(suite: &str, password: &str) -> Ran {
    let suite = format!("[suite]\nname = \"it\"\nfail-fast = false\n\n{suite}");
    Smoke::bare().args(["run", "--json", "report.json"]).suite(&suite).env("PW", password).run()
}

/// The `reproduce` commands of the report, in the order of its checks.
fn commands(ran: &Ran) -> Vec<String> {
    let report = std::fs::read_to_string(ran.path("report.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let checks = report["checks"].as_array().expect("checks").iter();
    checks
        .map(|check| check["reproduce"].as_str().unwrap_or_else(|| panic!("{check:#}")).to_owned())
        .collect()
}

/// Returns the output of the command in a shell.
fn by_hand(command: &str, ran: &Ran, environment: &[(&str, &str)]) -> String {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(ran.path("."))
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A place for a secret in a request: the path, and the keys.
const PLACES: [(&str, &str); 18] = [
    ("/typed", "method = 'POST'\njson = { pin = '{{pin}}', of = ['{{of}}'], text = 'x{{pin}}{{of}}' }"),
    ("/header", "headers = { x-it = 'a {{hex}} {{pw|urlencode}}', x-b64 = '{{pw|b64encode}}' }"),
    ("/basic", "auth = { basic = { user = 'smoke', password = '{{pw}}' } }"),
    ("/basic-by-hand", "headers = { authorization = \"Basic {{('smoke:' ~ pw)|b64encode}}\" }"),
    ("/json", "method = 'POST'\njson = { user = 'a\"b', of = [{ it = 'x{{pw}}' }] }"),
    (
        "/tojson",
        "method = 'POST'\nheaders = { content-type = 'application/json' }\nbody = '{\"a\": {{pw|tojson}}, \"b\": {{ [1]|tojson }}}'",
    ),
    ("/text", "method = 'PUT'\nbody = 'it! is {{pw}}'"),
    ("/form", "method = 'POST'\nform = { 'a b[]' = ['{{pw}}', 'x y'] }"),
    ("/multipart", "method = 'POST'\nmultipart = { it = '{{pw}}' }"),
    ("/query", "query = { 'a b[]' = ['{{pw}}', 'x y'], c = '1' }"),
    ("/query-after?b=1", "query = { it = '{{pw}}' }"),
    ("/query-of-delete", "method = 'DELETE'\nquery = { it = '{{pw}}' }"),
    ("/query-of-head", "method = 'HEAD'\nquery = { it = '{{pw}}' }"),
    ("/query-with-body", "method = 'POST'\nquery = { it = 'x {{pw}}' }\njson = { it = '{{pw}}' }"),
    ("/url?it={{pw|urlencode}}&list[]={1,2}", ""),
    ("/path/{{pw|urlencode}}/end", ""),
    ("/made?it={{made}}", ""),
    ("/twice?it={{pw|b64encode|urlencode}}", "headers = { x-it = '{{pair|b64encode}}' }"),
];

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// A request in canonical form: two with the same meaning are equal.
fn meaning(request: &Request) -> Vec<String> {
    let fields = |text: &str| {
        let fields = url::form_urlencoded::parse(text.as_bytes());
        fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    let content = request.header("content-type").unwrap_or_default().to_owned();
    let (content, boundary) = content.split_once("; boundary=").unwrap_or((&content, ""));
    let body = match content {
        "application/x-www-form-urlencoded" => fields(&request.text()).join("\n"),
        "application/json" => {
            let body: Value = serde_json::from_slice(&request.body)
                .unwrap_or_else(|error| panic!("{error}: {}", request.text()));
            body.to_string()
        }
        "multipart/form-data" => {
            let text = request.text().replace(boundary, "").to_lowercase();
            text.lines().filter(|line| !line.is_empty()).map(|line| line.trim_start_matches('-')).collect()
        }
        _ => request.text(),
    };
    let headers = ["authorization", "x-it", "x-b64"];
    let headers = headers.iter().map(|name| decoded(request.header(name).unwrap_or_default()));
    let mut all = vec![request.method.clone(), decoded(&request.path), content.to_owned(), body];
    all.extend(fields(&request.query));
    all.extend(headers);
    all
}

#[test]
fn a_reproduce_command_sends_any_password_as_smoke_did() {
    for password in PASSWORDS {
        let server = HttpServer::start(|_| Response::new(418));
        let base = server.url("");
        let mut suite = "[vars]\nhex = 'x'\npw = { env = 'PW', secret = true }\n\
                         pin = { value = 1234567, secret = true }\nof = { value = { a = 'b\"c' }, secret = true }\nmade = '{{pw|urlencode}}.{{hex}}'\npair = 'smoke:{{pw}}'\n\n"
            .to_owned();
        for (path, keys) in PLACES {
            suite += &format!(
                "[[health]]\nname = {0}\nurl = {1}\n{keys}\nexpect.status = 200\n\n",
                quoted(&plain(path)),
                quoted(&format!("{base}{path}"))
            );
        }
        let ran = run(&suite, password);
        ran.exits(1);
        let commands = commands(&ran);
        let sent = server.requests();
        assert_eq!((commands.len(), sent.len()), (PLACES.len(), PLACES.len()));
        for (command, (place, _)) in commands.iter().zip(PLACES) {
            assert!(!command.contains(password), "{command}");
            let already = server.requests().len();
            let said =
                by_hand(command, &ran, &[("PW", password), ("PIN", "1234567"), ("OF", r#"{"a":"b\"c"}"#)]);
            assert!(said.contains("418"), "{command}\n{said}");
            let requests = server.requests();
            let by_hand = &requests[already];
            let start = |request: &Request| request.path.split('/').nth(1).map(str::to_owned);
            let by_smoke = sent.iter().find(|request| start(request) == start(by_hand)).expect(place);
            assert_eq!(meaning(by_hand), meaning(by_smoke), "{place}\n{command}");
        }
    }
}

#[test]
fn a_value_no_shell_can_derive_from_a_secret_is_requested_first() {
    let server = HttpServer::start(|_| Response::new(418));
    let mut suite = "[vars]\npw = { env = 'PW', secret = true }\ncut = '{{pw[:8]}}-x'\n\n".to_owned();
    let cases = [
        ("{{pw|upper}}", "set it to the value of pw|upper"),
        ("{{ pw[:8] }}", "set it to the value of pw[:8]"),
        ("{{pw|replace('a', 'b')|urlencode}}", "set it to the value of pw|replace(a, b)|urlencode"),
        ("{{ pw if pw else 'none' }}", "set it to the value of pw if pw else none"),
        ("{{cut}}", "set it to the value of pw[:8]"),
        ("{{cut|b64encode}}", "set it to the value of cut|b64encode"),
        ("{{pw|urlencode|b64encode}}", "|b64encode"),
    ];
    for (number, (value, _)) in (0..).zip(&cases) {
        let keys = format!("method = 'POST'\njson = {{ a = {} }}", quoted(value));
        suite += &format!(
            "[[health]]\nname = '{number}'\nurl = {:?}\n{keys}\nexpect.status = 200\n\n",
            server.url("/")
        );
    }
    let ran = run(&suite, "abcdefghij");
    ran.exits(1);
    for (command, (value, asked)) in commands(&ran).iter().zip(cases) {
        let said = by_hand(command, &ran, &[("PW", "abcdefghij")]);
        assert!(said.contains(asked) && said.contains("MADE_OF_"), "{value}: {command}\n{said}");
    }
    assert_eq!(server.requests().len(), cases.len(), "nothing was sent by hand");
}

#[test]
fn psql_gets_the_password_outside_the_url() {
    let shop = Postgres::shared().create_database();
    let database = url::Url::parse(&shop.url()).expect("a URL").path()[1..].to_owned();
    for (number, password) in (0..).zip(PASSWORDS) {
        let role = format!("{database}_{number}");
        shop.admin_sql(&format!("create role {role} login password '{}'", password.replace('\'', "''")));
        let address = format!("127.0.0.1:{}/{database}", Postgres::shared().port());
        let suite = format!(
            "[vars]\npw = {{ env = 'PW', secret = true }}\ndb = 'postgres://{role}:{{{{pw|urlencode}}}}@{address}'\n\n\
             [[database]]\nname = 'whole'\nurl = '{{{{db}}}}'\nquery = 'select {{{{pw}}}}::text as it'\nexpect.value = 'x'\n\n\
             [[database]]\nname = 'part'\nurl = 'postgres://{role}:{{{{pw[:1]}}}}{{{{pw[1:]|urlencode}}}}@{address}'\n\
             query = 'select 41 as answer'\nexpect.value = 42\n"
        );
        let ran = run(&suite, password);
        let commands = commands(&ran);
        let [whole, part] = commands.as_slice() else { panic!("{commands:?}") };
        let said = by_hand(whole, &ran, &[("PW", password)]);
        assert!(said.contains(password), "{whole}\n{said}");
        assert!(whole.contains("PGPASSWORD=\"$PW\" "), "{whole}");
        assert!(whole.contains(&format!(" postgres://{role}@127")), "{whole}");
        assert!(part.contains("MADE_OF_PW_1"), "{part}");
    }
    // Not escaped in the URL, because it contains nothing that needs escaping.
    let suite = format!(
        "[vars]\npw = {{ env = 'PW', secret = true }}\n\n[[database]]\nname = 'raw'\n\
         url = 'postgres://{database}_plain:{{{{pw}}}}@127.0.0.1:{}/{database}'\nquery = 'select 41 as answer'\nexpect.value = 42\n",
        Postgres::shared().port()
    );
    shop.admin_sql(&format!("create role {database}_plain login password 'per%cent'"));
    for (password, expected) in [("per%25cent", ":$PW@"), ("other", "PGPASSWORD=\"$PW\" PGCONN")] {
        let ran = run(&suite, password);
        let commands = commands(&ran);
        assert!(commands[0].contains(expected), "{commands:?}");
        let said = by_hand(&commands[0], &ran, &[("PW", password)]);
        let is_right = password != "other";
        assert_eq!(said.contains("answer"), is_right, "{commands:?}\n{said}");
    }
}

#[test]
fn mysql_gets_the_password_outside_its_arguments() {
    let shop = MariaDb::shared().create_database();
    let name = &shop.name;
    for (number, password) in (0..).zip(PASSWORDS) {
        let user = format!("{name}_{number}");
        let literal = password.replace('\\', "\\\\").replace('\'', "''");
        shop.admin_sql(&format!(
            "create user {user}@'%' identified by '{literal}'; grant all on {name}.* to {user}@'%'"
        ));
        let address = format!("127.0.0.1:{}/{name}", MariaDb::shared().port());
        let suite = format!(
            "[vars]\npw = {{ env = 'PW', secret = true }}\ndb = 'mysql://{user}:{{{{pw|urlencode}}}}@{address}?ssl-mode=required'\n\n\
             [[database]]\nname = 'whole'\nurl = '{{{{db}}}}'\nquery = \"select {{{{pw}}}} as it # a comment\"\nexpect.value = 'x'\n\n\
             [[database]]\nname = 'part'\nurl = 'mariadb://{user}:{{{{pw[:1]}}}}{{{{pw[1:]|urlencode}}}}@{address}'\n\
             query = 'select 41 as answer'\nwrites = true\nexpect.value = 42\n"
        );
        let ran = run(&suite, password);
        let commands = commands(&ran);
        let [whole, part] = commands.as_slice() else { panic!("{commands:?}") };
        let said = by_hand(whole, &ran, &[("PW", password)]);
        // `mysql` escapes backslashes where no terminal is.
        assert!(said.replace("\\\\", "\\").contains(password), "{whole}\n{said}");
        assert!(whole.contains("MYSQL_PWD=\"$PW\" timeout -s INT "), "{whole}");
        assert!(whole.contains(&format!(" -u {user} --loose-ssl-mode=REQUIRED -e ")), "{whole}");
        let said = by_hand(part, &ran, &[("MYSQL_PWD", password)]);
        assert!(said.contains("answer\n41"), "{part}\n{said}");
        assert!(part.contains(" mariadb --protocol=tcp -h 127.0.0.1 -P "), "{part}");
    }
}

#[test]
fn an_environment_variable_is_not_mistaken_for_its_default() {
    let server = HttpServer::start(|_| Response::new(418));
    let suite = format!(
        "[vars]\npw = {{ env = 'PW', secret = true }}\nother = {{ env = 'OTHER', default = 'x{{{{pw}}}}', secret = true }}\n\n\
         [[health]]\nname = 'it'\nurl = {:?}\nheaders = {{ x-it = '{{{{other}}}}' }}\nexpect.status = 200\n",
        server.url("/")
    );
    for (given, expected) in [(None, "x-it: x$PW"), (Some("given-one"), "x-it: $OTHER")] {
        let smoke =
            Smoke::bare().args(["run", "--json", "report.json"]).suite(&suite).env("PW", "a-password");
        let smoke = given.into_iter().fold(smoke, |smoke, other| smoke.env("OTHER", other));
        let commands = commands(&smoke.run());
        assert!(commands[0].contains(expected), "{commands:?}");
    }
}

#[test]
fn a_reproduced_json_login_is_refused_like_smokes() {
    let server = HttpServer::start(|request| match serde_json::from_slice::<Value>(&request.body) {
        Ok(_) => Response::json(r#"{"error":"wrong password"}"#).status(401),
        Err(_) => Response::json(r#"{"error":"invalid payload"}"#).status(400),
    });
    let login = "json = { user = 'admin', password = '{{password}}' }";
    let file = "[vars]\npassword = { file = 'secrets/it''s.txt' }\n\n";
    let steps = [step("log in", &format!("post = {:?}\n{login}", server.url("/login")))];
    let suite =
        format!("{}{}", file.replace("'secrets/it''s.txt'", "\"it's.txt\""), journey("log in", "", &steps));
    let smoke = Smoke::bare().args(["run", "--json", "report.json"]).suite(&suite);
    let ran = smoke.file("it's.txt", "Adm\"in\\pa$$w0rd\nof two lines\n").run();
    let [command] = &commands(&ran)[..] else { panic!("{}", ran.stderr) };
    let said = by_hand(command, &ran, &[]);
    assert!(said.contains("wrong password"), "{command}\n{said}");
    let [by_smoke, by_hand] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
    assert_eq!(by_smoke.text(), by_hand.text());
}

#[test]
fn a_reproduce_command_has_what_was_sent_and_names_what_is_missing() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/login" => Response::json("{\"token\": \"tok-4711-abcdef\"}")
            .header("set-cookie", "sid=s3ss10n-0123456789; Path=/"),
        _ => Response::new(500).header("set-cookie", "late=1; Path=/"),
    });
    let steps = [
        step(
            "log in",
            &format!(
                "post = '{}'\ncapture = {{ token = {{ json = '$.token' }}, visit = {{ cookie = 'sid' }} }}",
                server.url("/login")
            ),
        ),
        step(
            "go on",
            &format!(
                "get = '{}'\nheaders = {{ x-visit = '{{{{visit}}}}' }}\nauth = {{ bearer = '{{{{token}}}}' }}",
                server.url("/on")
            ),
        ),
    ];
    let ca = Certificates::shared().authority();
    let head =
        format!("[defaults.http]\nresolve = {{ 'other.example:443' = '127.0.0.1:1' }}\ntls.ca = {ca:?}\n");
    let ran = run(&format!("{head}{}", journey("it", "", &steps)), "unused");
    ran.exits(1);
    let [command] = &commands(&ran)[..] else { panic!("one check") };
    for part in [
        "--compressed -H 'accept-encoding: gzip, deflate'",
        "${TOKEN:?captured in step 1}",
        "${VISIT:?captured in step 1}",
    ] {
        assert!(command.contains(part), "no {part} in {command}");
    }
    for part in ["late=", "other.example", "--cacert", "s3ss10n", "tok-4711"] {
        assert!(!command.contains(part), "{part} in {command}");
    }
    let before = server.requests().len();
    let said = by_hand(command, &ran, &[]);
    assert!(said.contains("captured in step 1"), "{said}");
    assert_eq!(server.requests().len(), before, "nothing is sent without them");
}

#[test]
fn a_failed_journey_says_what_the_steps_before_came_to() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/login" => Response::redirect("/me")
            .header("set-cookie", "__Host-sid=1; Path=/; Domain=shop.test; Secure")
            .header("set-cookie", "id=2; Path=/; Secure"),
        _ => Response::new(401).body("log in first"),
    });
    let steps =
        [step("log in", "post = 'http://shop.test/login'"), step("look", "get = 'http://shop.test/me'")];
    // On loopback, a cookie may be Secure without TLS.
    let head = format!("[defaults.http]\nresolve = {{ 'shop.test:80' = '{}' }}\n", server.address());
    let ran = run(&format!("{head}{}", journey("it", "", &steps)), "unused");
    ran.exits(1);
    for line in [
        "log in first",
        "the cookie `id` was not sent: it is Secure, and this is http",
        "before it, step 1 `log in`: 302, location: /me; the cookie `__Host-sid` was not kept: its name needs `Path=/` and no `Domain`",
    ] {
        assert!(ran.stderr.contains(line), "no `{line}` in\n{}", ran.stderr);
    }
}
