use std::{
    future::poll_fn,
    io::{Read, Write},
    mem,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Poll, Wake},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use wasmedge_sockets::{Reactor, Wait, Wanted};

/// The thread that drives one guest: it sleeps until it is woken, or until one of the sockets that the guest waits for is
/// ready.
///
/// It asks the system for the sockets itself: another thread that did so would have to wake this one for each of them,
/// and an answer would take twice as long.
#[derive(Debug, Default)]
pub(super) struct Driver {
    state: Mutex<State>,
    changed: Condvar,
    /// What wakes a thread that waits for sockets, made when the first one does.
    bell: OnceLock<Option<[UnixStream; 2]>>,
}

#[derive(Debug, Default)]
struct State {
    woken: bool,
    waiting: Waiting,
    /// That the thread waits for sockets now.
    listens: bool,
}

/// What the guest waits for.
#[derive(Debug, Default)]
enum Waiting {
    #[default]
    Nothing,
    For(Vec<(Arc<OwnedFd>, PollFlags)>, Option<Instant>),
    Over,
}

impl Driver {
    /// Sleeps until somebody or something wakes the thread.
    pub(super) fn sleep(&self) {
        let mut state = self.state();
        while !mem::take(&mut state.woken) {
            let Waiting::For(sockets, until) = &mut state.waiting else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (sockets, until) = (mem::take(sockets), *until);
            state.listens = true;
            drop(state);
            let is_over = self.listen(&sockets, until);
            state = self.state();
            state.listens = false;
            if is_over {
                state.waiting = Waiting::Over;
                state.woken = true;
            } else {
                state.waiting = Waiting::For(sockets, until);
            }
        }
    }

    /// Waits for sockets and for the bell; true if it was not the bell.
    fn listen(&self, sockets: &[(Arc<OwnedFd>, PollFlags)], until: Option<Instant>) -> bool {
        let bell = self.bell.get_or_init(bell);
        let mut rest = until.map(|until| until.saturating_duration_since(Instant::now()));
        let mut polled: Vec<_> = sockets.iter().map(|(socket, flags)| PollFd::new(socket, *flags)).collect();
        match bell {
            Some([bell, _]) => polled.push(PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN)),
            // No descriptor is left for a bell: whoever rings is heard a little later.
            None => rest = Some(rest.map_or(WITHOUT_BELL, |rest| rest.min(WITHOUT_BELL))),
        }
        let rest = rest.and_then(|rest| Timespec::try_from(rest).ok());
        let count = poll(&mut polled, rest.as_ref());
        let rang = bell.as_ref().is_some_and(|[bell, _]| {
            let rings = polled.last().is_some_and(|bell| !bell.revents().is_empty());
            rings && matches!((&*bell).read(&mut [0; 8]), Ok(1..))
        });
        // Also when there was an error, and when the time is over: whoever waits looks.
        count.map_or(true, |count| count > usize::from(rang) || count == 0)
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
        if !state.listens {
            self.changed.notify_one();
        } else if !was_woken && let Some(Some([_, bell])) = self.bell.get() {
            // One that is full has rung.
            let _ = (&*bell).write(&[1]);
        }
    }
}

/// What the sockets of the guest wait by.
impl Reactor for Driver {
    fn wait<'a>(&'a self, wanted: Vec<Wanted<'a>>, timeout: Option<Duration>) -> Wait<'a> {
        let flags = |wanted: &Wanted<'_>| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, wanted.read);
            flags.set(PollFlags::OUT, wanted.write);
            flags
        };
        let sockets = wanted.iter().map(|wanted| (wanted.socket.share(), flags(wanted))).collect();
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut begin = Some(Waiting::For(sockets, until));
        Box::pin(async move {
            let _gone = Gone(self);
            poll_fn(|_| {
                let mut state = self.state();
                if let Some(begin) = begin.take() {
                    state.waiting = begin;
                }
                if matches!(state.waiting, Waiting::Over) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        })
    }
}

/// Waits no longer, however it ended.
struct Gone<'a>(&'a Driver);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.state().waiting = Waiting::Nothing;
    }
}

fn bell() -> Option<[UnixStream; 2]> {
    let (own, other) = UnixStream::pair().ok()?;
    own.set_nonblocking(true).ok()?;
    other.set_nonblocking(true).ok()?;
    Some([own, other])
}

/// How long a thread sleeps that cannot be woken.
const WITHOUT_BELL: Duration = Duration::from_millis(5);
