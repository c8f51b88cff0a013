//! DNS names: their labels, and how people write them.

use std::fmt;
use std::net::IpAddr;

/// The maximum length of a label, and of a name on the wire. Source: RFC 1035, section 2.3.4.
const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 255;

/// An absolute name without the trailing dot. Names that differ only in case are equal (RFC 4343).
#[derive(Debug, Clone)]
pub struct Name {
    labels: Vec<Vec<u8>>,
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.labels.len() == other.labels.len()
            && self.labels.iter().zip(&other.labels).all(|(one, other)| one.eq_ignore_ascii_case(other))
    }
}

impl Eq for Name {}

impl Name {
    /// Parses a name as people write it. A non-ASCII name is converted to its form in DNS (RFC 5891).
    ///
    /// # Errors
    /// Fails with the reason why there is no such name.
    pub fn parse(text: &str) -> Result<Name, String> {
        let ascii = match url::Host::parse(text) {
            _ if text.is_ascii() => text.to_owned(),
            Ok(url::Host::Domain(ascii)) => ascii,
            Ok(_) | Err(_) => return Err("it has characters that no name can have".to_owned()),
        };
        let labels = ascii.strip_suffix('.').unwrap_or(&ascii).split('.');
        let name = Name { labels: labels.map(|label| label.as_bytes().to_vec()).collect() };
        match name.labels.iter().find(|label| label.is_empty() || label.len() > LONGEST_LABEL) {
            Some(label) if label.is_empty() => {
                Err("there is nothing before or after one of its dots".to_owned())
            }
            Some(_) => Err(format!("one of its parts has more than {LONGEST_LABEL} characters")),
            None if name.wire_length() > LONGEST_NAME => Err("it has more than 253 characters".to_owned()),
            None => Ok(name),
        }
    }

    /// Returns the name under which the host name of an address is found (RFC 1035, section 3.5; RFC 3596, section
    /// 2.5).
    pub fn of_address(address: IpAddr) -> Name {
        let mut labels: Vec<String> = match address {
            IpAddr::V4(address) => address.octets().iter().rev().map(ToString::to_string).collect(),
            IpAddr::V6(address) => {
                let digits = address.octets().into_iter().rev().flat_map(|octet| [octet & 0xF, octet >> 4]);
                digits.map(|digit| format!("{digit:x}")).collect()
            }
        };
        labels.push(if address.is_ipv4() { "in-addr" } else { "ip6" }.to_owned());
        labels.push("arpa".to_owned());
        Name { labels: labels.into_iter().map(String::into_bytes).collect() }
    }

    /// Builds a name from labels off the wire. Returns `None` if they are too long for a name.
    pub(super) fn of_labels(labels: Vec<Vec<u8>>) -> Option<Name> {
        let name = Name { labels };
        (name.wire_length() <= LONGEST_NAME).then_some(name)
    }

    fn wire_length(&self) -> usize {
        self.labels.iter().map(|label| label.len() + 1).sum::<usize>() + 1
    }

    /// Writes the name in wire format.
    pub(super) fn write_to(&self, message: &mut Vec<u8>) {
        for label in &self.labels {
            message.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
            message.extend_from_slice(label);
        }
        message.push(0);
    }
}

/// Formats the name like `dig`, but without the trailing dot. The root is a dot. Source: RFC 4343, section 2.1.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.labels.is_empty() {
            return f.write_str(".");
        }
        for (index, label) in self.labels.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            for byte in label {
                match byte {
                    b'.' | b'\\' | b'"' => write!(f, "\\{}", char::from(*byte))?,
                    b'!'..=b'~' => write!(f, "{}", char::from(*byte))?,
                    other => write!(f, "\\{other:03}")?,
                }
            }
        }
        Ok(())
    }
}
