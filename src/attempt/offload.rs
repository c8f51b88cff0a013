//! Reads local files on separate threads: reading a pipe, or a mount whose server is gone, may block forever.

/// Runs `read` on a thread and returns its result. A budget can end the wait for it.
pub async fn blocking<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    // Why: a blocking read cannot be cancelled. It holds only its thread, and the process may exit before it ends.
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
