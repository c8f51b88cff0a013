//! smoke beside the tools that one would take instead: the same question, in the same run, medians of many.
//!
//! `cargo bench` runs it; `benches/README.md` says what it needs and what it found.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people: milliseconds and mebibytes"
)]

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[path = "../tests/it/support/large_contract.rs"]
mod large_contract;

const SMOKE: &str = env!("CARGO_BIN_EXE_smoke");

/// How often each command is run; the first run is not counted.
const RUNS: usize = 21;

fn main() {
    let folder = std::env::temp_dir().join(format!("smoke-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let server = Server::start(&folder);
    println!("medians of {} runs, alternating\n", RUNS - 1);
    println!("| what | smoke | other | ratio | goal |");
    println!("|---|---|---|---|---|");
    single_http(&folder, &server);
    single_https(&folder, &server);
    two_hundred(&folder, &server);
    one_thousand(&folder, &server);
    database(&folder);
    contract(&folder);
    mysql(&folder);
    lookup(&folder);
    redis(&folder);
    reading(&folder);
    let size = std::fs::metadata(SMOKE).expect("the binary").len();
    println!("| the binary | {:.1} MB | | | 20 MB |", size as f64 / 1e6);
    let _ = std::fs::remove_dir_all(&folder);
}

/// A server that answers `/MILLISECONDS` after so long, plain and over TLS.
struct Server {
    plain: SocketAddr,
    tls: SocketAddr,
    /// The system's certificates and the server's own authority.
    bundle: PathBuf,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        // A name of its own: two certificates of one name would be taken for a self-signed one.
        authority.distinguished_name.push(rcgen::DnType::CommonName, "smoke benchmark authority");
        authority.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&authority_key).expect("an authority");
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let own = rcgen::CertificateParams::new(names)
            .expect("parameters")
            .signed_by(&key, &issuer)
            .expect("signed");

        let system = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
        let bundle = folder.join("bundle.pem");
        std::fs::write(&bundle, format!("{system}\n{}", certificate.pem())).expect("the bundle");

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![own.der().clone()],
                rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a server certificate");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));

        let clock = Clock::start();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let plain = listen();
                let tls = listen();
                let addresses = (plain.local_addr().expect("bound"), tls.local_addr().expect("bound"));
                sender.send(addresses).expect("the benchmark waits");
                let tls_clock = Arc::clone(&clock);
                tokio::spawn(async move {
                    while let Ok((stream, _)) = tls.accept().await {
                        let (acceptor, clock) = (acceptor.clone(), Arc::clone(&tls_clock));
                        tokio::spawn(async move {
                            if let Ok(stream) = acceptor.accept(without_delay(stream)).await {
                                serve(stream, &clock).await;
                            }
                        });
                    }
                });
                while let Ok((stream, _)) = plain.accept().await {
                    let clock = Arc::clone(&clock);
                    tokio::spawn(async move { serve(without_delay(stream), &clock).await });
                }
            });
        });
        let (plain, tls) = receiver.recv().expect("the server starts");
        Server { plain, tls, bundle }
    }
}

/// A listener whose backlog takes a thousand at once.
fn listen() -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    socket.listen(4096).expect("listening")
}

/// Answers at once, as servers do: without this, an answer after a handshake may wait 40 ms for an acknowledgement.
fn without_delay(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).expect("a socket");
    stream
}

async fn serve(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, clock: &Clock) {
    let answer = |request: Request<hyper::body::Incoming>| async move {
        let delay = request.uri().path().trim_start_matches('/').parse().unwrap_or(0);
        if delay > 0 {
            clock.pause(Duration::from_millis(delay)).await;
        }
        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(
            b"{\"status\":\"ok\"}",
        ))))
    };
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
}

/// Ends pauses when they end. The runtime's own timer goes by whole milliseconds and rounds up: 50 ms would be 51.
#[derive(Default)]
struct Clock {
    /// By their ends; the number tells those apart that end together.
    pauses: Mutex<BTreeMap<(Instant, u64), oneshot::Sender<()>>>,
    changed: Condvar,
}

impl Clock {
    fn start() -> Arc<Clock> {
        let clock = Arc::new(Clock::default());
        let ticking = Arc::clone(&clock);
        std::thread::spawn(move || ticking.tick());
        clock
    }

