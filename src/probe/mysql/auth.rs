//! The login exchange.
//!
//! `mysql_common` implements the methods themselves. A public key from the server is validated first, because the library
//! assumes that it is well-formed.
//! Sources: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html#sect_protocol_connection_phase_auth>,
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html>.

use std::io::{Error, ErrorKind};

use mysql_common::auth::plugins::{self, AuthProc, ChallengeResponsePlugin as _, Context, Response};
use mysql_common::packets::AuthPlugin;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::fields::Fields;
use super::frames::Frames;
use super::packets::{Done, Refusal, unexpected, without_zero};

/// The maximum number of packets, which is more than any method needs.
const LONGEST_LOGIN: usize = 16;

/// The maximum length of a PEM key. One of 16,384 bits is shorter.
const LONGEST_KEY: usize = 4096;

/// The credentials, and what they may be sent over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credentials<'c> {
    pub password: &'c str,
    /// The server's public key, if the user has it.
    pub public_key: Option<&'c [u8]>,
    /// Whether the server may be asked for the key.
    pub key_exchange: KeyExchange,
    pub transport: Transport,
}

/// Whether a public key that arrives unencrypted may be used to encrypt the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyExchange {
    Allowed,
    Refused,
}

/// Who can read the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Anyone on the path.
    Clear,
    /// Nobody on the path, but the server's identity is unknown.
    Tls,
    /// Nobody, and the server's identity is verified.
    VerifiedTls,
    /// The connection does not leave this machine.
    Socket,
}

/// The reason why a login failed.
#[derive(Debug)]
pub(super) enum LoginError {
    /// The server refused it.
    Refused(Refusal),
    Broken(Error),
    /// The server asks for something that smoke does not give. Holds what that is, and a hint.
    Unwilling(String, &'static str),
}

impl From<Error> for LoginError {
    fn from(error: Error) -> Self {
        LoginError::Broken(error)
    }
}

/// A login in progress.
pub(super) struct Login<'c> {
    credentials: Credentials<'c>,
    challenge: Vec<u8>,
    procedure: AuthProc,
}

impl Context for &Login<'_> {
    fn pass(&self) -> &[u8] {
        self.credentials.password.as_bytes()
    }

    fn is_ipc_transport(&self) -> bool {
        self.credentials.transport == Transport::Socket
    }

    fn is_tls_transport(&self) -> bool {
        matches!(self.credentials.transport, Transport::Tls | Transport::VerifiedTls)
    }

    fn scramble(&self) -> &[u8] {
        &self.challenge
    }

    fn server_key_pem(&self) -> Option<&[u8]> {
        self.credentials.public_key
    }
}

/// Returns the method to begin with: the one that the server names, or, if that is unknown, one that makes the server
/// answer with the right one.
pub(super) fn first_method(named: &str) -> &str {
    match named {
        "caching_sha2_password" | "mysql_native_password" | "client_ed25519" | "sha256_password" => named,
        _ => "mysql_native_password",
    }
}

impl<'c> Login<'c> {
    /// # Errors
    /// Fails if the method is not supported, or if it would reveal the password to an eavesdropper.
    pub fn begin(
        credentials: Credentials<'c>,
        method: &str,
        challenge: Vec<u8>,
    ) -> Result<Login<'c>, LoginError> {
        let procedure = match AuthPlugin::from_bytes(method.as_bytes()) {
            AuthPlugin::MysqlClearPassword
                if !matches!(credentials.transport, Transport::VerifiedTls | Transport::Socket) =>
            {
                return Err(LoginError::Unwilling(
                    "the server asks for the password in clear text (`mysql_clear_password`)".to_owned(),
                    "use `ssl-mode=verify-identity`, so that nobody else gets it, or another method for this user",
                ));
            }
            // The first has a broken hash, and the second is not built in.
            AuthPlugin::MysqlOldPassword | AuthPlugin::Parsec => Err(()),
            known => known.init().map_err(|_| ()),
        };
        let procedure = procedure.map_err(|()| {
            LoginError::Unwilling(
                format!("the server asks for the login method `{method}`, which is not supported"),
                "give the user of the check `caching_sha2_password`, `mysql_native_password` or `ed25519`",
            )
        })?;
        Ok(Login { credentials, challenge, procedure })
    }

    /// Returns the first response to the server.
    pub fn first_response(&mut self) -> Result<Vec<u8>, LoginError> {
        let challenge = self.challenge.clone();
        Ok(self.run(&challenge)?.data().unwrap_or_default().to_vec())
    }

    #[expect(clippy::default_trait_access, reason = "the library does not export the type")]
    fn run(&mut self, challenge: &[u8]) -> Result<Response, LoginError> {
        let mut procedure =
            std::mem::replace(&mut self.procedure, AuthProc::MysqlClearPassword(Default::default()));
        let answer = procedure.run(&*self, challenge);
        self.procedure = procedure;
        answer.map_err(|error| {
            LoginError::Broken(Error::new(
                ErrorKind::InvalidData,
                match error {
                    plugins::Error::Challenge | plugins::Error::Logic => {
                        "the server's challenge is not one of its login method".to_owned()
                    }
                    plugins::Error::Password
                    | plugins::Error::FeatureRequired(_)
                    | plugins::Error::Other(_) => error.to_string(),
                },
            ))
        })
    }

    /// Continues until the server accepts the login.
    ///
    /// # Errors
    /// Fails if the server does not accept it.
    pub async fn finish(mut self, frames: &mut Frames) -> Result<Done, LoginError> {
        for _ in 0..LONGEST_LOGIN {
            frames.send().await?;
            let packet = frames.packet("message").await?;
            match packet.split_first() {
                Some((0, rest)) => return Ok(Done::read(rest)?),
                Some((0xff, rest)) => return Err(LoginError::Refused(Refusal::read(rest)?)),
                Some((0xfe, [])) => {
                    return Err(LoginError::Unwilling(
                        "the server asks for a password as MySQL before 4.1 hashed it".to_owned(),
                        "set the password of this user anew, with a method of today",
                    ));
                }
                Some((0xfe, rest)) => {
                    let mut fields = Fields::of(rest);
                    let method = String::from_utf8_lossy(fields.until_zero()).into_owned();
                    let challenge = without_zero(fields.rest().to_vec());
                    self = Login::begin(self.credentials, &method, challenge)?;
                    let response = self.first_response()?;
                    frames.put(&response);
                }
                Some((1, more)) => self.answer(more, frames)?,
                Some(_) | None => return Err(unexpected().into()),
            }
        }
        Err(unexpected().into())
    }

    fn answer(&mut self, more: &[u8], frames: &mut Frames) -> Result<(), LoginError> {
        // Everything but a key is a single byte.
        if more.len() > 1 && !is_public_key(more) {
            return Err(Error::new(ErrorKind::InvalidData, "the server's public key is none").into());
        }
        let response = self.run(more)?;
        let asks_for_key = matches!(response, Response::Next { packet: Some(_) });
        if asks_for_key && self.credentials.key_exchange == KeyExchange::Refused {
            return Err(LoginError::Unwilling(
                "the password would have to be encrypted with a key that the server sends in clear, and `get-server-public-key` is off".to_owned(),
                "use TLS (`ssl-mode=required`), or name the key's file as `server-public-key-path`",
            ));
        }
        if let Some(data) = response.data() {
            frames.put(data);
        }
        Ok(())
    }
}

