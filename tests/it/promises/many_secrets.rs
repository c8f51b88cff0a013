//! Many secrets and long ones cost what they are long: no budget is spent on keeping them.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::http::{HttpServer, Response};
use crate::support::outputs::{asked_for_all, have_none_of};

#[test]
fn every_answer_may_bring_a_secret_of_its_own_and_no_budget_is_spent_on_it() {
    let answers = AtomicUsize::new(0);
    let server = HttpServer::start(move |_| {
        let session = format!("s3ss10n-{:08}-abcdef", answers.fetch_add(1, Ordering::Relaxed));
        Response::new(500)
            .header("set-cookie", &format!("id={session}; Path=/"))
            .body(format!("no {session}"))
    });
    let mut suite = "[suite]\nfail-fast = false\nbudget = \"50s\"\n".to_owned();
    for number in 0..300 {
        let url = server.url("/");
        suite += &format!("[[health]]\nname = \"c{number}\"\nurl = \"{url}\"\nbudget = \"40s\"\n");
    }
    let ran = asked_for_all().suite(&suite).run();
    ran.exits(1);
    assert_eq!(ran.junit().failures, 300, "{}", ran.stderr);
    have_none_of(&ran, &[("a session", "s3ss10n-0".to_owned())]);
}

#[test]
fn a_document_of_half_a_megabyte_may_be_secret() {
    let document: String = (0..50_000_u64)
        .map(|n| format!("{:010x}", n * 1_099_511_627_689 % 0xff_ffff_ffff))
        .collect::<Vec<_>>()
        .concat();
    let part = document[250_000..250_040].to_owned();
    let server = HttpServer::start(move |request| match request.path.as_str() {
        "/document" => Response::json(&format!("{{\"it\": \"{document}\"}}")),
        _ => Response::new(500).body(format!("again: {document}.")),
    });
    let suite = format!(
        "[[journey]]\nname = \"flow\"\nbudget = \"40s\"\n[[journey.step]]\nname = \"a\"\nget = \"{}\"\n\
         capture.mine = {{ json = \"$.it\", secret = true }}\n[[journey.step]]\nname = \"b\"\nget = \"{}\"\n",
        server.url("/document"),
        server.url("/")
    );
    let ran = asked_for_all().suite(&suite).run();
    ran.exits(1);
    have_none_of(&ran, &[("a part", part)]);
    assert!(ran.stderr.contains("again: ***."), "{}", ran.stderr);
}
