//! Budgets are strict: a cut names its phase and its budget, and happens on time.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::NoTls;

use crate::support::fault::{Fault, FaultServer};
use crate::support::junit::Outcome;
use crate::support::postgres::{Database, Postgres, TRUST};
use crate::support::smoke::Smoke;
use crate::support::{stalled_dns, thorough};

/// A check that hangs in one phase.
struct Hang {
    name: &'static str,
    url: String,
    /// What is missing, and the phase, as in the message.
    nothing: &'static str,
    phase: &'static str,
}

/// One hang in every phase of a request, a connection, a handshake and a query.
struct Hangs {
    all: Vec<Hang>,
    _servers: Vec<FaultServer>,
    // Dropped first: its session must end before its database is dropped.
    _lock: Runtime,
    _database: Database,
}

const CONNECTION: &str = "no connection";
const ANSWER: &str = "no answer";
const DNS: &str = "while looking up the name (dns)";
const CONNECT: &str = "while connecting (connect)";
const TLS: &str = "during the TLS handshake (tls)";
const FIRST_BYTE: &str = "while waiting for the first byte of the answer (first byte)";
const BODY: &str = "while reading the body (body)";
const AUTHENTICATE: &str = "while logging in (authenticate)";
const BEGIN: &str = "while waiting for the first answer, or for a free connection of a pooler (begin)";
const LOCK: &str = "while the query waited for a lock (lock)";

impl Hangs {
    fn start() -> Hangs {
        let database = Postgres::shared().create_database();
        database.admin_sql("create table orders (id int); grant all on orders to public");
        let mut hangs = vec![
            Hang {
                name: "http dns",
                url: "http://shop.stalled.test/".into(),
                nothing: CONNECTION,
                phase: DNS,
            },
            Hang {
                name: "postgres dns",
                url: "postgres://smoke@shop.stalled.test/smoke".into(),
                nothing: CONNECTION,
                phase: DNS,
            },
            Hang { name: "lock", url: database.url_for(TRUST), nothing: ANSWER, phase: LOCK },
        ];
        let mut servers = Vec::new();
        for (name, fault, nothing, phase) in [
            ("http connect", Fault::NeverAccept, CONNECTION, CONNECT),
            ("http tls", Fault::StalledTls, CONNECTION, TLS),
            ("http first byte", Fault::Mute, ANSWER, FIRST_BYTE),
            ("http slow header", Fault::SlowHeader, ANSWER, FIRST_BYTE),
            ("http body", Fault::SlowBody, "no end of the body", BODY),
            ("postgres connect", Fault::NeverAccept, CONNECTION, CONNECT),
            ("postgres tls", Fault::PostgresStalledTls, CONNECTION, TLS),
            ("postgres mute", Fault::PostgresMute, CONNECTION, AUTHENTICATE),
            ("authenticate", Fault::PostgresStalledLogin, CONNECTION, AUTHENTICATE),
            ("begin", Fault::PostgresStalledQuery, ANSWER, BEGIN),
        ] {
            let server = FaultServer::start(fault);
            let url = if name.starts_with("postgres") {
                format!("postgres://smoke:secret@{}/smoke", server.address())
            } else {
                server.url()
            };
            hangs.push(Hang { name, url, nothing, phase });
            servers.push(server);
        }
        Hangs { all: hangs, _servers: servers, _lock: lock(&database), _database: database }
    }

    /// Renders each as a check with these keys.
    fn checks(&self, keys: &str) -> String {
        let check = |hang: &Hang| {
            let Hang { name, url, .. } = hang;
            if url.starts_with("postgres") {
                format!(
                    "[[database]]\nname = \"{name}\"\nurl = {url:?}\nquery = \"select count(*) from orders\"\n{keys}\n"
                )
            } else {
                format!("[[health]]\nname = \"{name}\"\nurl = {url:?}\n{keys}\n")
            }
        };
        self.all.iter().map(check).collect()
    }