/// Whether the text is an RSA key in PEM, of a size in common use.
pub(super) fn is_public_key(pem: &[u8]) -> bool {
    let read = || {
        let (pem, _) = Pem::read(std::io::Cursor::new(pem.get(..LONGEST_KEY.min(pem.len()))?)).ok()?;
        let (rest, key) = SubjectPublicKeyInfo::from_der(&pem.contents).ok()?;
        let PublicKey::RSA(rsa) = key.parsed().ok()? else { return None };
        let is_used = (1024..=16_384).contains(&rsa.key_size()) && rsa.try_exponent().is_ok();
        Some(pem.label == "PUBLIC KEY" && rest.is_empty() && is_used)
    };
    pem.len() <= LONGEST_KEY && read().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxSKOcxiet8lLMn8ImyUE
bGGKob5EdRz/4wdiw12ED0GfKKTKhVnodFCfm1mdy7bKOX5QxL9skrvYodpW43eR
R5bfOzIgy1qIB8RYb6qOXRBw1oA4snBDqtUjDv/lbHLJN+IbzM4oU+e3Lt9rXyLX
VY289ewONPweXHqSCnTL91w+wkU1peIFV2QhZ+upUCdCtwOn5hnJPNgxtbklFoya
C8W3Z7Xx7He2QDJsEWAqX197efw0L6j8X8Tyd8Uwb7zUB1tfMGhHfm9EwejPAtzx
4GztQNtNMtGS2oGZLQBLV9hib4dDL92iiZeckg2LAf4GsJofLLR8mcHCRoqVbQJ1
YQIDAQAB
-----END PUBLIC KEY-----
";

    fn credentials(transport: Transport) -> Credentials<'static> {
        let key_exchange = KeyExchange::Allowed;
        Credentials { password: "hunter2", public_key: None, key_exchange, transport }
    }

    #[test]
    fn what_is_no_public_key_is_never_encrypted_with() {
        assert!(is_public_key(KEY.as_bytes()));
        for cut in 0..KEY.len() - 26 {
            assert!(!is_public_key(&KEY.as_bytes()[..cut]), "{cut}");
        }
        for wrong in [KEY.replace("MIIB", "MIIC"), KEY.replace("PUBLIC", "RSA PUBLIC"), KEY.repeat(20)] {
            assert!(!is_public_key(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn the_password_is_sent_in_clear_only_where_nobody_else_reads_it() {
        let begin = |method: &str, transport| Login::begin(credentials(transport), method, vec![1; 20]);
        for (transport, is_told) in [
            (Transport::Clear, false),
            (Transport::Tls, false),
            (Transport::VerifiedTls, true),
            (Transport::Socket, true),
        ] {
            assert_eq!(begin("mysql_clear_password", transport).is_ok(), is_told, "{transport:?}");
        }
        for method in ["mysql_old_password", "parsec", "dialog", ""] {
            assert!(begin(method, Transport::Socket).is_err(), "{method}");
        }
        let mut login = begin("caching_sha2_password", Transport::Clear).ok().unwrap();
        login.first_response().ok().unwrap();
        assert_eq!(login.run(&[4]).ok().unwrap(), Response::next(vec![2]));
        assert_eq!(login.run(KEY.as_bytes()).ok().unwrap().data().map(<[u8]>::len), Some(256));
        for wrong in [&[][..], &[1; 19], &[1; 21]] {
            assert!(
                Login::begin(credentials(Transport::Clear), "client_ed25519", wrong.to_vec())
                    .and_then(|mut login| login.first_response())
                    .is_err()
            );
        }
    }
}
