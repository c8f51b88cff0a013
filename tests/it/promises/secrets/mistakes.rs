//! Secrets in a suite with errors or warnings.

use crate::support::http::{HttpServer, Response};
use crate::support::outputs::{asked_for_all, forms, have_none_of};
use crate::support::smoke::Smoke;

/// Every line has an error and its own secret, which starts with `hunter`.
const MISTAKES: &str = r#"
[vars]
password = { value = "hunter01", secrt = true }
db_url = { value = "postgres://shop:hunter02@db/shop", secrt = true }
token = { env = "TOKEN", default = "hunter03", secrt = true }
api_key = ["hunter04"]

[[health]]
name = "it"
url = "http://shop:hunter05@127.0.0.1:1/{{nowhere}}"
auth = { basic = "shop:hunter06" }

[[health]]
name = "that"
url = "http://127.0.0.1:1/"
auth = { basic = { user = "shop", passwrd = "hunter07" } }
headers = { authorization = ["hunter08"], x-api-key = ["hunter09"] }

[[health]]
name = "number"
url = "http://127.0.0.1:1/"
auth = { bearer = 1234567890 }
"#;

#[test]
fn a_secret_written_in_the_suite_is_not_shown_by_an_error_beside_it() {
    let secrets = [("a secret", "hunter".to_owned()), ("a number", "1234567890".to_owned())];
    let ran = asked_for_all().suite(MISTAKES).run();
    ran.exits(2);
    have_none_of(&ran, &secrets);
    assert!(ran.stderr.contains("password = { value = \"********\", secrt = true }"), "{}", ran.stderr);
    assert!(ran.stderr.contains("expected a string, found the number ***"), "{}", ran.stderr);
    for command in ["check", "plan", "list", "watch"] {
        let ran = Smoke::bare().arg(command).suite(MISTAKES).run();
        ran.exits(2);
        have_none_of(&ran, &secrets);
        assert!(ran.stderr.contains("********"), "{command}\n{}", ran.stderr);
    }
}

#[test]
fn a_secret_in_invalid_toml_is_not_shown() {
    for line in [
        "password = \"hunter22",
        "auth = { basic = { user = \"shop\", password = \"hunter22\" }",
        "url = \"http://shop:hunter22@db/",
        "headers = { authorization = Bearer hunter22 }",
    ] {
        let ran = asked_for_all().suite(&format!("[suite]\nname = \"it\"\n\n[[health]]\n{line}\n")).run();
        ran.exits(2);
        assert!(ran.stderr.contains("invalid TOML") && ran.stderr.contains("***"), "{}", ran.stderr);
        have_none_of(&ran, &[("a secret", "hunter".to_owned())]);
    }
}

#[test]
fn an_external_secret_is_redacted_in_suite_errors() {
    let suite = "[vars]\ntoken = { env = \"TOKEN\" }\n\n[[boot]]\nname = \"it\"\ncommand = [\"it\"]\nready = { port = \"{{token}}\" }\n";
    let ran = asked_for_all().suite(suite).env("TOKEN", "s3cret-token").run();
    ran.exits(2);
    assert!(ran.stderr.contains("`***` is not a port"), "{}", ran.stderr);
    have_none_of(&ran, &[("the token", "s3cret".to_owned())]);
}

#[test]
fn an_override_of_a_secret_is_secret() {
    let server = HttpServer::start(|request| {
        let text = request.header("x-mine").unwrap_or_default().to_owned();
        Response::new(500).body(format!("got {text}"))
    });
    let secret = "from-staging-0815";
    let check = format!(
        "[[health]]\nname = \"it\"\nurl = {:?}\nheaders = {{ x-mine = \"{{{{mine}}}}\" }}\n",
        server.url("/")
    );
    let base = "[vars]\nmine = { value = \"abcdefgh\", secret = true }\n";
    let staging = format!("[env.staging.vars]\nmine = {secret:?}\n");
    let in_staging = |smoke: Smoke| smoke.args(["-e", "staging"]);
    for smoke in [
        in_staging(asked_for_all().suite(&format!("{base}{staging}{check}"))),
        in_staging(
            asked_for_all()
                .env("MINE", secret)
                .suite(&format!("{base}[env.staging.vars]\nmine = {{ env = \"MINE\" }}\n{check}")),
        ),
        in_staging(
            asked_for_all()
                .arg("--var")
                .arg(format!("mine={secret}"))
                .suite(&format!("{base}[env.staging.vars]\nmine = \"other\"\n{check}")),
        ),
        asked_for_all()
            .file("base.toml", base)
            .suite(&format!("include = [\"base.toml\"]\n[vars]\nmine = {secret:?}\n{check}")),
        in_staging(
            asked_for_all()
                .file(
                    "base.toml",
                    format!("{base}[env.staging.vars]\nmine = {{ value = \"ijklmnop\", secret = true }}\n"),
                )
                .suite(&format!("include = [\"base.toml\"]\n{staging}{check}")),
        ),
        in_staging(
            asked_for_all()
                .file("other.toml", &staging)
                .suite(&format!("include = [\"other.toml\"]\n{base}{check}")),
        ),
    ] {
        let ran = smoke.run();
        ran.exits(1);
        assert_eq!(
            server
                .requests()
                .last()
                .and_then(|request| request.header("x-mine").map(str::to_owned))
                .as_deref(),
            Some(secret)
        );
        assert!(!ran.stderr.contains(secret) && ran.stderr.contains("got ***"), "{}", ran.stderr);
        have_none_of(&ran, &forms(secret));
    }
    // Nor is it shown if an error or a warning quotes the file.
    let ran = Smoke::bare()
        .arg("check")
        .suite(&format!("{base}{}{check}", staging.replace("\"\n", "\" 1\n")))
        .run();
    assert!(!ran.stderr.contains(secret), "{}", ran.stderr);
    let ran = Smoke::bare()
        .arg("check")
        .suite(&format!("{base}[env]\nstaging = {{ vars = {{ mine = {secret:?} }}, nonsense = 1 }}\n{check}"))
        .run();
    ran.exits(2);
    assert!(ran.stderr.contains("unknown key `nonsense`") && !ran.stderr.contains(secret), "{}", ran.stderr);
    let ran = Smoke::bare().arg("check").suite(&format!("{base}{staging}{check}")).run();
    assert_eq!(ran.stderr.matches("a secret is in the suite").count(), 2, "{}", ran.stderr);
    // `secret = false` is respected.
    let said = format!("{base}[env.staging.vars]\nmine = {{ value = {secret:?}, secret = false }}\n{check}");
    assert!(in_staging(Smoke::new().suite(&said)).run().stderr.contains(secret));
}

