//! The promises on Redis: read-only, budgets whatever a server does, and nothing left there.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::ask::{Asked, quoted};
use crate::support::fault::{Fault, FaultServer};
use crate::support::junit::Outcome;
use crate::support::redis::Redis;
use crate::support::redis::almost::{self, HELLO, READS, Says};
use crate::support::smoke::Smoke;
use crate::support::{stalled_dns, thorough, wait};

/// Commands that a check must refuse: they write, administer, block, send or run a script.
const REFUSED: [&str; 60] = [
    "SET a b",
    "SETEX a 100 b",
    "GETSET text b",
    "GETDEL text",
    "GETEX text EX 100",
    "APPEND text b",
    "INCR number",
    "DEL text",
    "UNLINK text",
    "EXPIRE text 100",
    "PERSIST timed",
    "RENAME text other",
    "COPY text other",
    "MOVE text 1",
    "SETBIT text 1 1",
    "BITFIELD number SET u8 0 200",
    "LPUSH list x",
    "LPOP list",
    "RPOPLPUSH list list",
    "BLPOP list 0",
    "LTRIM list 0 0",
    "SADD set x",
    "SPOP set",
    "ZADD sorted 1 x",
    "ZPOPMIN sorted",
    "HSET hash x y",
    "HDEL hash a",
    "XADD stream * a b",
    "XTRIM stream MAXLEN 0",
    "XGROUP CREATE stream group 0",
    "XREAD BLOCK 0 STREAMS stream $",
    "PFADD counter x",
    "PFCOUNT counter",
    "GEOADD geo 1 1 x",
    "SORT list ALPHA STORE other",
    "SORT list ALPHA",
    "GEORADIUS geo 1 1 1 km STORE other",
    "SINTERSTORE other set",
    "RESTORE other 0 x",
    "MIGRATE 127.0.0.1 1 text 0 100",
    "FLUSHALL",
    "FLUSHDB",
    "SWAPDB 0 1",
    "SELECT 1",
    "PUBLISH news hello",
    "SPUBLISH news hello",
    "SUBSCRIBE news",
    "MONITOR",
    "MULTI",
    "EVAL \"return redis.call('SET', 'a', 'b')\" 0",
    "EVAL_RO \"return redis.call('PUBLISH', 'news', 'b')\" 0",
    "FUNCTION LOAD \"#!lua name=sneaky\\nredis.register_function('f', function() end)\"",
    "SCRIPT LOAD \"return 1\"",
    "CONFIG SET maxmemory 1",
    "CONFIG GET *",
    "ACL SETUSER sneaky on nopass ~* +@all",
    "CLIENT KILL TYPE normal",
    "DEBUG SLEEP 100",
    "MEMORY PURGE",
    "SHUTDOWN NOSAVE",
];

#[test]
fn no_command_that_is_refused_has_an_effect() {
    let server = Redis::start(&["latency-monitor-threshold 0"]);
    for command in [
        &["SET", "text", "x"][..],
        &["SET", "number", "5"],
        &["SET", "timed", "x", "PX", "3600000"],
        &["RPUSH", "list", "a", "b"],
        &["SADD", "set", "a"],
        &["ZADD", "sorted", "1", "a"],
        &["HSET", "hash", "a", "1"],
        &["XADD", "stream", "1-1", "a", "b"],
        &["PFADD", "counter", "a", "b"],
        &["GEOADD", "geo", "1", "1", "a"],
    ] {
        server.cli(command);
    }
    let state = || {
        let ask = |words: &[&str]| server.cli(words);
        [
            ask(&["DEBUG", "DIGEST"]),
            ask(&["DUMP", "counter"]),
            ask(&["DBSIZE"]),
            ask(&["CONFIG", "GET", "max*"]),
            ask(&["ACL", "LIST"]),
            ask(&["FUNCTION", "LIST"]),
        ]
    };
    let before = state();
    let pid = server.cli(&["INFO", "server"]);
    let pid = pid.lines().find(|line| line.starts_with("process_id")).map(str::to_owned);
    let asked = REFUSED.iter().fold(Asked::at(&server.url("")), |asked, command| {
        asked.check(command, &format!("query = {}", quoted(command)))
    });
    let report = asked.fails();
    for command in REFUSED {
        let case = report.case(command);
        assert_eq!(case.outcome, Outcome::Errored, "{command}: {}", case.told());
        assert!(case.told().starts_with("sql: checking the command: `"), "{command}: {}", case.told());
    }
    assert_eq!(state(), before);
    let stats = server.cli(&["INFO", "commandstats"]);
    for ran in ["set", "publish", "eval", "eval_ro", "flushall", "pfcount", "multi", "config|set"] {
        let ran = format!("cmdstat_{ran}:");
        let only_by_this_test = ran == "cmdstat_set:";
        assert!(only_by_this_test || !stats.contains(&ran), "{ran} ran: {stats}");
    }
    assert!(stats.contains("cmdstat_set:calls=3,"), "{stats}");
    assert!(server.cli(&["INFO", "server"]).lines().any(|line| Some(line) == pid.as_deref()), "it goes on");
}