    fn tick(&self) {
        let mut pauses = self.pauses.lock().expect("the clock");
        loop {
            let now = Instant::now();
            while let Some(first) = pauses.first_entry().filter(|first| first.key().0 <= now) {
                let _ = first.remove().send(());
            }
            let next = pauses.keys().next().map(|(end, _)| end.saturating_duration_since(now));
            pauses = match next {
                Some(wait) => self.changed.wait_timeout(pauses, wait).expect("the clock").0,
                None => self.changed.wait(pauses).expect("the clock"),
            };
        }
    }

    async fn pause(&self, length: Duration) {
        let (sender, receiver) = oneshot::channel();
        let end = Instant::now() + length;
        {
            let mut pauses = self.pauses.lock().expect("the clock");
            let number = pauses.keys().next_back().map_or(0, |(_, number)| number + 1);
            pauses.insert((end, number), sender);
            if pauses.keys().next() == Some(&(end, number)) {
                self.changed.notify_one();
            }
        }
        let _ = receiver.await;
    }
}

/// What is measured of a run. What measures CPU and memory is a process more, so time is measured without it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Time,
    Everything,
}

/// What one run of a command cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    /// User and system time, and the peak of memory in KiB, where `/usr/bin/time` can tell.
    cpu: Duration,
    memory: u64,
}

fn run(command: &mut Command, measure: Measure) -> Cost {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%U %S %M"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        timed.env(name, value.unwrap_or_default());
    }
    let measured = measure == Measure::Everything && Path::new("/usr/bin/time").exists();
    let began = Instant::now();
    let output = if measured { &mut timed } else { &mut *command }
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .expect("the command starts");
    let wall = began.elapsed();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{stderr}");
    let last: Vec<f64> =
        stderr.lines().last().unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
    match last.as_slice() {
        [user, system, memory] => {
            Cost { wall, cpu: Duration::from_secs_f64(user + system), memory: *memory as u64 }
        }
        _ => Cost { wall, cpu: Duration::ZERO, memory: 0 },
    }
}

/// Runs the two by turns, so that what the machine does meanwhile falls on both.
fn by_turns(
    measure: Measure,
    runs: usize,
    mut smoke: impl FnMut() -> Command,
    mut other: impl FnMut() -> Command,
) -> (Cost, Cost) {
    let mut costs = (Vec::new(), Vec::new());
    for turn in 0..runs {
        let pair = (run(&mut smoke(), measure), run(&mut other(), measure));
        if turn > 0 {
            costs.0.push(pair.0);
            costs.1.push(pair.1);
        }
    }
    (median(&costs.0), median(&costs.1))
}

fn median(costs: &[Cost]) -> Cost {
    let middle = |mut values: Vec<u128>| {
        values.sort_unstable();
        values[values.len() / 2]
    };
    Cost {
        wall: Duration::from_nanos(middle(costs.iter().map(|cost| cost.wall.as_nanos()).collect()) as u64),
        cpu: Duration::from_nanos(middle(costs.iter().map(|cost| cost.cpu.as_nanos()).collect()) as u64),
        memory: middle(costs.iter().map(|cost| u128::from(cost.memory)).collect()) as u64,
    }
}

fn row(what: &str, smoke: Duration, other: Duration, goal: &str) {
    let ratio = smoke.as_secs_f64() / other.as_secs_f64();
    let millis = |span: Duration| span.as_secs_f64() * 1e3;
    println!("| {what} | {:.1} ms | {:.1} ms | {ratio:.2} | {goal} |", millis(smoke), millis(other));
}

fn suite(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the suite");
    path
}

fn smoke(suite: &Path) -> Command {
    let mut command = Command::new(SMOKE);
    command.arg("run").arg(suite);
    command
}

fn single_http(folder: &Path, server: &Server) {
    let url = format!("http://{}/0", server.plain);
    let suite = suite(folder, "http.toml", &format!("[[health]]\nname = \"up\"\nurl = \"{url}\"\n"));
    let curl = || {
        let mut command = Command::new("curl");
        command.args(["-sf", "-o", "/dev/null", &url]);
        command
    };
    let (ours, theirs) = by_turns(Measure::Time, RUNS * 3, || smoke(&suite), curl);
    row("one `http` check, `curl -sf`", ours.wall, theirs.wall, "0.50");
}

fn single_https(folder: &Path, server: &Server) {
    let url = format!("https://localhost:{}/0", server.tls.port());
    let suite = suite(folder, "https.toml", &format!("[[health]]\nname = \"up\"\nurl = \"{url}\"\n"));
    let with_bundle = |mut command: Command| {
        command.env("SSL_CERT_FILE", &server.bundle).env("CURL_CA_BUNDLE", &server.bundle);
        command
    };
    let curl = || {
        let mut command = Command::new("curl");
        command.args(["-sf", "-o", "/dev/null", &url]);
        with_bundle(command)
    };
    let (ours, theirs) = by_turns(Measure::Time, RUNS * 3, || with_bundle(smoke(&suite)), curl);
    row("one `https` check, the system's certificates, `curl -sf`", ours.wall, theirs.wall, "1.00");
}

