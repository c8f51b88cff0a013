//! A real HAProxy and a real nginx, each in front of one server.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::guard::Guard;
use super::{scratch, wait};

/// A proxy. Dropping it ends it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    folder: PathBuf,
    /// Its guard ends it, and nobody may have waited for it before.
    _process: Child,
    _guard: Guard,
}

impl Proxy {
    /// HAProxy in front of `server`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn haproxy(server: SocketAddr) -> Proxy {
        let (port, folder) = (free_port(), folder());
        let configuration = format!(
            "global\n  stats socket {socket} level admin\n\
             defaults\n  mode http\n  retries 0\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
             frontend web\n  bind 127.0.0.1:{port}\n  default_backend shop\n\
             backend shop\n  server app {server}\n",
            socket = folder.join("admin").display(),
        );
        fs::write(folder.join("haproxy.cfg"), configuration).expect("write the configuration");
        let mut command = Command::new(program("haproxy"));
        command.arg("-db").arg("-f").arg(folder.join("haproxy.cfg"));
        Self::start(command, port, folder)
    }

    /// nginx in front of `server`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn nginx(server: SocketAddr) -> Proxy {
        let (port, folder) = (free_port(), folder());
        let at = |name: &str| folder.join(name).display().to_string();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String =
            kinds.iter().map(|kind| format!("  {kind}_temp_path {};\n", at(kind))).collect();
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {};\nerror_log {};\nevents {{}}\nhttp {{\n  access_log off;\n{temporary}\
             \x20 server {{\n    listen 127.0.0.1:{port};\n    location / {{ proxy_pass http://{server}; }}\n  }}\n}}\n",
            at("pid"),
            at("errors"),
        );
        fs::write(folder.join("nginx.conf"), configuration).expect("write the configuration");
        let mut command = Command::new(program("nginx"));
        command.arg("-c").arg(folder.join("nginx.conf")).arg("-e").arg(at("errors"));
        Self::start(command, port, folder)
    }

    fn start(mut command: Command, port: u16, folder: PathBuf) -> Proxy {
        command.current_dir(&folder).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap_or_else(|error| panic!("run {command:?}: {error}"));
        let guard = Guard::stops(&process, Signal::KILL);
        wait::until("the proxy to start", Duration::from_secs(30), || {
            TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
        Proxy { port, folder, _process: process, _guard: guard }
    }

    /// The URL of this path, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// HAProxy has nobody to ask from now on, and says so by itself: 503.
    pub fn take_away(&self) {
        self.tell("disable server shop/app");
    }

    /// HAProxy asks `server` from now on.
    pub fn ask(&self, server: SocketAddr) {
        self.tell(&format!("set server shop/app addr {} port {}", server.ip(), server.port()));
        self.tell("enable server shop/app");
    }

    /// How many answers with 5xx HAProxy has sent.
    ///
    /// # Panics
    /// When it does not say.
    #[must_use]
    pub fn errors(&self) -> u64 {
        let table = self.tell("show stat");
        let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<&str>>());
        let head = lines.next().expect("a head");
        let column = head.iter().position(|name| *name == "hrsp_5xx").expect("a column");
        let web = lines.find(|line| line.starts_with(&["web", "FRONTEND"])).expect("the frontend");
        web[column].parse().expect("a number")
    }

    fn tell(&self, command: &str) -> String {
        let mut socket = UnixStream::connect(self.folder.join("admin")).expect("connect to HAProxy's socket");
        socket.write_all(format!("{command}\n").as_bytes()).expect("tell HAProxy");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("read HAProxy's answer");
        answer
    }
}

fn folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("proxy-").tempdir_in(scratch::folder());
    folder.expect("create the folder of a proxy").keep()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen on a free port");
    listener.local_addr().expect("know the port").port()
}

/// Debian has it where root alone looks.
fn program(name: &str) -> PathBuf {
    let of_debian = Path::new("/usr/sbin").join(name);
    if of_debian.exists() { of_debian } else { name.into() }
}
