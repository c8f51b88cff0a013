//! STARTTLS: how each protocol is asked to switch a plain-text connection to TLS.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use toml::Spanned;
use toml::de::DeValue;

use super::dial::Target;
use crate::attempt::Context;
use crate::language::io_error::reason;
use crate::language::read::{FromToml, ParseContext};
use crate::language::schema::{Definitions, Schema};
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::{Message, message};

/// A protocol that begins in plain text and continues in TLS. The names are those of `openssl s_client -starttls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// RFC 3207.
    Smtp,
    /// RFC 9051, section 6.2.1.
    Imap,
    /// RFC 2595, section 4.
    Pop3,
    /// RFC 4217.
    Ftp,
    /// RFC 4511, section 4.14.
    Ldap,
    /// `SSLRequest`: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
    Postgres,
    /// `SSLRequest`: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_ssl_request.html>.
    Mysql,
}

const ALL: [(&str, StartTls); 7] = [
    ("smtp", StartTls::Smtp),
    ("imap", StartTls::Imap),
    ("pop3", StartTls::Pop3),
    ("ftp", StartTls::Ftp),
    ("ldap", StartTls::Ldap),
    ("postgres", StartTls::Postgres),
    ("mysql", StartTls::Mysql),
];

impl FromToml for StartTls {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let given = value.get_ref().as_str();
        let found = ALL.iter().find(|(name, _)| Some(*name) == given);
        found.map(|(_, protocol)| *protocol).or_else(|| {
            let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
            parse.expected(value, &format!("one of {}", names.join(", ")))
        })
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        serde_json::json!({ "enum": ALL.map(|(name, _)| name) })
    }
}

/// The maximum length of a line from the server, in bytes.
const LONGEST_LINE: usize = 8 * 1024;

/// MySQL's `CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION`, packets of at most 16 MiB, utf8mb4.
const MYSQL_SSL_REQUEST: [u8; 36] = {
    let mut packet = [0; 36];
    packet[0] = 32;
    packet[3] = 1;
    // 0x0000_8a00: the flags, lowest byte first.
    packet[5] = 0x8a;
    packet[11] = 1;
    packet[12] = 45;
    packet
};

/// An LDAP `ExtendedRequest` for `1.3.6.1.4.1.1466.20037`.
const LDAP_REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

impl StartTls {
    /// Returns the protocol's name in `openssl s_client -starttls`.
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(_, protocol)| *protocol == self).map_or("", |(name, _)| name)
    }

    /// Asks the server to continue in TLS.
    ///
    /// # Errors
    /// Fails if the server refuses, or speaks another protocol.
    pub async fn ask(
        self,
        stream: &mut TcpStream,
        target: &Target,
        context: &Context,
    ) -> Result<(), Failure> {
        context.timeline.enter(Phase::Tls);
        let mut dialog = Dialog { stream, protocol: self, target };
        match self {
            StartTls::Smtp => {
                dialog.expect("220").await?;
                dialog.say(b"EHLO smoke.invalid\r\n").await?;
                dialog.expect("250").await?;
                dialog.say(b"STARTTLS\r\n").await?;
                dialog.expect("220").await
            }
            StartTls::Imap => {
                dialog.expect("* OK").await?;
                dialog.say(b"a1 STARTTLS\r\n").await?;
                dialog.expect("a1 OK").await
            }
            StartTls::Pop3 => {
                dialog.expect("+OK").await?;
                dialog.say(b"STLS\r\n").await?;
                dialog.expect("+OK").await
            }
            StartTls::Ftp => {
                dialog.expect("220").await?;
                dialog.say(b"AUTH TLS\r\n").await?;
                dialog.expect("234").await
            }
            StartTls::Ldap => dialog.ldap().await,
            StartTls::Postgres => dialog.postgres().await,
            StartTls::Mysql => dialog.mysql().await,
        }
    }
}

/// The dialog before the handshake.
struct Dialog<'d> {
    stream: &'d mut TcpStream,
    protocol: StartTls,
    target: &'d Target,
}

