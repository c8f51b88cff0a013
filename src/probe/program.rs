//! Running a program to its end, and its output.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;

use super::http::json;
use crate::attempt::Context;
use crate::deadline::{BudgetScope, Deadline};
use crate::outcome::{Failure, Fault, Log, Phase};
use crate::process::{Command, End, Groups, KILL_TIMEOUT, LONGEST_STREAM, Output, Process, Stream};
use crate::secret::{Message, Redactor, message};

/// A program that has ended.
#[derive(Debug)]
pub struct ProgramResult {
    pub end: End,
    /// The output without trailing line breaks, as a shell would capture it.
    pub stdout: String,
    pub stderr: String,
    /// The time from start to exit.
    pub took: Duration,
    output: Output,
    redactor: Arc<Redactor>,
    json: OnceLock<Result<Value, String>>,
}

impl ProgramResult {
    /// Returns the number of bytes to examine.
    pub fn size(&self) -> usize {
        self.stdout.len() + self.stderr.len()
    }

    /// Returns both streams as they arrived, without secrets.
    pub fn log(&self) -> Option<Log> {
        self.output.log(&self.redactor)
    }

    /// Returns stdout as JSON, which is parsed once.
    ///
    /// # Errors
    /// Fails with the reason why it is not JSON.
    pub fn json(&self) -> Result<&Value, &str> {
        self.json.get_or_init(|| json::parse(&self.stdout)).as_ref().map_err(String::as_str)
    }
}

/// Runs `command` to its end and kills what it leaves behind. More than [`LONGEST_STREAM`] on one of the streams in
/// `looked_at` is a failure.
///
/// # Errors
/// Fails if the program cannot be started, prints too much, or does not end in time.
pub async fn run(
    command: &Command,
    looked_at: &[Stream],
    context: &Context,
) -> Result<ProgramResult, Failure> {
    let (output, redactor) = (Output::of_streams(), Arc::clone(&context.run.redactor));
    context.timeline.enter(Phase::Run);
    let mut process = Process::start(command, output.clone(), &context.run.shared::<Groups>())?;
    let leftovers = context.cancellations.on_cut(Box::pin(process.end_of_the_rest()));
    let exit = context.deadline.bound(async {
        let overflow = async {
            match output.streams() {
                Some(streams) => streams.overflow(looked_at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            end = process.exited() => Ok(end),
            stream = overflow => Err(stream),
        }
    });
    let exit = exit.await.map_err(|cut| {
        let log = output.log(&redactor);
        let detail = log.is_none().then(|| message!("it printed nothing"));
        Failure::TimedOut { cut, phase: Phase::Run, detail, last: None, log, place: None }
    })?;
    context.timeline.end();
    let took = context.timeline.elapsed();
    if exit.is_ok() {
        process.printed_all().await;
    }
    // Background processes are part of the program. Once they are killed, they print nothing more.
    process.end_leftovers(context.deadline).await;
    leftovers.disarm();
    let end = exit.map_err(|stream| too_much(command, stream))?;
    let _ = Deadline::after(KILL_TIMEOUT, BudgetScope::Grace).bound(output.closed()).await;
    let text = |stream| {
        let mut text = output.streams().map(|streams| streams.take_text(stream)).unwrap_or_default();
        text.truncate(text.trim_end_matches(['\n', '\r']).len());
        text
    };
    let (stdout, stderr) = (text(Stream::Stdout), text(Stream::Stderr));
    if let Some(stream) = output.streams().and_then(|streams| streams.has_overflowed(looked_at)) {
        return Err(too_much(command, stream));
    }
    Ok(ProgramResult { end, stdout, stderr, took, output, redactor, json: OnceLock::new() })
}

fn too_much(command: &Command, stream: Stream) -> Failure {
    let program = command.words.first().map_or("", String::as_str);
    let doing = message!("reading what `{}` prints", program);
    let cause = format!("more than {} MiB on {}", LONGEST_STREAM >> 20, stream.name());
    Failure::fault(Fault::Protocol, doing, Message::new().words(cause))
        .with_hint(message!("have it print less, or look at its exit code only"))
}
