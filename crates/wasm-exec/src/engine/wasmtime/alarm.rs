use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tokio::{runtime::Handle, time};
use wasmtime::{Store, UpdateDeadline};

use crate::{Cancel, Stop};

/// What ends one run from outside, wherever the guest is.
///
/// A guest that waits in a host call is a future that has given way: it is dropped. A guest that computes looks at the
/// engine's epoch in each loop and call: when the alarm rings, the epoch changes and the guest gives way too. Nothing
/// ticks before that, so a guest that is not ended costs nobody anything.
pub(super) struct Alarm {
    engine: wasmtime::Engine,
    reactor: Option<Handle>,
    rang: Rang,
    over: AtomicBool,
    /// Who drives the run.
    driver: Mutex<Option<Waker>>,
}

/// Whether an alarm has rung, and why.
pub(super) type Rang = Arc<OnceLock<Stop>>;

impl Alarm {
    /// Makes the guest of a store give way when the alarm rings.
    ///
    /// A guest that is `fair` gives way whenever the epoch changes: others are waiting for its thread.
    pub(super) fn set<T: 'static>(store: &mut Store<T>, reactor: Option<Handle>, fair: bool) -> Arc<Self> {
        let engine = store.engine().clone();
        let rang = Rang::default();
        let asked = Arc::clone(&rang);
        let over = AtomicBool::new(false);
        let alarm = Arc::new(Self { engine, reactor, rang, over, driver: Mutex::default() });
        store.set_epoch_deadline(1);
        // The epoch is that of all guests of the engine.
        store.epoch_deadline_callback(move |_| {
            let give_way = fair || asked.get().is_some();
            Ok(if give_way { UpdateDeadline::Yield(1) } else { UpdateDeadline::Continue(1) })
        });
        alarm
    }

    /// What a guest that keeps its thread looks at.
    pub(super) fn rang(&self) -> Rang {
        Arc::clone(&self.rang)
    }

    /// Drives a guest until it ends or is stopped.
    pub(super) async fn race<T>(
        self: Arc<Self>,
        deadline: Option<Duration>,
        cancel: Option<Cancel>,
        guest: impl Future<Output = T>,
    ) -> Result<T, Stop> {
        let _over = Over(&self);
        let bell = Waker::from(Arc::clone(&self));
        let mut deadline = pin!(sleep(deadline));
        let _watch = cancel.as_ref().map(|cancel| {
            let (alarm, asked) = (Arc::clone(&self), cancel.clone());
            cancel.on_request(move || alarm.ring(asked.requested().unwrap_or(Stop::Cancelled)))
        });
        let mut guest = pin!(guest);
        poll_fn(|cx| {
            self.driver().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
            if let Some(stop) = cancel.as_ref().and_then(Cancel::requested) {
                return Poll::Ready(Err(stop));
            }
            if deadline.as_mut().poll(&mut Context::from_waker(&bell)).is_ready() {
                return Poll::Ready(Err(Stop::Deadline));
            }
            guest.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    fn ring(self: &Arc<Self>, why: Stop) {
        let _ = self.rang.set(why);
        self.engine.increment_epoch();
        if let Some(driver) = self.driver().take() {
            driver.wake();
        }
        // A guest that has just looked misses it: what it waits for next is counted from the epoch that is then.
        let alarm = Arc::clone(self);
        let again = async move {
            while !alarm.over.load(Ordering::Acquire) {
                time::sleep(AGAIN).await;
                alarm.engine.increment_epoch();
            }
        };
        if let Some(reactor) = &self.reactor {
            reactor.spawn(again);
        }
    }

    fn driver(&self) -> MutexGuard<'_, Option<Waker>> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The deadline wakes the alarm and not the driver, which would wait for the guest.
impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring(Stop::Deadline);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring(Stop::Deadline);
    }
}

/// Says that a run is over, however it ended. An alarm that has rung lives a little longer, and its driver with the
/// descriptors of that does not.
struct Over<'a>(&'a Alarm);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        self.0.driver().take();
    }
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

const AGAIN: Duration = Duration::from_millis(1);
