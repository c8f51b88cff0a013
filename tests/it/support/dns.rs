//! DNS servers: a real one, and one that answers with whatever bytes a test makes.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::guard::Guard;
use super::wait;

/// A real dnsmasq, which knows the zone `test`.
#[derive(Debug)]
pub struct Dnsmasq {
    pub address: SocketAddr,
    /// Its guard ends it, and nobody may have waited for it before.
    _server: Child,
    _guard: Guard,
}

impl Dnsmasq {
    /// One for all tests.
    ///
    /// # Panics
    /// When it does not start.
    pub fn shared() -> &'static Dnsmasq {
        static SHARED: LazyLock<Dnsmasq> = LazyLock::new(Dnsmasq::start);
        &SHARED
    }

    fn start() -> Dnsmasq {
        // Longer than what is taken over UDP.
        let long = |n: usize| format!("--txt-record=long.test,{}", format!("{n:02}").repeat(100));
        let address = free_port();
        let mut command = Command::new(program());
        command
            .args(["-d", "--conf-file=/dev/null", "--pid-file=", "--no-resolv", "--no-hosts", "--bind-interfaces"])
            .args(["--listen-address=127.0.0.1", &format!("--port={}", address.port())])
            .args(["--local=/test/", "--local-ttl=300"])
            .args(["--host-record=shop.test,10.0.0.7,2001:db8::7", "--host-record=shop.test,10.0.0.8"])
            .args(["--host-record=short.test,10.0.0.9,30", "--cname=www.shop.test,shop.test"])
            .args(["--cname=away.shop.test,elsewhere.test"])
            .args(["--mx-host=shop.test,mail.shop.test,10", "--txt-record=shop.test,v=spf1 -all"])
            .args(["--srv-host=_sip._tcp.shop.test,sip.shop.test,5060,1,5"])
            .args(["--ptr-record=7.0.0.10.in-addr.arpa,shop.test"])
            .args(["--ptr-record=7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa,shop.test"])
            .args(["--caa-record=shop.test,0,issue,letsencrypt.org"])
            // A type that it has no option for: the name server `ns1.shop.test`, as it is sent.
            .args(["--dns-rr=shop.test,2,036e73310473686f70047465737400"])
            .args(["--host-record=xn--br-via.test,10.0.0.10"])
            .args((0..30).map(long));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let server = command.spawn().expect("run dnsmasq");
        let guard = Guard::stops(&server, Signal::KILL);
        wait::until("dnsmasq to start", Duration::from_secs(30), || {
            std::net::TcpStream::connect(address).ok().map(drop)
        });
        Dnsmasq { address, _server: server, _guard: guard }
    }
}

/// Debian has it where root alone looks.
fn program() -> PathBuf {
    let of_debian = PathBuf::from("/usr/sbin/dnsmasq");
    if of_debian.exists() { of_debian } else { "dnsmasq".into() }
}

/// A port that is free for both UDP and TCP.
fn free_port() -> SocketAddr {
    let (udp, tcp) = both();
    let address = udp.local_addr().expect("know the port");
    drop((udp, tcp));
    address
}

fn both() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().expect("know the port")) {
            return (udp, tcp);
        }
    }
}

/// How something was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Udp,
    Tcp,
}

/// A server that answers each question with the messages that `answer` makes of it, over TCP with the length before it. It
/// serves as long as the tests run.
///
/// # Panics
/// When there is no free port.
pub fn stand_in(answer: impl Fn(&[u8], Over) -> Vec<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    let (udp, tcp) = both();
    let address = udp.local_addr().expect("know the port");
    let answer = Arc::new(answer);
    let over_udp = Arc::clone(&answer);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            for message in over_udp(&buffer[..length], Over::Udp) {
                let _ = udp.send_to(&message, from);
            }
        }
    });
    thread::spawn(move || {
        for mut stream in tcp.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut length = [0; 2];
                stream.read_exact(&mut length).ok()?;
                let mut question = vec![0; u16::from_be_bytes(length).into()];
                stream.read_exact(&mut question).ok()?;
                for message in answer(&question, Over::Tcp) {
                    let length = u16::try_from(message.len()).expect("a short message").to_be_bytes();
                    stream.write_all(&[&length[..], &message].concat()).ok()?;
                }
                Some(())
            });
        }
    });
    address
}

/// The answer to `question` with this rcode and these records, each as it is sent.
#[must_use]
pub fn answer(question: &[u8], rcode: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(records.len()).expect("a few records").to_be_bytes();
    // The header without extensions, and the question: a name, a type and a class.
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).expect("the end of the name") + 5;
    let mut message = question[..end].to_vec();
    message[2] |= 0x80;
    message[3] = 0x80 | rcode;
    message[6..8].copy_from_slice(&count);
    message[8..12].fill(0);
    message.extend(records.concat());
    message
}

/// A name as it is sent.
#[must_use]
pub fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').flat_map(|label| {
        let length = u8::try_from(label.len()).expect("a short label");
        std::iter::once(length).chain(label.bytes())
    });
    labels.chain([0]).collect()
}

/// A record of `owner` with a TTL of a minute.
#[must_use]
pub fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a short record").to_be_bytes();
    let fixed = [&kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 60], &length].concat();
    [name(owner), fixed, data.to_vec()].concat()
}
