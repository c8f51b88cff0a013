//! Packets from the server, and the first ones to it.
//!
//! Source: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html> and
//! <https://mariadb.com/docs/server/reference/clientserver-protocol>.

use std::io::{Error, ErrorKind, Result};

use super::fields::{Fields, put_bytes};

/// Capabilities of client and server. Those not listed are not used: multiple statements, local files, compression.
pub(super) mod capability {
    pub const LONG_PASSWORD: u32 = 1;
    pub const LONG_FLAG: u32 = 1 << 2;
    pub const WITH_DATABASE: u32 = 1 << 3;
    pub const PROTOCOL_41: u32 = 1 << 9;
    pub const TLS: u32 = 1 << 11;
    pub const TRANSACTIONS: u32 = 1 << 13;
    pub const SECURE_CONNECTION: u32 = 1 << 15;
    pub const PLUGIN_AUTH: u32 = 1 << 19;
    pub const ATTRIBUTES: u32 = 1 << 20;
    pub const LONG_AUTH_DATA: u32 = 1 << 21;
}

/// Status flags of the session, which come with every answer.
pub(super) mod status {
    pub const IN_TRANSACTION: u16 = 1;
    pub const MORE_RESULTS: u16 = 1 << 3;
    pub const READ_ONLY_TRANSACTION: u16 = 1 << 13;
}

/// `utf8mb4_general_ci`, which every server has supported since 5.5.3.
const UTF8MB4: u8 = 45;

/// The first packet of a server.
#[derive(Debug)]
pub(super) struct Greeting {
    pub version: String,
    pub connection: u32,
    pub capabilities: u32,
    /// Random bytes that a password is hashed with.
    pub challenge: Vec<u8>,
    pub plugin: String,
}

impl Greeting {
    pub fn read(packet: &[u8]) -> Result<Greeting> {
        let mut fields = Fields::of(packet);
        fields.u8()?;
        let version = String::from_utf8_lossy(fields.until_zero()).into_owned();
        let connection = fields.u32()?;
        let mut challenge = fields.take(8)?.to_vec();
        fields.u8()?;
        let low = fields.u16()?;
        // The character set and status.
        fields.take(3)?;
        let capabilities = u32::from(low) | u32::from(fields.u16()?) << 16;
        let length = usize::from(fields.u8()?);
        fields.take(10)?;
        let rest = fields.take(length.saturating_sub(8).max(13).min(fields.rest().len()))?;
        challenge.extend_from_slice(rest);
        let plugin = match capabilities & capability::PLUGIN_AUTH {
            0 => "mysql_native_password".to_owned(),
            _ => String::from_utf8_lossy(fields.until_zero()).into_owned(),
        };
        Ok(Greeting { version, connection, capabilities, challenge: without_zero(challenge), plugin })
    }

    pub fn has(&self, capability: u32) -> bool {
        self.capabilities & capability != 0
    }

    pub fn is_mariadb(&self) -> bool {
        self.version.to_ascii_lowercase().contains("mariadb")
    }
}

/// Removes the zero byte that follows a challenge but is not part of it.
pub(super) fn without_zero(mut challenge: Vec<u8>) -> Vec<u8> {
    if challenge.last() == Some(&0) && matches!(challenge.len(), 21 | 33) {
        challenge.pop();
    }
    challenge
}

/// The client's introduction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Introduction<'i> {
    pub user: &'i str,
    pub database: Option<&'i str>,
    pub plugin: &'i str,
    pub response: &'i [u8],
    /// The name of the connection on the server.
    pub program: &'i str,
}

impl Introduction<'_> {
    /// Returns the capabilities that client and server share.
    fn capabilities(&self, greeting: &Greeting) -> u32 {
        use capability::{
            ATTRIBUTES, LONG_AUTH_DATA, LONG_FLAG, LONG_PASSWORD, PLUGIN_AUTH, PROTOCOL_41,
            SECURE_CONNECTION, TRANSACTIONS, WITH_DATABASE,
        };
        let database = self.database.map_or(0, |_| WITH_DATABASE);
        let known = PROTOCOL_41
            | SECURE_CONNECTION
            | LONG_FLAG
            | TRANSACTIONS
            | PLUGIN_AUTH
            | ATTRIBUTES
            | LONG_AUTH_DATA
            | database;
        known & greeting.capabilities | LONG_PASSWORD | database
    }

    /// Writes the TLS request, which is the beginning of a login packet.
    pub fn request_tls(&self, greeting: &Greeting) -> Vec<u8> {
        head(self.capabilities(greeting) | capability::TLS)
    }

    pub fn write(&self, greeting: &Greeting, over_tls: u32) -> Vec<u8> {
        let capabilities = self.capabilities(greeting) | over_tls;
        let mut packet = head(capabilities);
        put_zero_ended(&mut packet, self.user);
        // Below 251 bytes, the length is encoded in the same way without `LONG_AUTH_DATA`.
        put_bytes(&mut packet, self.response);
        if let Some(database) = self.database {
            put_zero_ended(&mut packet, database);
        }
        if capabilities & capability::PLUGIN_AUTH != 0 {
            put_zero_ended(&mut packet, self.plugin);
        }
        if capabilities & capability::ATTRIBUTES != 0 {
            let mut attributes = Vec::new();
            for text in ["_client_name", "smoke", "program_name", self.program] {
                put_bytes(&mut attributes, text.as_bytes());
            }
            put_bytes(&mut packet, &attributes);
        }
        packet
    }
}

