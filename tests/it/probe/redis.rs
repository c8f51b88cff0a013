//! Redis: what a check asks, how an answer becomes rows, and each reason why a server is not up.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::support::ask::{Asked, quoted};
use crate::support::junit::{Case, Junit};
use crate::support::redis::Redis;
use crate::support::redis::almost::{self, HELLO, READS, Says};
use crate::support::smoke::{Ran, Smoke};
use crate::support::{scratch, wait};

/// A health check of each of these URLs, whose names are their numbers.
fn health(checks: &[(String, &str)]) -> Smoke {
    let mut suite = "[suite]\nname = \"s\"\nfail-fast = false\n[defaults]\nbudget = \"20s\"\n".to_owned();
    for (number, (url, keys)) in checks.iter().enumerate() {
        suite += &format!("[[health]]\nname = \"{number}\"\nurl = {}\n{keys}\n", quoted(url));
    }
    Smoke::new().suite(&suite)
}

/// The one health check of this URL, which is red.
#[track_caller]
fn red(url: &str) -> Case {
    let ran = health(&[(url.to_owned(), "")]).run();
    ran.exits(1);
    ran.junit().case("0").clone()
}

/// It is told like this, with this advice.
#[track_caller]
fn is_told(case: &Case, told: &str, advice: &str) {
    assert!(case.told().contains(told), "{}", case.told());
    assert!(case.text.contains("hint: ") && case.text.contains(advice), "{}", case.text);
}

#[test]
fn a_server_is_up_by_each_kind_of_url() {
    let server = Redis::start(&[
        "requirepass correct-horse",
        "user shop on >p@ss ~shop:* +ping",
        "user anyone on nopass +ping +info",
    ]);
    let port = server.port();
    let socket = server.socket().display().to_string();
    let urls = [
        format!("redis://:correct-horse@127.0.0.1:{port}"),
        format!("redis://:correct-horse@localhost:{port}/"),
        format!("redis://default:correct-horse@127.0.0.1:{port}/3"),
        format!("redis://:correct-horse@127.0.0.1:{port}?db=3"),
        format!("redis://shop:p%40ss@127.0.0.1:{port}"),
        format!("redis://anyone@127.0.0.1:{port}"),
        format!("redis+unix://{socket}?db=1&password=correct-horse"),
    ];
    let checks: Vec<(String, &str)> =
        urls.iter().map(|url| (url.clone(), "expect.within = \"15s\"")).collect();
    health(&checks).run().exits(0);
    // A database check without a query asks the same.
    let asked = urls.iter().fold(Asked::at(""), |asked, url| asked.url(url, url, ""));
    asked.passes();
    // What `redis-cli` takes from the environment.
    let url = format!("redis://127.0.0.1:{port}");
    health(&[(url.clone(), "")]).env("REDISCLI_AUTH", "correct-horse").run().exits(0);
    health(&[(url, "")]).env("REDISCLI_AUTH", "wrong").run().exits(1);
}

#[test]
fn a_refused_login_says_why_without_showing_the_password() {
    let server = Redis::start(&[
        "requirepass correct-horse",
        "user idle off >correct-horse +ping",
        "user mute on >correct-horse -@all",
    ]);
    let port = server.port();
    let with = |user: &str| format!("redis://{user}127.0.0.1:{port}");
    is_told(&red(&with("")), "auth: logging in at 127.0.0.1:", "put the password into the URL");
    is_told(&red(&with("")), "NOAUTH", "");
    is_told(&red(&with(":wr0ng-h0rse@")), "auth: logging in at ", "check user and password");
    is_told(&red(&with("shop:wr0ng-h0rse@")), "WRONGPASS", "check user and password");
    is_told(&red(&with("idle:correct-horse@")), "WRONGPASS", "whether they are on");
    let may_not = "auth: pinging 127.0.0.1:";
    is_told(&red(&with("mute:correct-horse@")), may_not, "ACL SETUSER");
    is_told(&red(&with("mute:correct-horse@")), "NOPERM", "ACL SETUSER");
    is_told(&red(&format!("{}/99", with(":correct-horse@"))), "DB index is out of range", "`databases`");
    let ran = health(&[(with(":wr0ng-h0rse@"), "")]).args(["--trace", "--json", "-"]).run();
    for output in [&ran.stdout, &ran.stderr, &ran.junit().xml] {
        assert!(!output.contains("wr0ng"), "{output}");
    }
}

