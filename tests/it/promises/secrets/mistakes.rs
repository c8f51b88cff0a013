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
