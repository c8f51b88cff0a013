//! The threads of a run, and the signals that reach it.

use anyhow::Context as _;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;

use crate::outcome::Signal;

/// What a run runs on. The engine has this thread, with a clock and signals of its own; checks have workers beside it,
/// so that none of them can hold the suite's budget or a signal, whatever it is stuck in.
///
/// Nobody waits for either when it is dropped: a name look-up that hangs would hold the exit.
pub struct Runtimes {
    engine: Option<Runtime>,
    workers: Option<Runtime>,
}

impl Runtimes {
    pub fn start(checks: usize) -> anyhow::Result<Runtimes> {
        // Checks wait more than they work. Two workers, so that one that works does not keep the other's time.
        let workers = Builder::new_multi_thread().worker_threads(checks.clamp(1, 2)).enable_all().build();
        let engine = Builder::new_current_thread().enable_all().build();
        let started = workers.and_then(|workers| Ok((engine?, workers)));
        let (engine, workers) = started.context("cannot start the runtime")?;
        Ok(Runtimes { engine: Some(engine), workers: Some(workers) })
    }

    /// Runs what is the engine's.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.engine.as_ref().expect("it is there until it is dropped").block_on(future)
    }

    /// Where checks run.
    pub fn workers(&self) -> &Handle {
        self.workers.as_ref().expect("they are there until they are dropped").handle()
    }
}

impl Drop for Runtimes {
    fn drop(&mut self) {
        for runtime in [self.workers.take(), self.engine.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// Sends on SIGINT, SIGTERM, and SIGHUP, which ends a run as well when its terminal goes away.
#[cfg(unix)]
pub fn listen(sender: &mpsc::UnboundedSender<Signal>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        (SignalKind::interrupt(), Signal::Interrupt),
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::hangup(), Signal::Hangup),
    ];
    for (kind, meaning) in kinds {
        let mut stream = signal(kind)?;
        let sender = sender.clone();
        // Why: it ends with the runtime, and waits for nothing but the operating system.
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let _ = sender.send(meaning);
            }
        });
    }
    Ok(())
}

#[cfg(not(unix))]
pub fn listen(sender: &mpsc::UnboundedSender<Signal>) -> std::io::Result<()> {
    let sender = sender.clone();
    // Why: it ends with the runtime, and waits for nothing but the operating system.
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            let _ = sender.send(Signal::Interrupt);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use crate::runtimes::Runtimes;

    #[test]
    fn the_engines_clock_goes_on_though_every_worker_is_held() {
        const HELD: Duration = Duration::from_secs(20);
        let runtimes = Runtimes::start(1).expect("the runtimes");
        let (begun, has_begun) = mpsc::channel();
        let (_held, let_go) = mpsc::channel::<()>();
        runtimes.workers().spawn(async move {
            begun.send(()).expect("the test waits");
            let _ = let_go.recv_timeout(HELD);
        });
        has_begun.recv().expect("the worker");

        let began = Instant::now();
        runtimes.block_on(async { tokio::time::sleep(Duration::from_millis(10)).await });

        assert!(began.elapsed() < HELD / 2, "{:?}", began.elapsed());
    }
}
