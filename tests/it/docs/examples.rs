//! The example suites run against the demo shop and test servers.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;

use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::corpus;
use crate::support::dns::Dnsmasq;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::plugins;
use crate::support::redis::Redis;
use crate::support::smoke::Smoke;

const PASSWORD: &str = "correct horse battery";

fn read(name: &str) -> String {
    corpus::text(&format!("tests/suites/valid/{name}"))
}

/// The shop of the examples. Listens on `port` instead of the suite's port, which may be taken.
fn shop(port: u16) -> String {
    format!(
        "#!/bin/sh\nexec {:?} demo --serve {port} --database \"${{DATABASE_URL#sqlite:}}\"\n",
        env!("CARGO_BIN_EXE_smoke")
    )
}

/// The suite in its own folder, with everything that it refers to except the servers.
fn examples(port: u16, cache: &HttpServer, live: &HttpServer) -> Smoke {
    let smoke = Smoke::new().suite(&read("examples.toml"));
    fs::create_dir_all(smoke.path("shared")).expect("create a folder");
    fs::create_dir_all(smoke.path("target/release")).expect("create a folder");
    fs::copy(Certificates::shared().authority(), smoke.path("ca.pem")).expect("copy the certificate");
    let smoke =
        smoke.file("shared/common.toml", read("shared/common.toml")).file("target/release/shop", shop(port));
    let smoke = smoke
        .file("manage.py", "#!/bin/sh\n[ -n \"$DATABASE_URL\" ] && echo '{\"version\": 7, \"ok\": true}'\n");
    for program in ["target/release/shop", "manage.py"] {
        fs::set_permissions(smoke.path(program), fs::Permissions::from_mode(0o755))
            .expect("make it a program");
    }
    smoke
        .env("SHOP_PASSWORD", PASSWORD)
        .arg("--var")
        .arg(format!("resolver={}", Dnsmasq::shared().address))
        .arg("--var")
        .arg(format!("plugins={}", plugins::folder()))
        .arg("--var")
        .arg(format!("cache={}", cache.address()))
        .arg("--var")
        .arg(format!("live={}", live.address()))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

#[test]
fn the_examples_run_and_pass() {
    let cache = HttpServer::start(|_| Response::new(200));
    let live = HttpServer::start_tls(TlsIdentity::Good, |_| Response::new(200));
    let port = free_port();
    let smoke = examples(port, &cache, &live).arg("--var").arg(format!("base_url=http://127.0.0.1:{port}"));
    let database = smoke.path("shop.db");
    let ran = smoke.run();
    ran.exits(0);
    let report = ran.junit();
    assert_eq!((report.count(Outcome::Passed), report.tests), (11, 11), "{}", ran.stderr);
    assert_eq!((cache.connections(), live.connections()), (1, 1));
    let steps = report.case("log in and see the dashboard").output.clone();
    for step in ["step 5 `the order is in the database`: passed", "step 6 `remove the order`: passed"] {
        assert!(steps.contains(step), "{steps}");
    }
    for text in [&ran.stderr, &report.xml] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    let shop = Connection::open(database).expect("open the shop's database");
    let left: i64 = shop
        .query_row("select count(*) from orders where sku like 'smoke-%'", [], |row| row.get(0))
        .expect("count the orders");
    assert_eq!(left, 0, "the cleanup removed the order");
}

#[test]
fn the_examples_of_redis_run_and_pass() {
    let server = Redis::start(&[]);
    for command in [
        &["SET", "shop:ready", "yes"][..],
        &["HSET", "shop:last order", "id", "7", "status", "new"],
        &["RPUSH", "shop:queue", "8"],
        &["HSET", "shop:order:8", "status", "paid"],
    ] {
        server.cli(command);
    }
    let run = || {
        let cache = format!("cache={}", server.url("/0"));
        Smoke::new().suite(&read("redis.toml")).args(["--var", &cache]).run()
    };
    run().exits(0);
    server.cli(&["DEL", "shop:ready"]);
    server.cli(&["HSET", "shop:order:8", "status", "lost"]);
    let ran = run();
    ran.exits(1);
    assert_eq!(ran.junit().count(Outcome::Passed), 3, "{}", ran.stderr);
}

#[test]
fn an_environment_of_the_examples_uses_its_own_address() {
    let cache = HttpServer::start(|_| Response::new(200));
    let live = HttpServer::start_tls(TlsIdentity::Good, |_| Response::json("{\"status\": \"ok\"}"));
    let ran = examples(free_port(), &cache, &live)
        .args(["--env", "production", "--only", "api is healthy", "--skip", "shop starts"])
        .args(["--skip", "the new version is live"])
        .run();
    ran.exits(0);
    let asked = live.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (asked[0].header("host"), asked[0].header("accept")),
        (Some("shop.example"), Some("application/json"))
    );
}
