//! The identity that the server must prove, and the one that it is shown.
//!
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#encrypted-connection-options>. If an
//! authority is named, the server's certificate is always verified against it, unless TLS is disabled.

use std::path::PathBuf;

use super::url::{MysqlUrl, SslMode, invalid};
use crate::outcome::Failure;
use crate::probe::trust::{TlsOptions, Verify};
use crate::secret::{Message, message};

impl MysqlUrl {
    /// Returns how to verify the server's certificate, and which certificate to present.
    ///
    /// # Errors
    /// Fails if a mode verifies without an authority to verify against, or if a client certificate or its key is
    /// missing.
    pub(super) fn tls(&self) -> Result<TlsOptions, Failure> {
        let verify = match (self.ssl_mode, &self.ca) {
            (SslMode::VerifyIdentity, _) => Verify::Full,
            (SslMode::VerifyCa, None) => {
                let cause = "`ssl-mode` is `verify-ca`, and there is no authority: anybody has a certificate of the system's";
                return Err(invalid(Message::new().words(cause)).with_hint(message!(
                    "name the authority's PEM file as `ssl-ca=FILE`, or use `ssl-mode=verify-identity`"
                )));
            }
            (_, Some(_)) => Verify::Chain,
            (SslMode::Disabled | SslMode::Preferred | SslMode::Required, None) => Verify::Nothing,
        };
        Ok(TlsOptions { verify, ca: self.ca.clone(), client: self.client()?, alpn: Vec::new() })
    }

    fn client(&self) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Ok(Some((cert.clone(), key.clone()))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(incomplete("certificate", "ssl-key")),
            (None, Some(_)) => Err(incomplete("private key", "ssl-cert")),
        }
    }
}

fn incomplete(what: &'static str, missing: &'static str) -> Failure {
    invalid(Message::new().words(format!("there is a client {what}, and no `{missing}`")))
        .with_hint(Message::new().words(format!("add `{missing}=FILE`")))
}
