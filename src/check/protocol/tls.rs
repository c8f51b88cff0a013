//! `tls://host:port`: the TLS handshake and the certificate.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

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
        let starttls = table.optional(
            "starttls",
            ("the protocol in which the server is asked for TLS first", r#"starttls = "smtp""#),
        );
        let endpoint = Endpoint::from_table(table, tls, starttls);
        let expect: Option<TlsExpectation> = table.optional(
            "expect",
            ("what the connection must be like", "expect = { certificate = { days-left = { min = 14 } } }"),
        );
        let expect = if table.has("expect") {
            expect.map(|expect| expect.0)
        } else {
            Some(ConnectionExpectation::default())
        };
        connects::<Tls>(table, endpoint, expect)
    },
};

#[derive(Debug)]
struct Tls;

// The futures are boxed because they are large, and part of the future of every check.
impl Connect for Tls {
    type Stream = TlsStream<TcpStream>;

    async fn connect(endpoint: &Endpoint, to: &Resolved, context: &Context) -> Result<(), Failure> {
        let options = endpoint.tls(context);
        trace(to, context);
        Box::pin(tls::shake_hands(&to.name, &to.target, &options, endpoint.starttls(), context)).await
    }

    async fn open(
        endpoint: &Endpoint,
        to: &Resolved,
        context: &Context,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let options = endpoint.tls(context);
        trace(to, context);
        Box::pin(tls::connect_securely(&to.name, &to.target, &options, endpoint.starttls(), context)).await
    }

    async fn refuses(endpoint: &Endpoint, to: &Resolved, context: &Context) -> Result<bool, Failure> {
        let options = endpoint.tls(context);
        trace(to, context);
        Box::pin(tls::refuses(&to.name, &to.target, &options, endpoint.starttls(), context)).await
    }

    fn remark(endpoint: &Endpoint) -> Option<&'static str> {
        endpoint.is_insecure().then_some("insecure: the certificate is not verified")
    }

    fn command(endpoint: &Endpoint, to: &Resolved, context: &Context, limit: Duration) -> ShellCommand {
        tls::as_openssl(&to.name, &to.target, &endpoint.tls(context), endpoint.starttls(), limit)
    }
}

fn trace(to: &Resolved, context: &Context) {
    context.trace(Direction::Sent, || message!("shake hands with {}", to.target));
}