/// A server in this process that says of every name that it has the address 10.0.0.7.
fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound");
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            // The header, and one question: a name, a type and a class.
            let end =
                12 + question[12..].iter().position(|byte| *byte == 0).expect("the end of the name") + 5;
            let mut answer = question[..end].to_vec();
            answer[2..4].copy_from_slice(&[0x81, 0x80]);
            answer[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
            answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 7]);
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}

fn lookup(folder: &Path) {
    let server = name_server();
    let check = format!("[[health]]\nname = \"up\"\nurl = \"dns://{server}/shop.test\"\n");
    let suite = suite(folder, "dns.toml", &check);
    let dig = || {
        let mut command = Command::new("dig");
        command.args(["+short", "@127.0.0.1", "-p", &server.port().to_string(), "shop.test", "A"]);
        command
    };
    let (ours, theirs) = by_turns(Measure::Time, RUNS * 3, || smoke(&suite), dig);
    row("one `dns` check, `dig +short`", ours.wall, theirs.wall, "0.50");
}

fn many(folder: &Path, name: &str, url: &str, count: usize, budget: &str) -> (PathBuf, PathBuf) {
    let check =
        |n| format!("[[health]]\nname = \"check {n}\"\nurl = \"{url}?n={n}\"\nbudget = \"{budget}\"\n");
    let checks = (0..count).map(check).collect::<Vec<_>>().join("\n");
    let requests: Vec<PathBuf> = (0..count)
        .map(|n| suite(folder, &format!("{name}-{n}.hurl"), &format!("GET {url}?n={n}\nHTTP 200\n")))
        .collect();
    let list = requests.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join("\n");
    (suite(folder, &format!("{name}.toml"), &checks), suite(folder, &format!("{name}.list"), &list))
}

/// Hurl on the files of a list.
fn hurl(list: &Path, jobs: usize) -> Command {
    let mut command = Command::new(std::env::var("HURL").unwrap_or_else(|_| "hurl".to_owned()));
    command.args(["--test", "--parallel", "--jobs", &jobs.to_string(), "--no-output"]);
    command.args(std::fs::read_to_string(list).expect("the list").lines());
    command
}

fn two_hundred(folder: &Path, server: &Server) {
    let (suite, list) = many(folder, "two-hundred", &format!("http://{}/50", server.plain), 200, "5s");
    let ours = || {
        let mut command = smoke(&suite);
        command.args(["--jobs", "50"]);
        command
    };
    let theirs = || hurl(&list, 50);
    let (ours, theirs) = by_turns(Measure::Time, RUNS, ours, theirs);
    row("200 checks of 50 ms, 50 at once, ideal 200 ms", ours.wall, Duration::from_millis(200), "1.15");
    row("the same, Hurl", ours.wall, theirs.wall, "");
}

fn one_thousand(folder: &Path, server: &Server) {
    let (suite, list) = many(folder, "one-thousand", &format!("http://{}/500", server.plain), 1_000, "10s");
    let ours = || {
        let mut command = smoke(&suite);
        command.args(["--jobs", "500"]);
        command
    };
    let theirs = || hurl(&list, 500);
    let (ours, theirs) = by_turns(Measure::Everything, RUNS.div_ceil(2), ours, theirs);
    row("1,000 checks of 500 ms, 500 at once, Hurl: wall", ours.wall, theirs.wall, "");
    row("the same: CPU", ours.cpu, theirs.cpu, "0.30");
    let mib = |kib: u64| kib as f64 / 1024.0;
    let ratio = ours.memory as f64 / theirs.memory.max(1) as f64;
    println!(
        "| the same: peak memory | {:.1} MiB | {:.1} MiB | {ratio:.2} | 0.50 |",
        mib(ours.memory),
        mib(theirs.memory)
    );
}