#[test]
fn a_server_that_is_not_ready_is_told_as_what_it_is() {
    // It reads a thousand keys, each as slowly as this.
    let folder = scratch::for_a_test();
    let full = Redis::start(&[]);
    full.cli(&["DEBUG", "POPULATE", "1000"]);
    full.cli(&["SAVE"]);
    fs::copy(full.folder().join("dump.rdb"), folder.path().join("dump.rdb")).expect("copy the dump");
    let settings = ["key-load-delay 100000", "loading-process-events-interval-bytes 1024"];
    let loading = Redis::start_in(folder, None, &settings);
    is_told(&red(&loading.url("")), "connect: pinging 127.0.0.1:", "`poll` waits for it");
    is_told(&red(&loading.url("")), "LOADING", "");

    let nobody = "replicaof 127.0.0.1 1";
    let stale = Redis::start(&[nobody]);
    is_told(&red(&stale.url("")), "it has no link to its master 127.0.0.1:1", "look at the master");
    let honest = Redis::start(&[nobody, "replica-serve-stale-data no"]);
    is_told(&red(&honest.url("")), "MASTERDOWN", "the replica has lost its master");
    let master = format!("replicaof 127.0.0.1 {}", full.port());
    let replica = Redis::start(&[&master, "repl-diskless-sync-delay 0"]);
    wait::until("the replica to have its data", Duration::from_mins(1), || {
        replica.cli(&["INFO", "replication"]).contains("master_link_status:up").then_some(())
    });
    health(&[(replica.url(""), "")]).run().exits(0);

    let busy = Redis::start(&["busy-reply-threshold 1"]);
    let mut script = Command::new("redis-cli")
        .args(["-p", &busy.port().to_string(), "EVAL", "while true do end", "0"])
        .spawn()
        .expect("run redis-cli");
    wait::until("the script to run", Duration::from_mins(1), || {
        busy.cli(&["PING"]).contains("BUSY").then_some(())
    });
    is_told(&red(&busy.url("")), "BUSY", "SCRIPT KILL");
    busy.cli(&["SCRIPT", "KILL"]);
    script.wait().expect("redis-cli ends");
}

#[test]
fn a_server_that_takes_no_connection_is_told_as_what_it_is() {
    let full = Redis::start(&["maxclients 1"]);
    let mut held = wait::until("the one connection", Duration::from_mins(1), || {
        let mut stream = TcpStream::connect(("127.0.0.1", full.port())).ok()?;
        stream.write_all(b"PING\r\n").ok()?;
        let mut first = [0];
        stream.read_exact(&mut first).ok()?;
        (first == *b"+").then_some(stream)
    });
    is_told(&red(&full.url("")), "connect: logging in at ", "`maxclients`");
    is_told(&red(&full.url("")), "max number of clients reached", "");
    held.write_all(b"QUIT\r\n").expect("hold the connection until here");

    // As one says it that is asked from another machine.
    let protected = almost::serve(|_| {
        Says::ThenCloses(
            b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n".to_vec(),
        )
    });
    is_told(&red(&format!("redis://{protected}")), "the server is in protected mode", "`requirepass`");
    is_told(&red("redis://127.0.0.1:1"), "connection refused", "nothing listens on that port");
}

#[test]
fn answers_become_rows() {
    let server = Redis::start(&[]);
    for command in [
        &["SET", "shop:ready", "yes"][..],
        &["SET", "count", "41"],
        &["INCR", "count"],
        &["HSET", "order", "id", "7", "status", "new"],
        &["RPUSH", "queue", "a", "b", "c"],
        &["ZADD", "prices", "1.5", "tea", "2", "milk"],
        &["SADD", "tags", "x"],
        &["XADD", "events", "1-1", "kind", "paid"],
        &["SET", "a key", "spaced"],
        &["SET", "ключ", "unicode"],
    ] {
        server.cli(command);
    }
    Asked::at(&server.url(""))
        .query("GET shop:ready", "value = \"yes\"")
        .query("get  shop:ready", "row = { value = \"yes\" }")
        .query("GET count", "value = \"42\"")
        .query("GET count ", "value = { min = 42, max = 42 }")
        .query("EXISTS shop:ready", "value = 1")
        .query("TTL shop:ready", "value = -1")
        .query("GET missing", "rows = 0")
        .query("MGET shop:ready missing count", "rows = 3")
        .query("MGET missing", "row = { value = { equals = \"{{ none }}\" } }")
        .query("HGETALL order", "row = { key = \"id\", value = \"7\" }")
        .query("HGETALL order ", "rows = 2")
        .query("HGETALL missing", "rows = 0")
        .query("LRANGE queue 0 -1", "rows = 3")
        .query("SMEMBERS tags", "value = \"x\"")
        .query("ZSCORE prices tea", "value = 1.5")
        .query("ZRANGE prices 0 -1 WITHSCORES", "value = [\"tea\", 1.5]")
        .query("XRANGE events - +", "value = [\"1-1\", [\"kind\", \"paid\"]]")
        .query("XINFO STREAM events", "row = { key = \"length\", value = 1 }")
        .query("OBJECT ENCODING count", "value = \"int\"")
        .query("GET \"a key\"", "value = \"spaced\"")
        .query("GET 'a key'", "value = \"spaced\"")
        .query("GET \"a\\x20key\"", "value = \"spaced\"")
        .query("GET ключ", "value = \"unicode\"")
        .query("ECHO \"\"", "value = \"\"")
        .query("PING", "value = \"PONG\"")
        .query("DBSIZE", "value = 9")
        .query("INFO replication", "value = { contains = \"role:master\" }")
        .query("TYPE queue", "value = \"list\"")
        .passes();
}

