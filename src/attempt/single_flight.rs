//! What is made once and shared by everybody who wants the same: clients, TLS configurations, tokens.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::outcome::Failure;

/// One value for each key, made by the first who wants it. Whoever wants the same waits; whoever wants another does not.
pub struct SingleFlight<K, V> {
    made: Mutex<Vec<Entry<K, V>>>,
}

type Entry<K, V> = (K, Arc<OnceCell<V>>);

impl<K: Clone + PartialEq, V: Clone> SingleFlight<K, V> {
    /// The value for `key`, which `make` makes if nobody has. Where that fails or is cut, the next one who wants it
    /// tries with a `make` of their own.
    ///
    /// # Errors
    /// What kept `make` from making it.
    pub async fn get<M>(&self, key: &K, make: impl FnOnce() -> M) -> Result<V, Failure>
    where
        M: Future<Output = Result<V, Failure>>,
    {
        let cell = self.cell(key);
        // Boxed, because it is large and needed once: whoever asks would have room for it all the time.
        cell.get_or_try_init(|| Box::pin(make())).await.cloned()
    }

    /// What was made for `key` is not given again: the next one who wants it makes another.
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

/// Without keys and values: there are secrets among them.
impl<K, V> std::fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}
