use std::{
    any::Any,
    fmt,
    future::Future,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use smallvec::SmallVec;

/// Waits for sockets, in the way of whoever drives the guest.
///
/// [`TokioReactor`](crate::TokioReactor) is for guests that run in a tokio runtime. A guest waits in one call at a time,
/// so each has a reactor of its own, or one that many share.
///
/// A thread that has nothing but its guest waits in the kernel, and is all that
/// [`link_blocking`](crate::link_blocking) needs:
///
/// ```
/// use std::{
///     future::{Future, poll_fn},
///     pin::Pin,
///     sync::Arc,
///     task::{Context, Poll, Waker},
///     time::Duration,
/// };
/// use wasmedge_sockets::{Network, Reactor, Ready, Sockets, Wait, Wanted};
///
/// #[derive(Debug)]
/// struct Thread;
///
/// impl Reactor for Thread {
///     fn wait<'a>(&'a self, wanted: &'a [Wanted<'a>], timeout: Option<Duration>) -> Wait<'a> {
///         Box::pin(poll_fn(move |_| Poll::Ready(Ready::block(wanted, None, timeout))))
///     }
///
///     fn block_on(
///         self: Arc<Self>,
///         mut call: Pin<&mut dyn Future<Output = wasmtime::Result<i32>>>,
///     ) -> wasmtime::Result<i32> {
///         // What is waited for keeps the thread by itself; who asks a policy that waits has to be woken.
///         let mut context = Context::from_waker(Waker::noop());
///         loop {
///             if let Poll::Ready(ended) = call.as_mut().poll(&mut context) {
///                 return ended;
///             }
///         }
///     }
/// }
///
/// let sockets = Sockets::new(Network::Host, Thread);
/// # assert_eq!(sockets.open(), 0);
/// ```
pub trait Reactor: fmt::Debug + Send + Sync {
    /// Waits until one of the sockets is what is wanted of it, or until the time is over; without sockets, only for the
    /// time; without a time, for ever. Returns what it then knows of them.
    ///
    /// It may return earlier and know nothing, as whoever calls waits again: too late is wrong, too early only costs. It
    /// must notice also what was there before it was called.
    fn wait<'a>(&'a self, wanted: &'a [Wanted<'a>], timeout: Option<Duration>) -> Wait<'a>;

    /// Drives a call of a guest to its end on this thread, for [`link_blocking`](crate::link_blocking). Returns what the
    /// call did, or an error that ends the guest.
    ///
    /// # Errors
    ///
    /// By default it is not driven, and the guest ends: a reactor that others' threads depend on must not be kept.
    fn block_on(
        self: Arc<Self>,
        _call: Pin<&mut dyn Future<Output = wasmtime::Result<i32>>>,
    ) -> wasmtime::Result<i32> {
        wasmtime::bail!("{self:?} does not block, which a module that was linked by `link_blocking` needs")
    }
}

/// What [`Reactor::wait`] returns.
pub type Wait<'a> = Pin<Box<dyn Future<Output = Ready> + Send + 'a>>;

/// A socket, and what is waited for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Wanted<'a> {
    /// The socket.
    pub socket: &'a Descriptor,
    /// That there is something to read, or a connection to accept, or that the other side has ended.
    pub read: bool,
    /// That something can be written, or that a connection was made or was not.
    pub write: bool,
}

impl Wanted<'_> {
    fn flags(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, self.read);
        flags.set(PollFlags::OUT, self.write);
        flags
    }
}

/// What the system said of sockets that are waited for. The default is that there was nothing.
#[derive(Debug, Clone, Default)]
pub struct Ready {
    /// One for each socket, or none at all.
    flags: Flags,
    other: bool,
}

impl Ready {
    /// Asks the system, by one call that does not wait. What it says is true now, and it says also that a connection is
    /// over.
    #[must_use]
    pub fn now(wanted: &[Wanted<'_>]) -> Self {
        if wanted.is_empty() { Self::default() } else { Self::poll(wanted, None, Some(&AT_ONCE)) }
    }

    /// Asks the system, by one call that keeps the thread until there is something or the time is over: for a
    /// [`Reactor`] whose thread has nothing else to do. The other descriptor is one that is waited for too, until there
    /// is something to read: whoever wants the thread back writes to it.
    #[must_use]
    pub fn block(wanted: &[Wanted<'_>], other: Option<BorrowedFd<'_>>, timeout: Option<Duration>) -> Self {
        // A time that is longer than the system can count is for ever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        Self::poll(wanted, other, timeout.as_ref())
    }

    /// Tells whether one of the sockets is ready.
    #[must_use]
    pub fn any(&self) -> bool {
        self.flags.iter().any(|flags| !flags.is_empty())
    }

    /// Tells whether the other descriptor of [`block`](Self::block) is ready.
    #[must_use]
    pub fn other(&self) -> bool {
        self.other
    }

    /// What was said of one of the sockets.
    pub(crate) fn of(&self, index: usize) -> PollFlags {
        self.flags.get(index).copied().unwrap_or(PollFlags::empty())
    }

    fn poll(wanted: &[Wanted<'_>], other: Option<BorrowedFd<'_>>, timeout: Option<&Timespec>) -> Self {
        let mut polled: SmallVec<[_; 8]> = SmallVec::with_capacity(wanted.len() + 1);
        polled.extend(wanted.iter().map(|wanted| PollFd::new(&wanted.socket.fd, wanted.flags())));
        polled.extend(other.map(|other| PollFd::from_borrowed_fd(other, PollFlags::IN)));
        match poll(&mut polled, timeout) {
            Ok(0) | Err(Errno::INTR) => Self::default(),
            Ok(_) => {
                let mut flags: Flags = polled.iter().map(PollFd::revents).collect();
                let other = other.is_some() && flags.pop().is_some_and(|flags| !flags.is_empty());
                Self { flags, other }
            }
            // No memory: whoever then reads or writes learns how it is.
            Err(_) => Self { flags: wanted.iter().map(Wanted::flags).collect(), other: other.is_some() },
        }
    }
}

/// An open socket of the host, never in blocking mode.
pub struct Descriptor {
    fd: Arc<OwnedFd>,
    kept: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Descriptor {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { fd: Arc::new(fd), kept: OnceLock::new() }
    }

    /// Returns the socket itself, for a reactor that needs it beyond a borrow. Whoever keeps it keeps the port taken.
    #[must_use]
    pub fn share(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.fd)
    }

    /// Drops what a reactor keeps: the socket is another one now, because it connects or listens.
    pub(crate) fn renew(&mut self) {
        self.kept.take();
    }

    /// What a reactor keeps with a socket for as long as it is open, for instance its registration; made when it is
    /// first waited for.
    pub fn kept(&self) -> &OnceLock<Box<dyn Any + Send + Sync>> {
        &self.kept
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Descriptor").field(&self.fd).finish()
    }
}

type Flags = SmallVec<[PollFlags; 16]>;

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