    /// Renders each as the only step of a journey, with these keys for the step.
    fn steps(&self, keys: &str) -> String {
        let journey = |hang: &Hang| {
            let Hang { name, url, .. } = hang;
            let ask = if url.starts_with("postgres") {
                format!("database = {url:?}\nquery = \"select count(*) from orders\"")
            } else {
                format!("get = {url:?}")
            };
            format!("[[journey]]\nname = \"{name}\"\n[[journey.step]]\nname = \"a\"\n{ask}\n{keys}\n")
        };
        self.all.iter().map(journey).collect()
    }
}

/// A session that holds the table's lock for as long as its runtime lives.
fn lock(database: &Database) -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let url = format!("{}?sslmode=disable", database.url_for(TRUST));
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("log in");
        tokio::spawn(connection);
        client.batch_execute("begin; lock table orders").await.expect("lock the table");
        // It ends with the runtime.
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(client);
        });
    });
    runtime
}

fn suite(keys: &str, checks: &str) -> Smoke {
    let head = format!("[suite]\nname = \"s\"\nfail-fast = false\nconcurrency = 100\n{keys}\n");
    Smoke::new().env("LD_PRELOAD", stalled_dns::library()).suite(&(head + checks))
}

#[test]
fn every_cut_names_its_phase_and_its_budget() {
    let hangs = Hangs::start();
    let short = "budget = \"4s\"";
    for (whose, suite_keys, checks, in_step) in [
        ("step", "", hangs.steps(short), "step 1 `a`: "),
        ("check", "", hangs.checks(short), ""),
        ("suite", short, hangs.checks(""), ""),
        ("suite", short, hangs.steps("budget = \"30s\""), "step 1 `a`: "),
    ] {
        let ran = suite(suite_keys, &checks).run();
        let undecided = whose == "suite";
        ran.exits(if undecided { 4 } else { 1 });
        let report = ran.junit();
        for Hang { name, nothing, phase, .. } in &hangs.all {
            let case = report.case(name);
            let told = format!("{in_step}{nothing} within 4s ({whose} budget), {phase}");
            assert_eq!(case.message.as_deref(), Some(told.as_str()), "{name}");
            let as_what = if undecided { (Outcome::Errored, "budget") } else { (Outcome::Failed, "timeout") };
            assert_eq!((case.outcome, case.kind.as_deref()), (as_what.0, Some(as_what.1)), "{name}");
        }
    }
}

#[test]
fn a_checks_budget_is_barely_exceeded() {
    const BUDGET: f64 = 0.3;
    let hangs = Hangs::start();
    // Also includes a check that is busy when its budget ends.
    let endless = FaultServer::start(Fault::EndlessBody);
    let checks = hangs.checks("budget = \"300ms\"")
        + &format!(
            "[[health]]\nname = \"endless\"\nurl = {:?}\nbudget = \"300ms\"\nmax-body = \"10GiB\"\n\
             [[boot]]\nname = \"boot\"\ngate = false\ncommand = [\"sleep\", \"1000\"]\nbudget = \"300ms\"\n\
             ready = {{ log = \"never\" }}\n",
            endless.url()
        );
    let mut overruns: Vec<Duration> = Vec::new();
    for _ in 0..thorough::repeats(2, 30) {
        let report = suite("", &checks).run().junit();
        for case in report.cases {
            assert_eq!(case.kind.as_deref(), Some("timeout"), "{}: {:?}", case.name, case.message);
            // The server ends a wait for a lock slightly early, so that the lock can be named.
            assert!(case.time >= BUDGET - 0.1, "{} was cut after {} s", case.name, case.time);
            overruns.push(Duration::from_secs_f64((case.time - BUDGET).max(0.0)));
        }
    }
    overruns.sort();
    let at = |share: usize| overruns[(overruns.len() - 1) * share / 100];
    println!(
        "overrun of a check's own budget, {} cuts: median {:?}, 99th percentile {:?}, most {:?}",
        overruns.len(),
        at(50),
        at(99),
        at(100)
    );
    assert!(at(99) <= thorough::bound(Duration::from_millis(20)), "99th percentile {:?}", at(99));
}