fn head(capabilities: u32) -> Vec<u8> {
    const LARGEST_PACKET: u32 = 1 << 24;
    let mut packet = Vec::new();
    packet.extend_from_slice(&capabilities.to_le_bytes());
    packet.extend_from_slice(&LARGEST_PACKET.to_le_bytes());
    packet.push(UTF8MB4);
    packet.extend_from_slice(&[0; 23]);
    packet
}

fn put_zero_ended(packet: &mut Vec<u8>, text: &str) {
    packet.extend(text.bytes().filter(|byte| *byte != 0));
    packet.push(0);
}

/// An error reported by the server.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusal {
    pub code: u16,
    /// The SQLSTATE, if the server reports one.
    pub state: String,
    pub message: String,
}

impl Refusal {
    /// Reads the packet after its first byte, which marks it as an error.
    pub fn read(rest: &[u8]) -> Result<Refusal> {
        let mut fields = Fields::of(rest);
        let code = fields.u16()?;
        let state = match fields.rest().split_first() {
            Some((b'#', _)) => String::from_utf8_lossy(&fields.take(6)?[1..]).into_owned(),
            Some(_) | None => String::new(),
        };
        Ok(Refusal { code, state, message: String::from_utf8_lossy(fields.rest()).into_owned() })
    }
}

/// A success packet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    pub affected: u64,
    pub status: u16,
    pub warnings: u16,
}

impl Done {
    /// Reads the packet after its first byte, which marks it as a success.
    pub fn read(rest: &[u8]) -> Result<Done> {
        let mut fields = Fields::of(rest);
        let affected = fields.length()?.unwrap_or_default();
        fields.length()?;
        Ok(Done { affected, status: fields.u16()?, warnings: fields.u16()? })
    }

    /// Reads the packet that ends a list, after its first byte.
    pub fn read_end(rest: &[u8]) -> Result<Done> {
        let mut fields = Fields::of(rest);
        let warnings = fields.u16()?;
        Ok(Done { affected: 0, status: fields.u16()?, warnings })
    }
}

/// A column of a result.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub name: String,
    pub character_set: u16,
    pub kind: u8,
    pub flags: u16,
    pub decimals: u8,
}

impl Column {
    pub fn read(packet: &[u8]) -> Result<Column> {
        let mut fields = Fields::of(packet);
        // The catalog, the schema, the table, and the original table.
        for _ in 0..4 {
            fields.bytes()?;
        }
        let name = fields.text()?;
        fields.bytes()?;
        fields.length()?;
        let character_set = fields.u16()?;
        fields.u32()?;
        Ok(Column { name, character_set, kind: fields.u8()?, flags: fields.u16()?, decimals: fields.u8()? })
    }
}

/// A prepared statement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prepared {
    pub id: u32,
    pub columns: u16,
    pub parameters: u16,
}

impl Prepared {
    /// Reads the packet after its first byte, which marks it as a success.
    pub fn read(rest: &[u8]) -> Result<Prepared> {
        let mut fields = Fields::of(rest);
        Ok(Prepared { id: fields.u32()?, columns: fields.u16()?, parameters: fields.u16()? })
    }
}

/// Returns the error for a packet that violates the protocol.
pub(super) fn unexpected() -> Error {
    Error::new(ErrorKind::InvalidData, "the server sent an unexpected packet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_read_and_a_cut_one_is_no_panic() {
        let mut packet = vec![10];
        packet.extend_from_slice(b"5.5.5-10.11.6-MariaDB\0");
        packet.extend_from_slice(&7u32.to_le_bytes());
        packet.extend_from_slice(b"abcdefgh\0");
        packet.extend_from_slice(&[0xff, 0xff, 45, 2, 0, 0xff, 0x81, 21]);
        packet.extend_from_slice(&[0; 10]);
        packet.extend_from_slice(b"ijklmnopqrst\0mysql_native_password\0");
        let greeting = Greeting::read(&packet).unwrap();
        assert_eq!((greeting.connection, greeting.challenge.as_slice()), (7, &b"abcdefghijklmnopqrst"[..]));
        assert_eq!(greeting.plugin, "mysql_native_password");
        assert!(greeting.is_mariadb() && greeting.has(capability::TLS));
        for end in 0..packet.len() {
            let _ = Greeting::read(&packet[..end]);
        }
        let length_at = packet.len() - 35 - 10 - 1;
        for length in 0..=255 {
            packet[length_at] = length;
            let _ = Greeting::read(&packet);
        }
    }
}
