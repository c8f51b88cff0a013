//! The login: `HELLO`, which also asks for real maps, or `AUTH` if the server does not know `HELLO`.
//!
//! Source: <https://redis.io/docs/latest/commands/hello/>.

use super::connect::Connection;
use super::fault::{self, Doing};
use super::url::RedisUrl;
use super::wire::Answer;
use crate::attempt::Context;
use crate::outcome::{Failure, Phase};

/// The variable from which `redis-cli` takes the password if none is given.
const VARIABLE: &str = "REDISCLI_AUTH";

/// Returns the password of the URL, or that of the environment.
pub(super) fn password(url: &RedisUrl) -> Option<String> {
    let of_environment = || std::env::var(VARIABLE).ok().filter(|password| !password.is_empty());
    url.password.clone().or_else(of_environment)
}

/// Logs in and selects the database.
pub(super) async fn log_in(
    connection: &mut Connection,
    url: &RedisUrl,
    password: Option<String>,
    context: &Context,
) -> Result<(), Failure> {
    context.timeline.enter(Phase::Authenticate);
    // A user without a password may not need one.
    let password = password.or_else(|| url.user.as_ref().map(|_| String::new()));
    let name = client_name(context);
    let mut hello = vec!["HELLO", "3"];
    if let Some(password) = &password {
        hello.extend(["AUTH", url.user.as_deref().unwrap_or("default"), password]);
    }
    hello.extend(["SETNAME", &name]);
    match ask(connection, &hello, context).await? {
        Answer::Given(_) => {}
        Answer::Refused(text) if is_unknown(&text) => {
            if let Some(password) = &password {
                let auth: Vec<&str> =
                    ["AUTH"].into_iter().chain(url.user.as_deref()).chain([password.as_str()]).collect();
                let answer = ask(connection, &auth, context).await?;
                given(answer, connection)?;
            }
        }
        refused @ Answer::Refused(_) => given(refused, connection)?,
    }
    if url.db != 0 {
        let answer = ask(connection, &["SELECT", &url.db.to_string()], context).await?;
        given(answer, connection)?;
    }
    Ok(())
}

type Answered = Answer<serde_json::Value>;

async fn ask(connection: &mut Connection, words: &[&str], context: &Context) -> Result<Answered, Failure> {
    connection.wire.ask(words);
    let answer = connection.wire.answer().await;
    answer.map_err(|broken| fault::broken(broken, Doing::LogIn, &connection.place, context))
}

fn given(answer: Answered, connection: &Connection) -> Result<(), Failure> {
    match answer {
        Answer::Given(_) => Ok(()),
        Answer::Refused(text) => Err(fault::refused(&text, Doing::LogIn, &connection.place)),
    }
}

/// Whether the server does not support `HELLO`, or only part of it. Redis 6 introduced it, and other servers implement
/// a part.
fn is_unknown(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["err unknown command", "noproto", "err syntax error", "err unknown or unsupported"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// Returns the name of the check in `CLIENT LIST`: `smoke/SUITE/CHECK`, without characters that such a name may not
/// contain.
fn client_name(context: &Context) -> String {
    let name = format!("smoke/{}/{}", context.run.suite, context.check);
    name.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).take(100).collect()
}
