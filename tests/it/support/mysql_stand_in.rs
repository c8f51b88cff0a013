//! A server that logs in with `caching_sha2_password`, as MySQL's own does: Debian has MariaDB only, which does not know
//! it.
//!
//! Written from the published protocol, and with `openssl` for all cryptography: nothing here is the client's.
//! Sources: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html>,
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html>.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use rustls::{ServerConnection, StreamOwned};

use super::certificates::{Certificates, TlsIdentity};
use super::scratch;

/// The password of the user `smoke`.
pub const PASSWORD: &str = "correct-horse";

const NONCE: &[u8; 20] = b"0123456789abcdefghij";

const TLS: u32 = 1 << 11;

/// What the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// It has the password's hash: nothing else is needed.
    Fast,
    /// It needs the password itself.
    Full,
    /// It names another method first, and changes to this one.
    FullAfterSwitch,
    /// What it sends for its public key is none.
    BadKey,
    /// It asks for the password in clear.
    Clear,
    /// It wants a method that nobody has.
    UnknownMethod,
    /// It logs in, and asks for a file instead of answering.
    WantsFile,
    /// It logs in, and answers with a row of 60 MB.
    LargeRow,
    /// It logs in, and answers with packets without an end.
    Endless,
    /// It is silent after this many of its packets.
    MuteAfter(usize),
    /// It closes the connection after this many of its packets.
    CloseAfter(usize),
    /// It sends bytes of no meaning after this many of its packets.
    GarbageAfter(usize),
}

/// A server that runs until the tests end.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    /// What it was sent for a password, in clear or decrypted.
    seen: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    /// A server with or without TLS.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start(behaviour: Behaviour, has_tls: bool) -> StandIn {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("the port");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&ours);
                thread::spawn(move || converse(stream, behaviour, has_tls, &seen));
            }
        });
        StandIn { address, seen }
    }

    /// `mysql://smoke:correct-horse@127.0.0.1:port/shop`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://smoke:{PASSWORD}@{}/shop", self.address)
    }

    /// What it was sent for a password since it was asked last.
    ///
    /// # Panics
    /// When a conversation has.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().expect("a conversation"))
    }
}

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// Packets in both directions.
struct Wire {
    stream: Box<dyn Stream>,
    number: u8,
    sent: usize,
    behaviour: Behaviour,
}

impl Wire {
    fn send(&mut self, payload: &[u8]) -> Option<()> {
        let interrupted = match self.behaviour {
            Behaviour::MuteAfter(count) if self.sent == count => Some(Vec::new()),
            Behaviour::GarbageAfter(count) if self.sent == count => Some([0xa7; 5000].to_vec()),
            Behaviour::CloseAfter(count) if self.sent == count => return None,
            _ => None,
        };
        if let Some(garbage) = interrupted {
            self.stream.write_all(&garbage).ok()?;
            let _ = self.stream.read_to_end(&mut Vec::new());
            return None;
        }
        self.sent += 1;
        let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
        let header = [length[0], length[1], length[2], self.number];
        self.stream.write_all(&[&header, payload].concat()).ok()?;
        self.stream.flush().ok()?;
        self.number = self.number.wrapping_add(1);
        Some(())
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header).ok()?;
        let mut payload = vec![0; u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize];
        self.stream.read_exact(&mut payload).ok()?;
        self.number = header[3].wrapping_add(1);
        Some(payload)
    }

    fn done(&mut self, status: u16) -> Option<()> {
        let status = status.to_le_bytes();
        self.send(&[0, 0, 0, status[0], status[1], 0, 0])
    }
}

fn converse(stream: TcpStream, behaviour: Behaviour, has_tls: bool, seen: &Mutex<Vec<String>>) -> Option<()> {
    let mut wire = Wire { stream: Box::new(stream.try_clone().ok()?), number: 0, sent: 0, behaviour };
    wire.send(&greeting(behaviour, has_tls))?;
    let mut answer = wire.receive()?;
    let mut is_secured = false;
    if u32::from_le_bytes(answer[..4].try_into().ok()?) & TLS != 0 && answer.len() == 32 {
        let config = Certificates::shared().server_config(TlsIdentity::Good);
        let connection = ServerConnection::new(Arc::new(config)).ok()?;
        wire.stream = Box::new(StreamOwned::new(connection, stream));
        is_secured = true;
        answer = wire.receive()?;
    }
    let mut proof = response(&answer)?;
    match behaviour {
        Behaviour::FullAfterSwitch => {
            wire.send(&[b"\xfecaching_sha2_password\0", &NONCE[..], b"\0"].concat())?;
            proof = wire.receive()?;
        }
        Behaviour::Clear => {
            wire.send(b"\xfemysql_clear_password\0")?;
            let password = wire.receive()?;
            seen.lock().ok()?.push(String::from_utf8_lossy(&password).into_owned());
        }
        Behaviour::UnknownMethod => {
            wire.send(b"\xfedialog\0Password: ")?;
            wire.receive()?;
        }
        _ => {}
    }
    let is_right = match behaviour {
        Behaviour::Full | Behaviour::FullAfterSwitch | Behaviour::BadKey => {
            let password = whole_password(&mut wire, is_secured, behaviour)?;
            seen.lock().ok()?.push(password.clone());
            password == PASSWORD
        }
        _ if proof == scramble(PASSWORD) => {
            wire.send(&[1, 3])?;
            true
        }
        _ => false,
    };
    if !is_right {
        return wire.send(b"\xff\x15\x04#28000Access denied for user 'smoke'");
    }
    wire.done(2)?;
    loop {
        let command = wire.receive()?;
        match (command.first()?, behaviour) {
            (1, _) => return None,
            (3, Behaviour::WantsFile) => wire.send(b"\xfb/etc/passwd")?,
            (3, Behaviour::LargeRow) => {
                column(&mut wire)?;
                wire.stream.write_all(&[0xff, 0xff, 0xff, wire.number]).ok()?;
                wire.stream.write_all(&vec![b'x'; 60_000_000]).ok()?;
            }
            (3, Behaviour::Endless) => {
                column(&mut wire)?;
                while wire.send(b"\x011").is_some() {}
                return None;
            }
            (3, _) if command[1..].starts_with(b"select 1") => {
                column(&mut wire)?;
                wire.send(b"\x011")?;
                wire.send(b"\xfe\0\0\x02\0")?;
            }
            _ => wire.done(0x2001)?,
        }
    }
}

