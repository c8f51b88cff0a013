//! The listening sockets on a port of this machine, as far as the system reveals them.
//!
//! A port that accepts connections does not prove which process does. With the sockets, those that listened before a
//! process was started can be distinguished from its own.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// A port to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningOn {
    pub port: u16,
    /// The addresses that clients connect to.
    pub addresses: Vec<IpAddr>,
}

/// Listening sockets, by inode number. No two open sockets have the same number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listeners(BTreeSet<u64>);

impl Listeners {
    /// Returns the sockets that connections to `wanted` may currently reach. Empty if the system does not reveal them.
    pub fn now(wanted: &ListeningOn) -> Listeners {
        Listeners(system::listening(wanted))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the sockets that still listen.
    pub fn that_are_left(&self, wanted: &ListeningOn) -> Listeners {
        if self.is_empty() { Listeners::default() } else { Listeners(&self.0 & &Listeners::now(wanted).0) }
    }

    /// Returns one of the processes that hold them, if this user may see it: `process 1234 (python3)`.
    pub fn holder(&self) -> Option<String> {
        system::holder(&self.0)
    }
}

/// Whether a socket bound to `bound` receives connections to one of `addresses`.
#[cfg(any(target_os = "linux", test))]
fn gets(bound: IpAddr, addresses: &[IpAddr]) -> bool {
    let bound = bound.to_canonical();
    addresses.iter().map(IpAddr::to_canonical).any(|address| {
        // A socket on the IPv6 wildcard address usually accepts IPv4 as well.
        bound == address || bound.is_unspecified() && (bound.is_ipv6() || address.is_ipv4())
    })
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeSet;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::path::Path;

    use super::{ListeningOn, gets};

    /// The state of a listening socket. Source: `TCP_LISTEN` of `include/net/tcp_states.h`.
    const LISTEN: &str = "0A";

    pub fn listening(wanted: &ListeningOn) -> BTreeSet<u64> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        let text: String = tables.iter().filter_map(|table| std::fs::read_to_string(table).ok()).collect();
        let sockets = text.lines().filter_map(socket);
        let wanted =
            sockets.filter(|(address, port, _)| *port == wanted.port && gets(*address, &wanted.addresses));
        wanted.map(|(_, _, number)| number).collect()
    }

    /// Parses the address, port and inode number of a listening socket. Source:
    /// <https://docs.kernel.org/networking/proc_net_tcp.html>.
    pub(super) fn socket(line: &str) -> Option<(IpAddr, u16, u64)> {
        let mut columns = line.split_whitespace();
        let (address, port) = columns.nth(1)?.split_once(':')?;
        let state = columns.nth(1)?;
        let number = columns.nth(5)?.parse().ok()?;
        let port = u16::from_str_radix(port, 16).ok()?;
        (state == LISTEN).then_some((address_of(address)?, port, number))
    }

    /// Parses words of four bytes, each in the byte order of this machine.
    fn address_of(hex: &str) -> Option<IpAddr> {
        let words: Option<Vec<[u8; 4]>> = (0..hex.len())
            .step_by(8)
            .map(|at| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes()))
            .collect();
        let bytes: Vec<u8> = words?.into_iter().flatten().collect();
        let four = <[u8; 4]>::try_from(bytes.as_slice()).ok().map(|bytes| Ipv4Addr::from(bytes).into());
        four.or_else(|| Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()))
    }

    pub fn holder(numbers: &BTreeSet<u64>) -> Option<String> {
        let wanted: Vec<String> = numbers.iter().map(|number| format!("socket:[{number}]")).collect();
        let holds = |process: &Path| {
            let open = std::fs::read_dir(process.join("fd")).into_iter().flatten().filter_map(Result::ok);
            open.filter_map(|entry| std::fs::read_link(entry.path()).ok())
                .any(|file| wanted.iter().any(|wanted| file.as_os_str() == wanted.as_str()))
        };
        let processes = std::fs::read_dir("/proc").ok()?.filter_map(Result::ok);
        processes.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok()).find_map(
            |entry| {
                let process = entry.path();
                let name = holds(&process).then(|| std::fs::read_to_string(process.join("comm")))?.ok()?;
                Some(format!("process {} ({})", entry.file_name().to_string_lossy(), name.trim()))
            },
        )
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::collections::BTreeSet;

    use super::ListeningOn;

    pub fn listening(_wanted: &ListeningOn) -> BTreeSet<u64> {
        BTreeSet::new()
    }

    pub fn holder(_numbers: &BTreeSet<u64>) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_socket_on_every_address_gets_connections_of_its_family() {
        let cases = [
            ("127.0.0.1", "127.0.0.1", true),
            ("0.0.0.0", "127.0.0.1", true),
            ("0.0.0.0", "::1", false),
            ("::", "127.0.0.1", true),
            ("::1", "127.0.0.1", false),
            ("::ffff:127.0.0.1", "127.0.0.1", true),
            ("10.0.0.1", "127.0.0.1", false),
        ];
        for (bound, address, expected) in cases {
            let (bound, address) = (bound.parse().unwrap(), address.parse().unwrap());
            assert_eq!(gets(bound, &[address]), expected, "{bound} {address}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_is_known_until_it_listens_no_longer() {
        for address in ["127.0.0.1", "::1"] {
            let address: IpAddr = address.parse().unwrap();
            let Ok(listener) = TcpListener::bind((address, 0)) else { continue };
            let port = listener.local_addr().unwrap().port();
            let here = ListeningOn { port, addresses: vec![address] };
            let before = Listeners::now(&here);
            assert!(!before.is_empty(), "{address}");
            let own = format!("process {} ", std::process::id());
            assert!(before.holder().is_some_and(|holder| holder.starts_with(&own)), "{:?}", before.holder());
            assert_eq!(before.that_are_left(&here), before);
            drop(listener);
            assert!(before.that_are_left(&here).is_empty());
            let _another = TcpListener::bind((address, port)).unwrap();
            assert!(before.that_are_left(&here).is_empty());
        }
    }
}
