//! The servers of a PostgreSQL URL and their ports: before the path, in `host` and in `port`.
//!
//! For libpq these are the same parameters, and the later one wins. So `?host=` and `?port=` replace the part before
//! the path.

use super::config::invalid;
use crate::outcome::Failure;
use crate::probe::url::host_and_port;
use crate::secret::{Message, message};

/// The hosts in order, with no port, one port for all, or one port each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts {
    pub hosts: Vec<String>,
    pub ports: Vec<u16>,
}

/// Hosts and ports that are given outside the address.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Places<'p> {
    pub host: Option<&'p str>,
    pub port: Option<&'p str>,
}

/// The port for an empty list entry.
const DEFAULT_PORT: u16 = 5432;

impl Hosts {
    /// Parses `host1:port1,host2:port2`. Parameters override it, and the environment fills in what both omit.
    ///
    /// # Errors
    /// Fails if a port is invalid, or if there are more ports than hosts.
    pub fn read(
        before_path: &str,
        parameters: Places<'_>,
        environment: Places<'_>,
    ) -> Result<Hosts, Failure> {
        let entries: Vec<(String, &str)> = before_path.split(',').map(entry).collect::<Result<_, _>>()?;
        let host = parameters.host.filter(|host| !host.is_empty());
        let port = parameters.port.filter(|port| !port.is_empty());
        let has_host = entries.iter().any(|(host, _)| !host.is_empty());
        let has_port = entries.iter().any(|(_, port)| !port.is_empty());
        let host = host.or(environment.host.filter(|_| !has_host));
        let port = port.or(environment.port.filter(|_| !has_port));
        let hosts: Vec<String> = match host {
            Some(hosts) => hosts.split(',').map(str::to_owned).collect(),
            None => entries.iter().map(|(host, _)| host.clone()).collect(),
        };
        let given: Vec<&str> = match port {
            Some(ports) => ports.split(',').collect(),
            None => entries.iter().map(|(_, port)| *port).collect(),
        };
        let none_given = given.iter().all(|port| port.is_empty());
        let ports: Vec<u16> =
            if none_given { Vec::new() } else { given.into_iter().map(number).collect::<Result<_, _>>()? };
        if ports.len() > 1 && ports.len() != hosts.len() {
            let cause = format!("there are {} ports for {} hosts", ports.len(), hosts.len());
            return Err(invalid(Message::new().words(cause))
                .with_hint(message!("name one port for all hosts, or one for each")));
        }
        // Without any host, the local server is used.
        let hosts = if hosts.iter().all(String::is_empty) { Vec::new() } else { hosts };
        Ok(Hosts { hosts, ports })
    }
}

/// Whether the ports before the path are numbers.
pub(super) fn has_ports(before_path: &str) -> bool {
    let ports = before_path.split(',').map(|text| entry(text).map(|(_, port)| number(port)));
    ports.into_iter().all(|port| matches!(port, Ok(Ok(_))))
}

/// Splits `host:port` or `[host]:port` into the host and the text of the port.
fn entry(text: &str) -> Result<(String, &str), Failure> {
    let (host, port) = host_and_port(text).ok_or_else(not_an_address)?;
    Ok((percent_encoding::percent_decode_str(host).decode_utf8_lossy().into_owned(), port))
}

fn number(port: &str) -> Result<u16, Failure> {
    match port.parse() {
        _ if port.is_empty() => Ok(DEFAULT_PORT),
        Ok(number) if number > 0 => Ok(number),
        // The value is not shown: in a malformed URL it may be part of the password.
        Ok(_) | Err(_) => Err(invalid(message!("a port is not a number from 1 to 65535"))),
    }
}

fn not_an_address() -> Failure {
    invalid(message!("an IPv6 address stands as `[address]:port`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_take_the_place_of_what_stands_before_the_path() {
        for (before_path, host, port, hosts, ports) in [
            ("", None, None, &[][..], &[][..]),
            (":5433", None, None, &[], &[5433]),
            ("db", None, None, &["db"], &[]),
            ("db", None, Some("18556"), &["db"], &[18556]),
            ("db:1", None, Some("2"), &["db"], &[2]),
            ("a:1,b", None, None, &["a", "b"], &[1, 5432]),
            ("a,b", None, Some("7"), &["a", "b"], &[7]),
            ("a:1", Some("b,c"), None, &["b", "c"], &[1]),
            (":5433", Some("/run/pg"), None, &["/run/pg"], &[5433]),
            ("[::1]:2,%2Ftmp", None, None, &["::1", "/tmp"], &[2, 5432]),
        ] {
            let read = Hosts::read(before_path, Places { host, port }, Places::default()).unwrap();
            let expected =
                Hosts { hosts: hosts.iter().map(|host| (*host).to_owned()).collect(), ports: ports.to_vec() };
            assert_eq!(read, expected, "{before_path} {host:?} {port:?}");
        }
        for wrong in
            [("db:0", None), ("db:x", None), ("db", Some("65536")), ("[::1", None), ("a,b,c", Some("1,2"))]
        {
            let parameters = Places { host: None, port: wrong.1 };
            assert!(Hosts::read(wrong.0, parameters, Places::default()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_environment_counts_where_the_url_is_silent() {
        let environment = Places { host: Some("e1,e2"), port: Some("7") };
        for (before_path, host, port, hosts, ports) in [
            ("", None, None, &["e1", "e2"][..], &[7][..]),
            ("db", None, None, &["db"], &[7]),
            ("db:1", None, None, &["db"], &[1]),
            (":1", None, None, &["e1", "e2"], &[1]),
            ("", Some("a"), None, &["a"], &[7]),
            ("", None, Some("2"), &["e1", "e2"], &[2]),
        ] {
            let read = Hosts::read(before_path, Places { host, port }, environment).unwrap();
            assert_eq!(
                (read.hosts.as_slice(), read.ports.as_slice()),
                (&*owned(hosts), ports),
                "{before_path}"
            );
        }
    }

    fn owned(hosts: &[&str]) -> Vec<String> {
        hosts.iter().map(|host| (*host).to_owned()).collect()
    }
}
