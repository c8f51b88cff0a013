//! Values that are created once and shared by all who request the same: clients, TLS configurations, tokens.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::outcome::Failure;

/// One value per key, created by the first request. Only requests for the same key wait for it.
pub struct SingleFlight<K, V> {
    made: Mutex<Vec<Entry<K, V>>>,
}

type Entry<K, V> = (K, Arc<OnceCell<V>>);

impl<K: Clone + PartialEq, V: Clone> SingleFlight<K, V> {
    /// Returns the value for `key`, and calls `make` if there is none yet. If `make` fails or is cut, the next request
    /// calls its own.
    ///
    /// # Errors
    /// Returns the failure of `make`.
    pub async fn get<M>(&self, key: &K, make: impl FnOnce() -> M) -> Result<V, Failure>
    where
        M: Future<Output = Result<V, Failure>>,
    {
        let cell = self.cell(key);
        // Boxed, because the future is large and rarely needed: otherwise every caller would reserve space for it.
        cell.get_or_try_init(|| Box::pin(make())).await.cloned()
    }

    /// Forgets the value for `key`, so the next request creates a new one.
    pub fn forget(&self, key: &K) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != key);
    }

    fn cell(&self, key: &K) -> Arc<OnceCell<V>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cell)) = made.iter().find(|(known, _)| known == key) {
            return Arc::clone(cell);
        }
        let cell = Arc::default();
        made.push((key.clone(), Arc::clone(&cell)));
        cell
    }
}

impl<K, V> Default for SingleFlight<K, V> {
    fn default() -> Self {
        SingleFlight { made: Mutex::default() }
    }
}

/// Omits keys and values, because some are secrets.
impl<K, V> std::fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}
