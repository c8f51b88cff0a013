//! Conversion of refusals and broken connections to failures that name their cause and the remedy.

use super::url::Place;
use super::wire::Broken;
use crate::attempt::Context;
use crate::language::io_error::reason;
use crate::outcome::{Failure, Fault};
use crate::probe::database::WritesRefused;
use crate::probe::tls;
use crate::secret::{Message, message};

/// The action that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    LogIn,
    Ping,
    Query,
}

impl Doing {
    fn at(self, place: &Place) -> Message {
        match self {
            Doing::LogIn => message!("logging in at {}", place),
            Doing::Ping => message!("pinging {}", place),
            Doing::Query => message!("running the command"),
        }
    }
}

/// The start of a server error, the kind of fault, and the remedy. Source: `src/server.c`, `createSharedObjects`,
/// <https://github.com/redis/redis>.
const REFUSALS: [(&str, Fault, &str); 27] = [
    (
        "NOAUTH",
        Fault::Auth,
        "put the password into the URL: `redis://:{{redis_password}}@host`, or `redis://user:{{redis_password}}@host` for an ACL user",
    ),
    (
        "WRONGPASS",
        Fault::Auth,
        "check user and password; without a user it is `default` (`ACL LIST` at the server has the users, and whether they are on)",
    ),
    ("ERR invalid password", Fault::Auth, "check the password: `requirepass` of the server"),
    (
        "ERR AUTH <password> called without any password",
        Fault::Auth,
        "the server has no password: remove it from the URL, or set `requirepass` at the server",
    ),
    (
        "ERR Client sent AUTH, but no password is set",
        Fault::Auth,
        "the server has no password: remove it from the URL, or set `requirepass` at the server",
    ),
    (
        "NOPERM",
        Fault::Auth,
        "grant the user what the check needs, as `ACL SETUSER shop +get ~shop:*`, or ask as another user",
    ),
    ("LOADING", Fault::Connect, "the server has started and reads its data: `poll` waits for it"),
    (
        "MASTERDOWN",
        Fault::Connect,
        "the replica has lost its master and answers no stale data: look at `INFO replication` there, and at the master",
    ),
    (
        "BUSY",
        Fault::Connect,
        "a script or function runs there and blocks it: `SCRIPT KILL` or `FUNCTION KILL` ends it",
    ),
    (
        "MISCONF",
        Fault::Connect,
        "the server cannot save to its disk and takes no writes: look at its disk and at its log",
    ),
    ("CLUSTERDOWN", Fault::Connect, "the cluster has slots that nobody serves: look at `CLUSTER INFO`"),
    ("TRYAGAIN", Fault::Connect, "the cluster moves that slot: `retry` asks again"),
    (
        "MOVED",
        Fault::Sql,
        "the key is on another node of the cluster, which the error names: ask that one; smoke asks the server of the URL only",
    ),
    (
        "ASK",
        Fault::Sql,
        "the key is on another node of the cluster, which the error names: ask that one; smoke asks the server of the URL only",
    ),
    ("CROSSSLOT", Fault::Sql, "the keys are in several slots of the cluster: ask for them one by one"),
    ("READONLY", Fault::Sql, "this is a replica"),
    ("WRONGTYPE", Fault::Sql, "`TYPE` of the key says which type it has, and so which command reads it"),
    ("NOREPLICAS", Fault::Connect, "the master has too few replicas: look at `INFO replication`"),
    ("OOM", Fault::Connect, "the server's memory is full (`maxmemory`): look at `INFO memory`"),
    ("UNKILLABLE", Fault::Connect, "a script that has written runs there and blocks it"),
    ("NOSCRIPT", Fault::Sql, "a check runs no scripts"),
    (
        "ERR max number of clients",
        Fault::Connect,
        "the server has no connection left (`maxclients`): look at `CLIENT LIST` for who does not close theirs",
    ),
    (
        "ERR DB index",
        Fault::Sql,
        "check the number of the database in the URL: the server has those below its `databases`",
    ),
    ("ERR invalid DB index", Fault::Sql, "check the number of the database in the URL"),
    (
        "ERR SELECT is not allowed",
        Fault::Sql,
        "a cluster has database 0 only: remove the number from the URL",
    ),
    (
        "ERR wrong number of arguments",
        Fault::Sql,
        "check the command with `redis-cli`: `HELP @all` lists them",
    ),
    ("ERR unknown command", Fault::Sql, "check the command's name, and that this server has it"),
];

