//! Who the server must be, and whom it is shown.
//!
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#encrypted-connection-options>. Where an
//! authority is named, the server's certificate is always checked against it.

use std::path::PathBuf;

use super::url::{MysqlUrl, SslMode, invalid};
use crate::outcome::Failure;
use crate::probe::trust::{TlsOptions, Verify};
use crate::secret::{Message, message};

impl MysqlUrl {
    /// How the server's certificate is checked, and what it is shown.
    ///
    /// # Errors
    /// A mode that verifies, and nothing to verify against; or a client's certificate without its key.
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
