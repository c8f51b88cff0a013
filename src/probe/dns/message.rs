//! DNS messages on the wire: writing a question, and reading the relevant parts of an answer. Source: RFC 1035, section
//! 4.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name::Name;
use super::record::{Data, Rcode, Record, RecordType};

/// The Internet class, and the type of the record that announces the supported extensions (RFC 6891).
const INTERNET: u16 = 1;
const OPT: u16 = 41;

/// The largest answer accepted over UDP, chosen so that it is rarely fragmented.
/// Source: <https://www.dnsflagday.net/2020/>.
pub(super) const LONGEST_OVER_UDP: u16 = 1232;

/// Flags in the second word of the header.
const RESPONSE: u16 = 0x8000;
const TRUNCATED: u16 = 0x0200;
const RECURSION_DESIRED: u16 = 0x0100;
const RCODE: u16 = 0x000F;

/// Whether a question announces the extensions that smoke supports. Some old servers reject one that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extensions {
    Yes,
    No,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Message {
    pub id: u16,
    pub is_response: bool,
    pub is_truncated: bool,
    pub rcode: Rcode,
    /// The question that the message answers. Some servers omit it from an error.
    pub question: Option<(Name, u16)>,
    pub records: Vec<Record>,
}

/// The reason why bytes are not a valid DNS message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// The message is cut off.
    Short,
    /// A name is too long, or refers to itself.
    Name,
    /// A record is longer or shorter than its content.
    Record,
}

impl Malformed {
    pub fn in_words(self) -> &'static str {
        match self {
            Malformed::Short => "it ends in the middle",
            Malformed::Name => "a name in it is too long, or refers to itself",
            Malformed::Record => "a record in it is not of the length that it says",
        }
    }
}

/// Writes the question for the records of this type that `name` has.
pub(super) fn question(id: u16, name: &Name, record_type: RecordType, extensions: Extensions) -> Vec<u8> {
    let additional = u16::from(extensions == Extensions::Yes);
    let mut message: Vec<u8> = [id, RECURSION_DESIRED, 1, 0, 0, additional].map(u16::to_be_bytes).concat();
    name.write_to(&mut message);
    message.extend([record_type.number(), INTERNET].map(u16::to_be_bytes).concat());
    if extensions == Extensions::Yes {
        // The root name, no flags, no options.
        message.push(0);
        message.extend([OPT, LONGEST_OVER_UDP, 0, 0, 0].map(u16::to_be_bytes).concat());
    }
    message
}

impl Message {
    /// Parses a message up to the end of its answers. Later sections are ignored.
    ///
    /// # Errors
    /// Fails if the bytes are not a valid message.
    pub fn parse(bytes: &[u8]) -> Result<Message, Malformed> {
        let mut reader = Reader { bytes, at: 0 };
        let (id, flags) = (reader.number()?, reader.number()?);
        let (questions, answers) = (reader.number()?, reader.number()?);
        reader.take(4)?;
        let is_truncated = flags & TRUNCATED != 0;
        let mut message = Message {
            id,
            is_response: flags & RESPONSE != 0,
            is_truncated,
            rcode: Rcode(flags & RCODE),
            question: None,
            records: Vec::new(),
        };
        for _ in 0..questions {
            let (name, kind) = (reader.name()?, reader.number()?);
            reader.number()?;
            message.question.get_or_insert((name, kind));
        }
        for _ in 0..answers {
            match reader.record() {
                Ok(record) => message.records.extend(record),
                // The message itself says that it is incomplete.
                Err(Malformed::Short) if is_truncated => break,
                Err(malformed) => return Err(malformed),
            }
        }
        Ok(message)
    }
}

