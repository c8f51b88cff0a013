//! `tls://host:port`: the TLS handshake and the certificate.

use std::time::Duration;

use super::Protocol;
use super::endpoint::{Connect, Endpoint, Resolved, connects};
use crate::attempt::Context;
use crate::attempt::shell::ShellCommand;
use crate::check::request::TlsKeys;
use crate::expect::connection::{ConnectionExpectation, TlsExpectation};
use crate::outcome::{Direction, Failure};
use crate::probe::tls;
use crate::secret::message;

pub(super) const PROTOCOL: Protocol = Protocol {
    schemes: &["tls"],
    about: "a server completes a TLS handshake with a valid certificate",
    read: |table| {
        let tls = TlsKeys::from_key(table);
        let endpoint = Endpoint::from_table(table, tls);
        let expect: Option<TlsExpectation> = table.optional(
            "expect",
            ("what the connection must be like", "expect = { certificate = { days-left = { min = 14 } } }"),
        );
        let expect = if table.has("expect") { expect?.0 } else { ConnectionExpectation::default() };
        Some(connects::<Tls>(endpoint?, expect))
    },
};

#[derive(Debug)]
struct Tls;

impl Connect for Tls {
    async fn connect(endpoint: &Endpoint, to: &Resolved, context: &Context) -> Result<(), Failure> {
        let target = &to.target;
        context.trace(Direction::Sent, || message!("shake hands with {}", target));
        // Boxed because it is large, and part of the future of every check.
        Box::pin(tls::shake_hands(&to.name, target, &endpoint.tls(context), context)).await
    }

    fn remark(endpoint: &Endpoint) -> Option<&'static str> {
        endpoint.is_insecure().then_some("insecure: the certificate is not verified")
    }

    fn command(endpoint: &Endpoint, to: &Resolved, context: &Context, limit: Duration) -> ShellCommand {
        tls::as_openssl(&to.name, &to.target, &endpoint.tls(context), limit)
    }
}
