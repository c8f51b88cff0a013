//! Files of this machine, read where nobody else waits: a pipe, or a mount whose server is gone, holds whoever reads.

/// What `read` comes to, on a thread of its own. A budget can end the waiting for it.
pub async fn blocking<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    // Why: no read can be cut. It holds its thread and nothing else, and the process may end before it has.
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
