//! The system's resolver, which blocks: each question has a thread, which ends when it is answered.

use std::{
    future::poll_fn,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    thread,
};

/// Returns the addresses of a name; none if it has none, or if nobody could be asked.
pub(crate) async fn addresses(name: &str) -> Vec<IpAddr> {
    let name = name.to_owned();
    let found = aside(move || {
        let found = (name.as_str(), 0).to_socket_addrs().into_iter().flatten();
        found.map(|address: SocketAddr| address.ip().to_canonical()).collect()
    });
    found.await.unwrap_or_default()
}

/// Does something on a thread of its own; `None` if there is none to be had, or if it panicked.
///
/// Whoever no longer waits leaves the thread alone, which ends by itself.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let answer = Arc::new(Answer::default());
    let own = Told(Arc::clone(&answer));
    let thread = thread::Builder::new().name("wasm-lookup".to_owned());
    thread
        .spawn(move || {
            let done = work();
            own.0.state().value = Some(done);
        })
        .ok()?;
    poll_fn(|cx| {
        let mut state = answer.state();
        if state.over {
            return Poll::Ready(state.value.take());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    })
    .await
}

struct Answer<T>(Mutex<State<T>>);

struct State<T> {
    value: Option<T>,
    over: bool,
    waker: Option<Waker>,
}

impl<T> Answer<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Self(Mutex::new(State { value: None, over: false, waker: None }))
    }
}

/// Wakes whoever waits, also if the thread panics or could not be started.
struct Told<T>(Arc<Answer<T>>);

impl<T> Drop for Told<T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.state();
            state.over = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
