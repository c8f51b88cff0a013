//! The host and port of a URL, normalised for comparison.

use std::fmt;

use url::{Host, Url};

/// A host and a port. `bücher.example.`, `BÜCHER.example` and `xn--bcher-kva.example` are the same host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    host: Host,
    port: u16,
}

impl Authority {
    /// Parses `host` as it appears in a URL, with IPv6 addresses in brackets. `None` if it is not a host.
    pub fn new(host: &str, port: u16) -> Option<Authority> {
        let host = match Host::parse(host).ok()? {
            Host::Domain(name) => Host::Domain(name.strip_suffix('.').map_or(name.clone(), str::to_owned)),
            address @ (Host::Ipv4(_) | Host::Ipv6(_)) => address,
        };
        Some(Authority { host, port })
    }

    /// Returns the authority of `url`, if it has a host and a port or a default port for its scheme.
    pub fn of(url: &Url) -> Option<Authority> {
        // Only web URLs have a decoded host. In others it is percent-encoded, as written.
        Authority::new(url.host_str()?, url.port_or_known_default()?)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_form_however_it_is_written() {
        let authority = |url: &str| Authority::of(&Url::parse(url).unwrap()).unwrap();
        for same in [
            "http://bücher.example:80/",
            "http://BÜCHER.example./a",
            "tcp://bücher.example:80",
            "tcp://xn--bcher-kva.example.:80",
        ] {
            assert_eq!(authority(same), Authority::new("Bücher.example", 80).unwrap(), "{same}");
        }
        assert_ne!(authority("https://bücher.example"), Authority::new("bücher.example", 80).unwrap());
        assert_eq!(authority("http://[0::1]/"), Authority::new("[::1]", 80).unwrap());
        assert_eq!(Authority::new("a b", 80), None);
    }
}
