//! libpq's parameters: the supported ones, the unsupported ones, and their environment variables.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS> and
//! <https://www.postgresql.org/docs/current/libpq-envars.html>. A setting that is not supported is an error, because
//! psql would apply it and nobody would notice the difference.

use super::config::{ENCODE, invalid};
use crate::language::diagnostic::closest;
use crate::outcome::Failure;
use crate::secret::{Message, message};

/// The parameters that tokio-postgres handles.
pub(super) const LEFT_TO_THE_LIBRARY: [&str; 15] = [
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "hostaddr",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "sslnegotiation",
    "channel_binding",
    "load_balance_hosts",
];

/// The parameters that are handled here.
const READ_HERE: [&str; 9] = [
    "host",
    "port",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "target_session_attrs",
    "passfile",
    "keepalives_count",
];

/// The environment variables of supported parameters.
const VARIABLES: [(&str, &str); 18] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
];

/// The unsupported parameters, with the values that do not change smoke's behaviour.
const UNSUPPORTED: [(&str, &str, &[&str]); 27] = [
    ("PGSERVICE", "service", &[]),
    ("", "servicefile", &[]),
    ("", "fallback_application_name", &[]),
    ("PGREQUIREAUTH", "require_auth", &[]),
    ("PGREQUIREPEER", "requirepeer", &[]),
    ("PGREQUIRESSL", "requiressl", &["0"]),
    ("PGSSLCOMPRESSION", "sslcompression", &["0"]),
    ("PGSSLCERTMODE", "sslcertmode", &["allow"]),
    ("PGSSLCRL", "sslcrl", &[]),
    ("PGSSLCRLDIR", "sslcrldir", &[]),
    ("PGSSLSNI", "sslsni", &["1"]),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version", &["TLSv1", "TLSv1.1", "TLSv1.2"]),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version", &["TLSv1.3"]),
    ("PGSSLKEYLOGFILE", "sslkeylogfile", &[]),
    ("", "sslpassword", &[]),
    ("PGGSSENCMODE", "gssencmode", &["disable", "prefer"]),
    ("PGGSSDELEGATION", "gssdelegation", &["0"]),
    ("PGKRBSRVNAME", "krbsrvname", &[]),
    ("PGGSSLIB", "gsslib", &[]),
    ("PGMINPROTOCOLVERSION", "min_protocol_version", &["3.0"]),
    ("PGMAXPROTOCOLVERSION", "max_protocol_version", &["3.0", "3.2", "latest"]),
    ("PGCLIENTENCODING", "client_encoding", &["UTF8", "utf8", "UTF-8", "utf-8", "auto"]),
    ("PGDATESTYLE", "datestyle", &["ISO", "ISO, MDY"]),
    ("PGTZ", "timezone", &[]),
    ("PGGEQO", "geqo", &[]),
    ("", "replication", &["false", "off", "no", "0"]),
    ("", "scram_client_key", &[]),
];

/// The parameters of other tools in PostgreSQL URLs, and what to use instead.
const OF_OTHER_TOOLS: [(&[&str], &str); 5] = [
    (
        &["schema", "currentSchema", "search_path"],
        "for libpq the schema stands in the options: `options=-c%20search_path%3DNAME`",
    ),
    (
        &[
            "pgbouncer",
            "prepareThreshold",
            "statement_cache_size",
            "prepared_statement_cache_size",
            "prepared_statements",
        ],
        "it is another tool's: leave it out, no statement is left behind on a pooler",
    ),
    (
        &["connection_limit", "pool_timeout", "pool_size", "pool", "max_connections", "socket_timeout"],
        "it is another tool's: leave it out, there is no pool here and the check's `budget` is the limit",
    ),
    (
        &["ssl", "sslaccept", "sslidentity", "sslfactory", "ssl_mode", "uselibpqcompat"],
        "libpq says it with `sslmode`, `sslrootcert`, `sslcert` and `sslkey`",
    ),
    (
        &["encoding", "charset", "serverVersion"],
        "it is another tool's: leave it out, the session is in UTF-8",
    ),
];

/// Returns the settings of the environment, by parameter name. Empty variables are ignored.
///
/// # Errors
/// Fails if the environment requests something unsupported.
pub(super) fn of_environment() -> Result<Vec<(&'static str, String)>, Failure> {
    let set = |variable: &str| {
        let value = std::env::var_os(variable)?.to_string_lossy().into_owned();
        (!variable.is_empty() && !value.is_empty()).then_some(value)
    };
    for (variable, _, harmless) in UNSUPPORTED {
        if let Some(value) = (!variable.is_empty()).then(|| set(variable)).flatten() {
            accept(variable, &value, harmless)?;
        }
    }
    Ok(VARIABLES.into_iter().filter_map(|(variable, parameter)| Some((parameter, set(variable)?))).collect())
}

/// Rejects a parameter of the URL that is not handled, unless its value is harmless.
///
/// # Errors
/// Fails if it requests something unsupported, or if there is no such parameter.
pub(super) fn unread(name: &str, value: &str) -> Result<(), Failure> {
    match UNSUPPORTED.iter().find(|(_, parameter, _)| *parameter == name) {
        Some((_, _, harmless)) => accept(name, value, harmless),
        None => Err(unknown(name)),
    }
}

fn accept(name: &str, value: &str, harmless: &[&str]) -> Result<(), Failure> {
    if harmless.contains(&value) {
        return Ok(());
    }
    let cause = message!("`{}` is set, and is not supported", name);
    Err(invalid(cause).with_hint(Message::new().words(if name.starts_with("PG") {
        "unset it for smoke, and say what it means in the URL"
    } else {
        "leave it out, if the check means the same without it"
    })))
}

fn unknown(name: &str) -> Failure {
    let others = OF_OTHER_TOOLS.iter().find(|(names, _)| names.contains(&name));
    // After a `?` in a password, the rest looks like a parameter.
    if others.is_none() && !name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return invalid(message!("there is a parameter that is none of libpq's"))
            .with_hint(Message::new().words(ENCODE));
    }
    let failure = invalid(message!("there is no parameter `{}`", name));
    let known = LEFT_TO_THE_LIBRARY.into_iter().chain(READ_HERE);
    let hint = match (others, closest(name, known)) {
        (Some((_, hint)), _) => (*hint).to_owned(),
        (None, Some(meant)) => format!("did you mean `{meant}`?"),
        (None, None) => "the parameters are those of libpq, such as `sslmode`".to_owned(),
    };
    failure.with_hint(Message::new().words(hint))
}