/// Returns the failure of a command or login that the server refused.
pub(super) fn refused(text: &str, doing: Doing, place: &Place) -> Failure {
    let at = doing.at(place);
    if text.starts_with("DENIED") {
        // The server's own text is a page long.
        let cause = "the server is in protected mode: it has no password, and takes connections of its own machine only";
        let hint = "set a password (`requirepass`, or an ACL), or bind it to the network that asks; `protected-mode no` opens it to everybody";
        return Failure::fault(Fault::Auth, at, Message::new().words(cause))
            .with_hint(Message::new().words(hint));
    }
    let known = REFUSALS.iter().find(|(start, ..)| text.starts_with(start));
    let other = match doing {
        Doing::LogIn => (Fault::Auth, "look at the server's log"),
        Doing::Ping | Doing::Query => (Fault::Sql, "try the command with `redis-cli`"),
    };
    let (fault, hint) = known.map_or(other, |(_, fault, hint)| (*fault, *hint));
    Failure::fault(fault, at, Message::new().data(text)).with_hint(Message::new().words(hint))
}

/// Returns the failure of a connection that gave no answer.
pub(super) fn broken(broken: Broken, doing: Doing, place: &Place, context: &Context) -> Failure {
    let at = doing.at(place);
    let (cause, hint) = match broken {
        Broken::TooLarge => (
            message!("the answer is larger than 1 MiB, and a row is read up to that"),
            "ask for less: `GETRANGE`, `LRANGE` or `ZRANGE` with limits, `HGET`, `STRLEN`",
        ),
        Broken::Garbage(start) if start.first() == Some(&0x15) => {
            (message!("the server answered with TLS"), "write `rediss://`, or the port that is not for TLS")
        }
        Broken::Garbage(start) => {
            let start = String::from_utf8_lossy(&start).into_owned();
            let cause =
                message!("what came is not Redis's protocol: it begins with `{}`", start.escape_debug());
            (cause, "check that this port is Redis's")
        }
        Broken::Io(error) => {
            if let (Place::Tcp(target), true) = (place, is_of_tls(&error)) {
                return tls::refused(target, &error, context);
            }
            let cause = match error.kind() {
                std::io::ErrorKind::UnexpectedEof
                | std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::BrokenPipe => "the connection was closed".to_owned(),
                _ => reason(&error),
            };
            let hint = match doing {
                Doing::LogIn => {
                    "check that this port is Redis's, and `rediss://` if it is for TLS; look at the server's log"
                }
                Doing::Ping | Doing::Query => "look at the server's log",
            };
            (Message::new().data(cause), hint)
        }
    };
    Failure::fault(Fault::Protocol, at, cause).with_hint(Message::new().words(hint))
}

fn is_of_tls(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}

/// Returns the failure of a command that smoke does not run.
pub(super) fn not_run(cause: Message, hint: Message) -> Failure {
    Failure::fault(Fault::Sql, message!("checking the command"), cause).with_hint(hint)
}

/// Returns the failure of a session that is to write.
pub(super) fn writes(why: &WritesRefused) -> Failure {
    not_run(Message::new().words(why.message), Message::new().words(why.hint))
}

/// Returns the failure for a Unix socket on a system without them.
#[cfg(not(unix))]
pub(super) fn no_sockets() -> Failure {
    not_run(message!("this system has no Unix sockets"), message!("connect with `redis://HOST:PORT`"))
}
