//! The threads of a run, and its signals.

use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;

use crate::outcome::Signal;

/// The runtimes of a run. The engine has this thread, with its own clock and signals. Checks run on separate workers,
/// so no stuck check can delay the suite's budget or a signal.
///
/// Dropping it does not wait for either runtime, because a hanging name resolution would delay the exit.
pub struct Runtimes {
    engine: Option<Runtime>,
    workers: Option<Runtime>,
}

impl Runtimes {
    /// Starts them for so many checks.
    ///
    /// # Errors
    /// This machine does not let smoke start the threads.
    pub fn start(checks: usize, trial: ThreadTrial) -> anyhow::Result<Runtimes> {
        trial.finish().context("this machine does not let smoke start threads (a limit on processes?)")?;
        // Checks wait more than they work. Two workers, so that one that works does not keep the other's time.
        // They look at the clock and at their sockets often: what a server sends without end takes its worker for a while
        // each time, and must not take it many times over before a budget ends or another check's answer is seen.
        let workers = Builder::new_multi_thread()
            .worker_threads(checks.clamp(1, 2))
            .event_interval(EVENT_INTERVAL)
            .enable_all()
            .build();
        let engine = Builder::new_current_thread().enable_all().build();
        let started = workers.and_then(|workers| Ok((engine?, workers)));
        let (engine, workers) = started.context("cannot start the runtime")?;
        Ok(Runtimes { engine: Some(engine), workers: Some(workers) })
    }

    /// Runs the engine's future.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.engine.as_ref().expect("it is there until it is dropped").block_on(future)
    }

    /// Returns the runtime on which checks run.
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

/// After so many turns of its tasks a worker looks at the clock and at its sockets. The library's own is 61.
const EVENT_INTERVAL: u32 = 2;

/// How many threads a run needs at once: two workers, a name look-up, and a database or a stream that does not take
/// what is written.
const THREADS: usize = 4;

/// Finds out whether the threads that a run needs can be started: the runtime would wait for ever for one that cannot.
///
/// It takes a fraction of a millisecond, a good part of what a run of one check takes, so it is begun before the suite
/// is read and awaited when the threads are needed.
pub struct ThreadTrial(std::io::Result<JoinHandle<std::io::Result<()>>>);

impl ThreadTrial {
    pub fn begin() -> ThreadTrial {
        // Why: it ends in a moment, whether anybody waits for it or not.
        ThreadTrial(std::thread::Builder::new().spawn(|| start_at_once(THREADS - 1)))
    }

    fn finish(self) -> std::io::Result<()> {
        self.0?.join().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into()))
    }
}

/// Starts so many threads, none of which ends before all are started.
fn start_at_once(threads: usize) -> std::io::Result<()> {
    let barrier = std::sync::RwLock::new(());
    let all_are_started = barrier.write();
    std::thread::scope(|scope| {
        let started = (0..threads).try_for_each(|_| {
            let waits = || drop(barrier.read());
            // Why: it ends with the scope, after a moment.
            std::thread::Builder::new().spawn_scoped(scope, waits).map(drop)
        });
        drop(all_are_started);
        started
    })
}

/// Sends SIGINT, SIGTERM, SIGHUP (which also arrives when the terminal closes) and the signals that would end smoke
/// without a report. Signals that smoke was started to ignore, for example with `nohup`, stay ignored. Calls `on_child`
/// whenever a child process ends.
#[cfg(unix)]
pub fn listen(
    sender: &mpsc::UnboundedSender<Signal>,
    on_child: impl Fn() + Send + 'static,
) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    const CPU_LIMIT: i32 = 24;
    let kinds = [
        (SignalKind::interrupt(), Signal::Interrupt),
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::hangup(), Signal::Hangup),
        (SignalKind::quit(), Signal::Other("SIGQUIT")),
        (SignalKind::user_defined1(), Signal::Other("SIGUSR1")),
        (SignalKind::user_defined2(), Signal::Other("SIGUSR2")),
        (SignalKind::alarm(), Signal::Other("SIGALRM")),
        (SignalKind::from_raw(CPU_LIMIT), Signal::Other("SIGXCPU")),
    ];
    let mut children = signal(SignalKind::child())?;
    // Why: it ends with the runtime, and waits only for the operating system.
    tokio::spawn(async move {
        while children.recv().await.is_some() {
            on_child();
        }
    });
    let ignored = ignored_signals();
    for (kind, meaning) in kinds {
        // A shell ignores SIGINT in background jobs, where a pipeline may still send it.
        let is_ignored = ignored & (1 << (kind.as_raw_value() - 1)) != 0;
        if is_ignored && !matches!(meaning, Signal::Interrupt | Signal::Terminate) {
            continue;
        }
        let mut stream = signal(kind)?;
        let sender = sender.clone();
        // Why: it ends with the runtime, and waits only for the operating system.
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let _ = sender.send(meaning);
            }
        });
    }
    Ok(())
}

/// Returns the signals that this process ignores, one bit each. Source: `SigIgn` of proc(5), which other systems lack.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(not(unix))]
pub fn listen(
    sender: &mpsc::UnboundedSender<Signal>,
    _on_child: impl Fn() + Send + 'static,
) -> std::io::Result<()> {
    let sender = sender.clone();
    // Why: it ends with the runtime, and waits only for the operating system.
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

    use crate::runtimes::{Runtimes, ThreadTrial};

    #[test]
    fn the_engines_clock_goes_on_though_every_worker_is_held() {
        const HELD: Duration = Duration::from_secs(20);
        let runtimes = Runtimes::start(1, ThreadTrial::begin()).expect("the runtimes");
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