impl Dialog<'_> {
    async fn say(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(text).await.map_err(|error| self.broken(&error))
    }

    async fn read<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).await.map_err(|error| self.broken(&error))?;
        Ok(bytes)
    }

    /// Reads lines up to the answer, which must start with `wanted`. Reads byte by byte, because TLS follows the
    /// answer.
    async fn expect(&mut self, wanted: &str) -> Result<(), Failure> {
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\n") {
                let [byte] = self.read().await?;
                line.push(byte);
                if line.len() > LONGEST_LINE {
                    return Err(self.refused(wanted, &line));
                }
            }
            match self.protocol {
                // `250-SIZE` is followed by more lines, and `250 SIZE` is the last one.
                StartTls::Smtp | StartTls::Ftp if line.get(3) == Some(&b'-') => {}
                // The server's remarks before its answer to the command.
                StartTls::Imap if line.starts_with(b"* ") && wanted.starts_with("a1") => {}
                _ if line.starts_with(wanted.as_bytes()) => return Ok(()),
                _ => return Err(self.refused(wanted, &line)),
            }
        }
    }

    async fn ldap(&mut self) -> Result<(), Failure> {
        self.say(LDAP_REQUEST).await?;
        let [tag, length] = self.read().await?;
        let length = match length {
            short @ 0..=0x7f => usize::from(short),
            0x81 => usize::from(self.read::<1>().await?[0]),
            0x84 => usize::try_from(u32::from_be_bytes(self.read().await?)).unwrap_or(usize::MAX),
            _ => usize::MAX,
        };
        if tag != 0x30 || length > LONGEST_LINE {
            return Err(self.refused("an LDAP answer", &[tag]));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await.map_err(|error| self.broken(&error))?;
        // The message ID, then an `ExtendedResponse` (0x78) whose first field, an enumeration, is the result.
        let response = answer.iter().position(|byte| *byte == 0x78).map(|at| &answer[at..]);
        let result = response.and_then(|response| {
            response.windows(2).position(|pair| pair == [0x0a, 1]).map(|at| response.get(at + 2))
        });
        match result.flatten() {
            Some(0) => Ok(()),
            Some(code) => Err(self.refused("result 0", format!("result {code}").as_bytes())),
            None => Err(self.refused("an LDAP answer", &answer)),
        }
    }

    async fn postgres(&mut self) -> Result<(), Failure> {
        self.say(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).await?;
        match self.read().await? {
            [b'S'] => Ok(()),
            [other] => Err(self.refused("S", &[other])),
        }
    }

    async fn mysql(&mut self) -> Result<(), Failure> {
        const SSL: u8 = 0x08;
        let [a, b, c, _] = self.read().await?;
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        if length > LONGEST_LINE {
            return Err(self.refused("a MySQL greeting", &[a, b, c]));
        }
        let mut greeting = vec![0; length];
        self.stream.read_exact(&mut greeting).await.map_err(|error| self.broken(&error))?;
        // Version 10, the server's name and a zero, 4 bytes of connection ID, 8 of challenge, a zero, then the flags.
        let name = greeting.iter().position(|byte| *byte == 0);
        let flags = name.and_then(|end| greeting.get(end + 15));
        match (greeting.first(), flags) {
            (Some(10), Some(flags)) if flags & SSL != 0 => self.say(&MYSQL_SSL_REQUEST).await,
            (Some(10), Some(_)) => Err(self.refused("a server with TLS", b"one without")),
            _ => Err(self.refused("a MySQL greeting", &greeting)),
        }
    }

    fn doing(&self) -> Message {
        message!("asking {} for TLS (`starttls = \"{}\"`)", self.target, self.protocol.name())
    }

    fn broken(&self, error: &std::io::Error) -> Failure {
        Failure::fault(Fault::Tls, self.doing(), message!("{}", reason(error))).with_hint(self.advice())
    }

    fn refused(&self, wanted: &str, got: &[u8]) -> Failure {
        let got = String::from_utf8_lossy(got);
        let cause = message!("expected `{}`, got ", wanted).then(message!("`{}`", got.trim_end()));
        Failure::fault(Fault::Tls, self.doing(), cause).with_hint(self.advice())
    }

    fn advice(&self) -> Message {
        message!("check that this port speaks {}, and that its TLS is switched on", self.protocol.name())
    }
}
