//! Queries to one server, over UDP, and over TCP if the answer does not fit.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::DnsQuestion;
use super::message::{Extensions, LONGEST_OVER_UDP, Malformed, Message, question};
use super::record::Rcode;
use crate::attempt::Context;
use crate::deadline::{BudgetScope, Deadline};
use crate::language::io_error;
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::dial::connect_hint;
use crate::secret::{self, message};

/// The time after which a query over UDP is sent again, because it may have been lost.
const SEND_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A query to one server.
pub(super) struct Asking<'q> {
    pub question: &'q DnsQuestion,
    pub server: SocketAddr,
    pub context: &'q Context,
}

/// Packets received that do not answer the query. Anyone can send such packets, so smoke keeps waiting.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    other_id: u32,
    other_question: u32,
}

/// The reason that a server gave no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    Network(Over, io::Error),
    /// The response is not a DNS message.
    Malformed(Over, Malformed),
    /// The response answers another query. Over TCP only the server can send it.
    AnswersAnother,
    /// The server closed the connection before the end of the answer.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Udp,
    Tcp,
}

impl Ignored {
    /// Describes the ignored packets, or returns `None` if there were none.
    pub fn in_words(&self) -> Option<secret::Message> {
        let answers =
            |count: u32| if count == 1 { "1 answer".to_owned() } else { format!("{count} answers") };
        let told = |count: u32, what: &str| (count > 0).then(|| format!("{} had {what}", answers(count)));
        let ids = told(self.other_id, "another id than the question");
        let questions = told(self.other_question, "another question");
        let all: Vec<String> = ids.into_iter().chain(questions).collect();
        (!all.is_empty())
            .then(|| secret::Message::new().words(format!("{}, and did not count", all.join("; "))))
    }
}

impl Asking<'_> {
    /// Returns this server's answer.
    ///
    /// # Errors
    /// The server gave no answer.
    pub async fn ask(&self, ignored: &mut Ignored) -> Result<Message, NoAnswer> {
        let answer = self.ask_with(Extensions::Yes, ignored).await?;
        // A server that does not support extensions may answer with FORMERR.
        if answer.rcode == Rcode::FORMERR { self.ask_with(Extensions::No, ignored).await } else { Ok(answer) }
    }

    async fn ask_with(&self, extensions: Extensions, ignored: &mut Ignored) -> Result<Message, NoAnswer> {
        let DnsQuestion { name, record_type, .. } = self.question;
        // The ID is unpredictable, so that only the server can know it.
        let [high, low, ..] = *uuid::Uuid::new_v4().as_bytes();
        let id = u16::from_be_bytes([high, low]);
        let sent = question(id, name, *record_type, extensions);
        let answer = self.over_udp(id, &sent, ignored).await?;
        if answer.is_truncated { self.over_tcp(id, &sent).await } else { Ok(answer) }
    }

    async fn over_udp(&self, id: u16, sent: &[u8], ignored: &mut Ignored) -> Result<Message, NoAnswer> {
        let failed = |error| NoAnswer::Network(Over::Udp, error);
        let any: SocketAddr = match self.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await.map_err(failed)?;
        // Connecting the socket filters out packets from other senders, and reports it if nothing listens there.
        socket.connect(self.server).await.map_err(failed)?;
        let mut buffer = vec![0; usize::from(LONGEST_OVER_UDP).max(4096)];
        loop {
            socket.send(sent).await.map_err(failed)?;
            let wait = Deadline::after(SEND_AGAIN_AFTER, BudgetScope::Check);
            while let Ok(received) = wait.bound(socket.recv(&mut buffer)).await {
                let received = &buffer[..received.map_err(failed)?];
                if received.get(..2) != Some(&id.to_be_bytes()) {
                    ignored.other_id += 1;
                    continue;
                }
                let message = Message::parse(received)
                    .map_err(|malformed| NoAnswer::Malformed(Over::Udp, malformed))?;
                if self.is_answer(&message) {
                    return Ok(message);
                }
                ignored.other_question += 1;
            }
        }
    }

    async fn over_tcp(&self, id: u16, sent: &[u8]) -> Result<Message, NoAnswer> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => NoAnswer::Closed,
            _ => NoAnswer::Network(Over::Tcp, error),
        };
        self.context.timeline.enter(Phase::Connect);
        let mut stream = TcpStream::connect(self.server).await.map_err(failed)?;
        self.context.timeline.enter(Phase::Query);
        // The length comes first (RFC 1035, section 4.2.2), in one packet with the rest.
        let length = u16::try_from(sent.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes(), sent].concat()).await.map_err(failed)?;
        let length = stream.read_u16().await.map_err(failed)?;
        let mut received = vec![0; length.into()];
        stream.read_exact(&mut received).await.map_err(failed)?;
        let message =
            Message::parse(&received).map_err(|malformed| NoAnswer::Malformed(Over::Tcp, malformed))?;
        if message.id == id && self.is_answer(&message) { Ok(message) } else { Err(NoAnswer::AnswersAnother) }
    }

    /// Whether the message is an answer to this query.
    fn is_answer(&self, message: &Message) -> bool {
        let DnsQuestion { name, record_type, .. } = self.question;
        let is_asked = |(asked, kind): &(_, u16)| asked == name && *kind == record_type.number();
        // A server that did not understand a query does not repeat it.
        let answers = match &message.question {
            Some(question) => is_asked(question),
            None => message.rcode != Rcode::NOERROR,
        };
        message.is_response && answers
    }
}

impl Over {
    fn name(self) -> &'static str {
        match self {
            Over::Udp => "over UDP",
            Over::Tcp => "over TCP, because the answer was truncated over UDP",
        }
    }
}

impl NoAnswer {
    pub fn into_failure(self, server: SocketAddr) -> Failure {
        let doing = |over: Over| message!("asking {} ", server).words(over.name());
        match self {
            NoAnswer::Network(over, error) => match io_error::shortage(&error) {
                Some(lacking) => Failure::shortage(doing(over), lacking),
                None => {
                    let hint = match error.kind() {
                        io::ErrorKind::ConnectionRefused => message!("does a DNS server listen there?"),
                        _ => connect_hint(&error),
                    };
                    let cause = message!("{}", io_error::reason(&error));
                    Failure::fault(Fault::Connect, doing(over), cause).with_hint(hint)
                }
            },
            NoAnswer::Malformed(over, malformed) => {
                let cause = message!("the answer is no DNS message: ").words(malformed.in_words());
                let hint = message!("something else may listen there, or a firewall may change what passes");
                Failure::fault(Fault::Protocol, doing(over), cause).with_hint(hint)
            }
            NoAnswer::AnswersAnother => {
                let cause = message!("the answer has another id, or is one to another question");
                Failure::fault(Fault::Protocol, doing(Over::Tcp), cause)
            }
            NoAnswer::Closed => {
                let cause = message!("the server closed the connection before the end of the answer");
                Failure::fault(Fault::Protocol, doing(Over::Tcp), cause)
            }
        }
    }
}
