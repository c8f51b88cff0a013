//! The TLS identities of both sides: the certificates in a PostgreSQL URL, and libpq's default files.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-ssl.html>.

use std::path::PathBuf;

use super::config::{PostgresUrl, RootCert, SslMode, invalid};
use crate::outcome::Failure;
use crate::probe::trust::{TlsOptions, Verify};
use crate::secret::{Message, message};

impl PostgresUrl {
    /// Returns how the server's certificate is verified, and which client certificate is presented.
    ///
    /// # Errors
    /// Fails if the mode verifies without a root certificate, or if a client certificate has no key.
    pub(super) fn tls(&self) -> Result<TlsOptions, Failure> {
        let root = match &self.root_cert {
            None => default_file("root.crt").map(RootCert::File),
            Some(root) => Some(root.clone()),
        };
        // As for libpq, a missing file is not a mistake unless the mode verifies.
        let verify = match (self.ssl_mode, &root) {
            (_, Some(RootCert::System)) => Verify::Full,
            (SslMode::VerifyFull, Some(RootCert::File(path))) if path.exists() => Verify::Full,
            (SslMode::VerifyCa | SslMode::VerifyFull, Some(RootCert::File(path))) if !path.exists() => {
                return Err(nothing_to_verify_against(message!(
                    "`sslmode` verifies, and the root certificate `{}` is not there",
                    path.display()
                )));
            }
            (SslMode::VerifyCa | SslMode::VerifyFull, None) => {
                return Err(nothing_to_verify_against(message!(
                    "`sslmode` verifies, and there is no root certificate"
                )));
            }
            (_, Some(RootCert::File(path))) if path.exists() => Verify::Chain,
            (_, Some(RootCert::File(_)) | None) => Verify::Nothing,
        };
        let ca = match root {
            Some(RootCert::File(path)) if verify != Verify::Nothing => Some(path),
            Some(RootCert::System | RootCert::File(_)) | None => None,
        };
        Ok(TlsOptions { verify, ca, client: self.client()?, alpn: vec!["postgresql"] })
    }

    /// Returns the client's certificate and key. A missing one is not presented, because the server may not require it.
    fn client(&self) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
        let named = self.cert.clone().filter(|path| path.exists());
        let Some(cert) = named.or_else(|| default_file("postgresql.crt").filter(|_| self.cert.is_none()))
        else {
            return Ok(None);
        };
        let key = self.key.clone().or_else(|| default_file("postgresql.key"));
        match key.filter(|path| path.exists()) {
            Some(key) => Ok(Some((cert, key))),
            None => Err(invalid(message!("there is a client certificate, and not its private key"))
                .with_hint(message!("add `sslkey=FILE`, or ~/.postgresql/postgresql.key"))),
        }
    }

    /// Returns the client certificate in the URL, if its file is missing.
    pub(super) fn missing_client_certificate(&self) -> Option<&PathBuf> {
        self.cert.as_ref().filter(|path| !path.exists())
    }
}

fn nothing_to_verify_against(cause: Message) -> Failure {
    invalid(cause).with_hint(message!(
        "name the CA's PEM file as `sslrootcert=FILE`, or use `sslrootcert=system` or ~/.postgresql/root.crt"
    ))
}

/// Returns a file at libpq's default location, if it exists.
fn default_file(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from)?;
    Some(home.join(".postgresql").join(name)).filter(|path| path.exists())
}
