//! The end of the registry, as something to wait for.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::registry::lock;

/// Set once.
#[derive(Debug, Default)]
pub(super) struct Stop {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub(super) fn set(&self) {
        *lock(&self.set) = true;
        self.changed.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        *lock(&self.set)
    }

    /// Waits so long, or until it is set; whether it is.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(lock(&self.set), time, |set| !*set);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
