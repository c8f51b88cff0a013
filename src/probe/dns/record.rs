//! Records, and response codes.

use std::fmt;

use super::name::Name;

/// The record types that can be queried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    A,
    Aaaa,
    Cname,
    Mx,
    Txt,
    Srv,
    Ns,
    Caa,
    Ptr,
}

impl RecordType {
    /// Each type with its name and its number. Source: the IANA registry of DNS parameters.
    const ALL: [(RecordType, &'static str, u16); 9] = [
        (RecordType::A, "A", 1),
        (RecordType::Aaaa, "AAAA", 28),
        (RecordType::Cname, "CNAME", 5),
        (RecordType::Mx, "MX", 15),
        (RecordType::Txt, "TXT", 16),
        (RecordType::Srv, "SRV", 33),
        (RecordType::Ns, "NS", 2),
        (RecordType::Caa, "CAA", 257),
        (RecordType::Ptr, "PTR", 12),
    ];

    /// Returns all names, for messages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        RecordType::ALL.into_iter().map(|(_, name, _)| name)
    }

    pub fn of_name(name: &str) -> Option<RecordType> {
        RecordType::ALL
            .into_iter()
            .find(|(_, known, _)| known.eq_ignore_ascii_case(name))
            .map(|(known, ..)| known)
    }

    pub(super) fn of_number(number: u16) -> Option<RecordType> {
        RecordType::ALL.into_iter().find(|(.., known)| *known == number).map(|(known, ..)| known)
    }

    fn row(self) -> (&'static str, u16) {
        let row = RecordType::ALL.into_iter().find(|(known, ..)| *known == self);
        row.map_or(("", 0), |(_, name, number)| (name, number))
    }

    pub fn name(self) -> &'static str {
        self.row().0
    }

    pub fn number(self) -> u16 {
        self.row().1
    }

    /// Returns the canonical form of a value of this type: names in lowercase without a trailing dot, addresses in
    /// their shortest form.
    pub fn normal(self, value: &str) -> String {
        match self {
            RecordType::Cname | RecordType::Mx | RecordType::Srv | RecordType::Ns | RecordType::Ptr => {
                value.strip_suffix('.').unwrap_or(value).to_ascii_lowercase()
            }
            RecordType::Aaaa | RecordType::A => value
                .parse()
                .map_or_else(|_| value.to_owned(), |address: std::net::IpAddr| address.to_string()),
            RecordType::Txt | RecordType::Caa => value.to_owned(),
        }
    }
}

/// A response code: the server's verdict on a query as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rcode(pub u16);

impl Rcode {
    pub const NOERROR: Rcode = Rcode(0);
    pub const FORMERR: Rcode = Rcode(1);
    pub const SERVFAIL: Rcode = Rcode(2);
    pub const NXDOMAIN: Rcode = Rcode(3);
    pub const NOTIMP: Rcode = Rcode(4);
    pub const REFUSED: Rcode = Rcode(5);

    /// Each code with its name and its meaning for the client. Source: RFC 1035, section 4.1.1; RFC 2136, section 2.2.
    const ALL: [(Rcode, &'static str, &'static str); 11] = [
        (Rcode::NOERROR, "NOERROR", "there is such a name"),
        (Rcode::FORMERR, "FORMERR", "the server does not understand the question"),
        (Rcode::SERVFAIL, "SERVFAIL", "the server could not find out: a server that it asks, or DNSSEC"),
        (Rcode::NXDOMAIN, "NXDOMAIN", "there is no such name"),
        (Rcode::NOTIMP, "NOTIMP", "the server does not answer such questions"),
        (Rcode::REFUSED, "REFUSED", "the server does not answer this client, or knows nothing of this zone"),
        (Rcode(6), "YXDOMAIN", "there is a name that should not be"),
        (Rcode(7), "YXRRSET", "there are records that should not be"),
        (Rcode(8), "NXRRSET", "there are no records where some should be"),
        (Rcode(9), "NOTAUTH", "the server is not responsible for the zone"),
        (Rcode(10), "NOTZONE", "the name is not in the zone"),
    ];

    /// Returns all names, for messages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Rcode::ALL.into_iter().map(|(_, name, _)| name)
    }

    pub fn name(self) -> String {
        let row = Rcode::ALL.into_iter().find(|(known, ..)| *known == self);
        row.map_or_else(|| format!("RCODE{}", self.0), |(_, name, _)| name.to_owned())
    }

    pub fn meaning(self) -> &'static str {
        let row = Rcode::ALL.into_iter().find(|(known, ..)| *known == self);
        row.map_or("what that means is not known", |(.., meaning)| meaning)
    }
}

/// A record in an answer.
#[derive(Debug, Clone)]
pub struct Record {
    pub owner: Name,
    /// How long the record may be cached, in seconds.
    pub ttl: u32,
    pub(super) data: Data,
}

/// The data of a record.
#[derive(Debug, Clone)]
pub(super) enum Data {
    /// The owner is an alias for this name.
    Alias(Name),
    /// A value as `dig +short` shows it, with names without the trailing dot.
    Value(RecordType, String),
    /// Data of a type that cannot be queried.
    Other(u16),
}

impl Record {
    /// Returns the name that the owner is an alias for, if the record is an alias.
    pub(super) fn alias(&self) -> Option<&Name> {
        match &self.data {
            Data::Alias(name) => Some(name),
            Data::Value(..) | Data::Other(_) => None,
        }
    }

    /// Returns the value if the record has this type.
    pub fn value(&self, record_type: RecordType) -> Option<String> {
        match &self.data {
            Data::Alias(name) => (record_type == RecordType::Cname).then(|| name.to_string()),
            Data::Value(of, value) => (*of == record_type).then(|| value.clone()),
            Data::Other(_) => None,
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { owner, ttl, data } = self;
        match data {
            Data::Alias(name) => write!(f, "{owner} {ttl} CNAME {name}"),
            Data::Value(record_type, value) => write!(f, "{owner} {ttl} {} {value}", record_type.name()),
            Data::Other(number) => write!(f, "{owner} {ttl} TYPE{number}"),
        }
    }
}
