//! Expensive responses: sixteen of them at once need little memory, and none blocks the run.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::probe::unknown_types::{Types, server as unknown_types};
use crate::support::fault::{Fault, FaultServer};
use crate::support::http::{HttpServer, Response};
use crate::support::outputs::{asked_for_all, have_none_of};
use crate::support::raw;
use crate::support::smoke::Smoke;
use crate::support::thorough::{bound, is_thorough, repeats};

const SECRET: &str = "$%&/()=?+*'#Ab1x";

/// Every hostile server, and the check for it.
struct Hostile {
    checks: Vec<(&'static str, String)>,
    _http: HttpServer,
    _faults: [FaultServer; 3],
}

fn page(path: &str) -> Response {
    const SIZE: usize = 1_000_000;
    let filled = |what: &str| what.repeat(SIZE / what.len());
    match path {
        "/secret" => Response::new(200).body(filled("&amp;&amp;&amp;&amp;Ab1x")),
        "/ids" => {
            let nested = format!("{}1{}", "{\"id\":".repeat(120), "}".repeat(120));
            Response::json(&format!("[{}1]", format!("{nested},").repeat(716_000 / nested.len())))
        }
        "/nested" => Response::html(&filled("<div>")),
        "/open" => {
            let open = (0..400).map(|n| format!("<b n={n}>")).collect::<Vec<_>>().concat();
            Response::html(&format!("{open}{}", filled("<p>")))
        }
        "/objects" => Response::json(&format!("[{}1]", filled("{\"a\":1},"))),
        "/numbers" => Response::json(&format!("[{}1]", filled("1,"))),
        "/text" => Response::new(200).body(filled("0110100110010110")),
        "/commands" => Response::new(500).body("oops\n::set-output name=code::0\n##vso[task.complete]\n"),
        "/cookies" => (0..100).fold(Response::new(500), |response, n| {
            response.header("set-cookie", &format!("c{n}=s3ss10n-{n:03}-{}; Path=/", "x".repeat(3_000)))
        }),
        _ => Response::new(404),
    }
}

impl Hostile {
    fn start(smoke: &Smoke) -> Hostile {
        let http = HttpServer::start(|request| page(&request.path));
        let faults =
            [Fault::CompressedBomb, Fault::EndlessBody, Fault::EndlessHeader].map(FaultServer::start);
        let informs = raw::serve(|mut stream| {
            raw::read_head(&mut stream)?;
            let again = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4_000);
            while stream.write_all(&again).is_ok() {}
            None
        });
        // HTTP/2: a body that is reset without an error before its end (RFC 9113).
        let resets = raw::serve(|mut stream| {
            const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
            const HEAD: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
            const BODY: &[u8] = b"\0\0\x05\0\0\0\0\0\x01ready";
            const RESET: &[u8] = &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 0];
            stream.write_all(SETTINGS).ok()?;
            let mut asked = Vec::new();
            let mut piece = [0; 4096];
            // Waits for a HEADERS frame on the first stream.
            while !asked.windows(6).any(|frame| frame[0] == 1 && frame[2..] == [0, 0, 0, 1]) {
                let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
                asked.extend_from_slice(&piece[..length]);
            }
            stream.write_all(&[HEAD, BODY, RESET].concat()).ok()?;
            raw::close(stream)
        });
        let large_row = raw::postgres(&vec![b'x'; 60_000_000], |answer| answer);
        rusqlite::Connection::open(smoke.path("shop.db"))
            .and_then(|it| {
                it.execute_batch("create table t as select replace(hex(zeroblob(30000000)), '0', 'x') as a")
            })
            .expect("create a database");
        let http_check = |path: &str, keys: &str| format!("[[health]]\nurl = \"{}\"\n{keys}", http.url(path));
        let fault = |server: &FaultServer| format!("[[health]]\nurl = \"{}\"\n", server.url());
        let database =
            |url: &str, query: &str| format!("[[database]]\nurl = \"{url}\"\nquery = \"{query}\"\n");
        let checks = vec![
            ("secret", http_check("/secret", "auth.bearer = \"{{pw}}\"\nexpect.body = \"ready\"\n")),
            ("ids", http_check("/ids", "expect.json.\"$..id\" = { count = 3 }\n")),
            ("ids of ids", http_check("/ids", "expect.json.\"$..id..id..id..id\" = { each = 3 }\n")),
            ("nested", http_check("/nested", "expect.html.h1 = \"x\"\n")),
            ("open", http_check("/open", "expect.html.h1 = \"x\"\n")),
            ("objects", http_check("/objects", "expect.json.\"$..a\" = { each = \"x\" }\n")),
            ("numbers", http_check("/numbers", "expect.json.\"$\" = [2, 3]\n")),
            ("text", http_check("/text", "expect.body = { matches = \"[01]*1[01]{5000}([^01])\" }\n")),
            ("commands", http_check("/commands", "")),
            ("cookies", http_check("/cookies", "poll = { every = \"10ms\" }\n")),
            ("bomb", fault(&faults[0])),
            ("body", fault(&faults[1])),
            ("header", fault(&faults[2])),
            ("informs", format!("[[health]]\nurl = \"http://{informs}/\"\n")),
            (
                "resets",
                format!("[[health]]\nurl = \"http://{resets}/\"\nhttp = \"2\"\nexpect.body = \"ready.\"\n"),
            ),
            (
                "types",
                database(&format!("postgres://u@{}/d", unknown_types(Types::InEachAnswer)), "select a"),
            ),
            ("row", database(&format!("postgres://u@{large_row}/d"), "select a")),
            ("cell", database("sqlite:shop.db", "select a from t")),
        ];
        Hostile { checks, _http: http, _faults: faults }
    }

    fn suite(budget: &str, checks: &[&(&str, String)]) -> String {
        let mut suite = format!(
            "[suite]\nname = \"s\"\nbudget = \"{budget}\"\nfail-fast = false\n\
             [defaults]\nbudget = \"{budget}\"\n[vars]\npw = {{ env = \"PW\", secret = true }}\n"
        );
        for (name, check) in checks {
            let (kind, keys) = check.split_once('\n').expect("a table");
            suite += &format!("{kind}\nname = \"{name}\"\n{keys}");
        }
        suite
    }
}

