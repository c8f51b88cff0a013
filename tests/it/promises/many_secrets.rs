//! The cost of secrets is linear in their length, and does not use up budgets.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::http::{HttpServer, Response};
use crate::support::outputs::{asked_for_all, have_none_of};

#[test]
fn a_secret_in_every_answer_uses_up_no_budget() {
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
fn sixteen_pages_that_are_made_to_be_slow_to_search_end_with_their_run() {
    // The contents of a secret, and texts in which every part may start one.
    let pages =
        ["&amp;&amp;&amp;&amp;Ab1x", r"\\", "%25", r"\u005c", "&CounterClockwise", "0", "97, ", r#"\'\""#];
    let server = HttpServer::start(move |request| {
        let number: usize = request.path.trim_start_matches('/').parse().expect("a number");
        let page = pages[number % pages.len()];
        Response::new(200).body(page.repeat(1_000_000 / page.len()))
    });
    let secrets = [r"\\\\\\\\", "$%&/()=?+*'#Ab1x", "&amp;&amp;&amp;", "%41%42%43%44", "0000000000000000"];
    let mut suite = "[suite]\nfail-fast = false\nbudget = \"20s\"\n[vars]\n".to_owned();
    for (number, secret) in secrets.iter().enumerate() {
        suite += &format!("s{number} = {{ value = '''{secret}''', secret = true }}\n");
    }
    for number in 0..16 {
        let url = server.url(&format!("/{number}"));
        suite += &format!(
            "[[health]]\nname = \"c{number}\"\nurl = \"{url}\"\nbudget = \"15s\"\nexpect.body = \"ready\"\n"
        );
    }
    let ran = asked_for_all().suite(&suite).run();
    ran.exits(1);
    let report = ran.junit();
    let told = report.cases.iter().filter(|case| case.text.contains("expected body \"ready\"")).count();
    assert_eq!(told, 16, "{}", ran.stderr);
}

#[test]
fn two_hundred_long_cookies_with_each_answer_cost_little() {
    let answers = AtomicUsize::new(0);
    let server = HttpServer::start(move |_| {
        let answer = answers.fetch_add(1, Ordering::Relaxed);
        let cookies =
            (0..100).map(|n| format!("c{n}=s3ss10n-{answer:06}-{n:03}-{}; Path=/", "x".repeat(3_000)));
        cookies.fold(Response::new(500), |response, cookie| response.header("set-cookie", &cookie))
    });
    let url = server.url("/");
    let suite = format!(
        "[[health]]\nname = \"it\"\nurl = \"{url}\"\nbudget = \"2s\"\npoll = {{ every = \"10ms\" }}\n"
    );
    let ran = asked_for_all().suite(&suite).watch_memory().run();
    ran.exits(1);
    have_none_of(&ran, &[("a session", "s3ss10n-0".to_owned())]);
    let took = ran.took.as_secs_f64();
    assert!(took < 4.0, "{took}");
    let peak = ran.peak_memory.expect("it was watched");
    assert!(peak < 300 << 20, "{peak}");
}

#[test]
fn a_secret_may_be_half_a_megabyte_long() {
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
    assert!(ran.stderr.contains("again: ***… (500008 bytes in all)"), "{}", ran.stderr);
}
