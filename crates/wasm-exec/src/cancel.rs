use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::Stop;

/// A token that ends runs.
///
/// A clone is another handle on the same token: put one into each [`Task`](crate::Task) that shall end with it, and
/// keep one. What is requested first counts, and stays: a task that gets the token later ends before it begins.
///
/// ```
/// # #[cfg(feature = "wasmtime")] {
/// use std::{thread, time::Duration};
/// use wasm_exec::{Cancel, Exit, Stop, Task};
///
/// let wasm = wat::parse_str(r#"(module (func (export "_start") (loop $forever (br $forever))))"#)?;
/// let program = wasm_exec::engine("wasmtime")?.compile(&wasm)?;
///
/// let cancel = Cancel::new();
/// let kept = cancel.clone();
/// thread::spawn(move || {
///     thread::sleep(Duration::from_millis(10));
///     kept.cancel();
/// });
/// assert_eq!(program.run(Task::default().cancel(cancel))?, Exit::Stopped(Stop::Cancelled));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    requested: Option<Stop>,
    watchers: BTreeMap<u64, Watcher>,
    next: u64,
}

type Watcher = Box<dyn FnOnce() + Send>;

impl Cancel {
    /// Makes a token that nobody has used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the runs as [`Stop::Cancelled`].
    pub fn cancel(&self) {
        self.request(Stop::Cancelled);
    }

    /// Ends the runs as [`Stop::Signal`]: for a host that was told to end by a signal of this number.
    pub fn signal(&self, number: u8) {
        self.request(Stop::Signal(number));
    }

    /// Returns what was requested; engines ask it.
    #[must_use]
    pub fn requested(&self) -> Option<Stop> {
        self.state().requested
    }

    /// Calls a closure when something is requested, at once if it has been; engines use this.
    ///
    /// It is called once, on the thread of the request, and forgotten when the value that is returned is dropped.
    pub fn on_request(&self, wake: impl FnOnce() + Send + 'static) -> Watch {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        if state.requested.is_none() {
            state.watchers.insert(number, Box::new(wake));
        } else {
            drop(state);
            wake();
        }
        Watch { cancel: self.clone(), number }
    }

    fn request(&self, stop: Stop) {
        let mut state = self.state();
        state.requested.get_or_insert(stop);
        let watchers = mem::take(&mut state.watchers);
        drop(state);
        watchers.into_values().for_each(|wake| wake());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("requested", &self.requested()).finish_non_exhaustive()
    }
}

/// As long as it is there, a closure waits for a [`Cancel`].
#[derive(Debug)]
#[must_use = "the closure is forgotten when it is dropped"]
pub struct Watch {
    cancel: Cancel,
    number: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let watcher = self.cancel.state().watchers.remove(&self.number);
        // Whatever the closure owns is dropped without the lock.
        drop(watcher);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn the_first_request_counts() {
        let cancel = Cancel::new();
        assert_eq!(cancel.requested(), None);
        cancel.clone().signal(15);
        cancel.cancel();
        assert_eq!(cancel.requested(), Some(Stop::Signal(15)));
    }

    #[test]
    fn watchers_are_called_once_and_only_while_they_watch() {
        let cancel = Cancel::new();
        let calls = Arc::new(AtomicU32::new(0));
        let watch = || {
            let calls = Arc::clone(&calls);
            cancel.on_request(move || {
                calls.fetch_add(1, Ordering::Relaxed);
            })
        };
        let first = watch();
        drop(watch());
        assert_eq!(cancel.state().watchers.len(), 1);
        cancel.cancel();
        cancel.cancel();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        let late = watch();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        drop((first, late));
        assert!(cancel.state().watchers.is_empty());
    }
}
