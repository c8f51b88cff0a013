//! A faulty server can fail only its own check, and within the budget.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::support::fault::{Fault, FaultServer};
use crate::support::http::{HttpServer, Response};
use crate::support::junit::{Junit, Outcome};
use crate::support::smoke::Smoke;
use crate::support::{stalled_dns, thorough, wait};

/// A fault, the `type` of its failure, and a part of its message.
fn verdicts() -> Vec<(Fault, &'static str, &'static str)> {
    const FIRST_BYTE: &str = "while waiting for the first byte of the answer (first byte)";
    vec![
        (Fault::Mute, "timeout", FIRST_BYTE),
        (Fault::NeverAccept, "timeout", "while connecting (connect)"),
        (Fault::Reset, "protocol", "the connection was reset"),
        (Fault::CloseAtOnce, "protocol", "the connection was closed without an answer"),
        (Fault::SlowHeader, "timeout", FIRST_BYTE),
        (Fault::EndlessHeader, "protocol", "the headers are too large"),
        (Fault::SlowBody, "timeout", "while reading the body (body)"),
        (Fault::EndlessBody, "mismatch", "(`max-body`), got a larger one"),
        (Fault::TruncatedBody, "protocol", "the connection was closed before the body was complete"),
        (Fault::ResetInBody, "protocol", "the connection was reset"),
        (Fault::Garbage, "protocol", "what came is not HTTP"),
        (Fault::SshBanner, "protocol", "what came is not HTTP"),
        (Fault::CompressedBomb, "mismatch", "(`max-body`), got a larger one"),
        (Fault::RedirectLoop, "mismatch", "an end to the redirects after 9"),
        (Fault::StalledTls, "timeout", "during the TLS handshake (tls)"),
        (Fault::TlsGarbage, "tls", "the other side does not speak TLS"),
        (Fault::PostgresMute, "timeout", "while logging in (authenticate)"),
        (Fault::PostgresStalledTls, "timeout", "during the TLS handshake (tls)"),
        (Fault::PostgresStalledLogin, "timeout", "while logging in (authenticate)"),
        (Fault::PostgresStalledQuery, "timeout", "(begin)"),
        (Fault::PostgresGarbage, "protocol", ""),
    ]
}

/// One check on the server, with these keys.
fn check(name: &str, server: &FaultServer, fault: &Fault, keys: &str) -> String {
    let url = server.url();
    match fault.scheme() {
        "postgres" => format!("[[database]]\nname = \"{name}\"\nurl = {url:?}\n{keys}\n"),
        _ => format!("[[health]]\nname = \"{name}\"\nurl = {url:?}\nredirects = 9\n{keys}\n"),
    }
}

/// The limit for a check that is promised to take this many milliseconds.
fn seconds(promised: u64) -> f64 {
    thorough::bound(Duration::from_millis(promised)).as_secs_f64()
}

#[test]
fn every_fault_ends_its_check_inside_its_budget_and_is_named() {
    let verdicts = verdicts();
    let servers: Vec<FaultServer> =
        verdicts.iter().map(|(fault, ..)| FaultServer::start(fault.clone())).collect();
    let checks: String = servers
        .iter()
        .zip(&verdicts)
        .map(|(server, (fault, ..))| check(&format!("{fault:?}"), server, fault, "budget = \"4s\""))
        .collect();
    let ran = Smoke::new()
        .suite(&format!("[suite]\nname = \"s\"\nfail-fast = false\nconcurrency = 100\n{checks}"))
        .run();
    ran.exits(1);
    let report = ran.junit();
    for (fault, kind, message) in verdicts {
        let case = report.case(&format!("{fault:?}"));
        let said = case.message.as_deref().unwrap_or_default();
        assert_eq!(case.kind.as_deref(), Some(kind), "{fault:?}: {said}");
        let failed = matches!(kind, "timeout" | "mismatch");
        assert_eq!(case.outcome, if failed { Outcome::Failed } else { Outcome::Errored }, "{fault:?}");
        assert!(said.contains(message), "{fault:?}: {said}");
        if kind == "timeout" {
            assert!(said.contains(" within 4s (check budget), "), "{fault:?}: {said}");
        }
        assert!(case.time < seconds(4300), "{fault:?} took {} s", case.time);
    }
    assert!(ran.took < thorough::bound(Duration::from_millis(5500)), "{:?}", ran.took);
}

