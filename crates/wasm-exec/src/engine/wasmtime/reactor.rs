use std::{
    future::Future,
    io,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::coop::unconstrained,
};

use super::driver::Driver;

/// What guests wait with: one thread that watches timers and descriptors, but for sockets, which a [`Driver`] watches.
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
    ///
    /// The sockets of a guest wait by its driver, and would wait for ever with another one.
    pub(super) fn block_on<F: Future>(&self, driver: &Arc<Driver>, future: F) -> F::Output {
        let _entered = self.runtime.as_ref().map(Runtime::enter);
        block_on(driver, unconstrained(future))
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
fn block_on<F: Future>(driver: &Arc<Driver>, future: F) -> F::Output {
    let waker = Waker::from(Arc::clone(driver));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => driver.sleep(),
        }
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
        reactor().block_on(&Arc::default(), async { tokio::time::sleep(Duration::from_millis(1)).await });
    }

    #[test]
    fn works_inside_of_another_runtime_and_can_be_dropped_there() {
        let outer = Builder::new_current_thread().build().unwrap();
        outer.block_on(async {
            let inner = reactor();
            // More steps than the budget of a tokio task.
            for _ in 0..500 {
                inner.block_on(&Arc::default(), async { tokio::task::spawn(async {}).await.unwrap() });
            }
            drop(inner);
        });
    }
}
