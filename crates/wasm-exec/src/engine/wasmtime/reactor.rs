use std::{
    future::Future,
    io,
    pin::pin,
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::coop::unconstrained,
};

/// What guests wait with: one thread that watches timers and descriptors.
///
/// Guests themselves run on the threads of their callers, as futures that are driven there, so that a run costs no hop.
pub(super) struct Reactor {
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

impl Reactor {
    pub(super) fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("wasm-reactor")
            .enable_io()
            .enable_time()
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Returns what timers and tasks are made with from other threads.
    pub(super) fn handle(&self) -> Option<Handle> {
        self.runtime.as_ref().map(|runtime| runtime.handle().clone())
    }

    /// Drives a future to its end on this thread, also if that is one of another runtime.
    ///
    /// wasmtime-wasi finds the runtime that is entered, and never makes its own. The future is not bound by the budget
    /// of the task that may be around it: that is refilled only when the task gives way, which it cannot here.
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = self.runtime.as_ref().map(Runtime::enter);
        block_on(unconstrained(future))
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        // Tokio's own drop waits for its threads, which it refuses (by a panic) inside of async code.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// tokio's `block_on` refuses to run inside of a runtime; the usual small ones use the thread's park token, which an
/// executor further up the stack may be using as well, and then misses its wake-up.
fn block_on<F: Future>(future: F) -> F::Output {
    let signal = Arc::new(Signal::default());
    let waker = Waker::from(Arc::clone(&signal));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => signal.wait(),
        }
    }
}

#[derive(Default)]
struct Signal {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn wait(&self) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut woken =
            self.changed.wait_while(woken, |woken| !*woken).unwrap_or_else(PoisonError::into_inner);
        *woken = false;
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn reactor() -> Reactor {
        Reactor::new().unwrap()
    }

    #[test]
    fn waits_for_timers() {
        reactor().block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
    }

    #[test]
    fn works_inside_of_another_runtime_and_can_be_dropped_there() {
        let outer = Builder::new_current_thread().build().unwrap();
        outer.block_on(async {
            let inner = reactor();
            // More steps than the budget of a tokio task.
            for _ in 0..500 {
                inner.block_on(async { tokio::task::spawn(async {}).await.unwrap() });
            }
            drop(inner);
        });
    }
}
