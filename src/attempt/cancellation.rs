//! Requests that stop leftover work on a server after an attempt is cut.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

/// Requests to send if an attempt is cut, such as a cancel request for a running query.
#[derive(Default, Clone)]
pub struct Cancellations {
    entries: Arc<Mutex<Entries>>,
}

#[derive(Default)]
struct Entries {
    next: u64,
    requests: Vec<(u64, BoxFuture<'static, ()>)>,
}

impl Cancellations {
    /// Registers `request` until the guard is disarmed.
    pub fn on_cut(&self, request: BoxFuture<'static, ()>) -> CancelGuard {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let id = entries.next;
        entries.next += 1;
        entries.requests.push((id, request));
        CancelGuard { cancellations: self.clone(), id }
    }

    /// Sends every request that is still registered.
    pub async fn end(&self) {
        let requests = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut entries.requests)
        };
        futures_util::future::join_all(requests.into_iter().map(|(_, request)| request)).await;
    }

    /// Whether no request is registered.
    pub fn is_empty(&self) -> bool {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).requests.is_empty()
    }
}

impl std::fmt::Debug for Cancellations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cancellations").finish_non_exhaustive()
    }
}

/// A registered request.
#[derive(Debug)]
pub struct CancelGuard {
    cancellations: Cancellations,
    id: u64,
}

impl CancelGuard {
    /// Removes the request, because the work has ended by itself.
    pub fn disarm(self) {
        let mut entries = self.cancellations.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.requests.retain(|(id, _)| *id != self.id);
    }
}