#[test]
fn a_variable_is_one_argument_or_a_part_of_one_whatever_is_in_it() {
    let server = Redis::start(&[]);
    let evil = "x\" 'y\r\n*1\r\n$8\r\nFLUSHALL\r\nSET a b";
    server.cli(&["SET", &format!("cart:{evil}"), "kept"]);
    server.cli(&["SET", evil, "alone"]);
    let vars = format!("[vars]\nevil = {}\nnumber = 5\n", quoted(evil));
    Asked::at(&server.url(""))
        .with(&vars)
        .query("GET {{evil}}", "value = \"alone\"")
        .query("GET \"{{evil}}\"", "row = { value = \"alone\" }")
        .query("GET cart:{{evil}}", "value = \"kept\"")
        .query("GET 'cart:{{evil}}'", "row = { value = \"kept\" }")
        .query("ECHO {{number + 1}}", "value = \"6\"")
        .query("ECHO {{['a', 'b c']}}", "value = '[\"a\",\"b c\"]'")
        .query("ECHO \"{{''}}\"", "value = \"\"")
        .passes();
    assert_eq!(server.cli(&["DBSIZE"]), "2");
}

#[test]
fn a_command_that_the_server_refuses_is_told_with_what_to_do() {
    let server = Redis::start(&["user shop on >pw ~shop:* +get +command|info", "user poor on >pw ~* +get"]);
    server.cli(&["RPUSH", "queue", "a"]);
    server.cli(&["SET", "big", &"x".repeat(1000)]);
    for _ in 0..11 {
        server.cli(&["EVAL", "redis.call('APPEND', 'big', redis.call('GET', 'big'))", "0"]);
    }
    let at = |user: &str| format!("redis://{user}127.0.0.1:{}", server.port());
    let told = |url: &str, query: &str| {
        let asked = Asked::at(url).check("x", &format!("query = {}", quoted(query)));
        let report: Junit = asked.fails();
        report.case("x").clone()
    };
    is_told(&told(&at(""), "GET queue"), "sql: running the command: WRONGTYPE", "`TYPE` of the key");
    is_told(&told(&at(""), "GET"), "wrong number of arguments", "");
    is_told(
        &told(&at(""), "GTE key"),
        "sql: checking the command: the server has no command `GTE`",
        "its name",
    );
    is_told(&told(&at(""), "OBJECT ENCODE key"), "no command `OBJECT ENCODE`", "");
    is_told(&told(&at(""), "GET big"), "larger than 1 MiB", "GETRANGE");
    is_told(&told(&at("shop:pw@"), "GET other"), "auth: running the command: NOPERM", "ACL SETUSER");
    is_told(&told(&at("poor:pw@"), "GET shop:a"), "smoke must ask what the command does", "+command|info");
    Asked::at(&at("shop:pw@")).query("GET shop:a", "rows = 0").passes();
}

