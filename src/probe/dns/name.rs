//! Names of DNS: labels, and how people write them.

use std::fmt;
use std::net::IpAddr;

/// The longest label, and the longest name as it is sent. Source: RFC 1035, section 2.3.4.
const LONGEST_LABEL: usize = 63;
const LONGEST_NAME: usize = 255;

/// A name, absolute, without the dot at its end. Names that differ in case are the same (RFC 4343).
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
    /// The name that people write. One that is not ASCII is written as DNS has it (RFC 5891).
    ///
    /// # Errors
    /// Why there is no such name.
    pub fn parse(text: &str) -> Result<Name, String> {
        let ascii = match text.is_ascii() {
            true => text.to_owned(),
            false => match url::Host::parse(text) {
                Ok(url::Host::Domain(ascii)) => ascii,
                Ok(_) | Err(_) => return Err("it has characters that no name can have".to_owned()),
            },
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

    /// The name that an address has the name of its host under (RFC 1035, section 3.5; RFC 3596, section 2.5).
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

    /// The labels as they came. `None` if there are too many.
    pub(super) fn of_labels(labels: Vec<Vec<u8>>) -> Option<Name> {
        let name = Name { labels };
        (name.wire_length() <= LONGEST_NAME).then_some(name)
    }

    fn wire_length(&self) -> usize {
        self.labels.iter().map(|label| label.len() + 1).sum::<usize>() + 1
    }

    /// The name as it is sent.
    pub(super) fn write_to(&self, message: &mut Vec<u8>) {
        for label in &self.labels {
            message.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
            message.extend_from_slice(label);
        }
        message.push(0);
    }
}

/// As `dig` shows it, without the dot at the end; the root is a dot. Source: RFC 4343, section 2.1.
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