struct Reader<'m> {
    /// The whole message, because names refer to earlier parts of it.
    bytes: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn take(&mut self, length: usize) -> Result<&'m [u8], Malformed> {
        let end = self.at.checked_add(length).ok_or(Malformed::Short)?;
        let taken = self.bytes.get(self.at..end).ok_or(Malformed::Short)?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<u16, Malformed> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn name(&mut self) -> Result<Name, Malformed> {
        const POINTER: u8 = 0xC0;
        let mut labels = Vec::new();
        // Each pointer must lead further back than the one before, so following them terminates.
        let (mut part, mut earliest) = (Reader { bytes: self.bytes, at: self.at }, self.at);
        let mut end = None;
        loop {
            match part.byte()? {
                0 => break,
                length if length & POINTER == POINTER => {
                    let to = usize::from(u16::from_be_bytes([length & !POINTER, part.byte()?]));
                    end.get_or_insert(part.at);
                    if to >= earliest {
                        return Err(Malformed::Name);
                    }
                    (part.at, earliest) = (to, to);
                }
                length if length & POINTER == 0 => labels.push(part.take(length.into())?.to_vec()),
                _ => return Err(Malformed::Name),
            }
            // A valid name has no more labels than this. `Name::of_labels` rejects other names that are too long.
            if labels.len() > 127 {
                return Err(Malformed::Name);
            }
        }
        self.at = end.unwrap_or(part.at);
        Name::of_labels(labels).ok_or(Malformed::Name)
    }

    /// Reads a record. Returns `None` for a class that was not asked for.
    fn record(&mut self) -> Result<Option<Record>, Malformed> {
        let owner = self.name()?;
        let (kind, class) = (self.number()?, self.number()?);
        let ttl = self.take(4)?;
        let ttl = u32::from_be_bytes([ttl[0], ttl[1], ttl[2], ttl[3]]);
        let length = usize::from(self.number()?);
        let start = self.at;
        self.take(length)?;
        // The record's content ends here, but names in it refer to earlier parts of the message.
        let mut data = Reader { bytes: &self.bytes[..self.at], at: start };
        let data = data.data(kind).map_err(|malformed| match malformed {
            Malformed::Short | Malformed::Record => Malformed::Record,
            Malformed::Name => Malformed::Name,
        })?;
        Ok((class == INTERNET).then_some(Record { owner, ttl, data }))
    }

    fn data(&mut self, kind: u16) -> Result<Data, Malformed> {
        let Some(record_type) = RecordType::of_number(kind) else { return Ok(Data::Other(kind)) };
        let text = match record_type {
            RecordType::A => {
                let bytes: [u8; 4] = self.rest().try_into().map_err(|_| Malformed::Record)?;
                Ipv4Addr::from(bytes).to_string()
            }
            RecordType::Aaaa => {
                let bytes: [u8; 16] = self.rest().try_into().map_err(|_| Malformed::Record)?;
                Ipv6Addr::from(bytes).to_string()
            }
            RecordType::Cname => return Ok(Data::Alias(self.name()?)),
            RecordType::Ns | RecordType::Ptr => self.name()?.to_string(),
            RecordType::Mx => format!("{} {}", self.number()?, self.name()?),
            RecordType::Srv => {
                let (priority, weight, port) = (self.number()?, self.number()?, self.number()?);
                format!("{priority} {weight} {port} {}", self.name()?)
            }
            // A long text is split into several strings of at most 255 bytes each.
            RecordType::Txt => {
                let mut bytes = Vec::new();
                while self.at < self.bytes.len() {
                    let length = self.byte()?;
                    bytes.extend_from_slice(self.take(length.into())?);
                }
                String::from_utf8_lossy(&bytes).into_owned()
            }
            RecordType::Caa => {
                let (flags, length) = (self.byte()?, self.byte()?);
                let tag = String::from_utf8_lossy(self.take(length.into())?);
                format!("{flags} {tag} \"{}\"", String::from_utf8_lossy(self.rest()))
            }
        };
        Ok(Data::Value(record_type, text))
    }

    fn rest(&mut self) -> &'m [u8] {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        self.at = self.bytes.len();
        rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(records: &[u8], count: u16) -> Vec<u8> {
        let name = Name::parse("shop.example").unwrap();
        let mut message = question(7, &name, RecordType::A, Extensions::No);
        message[2] |= 0x80;
        message[6..8].copy_from_slice(&count.to_be_bytes());
        message.extend_from_slice(records);
        message
    }

    #[test]
    fn a_name_that_refers_to_itself_or_forward_is_malformed() {
        // The name in the question is at offset 12, and the record begins at 30.
        for pointer in [30_u8, 31, 200] {
            let message = answer(&[0xC0, pointer, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 1], 1);
            assert_eq!(Message::parse(&message).unwrap_err(), Malformed::Name, "{pointer}");
        }
        let message = answer(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 1], 1);
        let records = Message::parse(&message).unwrap().records;
        assert_eq!(records[0].to_string(), "shop.example 9 A 10.0.0.1");
    }

    #[test]
    fn a_record_of_another_length_than_it_says_is_malformed() {
        let message = answer(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 3, 10, 0, 0], 1);
        assert_eq!(Message::parse(&message).unwrap_err(), Malformed::Record);
        let message = answer(&[0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 9, 0, 2, 9, 65], 1);
        assert_eq!(Message::parse(&message).unwrap_err(), Malformed::Record);
        let message = answer(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0], 1);
        assert_eq!(Message::parse(&message).unwrap_err(), Malformed::Short);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much_for_it(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = Message::parse(&bytes);
        }

        #[test]
        fn no_records_are_too_much_for_it(bytes in prop::collection::vec(any::<u8>(), 0..600), count: u16) {
            let _ = Message::parse(&answer(&bytes, count));
        }
    }
}
