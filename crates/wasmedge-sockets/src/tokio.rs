use std::{
    future::{pending, poll_fn},
    os::fd::OwnedFd,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::unix::AsyncFd;

use crate::reactor::{Descriptor, Reactor, Ready, Wait, Wanted};

/// Waits with the tokio runtime that the guest runs in, which must have its I/O and its time driver enabled.
///
/// # Panics
///
/// A wait panics outside of such a runtime.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TokioReactor;

impl Reactor for TokioReactor {
    fn wait<'a>(&'a self, wanted: &'a [Wanted<'a>], timeout: Option<Duration>) -> Wait<'a> {
        Box::pin(async move {
            let ready = async {
                if wanted.is_empty() {
                    return pending().await;
                }
                match poll_fn(|cx| poll(wanted, cx)).await {
                    Some(ready) => ready,
                    None => {
                        tokio::time::sleep(LATER).await;
                        Ready::now(wanted)
                    }
                }
            };
            match timeout {
                Some(timeout) => tokio::time::timeout(timeout, ready).await.unwrap_or_default(),
                None => ready.await,
            }
        })
    }
}

/// Forgets what was ready, asks to be woken, and only then looks: in another order something would get lost, or would be
/// reported for ever. `None` if the runtime cannot tell, which is then asked again in a while.
fn poll(wanted: &[Wanted<'_>], cx: &mut Context<'_>) -> Poll<Option<Ready>> {
    let mut watches = true;
    for wanted in wanted {
        match watched(wanted.socket) {
            Some(watched) => watches &= watch(watched, *wanted, cx),
            None => watches = false,
        }
    }
    let ready = Ready::now(wanted);
    match (ready.any(), watches) {
        (true, _) => Poll::Ready(Some(ready)),
        (false, true) => Poll::Pending,
        (false, false) => Poll::Ready(None),
    }
}

/// Asks to be woken; false if what the runtime holds for ready cannot be cleared.
fn watch(watched: &AsyncFd<Arc<OwnedFd>>, wanted: Wanted<'_>, cx: &mut Context<'_>) -> bool {
    let mut read = || watched.poll_read_ready(cx).map(|event| event.map(|mut event| event.clear_ready()));
    let watches_read = !wanted.read || read().is_pending() || read().is_pending();
    let mut write = || watched.poll_write_ready(cx).map(|event| event.map(|mut event| event.clear_ready()));
    let watches_write = !wanted.write || write().is_pending() || write().is_pending();
    watches_read && watches_write
}

/// The registration of a socket, made when it is first waited for: one that is not yet connected would report its end at
/// once, and then never anything else.
fn watched(socket: &Descriptor) -> Option<&AsyncFd<Arc<OwnedFd>>> {
    if socket.kept().get().is_none() {
        let _ = socket.kept().set(Box::new(register(socket.share())?));
    }
    socket.kept().get()?.downcast_ref()
}

#[expect(
    deprecated,
    reason = "only a type that lies about its descriptor makes it unsound, which OwnedFd does not"
)]
fn register(socket: Arc<OwnedFd>) -> Option<AsyncFd<Arc<OwnedFd>>> {
    AsyncFd::new(socket).ok()
}

/// When a socket is looked at again that the runtime cannot watch, because it has no room for it.
const LATER: Duration = Duration::from_millis(1);
