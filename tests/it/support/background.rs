//! A server's own thread, with a runtime of its own.

use std::thread::{self, JoinHandle};

use tokio::runtime;
use tokio::sync::oneshot;

/// Work that goes on beside the test and ends when this is dropped.
#[derive(Debug)]
pub struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Runs `serve`, and the tasks that it spawns, until the drop.
    ///
    /// # Panics
    /// When there is no thread or runtime to be had.
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
