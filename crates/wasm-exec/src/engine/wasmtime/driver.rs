use std::{
    future::{Future, poll_fn},
    io::{Read, Write},
    mem,
    os::{fd::AsFd, unix::net::UnixStream},
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use wasmedge_sockets::{Reactor, Ready, Wait, Wanted};

use super::{
    alarm::{Alarm, Rang},
    meter::Stopped,
};

/// The thread that drives one guest: it sleeps until it is woken, or until one of the sockets that the guest waits for is
/// ready.
///
/// It asks the system for the sockets itself, in the middle of the guest's call, for it has nothing else to do: another
/// thread that did so would have to wake this one for each of them, and an answer would take twice as long.
#[derive(Debug, Default)]
pub(super) struct Driver {
    state: Mutex<State>,
    changed: Condvar,
    /// What wakes a thread that waits for sockets, made when the first one does.
    bell: OnceLock<Option<[UnixStream; 2]>>,
    /// What ends the guest, if something does.
    rang: OnceLock<Rang>,
}

#[derive(Debug, Default)]
struct State {
    woken: bool,
    thread: Thread,
}

/// What the thread does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Thread {
    #[default]
    Works,
    Sleeps,
    /// It waits for sockets.
    Listens,
}

impl Driver {
    /// Ends calls that keep the thread when the alarm rings.
    pub(super) fn ends_by(&self, alarm: &Alarm) {
        let _ = self.rang.set(alarm.rang());
    }

    /// Sleeps until somebody wakes the thread.
    pub(super) fn sleep(&self) {
        let mut state = self.state();
        while !mem::take(&mut state.woken) {
            state.thread = Thread::Sleeps;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.thread = Thread::Works;
    }

    /// Waits for sockets and for the bell, on this thread. Whoever has woken it comes first, and then the guest waits
    /// once more.
    fn listen(&self, wanted: &[Wanted<'_>], until: Option<Instant>) -> Poll<Ready> {
        let bell = self.bell.get_or_init(bell).as_ref().map(|[bell, _]| bell);
        let begin = Instant::now();
        while self.begins_to_listen() {
            let mut rest = until.map(|until| until.saturating_duration_since(Instant::now()));
            if bell.is_none() {
                // No descriptor is left for a bell: whoever rings is heard a little later.
                rest = Some(rest.map_or(WITHOUT_BELL, |rest| rest.min(WITHOUT_BELL)));
            }
            if !wanted.is_empty() && begin.elapsed() < AWAKE {
                rest = Some(Duration::ZERO);
            }
            let ready = Ready::block(wanted, bell.map(AsFd::as_fd), rest);
            self.state().thread = Thread::Works;
            if let (true, Some(bell)) = (ready.other(), bell) {
                // One that rang more often than that rings again.
                let _ = (&*bell).read(&mut [0; 8]);
            }
            if ready.any() || until.is_some_and(|until| until <= Instant::now()) {
                return Poll::Ready(ready);
            }
        }
        Poll::Pending
    }

    /// False if somebody has woken the thread.
    fn begins_to_listen(&self) -> bool {
        let mut state = self.state();
        if !state.woken {
            state.thread = Thread::Listens;
        }
        !state.woken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Driver {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.state();
        let was_woken = mem::replace(&mut state.woken, true);
        match (was_woken, state.thread, self.bell.get()) {
            (false, Thread::Sleeps, _) => self.changed.notify_one(),
            (false, Thread::Listens, Some(Some([_, bell]))) => {
                // One that is full has rung.
                let _ = (&*bell).write(&[1]);
            }
            _ => {}
        }
    }
}

/// What the sockets of the guest wait by.
impl Reactor for Driver {
    fn wait<'a>(&'a self, wanted: &'a [Wanted<'a>], timeout: Option<Duration>) -> Wait<'a> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Box::pin(poll_fn(move |_| self.listen(wanted, until)))
    }

    fn block_on(
        self: Arc<Self>,
        mut call: Pin<&mut dyn Future<Output = wasmtime::Result<i32>>>,
    ) -> wasmtime::Result<i32> {
        let waker = Waker::from(Arc::clone(&self));
        let mut context = Context::from_waker(&waker);
        let mut slept = false;
        let ended = loop {
            if let Poll::Ready(ended) = call.as_mut().poll(&mut context) {
                break ended;
            }
            if let Some(stop) = self.rang.get().and_then(|rang| rang.get()) {
                break Err(Stopped(*stop).into());
            }
            self.sleep();
            slept = true;
        };
        if slept {
            // What the thread was woken for may be something that only those see who drive the guest.
            waker.wake();
        }
        ended
    }
}

fn bell() -> Option<[UnixStream; 2]> {
    let (own, other) = UnixStream::pair().ok()?;
    own.set_nonblocking(true).ok()?;
    other.set_nonblocking(true).ok()?;
    Some([own, other])
}

/// How long a thread looks for something before it sleeps. To fall asleep and to be woken costs about as much, on virtual
/// machines above all: so if nothing comes that is at most twice as dear, and what comes at once is not slept through.
const AWAKE: Duration = Duration::from_micros(20);

/// How long a thread sleeps that cannot be woken.
const WITHOUT_BELL: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        pin::pin,
        thread,
    };

    use super::*;
    use crate::Stop;

    #[test]
    fn a_wait_ends_with_its_time() {
        let driver = Driver::default();
        let until = Instant::now() + Duration::from_millis(10);
        assert!(matches!(driver.listen(&[], Some(until)), Poll::Ready(ready) if !ready.any()));
        assert!(Instant::now() >= until);
    }

    #[test]
    fn whoever_wakes_the_thread_comes_first() {
        let driver = Arc::new(Driver::default());
        // Before it waits, and while it does, which nothing else would end.
        let waker = Waker::from(Arc::clone(&driver));
        waker.wake_by_ref();
        assert!(driver.listen(&[], None).is_pending());
        driver.sleep();
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            waker.wake();
        });
        assert!(driver.listen(&[], None).is_pending());
        driver.sleep();
        other.join().unwrap();
        let until = Instant::now() + Duration::from_millis(1);
        assert!(driver.listen(&[], Some(until)).is_ready(), "nobody has rung since");
    }

    /// Who drives the guest looks again after a call that may have slept through what was for them.
    #[test]
    fn a_call_that_keeps_the_thread_keeps_no_wakes() {
        let driver = Arc::new(Driver::default());
        let mut polls = 0;
        let call = poll_fn(|cx: &mut Context<'_>| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls < 3 { Poll::Pending } else { Poll::Ready(Ok(7)) }
        });
        assert_eq!(Arc::clone(&driver).block_on(pin!(call)).unwrap(), 7);
        assert!(driver.listen(&[], None).is_pending());
    }

    #[test]
    fn an_alarm_ends_a_call_that_keeps_the_thread() {
        let driver = Arc::new(Driver::default());
        let (rang, waker) = (Rang::default(), Waker::from(Arc::clone(&driver)));
        driver.rang.set(Arc::clone(&rang)).unwrap();
        let other = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            rang.set(Stop::Deadline).unwrap();
            waker.wake();
        });
        let ended = Arc::clone(&driver).block_on(pin!(pending()));
        assert!(matches!(ended.unwrap_err().downcast_ref(), Some(Stopped(Stop::Deadline))));
        other.join().unwrap();
        // What is there is returned all the same.
        assert_eq!(driver.block_on(pin!(ready(Ok(7)))).unwrap(), 7);
    }
}
