//! What an expression derives from a secret is secret, but a fact about it is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::server;
use crate::support::http::{HttpServer, Response};
use crate::support::outputs::{asked_for_all, forms, have_none_of};

#[test]
fn the_result_of_an_expression_on_a_secret_is_in_no_output() {
    const TOKEN: &str = "tOp-sEcret/Value 1";
    let server = server();
    let url = server.url("/request");
    let made = [
        ("{{mine|upper}}", "TOP-SECRET/VALUE 1"),
        ("{{mine|lower}}", "top-secret/value 1"),
        ("{{mine|replace('-', '_')}}", "tOp_sEcret/Value 1"),
        ("{{mine[4:]}}", "sEcret/Value 1"),
        ("{{mine|reverse}}", "1 eulaV/terceEs-pOt"),
        ("{{mine ~ '-' ~ mine|upper}}", "TOP-SECRET/VALUE 1"),
        ("{{mine|upper|b64encode}}", &STANDARD.encode("TOP-SECRET/VALUE 1")),
        ("{{loud}}", "TOP-SECRET/VALUE 1!"),
        ("{{mine|split('/')|last}}", "Value 1"),
    ];
    for (expression, made) in made {
        let suite = format!(
            "[vars]\nmine = {{ env = \"MINE\", secret = true }}\nloud = \"{{{{mine|upper}}}}!\"\n\
             [[health]]\nname = \"it\"\nurl = {url:?}\nmethod = \"POST\"\nbody = \"{expression}\"\n"
        );
        let ran = asked_for_all().suite(&suite).env("MINE", TOKEN).run();
        ran.exits(1);
        have_none_of(&ran, &[("raw", TOKEN.to_owned()), ("made of it", made.to_owned())]);
        assert!(ran.stderr.contains("***"), "{expression} was never near an output\n{}", ran.stderr);
    }
}

#[test]
fn a_fact_about_a_secret_is_not_secret() {
    let server = HttpServer::start(|request| Response::new(500).body(format!("is it {}?", request.text())));
    let suite = format!(
        "[vars]\nmine = {{ env = \"MINE\", secret = true }}\n[[health]]\nname = \"it\"\nurl = {:?}\nmethod = \"POST\"\n\
         body = \"{{{{mine == 'x'}}}} {{{{mine|length + 1000}}}} {{{{mine|first}}}}\"\n",
        server.url("/")
    );
    let ran = asked_for_all().suite(&suite).env("MINE", "hunter22").run();
    ran.exits(1);
    assert!(ran.stderr.contains("is it false 1008 h?"), "{}", ran.stderr);
}

#[test]
fn nothing_is_left_of_two_secrets_with_the_same_beginning() {
    let server = server();
    let suite = format!(
        "[vars]\na = {{ env = \"SHORT\", secret = true }}\nb = {{ env = \"LONG\", secret = true }}\n\
         [[health]]\nname = \"it\"\nurl = {:?}\nmethod = \"POST\"\nbody = \"{{{{a}}}} {{{{b}}}}\"\n",
        server.url("/request")
    );
    let (short, long) = ("hunter2", "hunter2-and-more");
    let ran = asked_for_all().suite(&suite).env("SHORT", short).env("LONG", long).run();
    ran.exits(1);
    let rest = ("a rest", "***-and-more".to_owned());
    have_none_of(&ran, &[forms(short), forms(long), vec![rest]].concat());
    assert!(ran.stderr.contains("*** ***"), "{}", ran.stderr);
}
