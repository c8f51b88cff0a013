//! `tcp://host:port`: the server accepts connections.

use std::time::Duration;

use tokio::net::TcpStream;

use super::Protocol;
use super::endpoint::{Connect, Endpoint, Resolved, connects};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::expect::connection::{ConnectionExpectation, TcpExpectation};
use crate::outcome::{Direction, Failure};
use crate::probe::dial;
use crate::secret::message;

pub(super) const PROTOCOL: Protocol = Protocol {
    schemes: &["tcp"],
    about: "a port accepts connections",
    read: |table| {
        let endpoint = Endpoint::from_table(table, None, None);
        let expect: Option<TcpExpectation> = table
            .optional("expect", ("what the connection must be like", r#"expect = { within = "300ms" }"#));
        let expect = if table.has("expect") {
            expect.map(|expect| expect.0)
        } else {
            Some(ConnectionExpectation::default())
        };
        connects::<Tcp>(table, endpoint, expect)
    },
};

#[derive(Debug)]
struct Tcp;

impl Connect for Tcp {
    type Stream = TcpStream;

    async fn connect(endpoint: &Endpoint, to: &Resolved, context: &Context) -> Result<(), Failure> {
        Tcp::open(endpoint, to, context).await.map(drop)
    }

    async fn open(_: &Endpoint, to: &Resolved, context: &Context) -> Result<TcpStream, Failure> {
        context.trace(Direction::Sent, || message!("connect to {}", to.target));
        dial::connect(&to.target).await
    }

    async fn refuses(_: &Endpoint, to: &Resolved, context: &Context) -> Result<bool, Failure> {
        context.trace(Direction::Sent, || message!("connect to {}", to.target));
        dial::refuses(&to.target).await
    }

    fn command(_: &Endpoint, to: &Resolved, _: &Context, limit: Duration) -> ShellCommand {
        dial::as_curl(&to.target, limit)
    }
}
