//! A server on its own thread and runtime.

use std::thread::{self, JoinHandle};

use tokio::runtime;
use tokio::sync::oneshot;

/// A background task. Dropping it ends the task.
#[derive(Debug)]
pub struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Runs `serve`, and the tasks that it spawns, until this is dropped.
    ///
    /// # Panics
    /// When no thread or runtime can be started.
    pub fn start(serve: impl Future<Output = ()> + Send + 'static) -> Self {
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("build the server's runtime").block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = serve => {}
                }
            });
        };
        let thread = thread::Builder::new().name("test server".to_owned()).spawn(run);
        Self { stop: Some(stop), thread: Some(thread.expect("start the server's thread")) }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        // A second panic while a test already panics would abort and hide the first.
        assert!(thread::panicking() || !matches!(ended, Some(Err(_))), "the server's thread panicked");
    }
}