#[test]
fn all_hostile_answers_at_once_take_little_memory_and_end_on_time() {
    let mut peaks = Vec::new();
    // A busy machine may not reach the expensive part in less time.
    let budget = if is_thorough() { 5 } else { 15 };
    for _ in 0..repeats(1, 20) {
        let smoke = asked_for_all().arg("--jobs").arg("18").env("PW", SECRET).watch_memory();
        let hostile = Hostile::start(&smoke);
        let suite = Hostile::suite(&format!("{budget}s"), &hostile.checks.iter().collect::<Vec<_>>());
        let ran = smoke.suite(&suite).run();
        assert!(matches!(ran.code, Some(1 | 4)), "{:?} {:?}\n{}", ran.code, ran.signal, ran.stderr);
        assert_eq!(ran.junit().cases.len(), hostile.checks.len());
        assert!(ran.took < bound(Duration::from_millis(budget * 1_000 + 500)), "{:?}", ran.took);
        have_none_of(&ran, &[("the secret", SECRET.to_owned())]);
        peaks.push((ran.peak_memory.expect("it was watched"), ran.took, ran.stderr));
    }
    println!("{:?}", peaks.iter().map(|(peak, took, _)| (peak >> 20, took)).collect::<Vec<_>>());
    for (peak, _, said) in peaks {
        assert!(peak <= 300 << 20, "{} MiB\n{said}", peak >> 20);
    }
}

#[test]
fn beside_each_hostile_server_the_suites_budget_is_barely_exceeded() {
    let folder = Smoke::new();
    let hostile = Hostile::start(&folder);
    let mut slowest = (Duration::ZERO, "");
    for check in &hostile.checks {
        let suite = Hostile::suite("1s", &[check]);
        let smoke = Smoke::new().env("PW", SECRET).watch_memory();
        let database = std::fs::read(folder.path("shop.db")).expect("the database");
        let ran = smoke.file("shop.db", database).suite(&suite).run();
        assert!(matches!(ran.code, Some(1 | 4)), "{}: {:?}\n{}", check.0, ran.signal, ran.stderr);
        println!(
            "{}: {:?} {:?} MiB\n{}",
            check.0,
            ran.took,
            ran.peak_memory.map(|peak| peak >> 20),
            ran.stderr
        );
        slowest = slowest.max((ran.took, check.0));
    }
    assert!(slowest.0 <= bound(Duration::from_millis(1_050)), "{slowest:?}");
}
