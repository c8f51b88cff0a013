//! `tcp://host:port`: the server accepts connections.

use std::time::Duration;

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
        let endpoint = Endpoint::from_table(table, None);
        let expect: Option<TcpExpectation> = table
            .optional("expect", ("what the connection must be like", r#"expect = { within = "300ms" }"#));
        let expect = if table.has("expect") { expect?.0 } else { ConnectionExpectation::default() };
        Some(connects::<Tcp>(endpoint?, expect))
    },
};

#[derive(Debug)]
struct Tcp;

impl Connect for Tcp {
    async fn connect(_: &Endpoint, to: &Resolved, context: &Context) -> Result<(), Failure> {
        context.trace(Direction::Sent, || message!("connect to {}", to.target));
        dial::connect(&to.target).await.map(drop)
    }

    fn command(_: &Endpoint, to: &Resolved, _: &Context, limit: Duration) -> ShellCommand {
        dial::as_curl(&to.target, limit)
    }
}
