//! Permission to run a command: only those that the server itself describes as reading are run.
//!
//! `COMMAND INFO` reports the flags of a command or sub-command, and what it does to its keys. A command without the
//! flag `readonly` is not run unless it is in [`HARMLESS`]. Neither is a reading command that may block, run a script,
//! or change how a value is stored.
//! Source: <https://redis.io/docs/latest/commands/command/>.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::connect::Connection;
use super::fault::{self, Doing};
use super::wire::Answer;
use crate::attempt::Context;
use crate::outcome::Failure;
use crate::secret::{Message, message};

/// Commands that change nothing but lack the flag `readonly`, mostly because they read no key.
const HARMLESS: [&str; 39] = [
    "ping",
    "echo",
    "time",
    "lastsave",
    "info",
    "role",
    "dbsize",
    "acl|whoami",
    "client|getname",
    "client|id",
    "client|info",
    "client|list",
    "cluster|countkeysinslot",
    "cluster|info",
    "cluster|keyslot",
    "cluster|myid",
    "cluster|nodes",
    "cluster|shards",
    "cluster|slots",
    "command|count",
    "command|info",
    "function|list",
    "function|stats",
    "memory|doctor",
    "memory|stats",
    "module|list",
    "pubsub|channels",
    "pubsub|numpat",
    "pubsub|numsub",
    "pubsub|shardchannels",
    "pubsub|shardnumsub",
    "script|exists",
    "sentinel|ckquorum",
    "sentinel|get-master-addr-by-name",
    "sentinel|master",
    "sentinel|masters",
    "sentinel|replicas",
    "sentinel|sentinels",
    "slowlog|len",
];

/// Commands whose sub-commands are commands of their own. Before Redis 7, a server has one set of flags for all of
/// them.
const CONTAINERS: [&str; 18] = [
    "acl", "client", "cluster", "command", "config", "debug", "function", "latency", "memory", "module",
    "object", "pubsub", "script", "sentinel", "slowlog", "xgroup", "xinfo", "failover",
];

/// Flags and categories that forbid a command even if it is flagged `readonly`, with the reasons.
const NEVER: [(&str, &str); 8] = [
    ("write", "writes"),
    ("may_replicate", "may write"),
    ("blocking", "may wait for others to write"),
    ("admin", "administers the server"),
    ("pubsub", "sends or receives messages"),
    ("@write", "writes"),
    ("@scripting", "runs a script"),
    ("@blocking", "may wait for others to write"),
];

/// Effects on keys beyond reading them. `PFCOUNT` has `RW`, because it stores what it counted.
const CHANGES: [&str; 6] = ["RW", "OW", "RM", "insert", "update", "delete"];

/// The names of commands with such effects, for servers that report less.
const NEVER_BY_NAME: [&str; 5] = ["pfcount", "eval_ro", "evalsha_ro", "fcall_ro", "xread"];

const ASK: &str =
    "a check only reads: ask with a command that the server flags `readonly`, such as GET or EXISTS";

/// The names of commands that this run has found to only read.
#[derive(Debug, Default)]
pub(super) struct Permitted(Mutex<BTreeSet<String>>);

impl Permitted {
    fn names(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether people may run the command again, as far as is known.
    pub fn has(&self, words: &[String]) -> bool {
        let [name, with_sub] = names(words);
        let names = self.names();
        [name, with_sub].into_iter().flatten().any(|name| is_harmless(&name) || names.contains(&name))
    }
}

/// Returns the name of a command, and the one that includes its second word as a sub-command.
fn names(words: &[String]) -> [Option<String>; 2] {
    let name = words.first().map(|word| word.to_ascii_lowercase());
    let with_sub = name.as_deref().zip(words.get(1));
    let with_sub = with_sub.map(|(name, sub)| format!("{name}|{}", sub.to_ascii_lowercase()));
    [name, with_sub]
}

fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name)
}

/// Checks that the command changes nothing.
///
/// # Errors
/// Fails if it may change something, or if the server does not say.
pub(super) async fn may_run(
    connection: &mut Connection,
    words: &[String],
    context: &Context,
) -> Result<(), Failure> {
    let [Some(name), with_sub] = names(words) else {
        return Err(not_run(message!("the command is empty"), "write one, such as `GET key`"));
    };
    if is_harmless(&name) || with_sub.as_deref().is_some_and(is_harmless) {
        return Ok(());
    }
    let permitted = ask_about(connection, name, with_sub, context).await?;
    context.run.shared::<Permitted>().names().insert(permitted);
    Ok(())
}