/// A Redis that stalls, ends or never ends at each place, with the end of the message that tells it.
fn faults() -> Vec<(&'static str, String, &'static str)> {
    const LOGIN: &str = "while logging in (authenticate)";
    const QUERY: &str = "while the query ran (query)";
    let redis = |says: fn(&str) -> Says| format!("redis://{}", almost::serve(move |words| says(&words[0])));
    let plain = |fault: Fault| {
        let server = Box::leak(Box::new(FaultServer::start(fault)));
        format!("redis://{}", server.address())
    };
    vec![
        ("name", "redis://cache.stalled.test".to_owned(), "while looking up the name (dns)"),
        ("never accepts", plain(Fault::NeverAccept), "while connecting (connect)"),
        ("mute", plain(Fault::Mute), LOGIN),
        ("closes", plain(Fault::CloseAtOnce), "the connection was closed"),
        ("resets", plain(Fault::Reset), "the connection was closed"),
        ("ssh", plain(Fault::SshBanner), "what came is not Redis's protocol"),
        (
            "tls stalls",
            plain(Fault::StalledTls).replace("redis:", "rediss:"),
            "during the TLS handshake (tls)",
        ),
        ("tls garbage", plain(Fault::TlsGarbage).replace("redis:", "rediss:"), "does not speak TLS"),
        ("stalls in the login", redis(|_| Says::ThenNothing(b"%7\r\n$6\r\nser".to_vec())), LOGIN),
        ("closes in the login", redis(|_| Says::ThenCloses(b"%7\r\n$6\r\nser".to_vec())), "was closed"),
        ("garbage", redis(|_| Says::ThenNothing(b"\x00\xff\xfe hello".to_vec())), "not Redis's protocol"),
        (
            "a line without an end",
            redis(|_| Says::Endlessly(b"+".to_vec(), b"x".to_vec())),
            "not Redis's protocol",
        ),
        (
            "endless pushes",
            redis(|_| Says::Endlessly(Vec::new(), b">1\r\n:1\r\n".to_vec())),
            "larger than 1 MiB",
        ),
        ("an endless push", redis(|_| Says::Endlessly(Vec::new(), b">9\r\n".to_vec())), "larger than 1 MiB"),
        ("endless depth", redis(|_| Says::Endlessly(Vec::new(), b"*1\r\n".to_vec())), "larger than 1 MiB"),
        ("a huge text", redis(|_| Says::ThenNothing(b"$9999999999\r\n".to_vec())), "larger than 1 MiB"),
        (
            "stalls at the ping",
            redis(
                |word| {
                    if word == "HELLO" { Says::This(HELLO.to_vec()) } else { Says::ThenNothing(Vec::new()) }
                },
            ),
            QUERY,
        ),
        (
            "closes at the ping",
            redis(|word| {
                if word == "HELLO" { Says::This(HELLO.to_vec()) } else { Says::ThenCloses(b"+PO".to_vec()) }
            }),
            "the connection was closed",
        ),
    ]
}

/// The same of a query.
fn faults_of_a_query() -> Vec<(&'static str, String, &'static str)> {
    const QUERY: &str = "while the query ran (query)";
    let redis = |says: fn() -> Says| {
        let address = almost::serve(move |words| match words[0].as_str() {
            "HELLO" => Says::This(HELLO.to_vec()),
            "COMMAND" => Says::This(READS.to_vec()),
            _ => says(),
        });
        format!("redis://{address}")
    };
    vec![
        ("query stalls", redis(|| Says::ThenNothing(Vec::new())), QUERY),
        ("query stalls in a text", redis(|| Says::ThenNothing(b"$5\r\nab".to_vec())), QUERY),
        ("query stalls in a list", redis(|| Says::ThenNothing(b"*2\r\n+a\r\n".to_vec())), QUERY),
        ("query closes", redis(|| Says::ThenCloses(b"*2\r\n+a\r\n".to_vec())), "the connection was closed"),
        ("query huge text", redis(|| Says::ThenNothing(b"*1\r\n$2000000\r\n".to_vec())), "larger than 1 MiB"),
        (
            "query endless list",
            redis(|| Says::Endlessly(b"*9223372036854775807\r\n".to_vec(), b"$3\r\nabc\r\n".to_vec())),
            QUERY,
        ),
        (
            "query endless row",
            redis(|| Says::Endlessly(b"*1\r\n*9223372036854775807\r\n".to_vec(), b":1\r\n".to_vec())),
            "larger than 1 MiB",
        ),
        (
            "query endless map",
            redis(|| Says::Endlessly(b"%9223372036854775807\r\n".to_vec(), b":1\r\n".to_vec())),
            QUERY,
        ),
        (
            "query wrong length",
            redis(|| Says::ThenNothing(b"$1\r\nabc\r\n".to_vec())),
            "not Redis's protocol",
        ),
        ("query odd length", redis(|| Says::ThenNothing(b"*-7\r\n".to_vec())), "not Redis's protocol"),
        (
            "query streamed",
            redis(|| Says::ThenNothing(b"$?\r\n;1\r\na\r\n".to_vec())),
            "not Redis's protocol",
        ),
        ("query refused", redis(|| Says::This(b"-ERR no\r\n".to_vec())), "running the command: ERR no"),
    ]
}