#[test]
fn a_mistake_in_a_query_is_found_before_anything_is_sent() {
    let checked = |url: &str, keys: &str| -> Ran {
        let suite = format!("[[database]]\nname = \"x\"\nurl = {}\n{keys}\n", quoted(url));
        Smoke::bare().suite(&suite).args(["check"]).run()
    };
    for (url, keys, message) in [
        ("redis://127.0.0.1:1", "query = \"SET a b\"\nwrites = true", "`writes` does not apply to Redis"),
        ("redis://127.0.0.1:1", "query = 'GET \"a'", "a quote in the command is not closed"),
        ("redis://127.0.0.1:1/shop", "", "are the number of a database"),
        ("redis://127.0.0.1?x=1", "", "unsupported parameter `x` of a Redis URL"),
        ("redis://", "", "needs a host"),
    ] {
        let ran = checked(url, keys);
        ran.exits(2);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
}

#[test]
fn a_server_that_does_not_know_hello_is_asked_as_before() {
    let server = almost::serve(|words| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Says::This(match words[..] {
            ["HELLO", ..] => b"-ERR unknown command `HELLO`\r\n".to_vec(),
            ["AUTH", "secret"] | ["SELECT", "2"] => b"+OK\r\n".to_vec(),
            ["COMMAND", "INFO", "hgetall"] => {
                b"*1\r\n*6\r\n$7\r\nhgetall\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n".to_vec()
            }
            ["COMMAND", "INFO", "memory"] => {
                b"*1\r\n*6\r\n$6\r\nmemory\r\n:-2\r\n*1\r\n+readonly\r\n:0\r\n:0\r\n:0\r\n".to_vec()
            }
            ["HGETALL", "h"] => b"*2\r\n$1\r\na\r\n$1\r\n1\r\n".to_vec(),
            _ => b"-ERR this was not expected\r\n".to_vec(),
        })
    });
    let url = format!("redis://:secret@{server}/2");
    Asked::at(&url).query("HGETALL h", "rows = 2").passes();
    // Its flags are those of all sub-commands together, `MEMORY PURGE` among them.
    let report = Asked::at(&url).check("x", "query = \"MEMORY PURGE\"").fails();
    assert!(report.case("x").told().contains("does not say what each sub-command of `memory` does"));
}

#[test]
fn what_a_server_pushes_is_no_answer() {
    let pushed = b">3\r\n$7\r\nmessage\r\n*1\r\n:1\r\n%1\r\n+a\r\n$1\r\nb\r\n|1\r\n+ttl\r\n:5\r\n";
    let server = almost::serve(move |words| match words[0].as_str() {
        "HELLO" => Says::This([pushed, HELLO].concat()),
        "COMMAND" => Says::This([pushed, READS].concat()),
        _ => Says::This([&pushed[..], b"*2\r\n", pushed, b"+one\r\n", pushed, b"=7\r\ntxt:two\r\n"].concat()),
    });
    Asked::at(&format!("redis://{server}"))
        .query("GET a", "rows = 2")
        .query("GET b", "value = \"one\"")
        .passes();
}

#[test]
fn every_row_is_counted_and_one_is_kept() {
    let server = almost::serve(|words| {
        Says::This(match words[0].as_str() {
            "HELLO" => HELLO.to_vec(),
            "COMMAND" => READS.to_vec(),
            // Together far more than a row may have.
            _ => [b"*300000\r\n".to_vec(), b"$10\r\n0123456789\r\n".repeat(300_000)].concat(),
        })
    });
    Asked::at(&format!("redis://{server}")).query("GET a", "rows = 300000").passes();
}

#[test]
fn the_reproduce_command_asks_the_same_and_has_the_password_in_the_environment() {
    let server = Redis::start(&["user shop on >s3cret-horse ~* +@all"]);
    server.cli(&["SET", "a key", "spaced"]);
    let suite = format!(
        "[suite]\nname = \"s\"\nfail-fast = false\n[vars]\npassword = {{ env = \"REDIS_PASSWORD\" }}\n\
         url = \"redis://shop:{{{{password}}}}@127.0.0.1:{}/0\"\nwhat = \"a key\"\n\
         [[database]]\nname = \"get\"\nurl = \"{{{{url}}}}\"\nquery = \"GET {{{{what}}}}\"\nexpect.value = \"x\"\n\
         [[database]]\nname = \"set\"\nurl = \"{{{{url}}}}\"\nquery = \"SET {{{{what}}}} changed\"\n\
         [[health]]\nname = \"up\"\nurl = \"{{{{url}}}}\"\nexpect.certificate.days-left = 1\n",
        server.port()
    );
    let ran = Smoke::new()
        .env("REDIS_PASSWORD", "s3cret-horse")
        .suite(&suite)
        .args(["--json", "report.json"])
        .run();
    ran.exits(1);
    let report = fs::read_to_string(ran.path("report.json")).expect("the report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let reproduced = |name: &str| {
        let checks = report["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == name).expect("the check");
        let command = check["reproduce"].as_str().expect("a command").to_owned();
        let output = Command::new("sh")
            .args(["-c", &command])
            .env("REDIS_PASSWORD", "s3cret-horse")
            .output()
            .expect("run a shell");
        (command, String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let (command, output) = reproduced("get");
    assert!(command.starts_with("REDISCLI_AUTH=\"$REDIS_PASSWORD\" timeout "), "{command}");
    assert_eq!(output, "spaced", "{command}");
    assert_eq!(reproduced("up").1, "PONG");
    // What a check does not run, people who copy a command do not run either.
    let (command, output) = reproduced("set");
    assert!(command.ends_with("COMMAND INFO SET") && output.starts_with("set"), "{command}: {output}");
    assert_eq!(server.cli(&["GET", "a key"]), "spaced");
}
