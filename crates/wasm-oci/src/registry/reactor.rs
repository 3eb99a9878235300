//! The thread that does the waiting.
//!
//! The rest of the crate is not asynchronous, and neither are those who use it: a command, an executor of a container
//! runtime. So a registry has a reactor of its own, on a thread of its own. Blocking on the caller's thread would panic
//! where that thread belongs to another runtime.

use std::{
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::mpsc,
    thread,
};

use tokio::{runtime, sync::oneshot};

/// A thread with a runtime; it ends with the value.
pub(super) struct Reactor {
    handle: runtime::Handle,
    /// Dropped, it ends the thread.
    _stop: oneshot::Sender<()>,
}

impl Reactor {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::Builder::new().name("registry".to_owned()).spawn(move || {
            let _ = runtime.block_on(stopped);
            // A credential helper may still run: nobody waits for it.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, _stop: stop })
    }

    /// Runs `future` and waits for what it gives; a panic in it is one here.
    pub(super) fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        let (tell, told) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            let _ = tell.send(Caught(Box::pin(future)).await);
        });
        match told.recv() {
            Ok(Ok(value)) => value,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => unreachable!("the reactor outlives those who use it"),
        }
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor").finish_non_exhaustive()
    }
}

/// A future whose panic is a value.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = thread::Result<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    }
}
