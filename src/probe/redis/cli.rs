//! A command for `redis-cli`, for running by hand.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::url::{Place, RedisUrl};
use crate::attempt::shell::{ShellCommand, seconds};
use crate::probe::trust::{TlsOptions, Verify};
use crate::probe::url_password::password_apart;
use crate::secret::placeholder::placeholder;

/// A command that was sent, and its server.
pub(super) struct Asked<'a> {
    pub url: &'a str,
    /// The URL with placeholders for its secrets.
    pub shown_url: &'a str,
    pub words: &'a [String],
    /// The TLS options for what the URL leaves open.
    pub tls: TlsOptions,
    /// The folder that relative paths start in.
    pub folder: &'a Path,
    pub limit: Duration,
}

/// Builds the command. The password goes into the environment: an argument is visible to anyone who lists the
/// processes.
pub(super) fn command(asked: &Asked<'_>) -> ShellCommand {
    const PASSWORD: &str = "$REDISCLI_AUTH";
    // `redis-cli` has no time limit of its own.
    let cli = ShellCommand::new("timeout").words(&[&seconds(asked.limit), "redis-cli"]);
    let Ok(url) = RedisUrl::parse(asked.url) else { return cli.words(&["-u", asked.shown_url]) };
    let cli = match &url.place {
        Place::Tcp(target) => cli.words(&["-h", &target.host, "-p", &target.port.to_string()]),
        Place::Socket(path) => cli.words(&["-s", &path.display().to_string()]),
    };
    let cli = if url.db == 0 { cli } else { cli.words(&["-n", &url.db.to_string()]) };
    let cli = match &url.user {
        Some(user) => cli.words(&["--user", user]),
        None => cli,
    };
    let cli = match (&url.tls, &url.place) {
        (Some(own), Place::Tcp(target)) => {
            secured(cli, &own.options(asked.tls.clone(), asked.folder), &target.host)
        }
        (Some(_) | None, _) => cli,
    };
    let cli = asked.words.iter().fold(cli, |cli, word| cli.word(word));
    match url.password {
        Some(_) => {
            let (_, password) = password_apart(asked.url, asked.shown_url, PASSWORD);
            cli.with_env("REDISCLI_AUTH", &password.unwrap_or_else(|| placeholder(PASSWORD)))
        }
        None => cli,
    }
}

fn secured(cli: ShellCommand, options: &TlsOptions, host: &str) -> ShellCommand {
    let mut cli = cli.word("--tls");
    if host.parse::<IpAddr>().is_err() {
        cli = cli.words(&["--sni", host]);
    }
    if let Some(ca) = &options.ca {
        cli = cli.words(&["--cacert", &ca.display().to_string()]);
    }
    if let Some((cert, key)) = &options.client {
        cli = cli.words(&["--cert", &cert.display().to_string(), "--key", &key.display().to_string()]);
    }
    match options.verify {
        Verify::Nothing => cli.word("--insecure"),
        Verify::Full | Verify::Chain => cli,
    }
}