#[test]
fn forty_checks_on_faulty_servers_end_with_the_suites_budget_and_are_told() {
    let bound = Duration::from_secs(5) + thorough::bound(Duration::from_millis(100));
    let mut checks: Vec<(String, String, &str)> = Vec::new();
    for (name, url, told) in faults() {
        checks.push((name.to_owned(), format!("[[health]]\nurl = {}", quoted(&url)), told));
    }
    for (name, url, told) in faults_of_a_query() {
        let keys = format!("[[database]]\nurl = {}\nquery = \"GET a\"", quoted(&url));
        checks.push((name.to_owned(), keys, told));
    }
    // The same without a query, and raw connections.
    for (name, url, told) in faults().into_iter().take(8) {
        checks.push((format!("database {name}"), format!("[[database]]\nurl = {}", quoted(&url)), told));
    }
    let never = FaultServer::start(Fault::NeverAccept);
    let mute = FaultServer::start(Fault::Mute);
    for (name, url, told) in [
        ("tcp name", "tcp://cache.stalled.test:1".to_owned(), "while looking up the name (dns)"),
        ("tcp never accepts", format!("tcp://{}", never.address()), "while connecting (connect)"),
        ("tls mute", format!("tls://{}", mute.address()), "during the TLS handshake (tls)"),
    ] {
        checks.push((name.to_owned(), format!("[[health]]\nurl = {}", quoted(&url)), told));
    }
    assert!(checks.len() >= 40, "{}", checks.len());
    let suite = |budget: &str, own: &str| {
        let mut suite = format!(
            "[suite]\nname = \"s\"\nbudget = \"{budget}\"\nfail-fast = false\nconcurrency = 100\n[defaults]\nbudget = \"{own}\"\n"
        );
        for (name, check, _) in &checks {
            let (head, rest) = check.split_once('\n').expect("a table and its keys");
            suite += &format!("{head}\nname = {}\n{rest}\n", quoted(name));
        }
        Smoke::new().env("LD_PRELOAD", stalled_dns::library()).suite(&suite).watch_memory()
    };
    // Each by its own budget, which is told with the phase.
    let ran = suite("60s", "3s").run();
    ran.exits(1);
    let report = ran.junit();
    for (name, _, told) in &checks {
        let case = report.case(name);
        // A busy machine may not read as much as is too much in that time.
        let is_cut_before = *told == "larger than 1 MiB" && case.told().contains("within 3s (check budget)");
        assert!(case.told().contains(told) || is_cut_before, "{name}: {}", case.told());
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..thorough::repeats(1, 20) {
        let ran = suite("5s", "5s").run();
        assert_eq!(ran.junit().cases.len(), checks.len());
        assert_eq!(ran.junit().count(Outcome::Passed), 0);
        slowest = slowest.max(ran.took);
    }
    println!("{} checks over faulty Redis servers, suite budget 5 s: at most {slowest:?}", checks.len());
    assert!(slowest < bound, "{slowest:?}");
}

/// Does the server not answer, though it runs?
fn sleeps(server: &Redis) -> bool {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("connect");
    stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket");
    stream.write_all(b"PING\r\n").expect("ask");
    stream.read(&mut [0; 16]).is_err()
}

#[test]
fn nothing_is_left_on_the_server_after_a_cut() {
    let server = Redis::start(&[]);
    let clients = || server.cli(&["CLIENT", "LIST"]).matches(" name=smoke/").count();
    let check = |number: usize| {
        let query = ["", "query = \"DBSIZE\""][number % 2];
        format!("[[database]]\nname = \"{number}\"\nurl = {}\n{query}\n", quoted(&server.url("")))
    };
    let checks: String = (0..20).map(check).collect();
    let suite =
        format!("[suite]\nname = \"s\"\nbudget = \"300ms\"\nfail-fast = false\nconcurrency = 100\n{checks}");
    let mut slowest = Duration::ZERO;
    for _ in 0..thorough::repeats(2, 20) {
        thread::scope(|scope| {
            // It does nothing meanwhile, and so nothing that smoke asks.
            let asleep = scope.spawn(|| server.cli(&["DEBUG", "SLEEP", "2"]));
            wait::until("the server to sleep", Duration::from_mins(1), || sleeps(&server).then_some(()));
            let ran = Smoke::new().suite(&suite).run();
            assert_eq!(ran.junit().count(Outcome::Passed), 0, "the server sleeps");
            let ended = Instant::now();
            asleep.join().expect("it wakes");
            // Before that, nobody can ask it.
            let woken = Instant::now().max(ended);
            wait::until("the connections to end", Duration::from_secs(20), || (clients() == 0).then_some(()));
            slowest = slowest.max(woken.elapsed());
        });
    }
    println!("20 checks cut while Redis was blocked: no connection there {slowest:?} after it was not");
    assert!(slowest < thorough::bound(Duration::from_millis(500)), "{slowest:?}");
}
