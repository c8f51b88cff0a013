//! Real Redis servers, and servers that almost are.

pub mod almost;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::certificates::{Certificates, TlsIdentity};
use super::guard::Guard;
use super::{scratch, wait};

/// How long a server may take to start. It takes 20 ms on an idle machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server on free ports of `127.0.0.1`, stopped when it is dropped.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    tls_port: u16,
    folder: TempDir,
    server: Child,
    guard: Option<Guard>,
}

impl Redis {
    /// A server with these settings, such as `["requirepass secret"]`.
    ///
    /// # Panics
    /// When Redis cannot be found or started.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        Self::start_in(scratch::for_a_test(), None, settings)
    }

    /// The same, over TLS on a port of its own.
    ///
    /// # Panics
    /// When Redis cannot be found or started.
    #[must_use]
    pub fn with_tls(identity: TlsIdentity, settings: &[&str]) -> Self {
        Self::start_in(scratch::for_a_test(), Some(identity), settings)
    }

    /// The same in this folder, whose `dump.rdb` it reads.
    ///
    /// # Panics
    /// When Redis cannot be found or started.
    #[must_use]
    pub fn start_in(folder: TempDir, tls: Option<TlsIdentity>, settings: &[&str]) -> Self {
        for _ in 0..5 {
            let [port, tls_port] = [free_port(), free_port()];
            let text = configuration(folder.path(), port, tls_port, tls, settings);
            let file = folder.path().join("redis.conf");
            fs::write(&file, text).expect("write redis.conf");
            let mut command = Command::new("redis-server");
            command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut server = command.spawn().expect("run redis-server: `tests/run` installs it");
            let guard = Guard::stops(&server, Signal::KILL);
            let is_up = wait::until("Redis to start", PATIENCE, || match server.try_wait() {
                Ok(None) => answers(port).then_some(true),
                Ok(Some(_)) | Err(_) => Some(false),
            });
            if is_up {
                return Self { port, tls_port, folder, server, guard: Some(guard) };
            }
            // Another process took its port first.
            guard.dismiss();
        }
        panic!("Redis did not start:\n{}", fs::read_to_string(folder.path().join("log")).unwrap_or_default());
    }

    /// The port without TLS.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port with TLS.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// `redis://127.0.0.1:port` with this behind it.
    #[must_use]
    pub fn url(&self, rest: &str) -> String {
        format!("redis://127.0.0.1:{}{rest}", self.port)
    }

    /// The file of its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What `redis-cli` says to this command.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn cli(&self, words: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &self.port.to_string()]).args(words);
        let output = command.output().expect("run redis-cli");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        if let Some(guard) = self.guard.take() {
            guard.dismiss();
        }
    }
}

fn configuration(
    folder: &Path,
    port: u16,
    tls_port: u16,
    tls: Option<TlsIdentity>,
    settings: &[&str],
) -> String {
    let at = folder.display();
    let mut text = format!(
        "port {port}\nbind 127.0.0.1\ndir {at}\nlogfile {at}/log\nunixsocket {at}/redis.sock\nsave \"\"\nappendonly no\n\
         enable-debug-command yes\n"
    );
    if let Some(identity) = tls {
        let certificates = Certificates::shared();
        let [certificate, key] = ["server.crt", "server.key"].map(|name| folder.join(name));
        certificates.server(identity).write(&certificate, &key);
        text += &format!(
            "tls-port {tls_port}\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ntls-auth-clients {}\n",
            certificate.display(),
            key.display(),
            certificates.authority().display(),
            if identity == TlsIdentity::ClientCertificateRequired { "yes" } else { "no" },
        );
    }
    text + &settings.join("\n") + "\n"
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("find a free port");
    listener.local_addr().expect("know the port").port()
}

/// Does a Redis answer there, whatever it says?
fn answers(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(b"PING\r\n").ok()?;
        let mut first = [0];
        stream.read_exact(&mut first).ok()?;
        Some(matches!(first, [b'+' | b'-']))
    };
    ask().unwrap_or(false)
}