fn database(folder: &Path) {
    let Ok(url) = std::env::var("BENCH_DATABASE_URL") else {
        println!(
            "| one `[[database]]` check, `psql -Atc 'select 1'` | BENCH_DATABASE_URL is not set | | | 0.50 |"
        );
        return;
    };
    let text =
        format!("[[database]]\nname = \"up\"\nurl = \"{url}\"\nquery = \"select 1\"\nexpect.value = 1\n");
    let suite = suite(folder, "database.toml", &text);
    let psql = || {
        let mut command = Command::new(std::env::var("PSQL").unwrap_or_else(|_| "psql".to_owned()));
        command.args(["-Atc", "select 1", &url]);
        command
    };
    let (ours, theirs) = by_turns(Measure::Time, RUNS, || smoke(&suite), psql);
    row("one `[[database]]` check, `psql -Atc 'select 1'`", ours.wall, theirs.wall, "0.50");
}

/// How often the other tool is run: it takes seconds.
const CONTRACT_RUNS: usize = 4;

/// A contract of 68 tables and 456 columns, against datacontract-cli, on the same tables.
fn contract(folder: &Path) {
    let what = "a `[[contract]]` of 68 tables and 456 columns, `datacontract test`";
    let (Ok(url), program) = (
        std::env::var("BENCH_DATABASE_URL"),
        std::env::var("DATACONTRACT").unwrap_or_else(|_| "datacontract".to_owned()),
    ) else {
        println!("| {what} | BENCH_DATABASE_URL is not set | | | 0.05 |");
        return;
    };
    let url = url::Url::parse(&url).expect("a URL");
    let (sql, text) = large_contract::large(&["smoke_bench"]);
    let psql = |sql: &str| {
        let mut command = Command::new(std::env::var("PSQL").unwrap_or_else(|_| "psql".to_owned()));
        let status = command.args(["-qXc", sql, url.as_str()]).stderr(Stdio::null()).status();
        assert!(status.expect("psql").success(), "{sql:.80}");
    };
    psql("drop schema if exists smoke_bench cascade");
    psql(&sql);
    let server = format!(
        "servers:\n- {{server: bench, type: postgres, host: '{}', port: {}, database: '{}', schema: smoke_bench}}\n",
        url.host_str().unwrap_or("127.0.0.1"),
        url.port().unwrap_or(5432),
        url.path().trim_start_matches('/'),
    );
    let file = folder.join("large.odcs.yaml");
    std::fs::write(&file, format!("{text}{server}")).expect("the contract");
    let own = format!("[[contract]]\nname = \"large\"\nfile = \"large.odcs.yaml\"\ndatabase = \"{url}\"\n");
    let suite = suite(folder, "contract.toml", &own);
    let own_costs: Vec<Cost> = (0..RUNS).map(|_| run(&mut smoke(&suite), Measure::Time)).collect();
    let ours = median(&own_costs[1..]).wall;
    if Command::new(&program).arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("| {what} | {:.1} ms | not installed | | 0.05 |", ours.as_secs_f64() * 1e3);
        return psql("drop schema smoke_bench cascade");
    }
    let times = (0..CONTRACT_RUNS).map(|_| {
        let began = Instant::now();
        let mut command = Command::new(&program);
        command.arg("test").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("DATACONTRACT_POSTGRES_USERNAME", url.username());
        command.env("DATACONTRACT_POSTGRES_PASSWORD", url.password().unwrap_or_default());
        // It reports what it takes for failures, as a verdict and in its exit code.
        let _ = command.status();
        began.elapsed()
    });
    let mut times: Vec<Duration> = times.collect();
    times.remove(0);
    times.sort();
    row(what, ours, times[times.len() / 2], "0.05");
    psql("drop schema smoke_bench cascade");
}

fn mysql(folder: &Path) {
    const NAME: &str = "one `[[database]]` check, `mysql -e 'select 1'`";
    let Ok(url) = std::env::var("BENCH_MYSQL_URL") else {
        println!("| {NAME} | BENCH_MYSQL_URL is not set | | | 0.50 |");
        return;
    };
    let text =
        format!("[[database]]\nname = \"up\"\nurl = \"{url}\"\nquery = \"select 1\"\nexpect.value = 1\n");
    let suite = suite(folder, "mysql.toml", &text);
    let address = url::Url::parse(&url).expect("BENCH_MYSQL_URL is a URL");
    let mysql = || {
        let mut command = Command::new(std::env::var("MYSQL").unwrap_or_else(|_| "mysql".to_owned()));
        command.args(["--no-defaults", "--protocol=tcp", "-h", address.host_str().unwrap_or("localhost")]);
        command.args(["-P", &address.port().unwrap_or(3306).to_string(), "-u", address.username()]);
        command.env("MYSQL_PWD", address.password().unwrap_or_default());
        command.args(["-e", "select 1", &address.path()[1..]]);
        command
    };
    let (ours, theirs) = by_turns(Measure::Time, RUNS, || smoke(&suite), mysql);
    row(NAME, ours.wall, theirs.wall, "0.50");
}

