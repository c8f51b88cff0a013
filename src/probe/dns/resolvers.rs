//! Resolvers: the one that is named, or those of this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::attempt::timeline::mark;
use crate::outcome::{Failure, Phase};
use crate::probe::dial::{Target, look_up};

pub const PORT: u16 = 53;

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolver {
    Named(Target),
    /// The resolvers in `/etc/resolv.conf`.
    System,
}

/// The servers to ask in turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Servers {
    pub addresses: Vec<SocketAddr>,
    /// How long to wait for a server that is followed by another one.
    pub patience: Duration,
}

impl Resolver {
    /// # Errors
    /// Fails if the resolver's name has no address.
    pub(super) async fn servers(&self) -> Result<Servers, Failure> {
        match self {
            Resolver::Named(target) => {
                let addresses = look_up(target).await.map_err(|error| error.into_failure(target))?;
                mark(Phase::Query);
                Ok(Servers { addresses, patience: PATIENCE })
            }
            Resolver::System => {
                Ok(Servers::of_the_system(&std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default()))
            }
        }
    }
}

/// The default in resolv.conf(5).
const PATIENCE: Duration = Duration::from_secs(5);

impl Servers {
    /// Parses `/etc/resolv.conf`. If the file is missing or names no server, this machine is asked. Source:
    /// resolv.conf(5).
    fn of_the_system(text: &str) -> Servers {
        const MOST: usize = 3;
        let mut servers = Servers { addresses: Vec::new(), patience: PATIENCE };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let address: Option<IpAddr> = words.next().and_then(|address| address.parse().ok());
                    let room = servers.addresses.len() < MOST;
                    servers
                        .addresses
                        .extend(address.filter(|_| room).map(|address| SocketAddr::new(address, PORT)));
                }
                Some("options") => {
                    let seconds = words.rev().find_map(|word| word.strip_prefix("timeout:")?.parse().ok());
                    if let Some(seconds @ 1..=30) = seconds {
                        servers.patience = Duration::from_secs(seconds);
                    }
                }
                _ => {}
            }
        }
        if servers.addresses.is_empty() {
            servers.addresses.push((Ipv4Addr::LOCALHOST, PORT).into());
        }
        servers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_servers_are_those_of_its_file() {
        let text = "# nameserver 9.9.9.9\nsearch example\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\n\
                    nameserver ::1 \noptions ndots:5 timeout:2\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n";
        let addresses = ["10.0.0.1:53", "[::1]:53", "10.0.0.2:53"].map(|address| address.parse().unwrap());
        let expected = Servers { addresses: addresses.to_vec(), patience: Duration::from_secs(2) };
        assert_eq!(Servers::of_the_system(text), expected);
        assert_eq!(Servers::of_the_system("").addresses, ["127.0.0.1:53".parse().unwrap()]);
    }
}