#[test]
fn a_page_that_takes_minutes_to_parse_does_not_exceed_a_budget() {
    let page = HttpServer::start(|_| Response::html(&"<table><td>".repeat(90_000)));
    let url = page.url("/");
    let ran = Smoke::new()
        .suite(&format!(
            "[suite]\nname = \"s\"\nfail-fast = false\n[defaults]\nbudget = \"1s\"\n\
             [[health]]\nname = \"expected\"\nurl = {url:?}\nexpect.html.h1 = \"x\"\n\
             [[journey]]\nname = \"captured\"\n[[journey.step]]\nname = \"a\"\nget = {url:?}\n\
             capture.x = {{ html = \"h1\" }}\n"
        ))
        .run();
    ran.exits(1);
    let report = ran.junit();
    for name in ["expected", "captured"] {
        assert!(report.case(name).time < seconds(1300), "{name} took {} s", report.case(name).time);
    }
    assert!(ran.took < thorough::bound(Duration::from_secs(2)), "{:?}", ran.took);
}

/// The report has every name of the suite once, and no other.
#[track_caller]
fn is_complete(report: &Junit, names: &BTreeSet<String>) {
    let reported: Vec<&String> = report.cases.iter().map(|case| &case.name).collect();
    assert_eq!(reported.len(), names.len(), "every check once");
    assert_eq!(reported.into_iter().cloned().collect::<BTreeSet<_>>(), *names);
    assert_eq!(report.tests, names.len());
}

#[test]
fn sixty_checks_on_every_fault_end_with_the_suites_budget() {
    const CHECKS: usize = 60;
    let bound = Duration::from_secs(5) + thorough::bound(Duration::from_millis(100));
    let elsewhere = HttpServer::start(|_| Response::new(200).delay(Duration::from_mins(1)));
    let faults = Fault::every(&elsewhere.url("/"));
    let servers: Vec<FaultServer> = faults.iter().cloned().map(FaultServer::start).collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..thorough::repeats(2, 20) {
        let mut names = BTreeSet::new();
        let mut checks = String::new();
        for number in 0..CHECKS {
            let (server, fault) = (&servers[number % servers.len()], &faults[number % faults.len()]);
            let name = format!("{number}");
            checks += &match number % 7 {
                // As a step, and with a name resolution that never ends.
                0 if fault.scheme() != "postgres" => format!(
                    "[[journey]]\nname = \"{name}\"\nbudget = \"5s\"\n[[journey.step]]\nname = \"a\"\nget = {:?}\nredirects = 9\n",
                    server.url()
                ),
                1 => format!(
                    "[[health]]\nname = \"{name}\"\nbudget = \"5s\"\nurl = \"http://{number}.stalled.test/\"\n"
                ),
                _ => check(&name, server, fault, "budget = \"5s\""),
            };
            names.insert(name);
        }
        let ran = Smoke::new()
            .env("LD_PRELOAD", stalled_dns::library())
            .suite(&format!(
                "[suite]\nname = \"s\"\nbudget = \"5s\"\nfail-fast = false\nconcurrency = {CHECKS}\n{checks}"
            ))
            .run();
        ran.exits(1);
        let report = ran.junit();
        is_complete(&report, &names);
        for case in &report.cases {
            let message = case.message.as_deref().unwrap_or_default();
            assert_ne!(case.outcome, Outcome::Passed, "{}", case.name);
            assert_ne!(case.outcome, Outcome::Skipped, "{}: {message}", case.name);
            assert_ne!(case.kind.as_deref(), Some("timeout"), "it was the suite's budget: {message}");
            assert!(!message.contains("before anything was sent"), "{}: {message}", case.name);
        }
        slowest = slowest.max(ran.took);
    }
    println!("60 checks over all faults, suite budget 5 s: at most {slowest:?}");
    assert!(slowest < bound, "{slowest:?}");
}