/// A Redis on a free port, ended when it is dropped.
struct Redis(std::process::Child, u16);

impl Redis {
    fn start(folder: &Path) -> Option<Redis> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder);
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().ok()?;
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "redis-server starts");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Redis(server, port))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn redis(folder: &Path) {
    let Some(server) = Redis::start(folder) else {
        println!("| one `redis` check, `redis-cli PING` | there is no `redis-server` | | | 0.70 |");
        return;
    };
    let port = server.1;
    let text = format!("[[health]]\nname = \"up\"\nurl = \"redis://127.0.0.1:{port}\"\n");
    let suite = suite(folder, "redis.toml", &text);
    let cli = || {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &port.to_string(), "PING"]);
        command
    };
    let (ours, theirs) = by_turns(Measure::Time, RUNS * 3, || smoke(&suite), cli);
    row("one `redis` check, `redis-cli PING`", ours.wall, theirs.wall, "0.70");
}

/// A suite of a thousand checks as people write them: health checks with matchers, queries, journeys that share a login.
fn reading(folder: &Path) {
    let mut text = READ_BEFORE.to_owned();
    for number in 0..998 {
        let check = match number % 10 {
            0..=5 => READ_HEALTH,
            6 | 7 => READ_DATABASE,
            _ => READ_JOURNEY,
        };
        text.push_str(&check.replace("NUMBER", &number.to_string()));
    }
    let suite = suite(folder, "reading.toml", &text);
    for name in ["check", "plan"] {
        let command = || {
            let mut command = Command::new(SMOKE);
            command.arg(name).arg(&suite);
            command
        };
        let costs: Vec<Cost> = (0..RUNS).map(|_| run(&mut command(), Measure::Time)).collect();
        let wall = median(&costs[1..]).wall.as_secs_f64() * 1e3;
        println!("| `smoke {name}` of 1,000 checks | {wall:.1} ms | | | 50 ms |");
    }
}

const READ_BEFORE: &str = r#"
[suite]
name = "platform"

[defaults.http]
headers = { accept = "application/json", x-request-id = "{{run.id}}" }

[vars]
base_url = "http://127.0.0.1:8080"
db_url = "postgres://smoke@127.0.0.1/shop"
password = { env = "SHOP_PASSWORD", default = "correct horse battery" }

[env.staging.vars]
base_url = "https://staging.shop.example"

[[health]]
name = "the new version is live"
gate = true
url = "{{base_url}}/version"
expect.json."$.version" = { matches = '^\d+\.\d+\.\d+$' }
poll = { every = "1s", hold = 3 }

[[journey]]
name = "log in"
share = ["token"]

[[journey.step]]
name = "log in"
post = "{{base_url}}/login"
form = { user = "smoke", password = "{{password}}" }
capture.token = { header = "x-token" }
"#;

const READ_HEALTH: &str = r#"
[[health]]
name = "service NUMBER is healthy"
url = "{{base_url}}/services/NUMBER/health"
tags = ["services"]
needs = ["log in"]
auth = { bearer = "{{token}}" }
expect.status = 200
expect.header.content-type = { contains = "json" }
expect.json."$.status" = "ok"
expect.json."$.checks[*].state" = { each = "up" }
"#;

const READ_DATABASE: &str = r#"
[[database]]
name = "table NUMBER has rows"
url = "{{db_url}}"
query = "select count(*) from table_NUMBER where owner = {{run.id}}"
expect.value = { min = 1 }
"#;

const READ_JOURNEY: &str = r#"
[[journey]]
name = "order NUMBER"
needs = ["log in"]

[[journey.step]]
name = "open the page"
get = "{{base_url}}/shop/NUMBER"
headers = { authorization = "Bearer {{token}}" }
expect.html."h1" = { contains = "Shop" }
capture.csrf = { html = "input[name=csrf]", attr = "value" }

[[journey.step]]
name = "order"
post = "{{base_url}}/shop/NUMBER/orders"
json = { sku = "smoke-{{run.id}}", csrf = "{{csrf}}" }
expect.json."$.id" = { matches = '^[0-9a-f-]+$' }
capture.order = { json = "$.id" }

[[journey.cleanup]]
name = "remove it"
delete = "{{base_url}}/shop/NUMBER/orders/{{order}}"
"#;