/// What a template puts into a setting, into what is looked for, or into a host, and a word of the message.
const SETTINGS: [(&str, &str); 13] = [
    ("method = \"{{p}}\"", "is not a method"),
    ("budget = \"{{p}}\"", "is not a duration"),
    ("expect.within = \"{{p}}\"", "is not a duration"),
    ("max-body = \"{{p}}\"", "expected a size"),
    ("redirects = \"{{p}}\"", "expected an integer"),
    ("severity = \"{{p}}\"", "expected \"critical\""),
    ("poll.every = \"{{p}}\"", "is not a duration"),
    ("tls.ca = \"{{p}}\"", "cannot read"),
    ("multipart.a = { file = \"{{p}}\" }\nmethod = \"POST\"", "cannot read"),
    ("resolve = { \"{{p}}\" = \"127.0.0.1:1\" }", "this has no port"),
    ("skip = \"{{p}}\"", "a secret does not work here"),
    ("name = \"is {{t}}\"\neach = { t = [\"a\", \"x{{p}}\"] }", "a secret does not work here"),
    (
        "tags = [\"{{t}}\"]\nname = \"is {{n}}\"\neach = [{ n = 1, t = \"{{p}}\" }]",
        "a secret does not work here",
    ),
];

#[test]
fn a_secret_in_a_setting_is_not_shown_by_any_command() {
    const SECRET: &str = "Zq7LmN44vvkkPp";
    let secrets = forms(SECRET);
    for (keys, message) in SETTINGS {
        let name = if keys.contains("name =") { "" } else { "name = \"it\"\n" };
        let suite = format!(
            "[vars]\np = {{ env = \"P\", secret = true }}\n[[health]]\n{name}url = \"http://127.0.0.1:1/\"\n{keys}\n"
        );
        for command in ["run", "check", "plan", "list"] {
            for by_hand in [false, true] {
                let smoke = Smoke::bare().arg(command).suite(&suite).env("P", SECRET);
                let ran = if by_hand { smoke.args(["--var", "p=Zq7LmN44vvkkPp"]) } else { smoke }.run();
                have_none_of(&ran, &secrets);
                if command != "list" {
                    ran.exits(2);
                    assert!(ran.stderr.contains(message), "{command} {keys}\n{}", ran.stderr);
                }
            }
        }
    }
}

#[test]
fn a_secret_in_what_is_looked_for_or_in_a_name_on_the_way_is_not_shown() {
    const SECRET: &str = "Zq7LmN44vvkkPp";
    let server = HttpServer::start(|_| Response::json("{}"));
    let lower = ("in lower case", SECRET.to_lowercase());
    let secrets = [forms(SECRET), vec![lower]].concat();
    for keys in [
        "expect.json.\"$[?@.a == '{{p}}']\" = 1",
        "expect.json.\"$.{{p}}\" = 1",
        "expect.html.\"h1[a='{{p}}']\" = \"x\"",
        "expect.header.\"{{p}}\" = \"x\"",
        "headers.\"{{p}}\" = \"x\"\nexpect.status = 404",
        "proxy = \"http://{{p}}:3128\"",
        "url = \"http://{{p}}/\"",
    ] {
        let url =
            if keys.starts_with("url") { String::new() } else { format!("url = {:?}\n", server.url("/")) };
        let suite =
            format!("[vars]\np = {{ env = \"P\", secret = true }}\n[[health]]\nname = \"it\"\n{url}{keys}\n");
        let ran = asked_for_all().suite(&suite).env("P", SECRET).run();
        ran.exits(1);
        have_none_of(&ran, &secrets);
        assert!(ran.stderr.contains("***"), "{keys}\n{}", ran.stderr);
    }
}