#[test]
fn a_hanging_name_lookup_does_not_delay_the_exit() {
    let suite = "[suite]\nname = \"s\"\nfail-fast = false\n[defaults]\nbudget = \"2s\"\n\
        [[health]]\nname = \"http\"\nurl = \"http://shop.stalled.test/\"\n\
        [[health]]\nname = \"tcp\"\nurl = \"tcp://shop.stalled.test:1\"\n\
        [[health]]\nname = \"tls\"\nurl = \"tls://shop.stalled.test:1\"\n\
        [[database]]\nname = \"postgres\"\nurl = \"postgres://smoke@shop.stalled.test/smoke\"\n\
        [[health]]\nname = \"proxy\"\nurl = \"http://shop.test/\"\nproxy = \"http://proxy.stalled.test:1\"\n";
    let ran = Smoke::new().env("LD_PRELOAD", stalled_dns::library()).suite(suite).run();
    ran.exits(1);
    let report = ran.junit();
    for name in ["http", "tcp", "tls", "postgres", "proxy"] {
        assert_eq!(
            report.case(name).message.as_deref(),
            Some("no connection within 2s (check budget), while looking up the name (dns)"),
            "{name}"
        );
    }
    assert!(ran.took < thorough::bound(Duration::from_secs(3)), "{:?}", ran.took);
}

#[test]
fn the_first_failure_cancels_five_hundred_checks_immediately() {
    let mut all: Vec<Duration> = (0..thorough::repeats(1, 20)).map(|_| from_failure_to_exit(500)).collect();
    all.sort();
    let (median, slowest) = (all[all.len() / 2], all[all.len() - 1]);
    println!("500 hung checks: from the failure to the exit, median {median:?}, at most {slowest:?}");
    assert!(slowest <= thorough::bound(Duration::from_millis(100)), "{slowest:?}");
}

/// Runs a suite in which all checks but one hang. Returns the time from the response of the failing one to the exit.
fn from_failure_to_exit(hung: usize) -> Duration {
    let mute = Arc::new(FaultServer::start(Fault::Mute));
    let failed_at = Arc::new(OnceLock::new());
    // It answers once all other checks hang.
    let red = HttpServer::start({
        let (mute, failed_at) = (Arc::clone(&mute), Arc::clone(&failed_at));
        move |_| {
            wait::until("all connections", Duration::from_secs(20), || {
                (mute.connections() == hung).then_some(())
            });
            failed_at.get_or_init(Instant::now);
            Response::new(503)
        }
    });
    let mut names: BTreeSet<String> = (0..hung).map(|number| format!("hung {number}")).collect();
    let check =
        |name: &str, url: &str| format!("[[health]]\nname = \"{name}\"\nbudget = \"30s\"\nurl = {url:?}\n");
    let mut checks: Vec<String> = names.iter().map(|name| check(name, &mute.url())).collect();
    checks.push(check("red", &red.url("/")));
    names.insert("red".to_owned());
    let ran = Smoke::new()
        .suite(&format!("[suite]\nname = \"s\"\nconcurrency = {}\n{}", hung + 1, checks.concat()))
        .run();
    let after = ran.ended.duration_since(*failed_at.get().expect("red was asked"));
    ran.exits(1);
    let report = ran.junit();
    is_complete(&report, &names);
    let cut = Some("cut while it ran, because `red` failed (fail-fast)");
    let hung = report.cases.iter().filter(|case| case.name != "red");
    assert!(hung.into_iter().all(|case| case.outcome == Outcome::Skipped && case.message.as_deref() == cut));
    after
}