/// Asks the server what the command does, and returns its name if it only reads.
async fn ask_about(
    connection: &mut Connection,
    name: String,
    with_sub: Option<String>,
    context: &Context,
) -> Result<String, Failure> {
    let said = ask(connection, &name, context).await?;
    let Some(said) = said else { return Err(unknown(&name)) };
    let has_subs = said.get(9).and_then(Value::as_array).is_some_and(|subs| !subs.is_empty());
    match (has_subs, with_sub) {
        (true, Some(full)) => match ask(connection, &full, context).await? {
            Some(said) => judge(&full.replace('|', " "), &said).map(|()| full),
            None => Err(unknown(&full.replace('|', " "))),
        },
        (true, None) => {
            let cause = message!("`{}` needs a sub-command", name);
            Err(not_run(cause, "write it behind the command, as in `OBJECT ENCODING key`"))
        }
        (false, _) => {
            judge(&name, &said)?;
            if CONTAINERS.contains(&&*name) {
                let cause = message!("the server does not say what each sub-command of `{}` does", name);
                return Err(not_run(cause, "that takes Redis 7: ask with another command"));
            }
            Ok(name)
        }
    }
}

/// Returns the server's description of a command, or `None` if the server does not know it.
async fn ask(connection: &mut Connection, name: &str, context: &Context) -> Result<Option<Value>, Failure> {
    let Connection { wire, place } = connection;
    wire.ask(&["COMMAND", "INFO", name]);
    let answer = wire.answer().await;
    match answer.map_err(|broken| fault::broken(broken, Doing::Query, place, context))? {
        Answer::Given(Value::Array(mut said)) if said.len() == 1 => Ok(said.pop().filter(Value::is_array)),
        Answer::Given(_) => {
            let cause = message!("the server does not say what its commands do (`COMMAND INFO`)");
            Err(not_run(cause, "ask the server itself, and not a proxy before it"))
        }
        Answer::Refused(text) if text.starts_with("NOPERM") => {
            let cause = message!("smoke must ask what the command does, and may not: {}", text);
            Err(not_run(
                cause,
                "grant the user `+command|info` (before Redis 7, `+command`), as in `ACL SETUSER shop +command|info`",
            ))
        }
        Answer::Refused(text) if text.starts_with("ERR unknown command") => {
            let cause = message!("the server does not say what its commands do: {}", text);
            Err(not_run(cause, "ask the server itself, and not a proxy before it"))
        }
        Answer::Refused(text) => Err(fault::refused(&text, Doing::Query, place)),
    }
}

/// Checks that the described command only reads.
fn judge(name: &str, said: &Value) -> Result<(), Failure> {
    let flags = texts(said.get(2));
    let categories = texts(said.get(6));
    let keys = texts(said.get(8));
    let shown = || message!("`{}` is not run: ", name.to_ascii_uppercase());
    let has = |flag: &str| flags.contains(&flag) || categories.contains(&flag);
    if let Some((flag, does)) = NEVER.iter().find(|(flag, _)| has(flag)) {
        return Err(not_run(shown().words(format!("the server says that it {does} (`{flag}`)")), ASK));
    }
    if keys.iter().any(|key| CHANGES.contains(key)) || NEVER_BY_NAME.contains(&name) {
        return Err(not_run(shown().words("it does more than read its keys"), ASK));
    }
    if flags.contains(&"readonly") {
        return Ok(());
    }
    Err(not_run(shown().words("the server does not flag it `readonly`"), ASK))
}

/// Returns every text in an answer.
fn texts(value: Option<&Value>) -> Vec<&str> {
    let mut found = Vec::new();
    let mut left: Vec<&Value> = value.into_iter().collect();
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) => found.push(text.as_str()),
            Value::Array(values) => left.extend(values),
            Value::Object(entries) => left.extend(entries.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}

fn unknown(name: &str) -> Failure {
    let cause = message!("the server has no command `{}`", name.to_ascii_uppercase());
    not_run(cause, "check its name, and the server's version and modules")
}

fn not_run(cause: Message, hint: &'static str) -> Failure {
    fault::not_run(cause, Message::new().words(hint))
}