fn greeting(behaviour: Behaviour, has_tls: bool) -> Vec<u8> {
    let tls = if has_tls { TLS } else { 0 };
    // Everything that a client of today asks for, and what no client should: several statements, files.
    let capabilities = (0x01ff_f7df_u32 | tls).to_le_bytes();
    let method: &[u8] = match behaviour {
        Behaviour::FullAfterSwitch => b"mysql_native_password\0",
        _ => b"caching_sha2_password\0",
    };
    let mut greeting = b"\x0a8.4.3\0\x07\0\0\0".to_vec();
    greeting.extend_from_slice(&NONCE[..8]);
    greeting.extend_from_slice(&[
        0,
        capabilities[0],
        capabilities[1],
        255,
        2,
        0,
        capabilities[2],
        capabilities[3],
        21,
    ]);
    greeting.extend_from_slice(&[0; 10]);
    greeting.extend_from_slice(&NONCE[8..]);
    greeting.push(0);
    greeting.extend_from_slice(method);
    greeting
}

/// What a client proves itself with: after the user comes its length.
fn response(answer: &[u8]) -> Option<Vec<u8>> {
    let user = answer.get(32..)?;
    let rest = &user[user.iter().position(|byte| *byte == 0)? + 1..];
    rest.get(1..1 + usize::from(*rest.first()?)).map(<[u8]>::to_vec)
}

fn whole_password(wire: &mut Wire, is_secured: bool, behaviour: Behaviour) -> Option<String> {
    wire.send(&[1, 4])?;
    let mut answer = wire.receive()?;
    if !is_secured {
        if answer != [2] {
            return Some(format!("in clear: {}", String::from_utf8_lossy(&answer)));
        }
        let key = match behaviour {
            Behaviour::BadKey => b"-----BEGIN PUBLIC KEY-----\nMP8A\n-----END PUBLIC KEY-----\n".to_vec(),
            _ => public_key().to_vec(),
        };
        wire.send(&[&[1], key.as_slice()].concat())?;
        answer = decrypted(&wire.receive()?);
        answer.iter_mut().zip(NONCE.iter().cycle()).for_each(|(byte, nonce)| *byte ^= nonce);
    }
    String::from_utf8(answer).ok()?.strip_suffix('\0').map(str::to_owned)
}

/// `XOR(SHA256(password), SHA256(SHA256(SHA256(password)), nonce))`.
fn scramble(password: &str) -> Vec<u8> {
    let sha256 = |data: &[u8]| openssl(&["dgst", "-sha256", "-binary"], data);
    let once = sha256(password.as_bytes());
    let mask = sha256(&[sha256(&once).as_slice(), NONCE].concat());
    once.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
}

fn column(wire: &mut Wire) -> Option<()> {
    wire.send(&[1])?;
    wire.send(b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0")?;
    wire.send(b"\xfe\0\0\x02\0")
}

fn key_file() -> &'static str {
    static FILE: LazyLock<String> = LazyLock::new(|| {
        let path = scratch::folder().join("mysql.key").display().to_string();
        openssl(
            &["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &path],
            b"",
        );
        path
    });
    &FILE
}

/// The public key of the server, as MySQL has it in `public_key.pem`.
///
/// # Panics
/// When `openssl` is missing.
#[must_use]
pub fn public_key() -> &'static [u8] {
    static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| openssl(&["pkey", "-in", key_file(), "-pubout"], b""));
    &KEY
}

fn decrypted(data: &[u8]) -> Vec<u8> {
    let padding = "rsa_padding_mode:oaep";
    openssl(&["pkeyutl", "-decrypt", "-inkey", key_file(), "-pkeyopt", padding], data)
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("run openssl");
    child.stdin.take().expect("its input").write_all(input).expect("write to openssl");
    child.wait_with_output().expect("the output of openssl").stdout
}

/// A file with the public key.
///
/// # Panics
/// When it cannot be written.
#[must_use]
pub fn public_key_file() -> String {
    let path = scratch::folder().join("mysql-public.pem");
    fs::write(&path, public_key()).expect("write the key");
    path.display().to_string()
}
