//! A dialog on a connection: what is sent, and what comes back.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::dial::Target;
use crate::attempt::Context;
use crate::language::io_error::reason;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::{Message, message};

/// The maximum number of bytes read. A dialog is a few lines.
const MOST: usize = 64 * 1024;

/// How long the other side must be silent before its answer counts as complete.
const PAUSE: Duration = Duration::from_secs(1);

/// Sends `text`, if any, and reads until `is_enough` returns true, the other side closes the connection or has been
/// silent for a second, or 64 KiB have arrived. Invalid UTF-8 is replaced.
///
/// # Errors
/// Fails if the connection breaks.
pub async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    text: Option<&str>,
    is_enough: impl Fn(&str) -> bool,
    target: &Target,
    context: &Context,
) -> Result<String, Failure> {
    context.timeline.enter(Phase::FirstByte);
    if let Some(text) = text {
        let sent = async {
            stream.write_all(text.as_bytes()).await?;
            stream.flush().await
        };
        sent.await.map_err(|error| broken(message!("sending to {}", target), &error))?;
    }
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = match &received[..] {
            [] => stream.read(&mut buffer).await,
            _ => {
                let pause = context.deadline.tighten(PAUSE, context.deadline.scope());
                match pause.bound(stream.read(&mut buffer)).await {
                    Ok(read) => read,
                    Err(_) => break,
                }
            }
        };
        let length = match read {
            // Many servers close the connection without a TLS `close_notify`. What they sent before still counts.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => 0,
            read => read.map_err(|error| broken(message!("reading the answer of {}", target), &error))?,
        };
        if received.is_empty() {
            context.timeline.enter(Phase::Body);
        }
        received.extend_from_slice(&buffer[..length]);
        if length == 0 || received.len() >= MOST || is_enough(&String::from_utf8_lossy(&received)) {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&received).into_owned())
}

fn broken(doing: Message, error: &std::io::Error) -> Failure {
    Failure::fault(Fault::Protocol, doing, message!("{}", reason(error)))
        .with_hint(message!("the other side broke the connection off: look at its log"))
}
